"""What an operator does to a deployment: send, profile, check."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.commands.answers import answer, as_json_option, settings_for
from streams.errors import Failed

if TYPE_CHECKING:
    from streams.lines import Line
    from streams.publish import Outcome, Problem, Record

FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
PROGRESS_EVERY_S = 2.0


@click.command(short_help="Publish readings to Kafka.")
@click.argument("file", type=FILE)
@as_json_option
def send(file: Path, as_json: bool) -> None:
    """Publish the readings of FILE to Kafka; `-` is standard input.

    JSON lines of readings or FHIR Observations, gzip too. Each line is published as it stands, under its patient's
    key. A line that is not JSON or names no patient is reported and not published; the others are, and the exit is 1.

    \b
    Examples:
      homebeat send readings.jsonl.gz
      tail -f new.jsonl | homebeat send -
    """
    from streams.lines import line_batches, opened
    from streams.publish import READING_LINE_BYTES_MAX, addressed_reading

    with opened(file) as stream:
        _publish("readings", addressed_reading, line_batches(stream, READING_LINE_BYTES_MAX), as_json)


@click.group(short_help="Put, or forget, what is known about patients.", no_args_is_help=False)
def profile() -> None:
    """Publish what is known about patients, or withdraw it."""


@profile.command()
@click.argument("file", type=FILE)
@as_json_option
def put(file: Path, as_json: bool) -> None:
    """Publish the profiles of FILE: one, or one a line; `-` is standard input.

    Each is checked before it is published. A version that is not higher than the known one is ignored by the workers.
    Conditions, drugs, genes and anchors that the evidence does not know are published and named: they have no effect.

    \b
    Example:
      homebeat profile put profiles.jsonl
    """
    from streams.lines import opened
    from streams.publish import addressed_profile, profile_batches

    with opened(file) as stream:
        _publish("profiles", addressed_profile, profile_batches(stream), as_json)


@profile.command()
@click.argument("patient")
@as_json_option
def forget(patient: str, as_json: bool) -> None:
    """Forget PATIENT: the profile is withdrawn, and with it all that was learned.

    \b
    Example:
      homebeat profile forget p-17
    """
    from streams.lines import Line
    from streams.publish import forgotten

    _publish("profiles", forgotten, iter([[Line(1, patient.encode())]]), as_json)


def _publish(
    kind: str, address: "Callable[[Line], Record | Problem]", lines: "Iterable[list[Line]]", as_json: bool
) -> None:
    from streams.publish import publish

    settings = settings_for()
    started = time.monotonic()
    batches: Iterator[list[Record | Problem]] = ([address(line) for line in batch] for batch in lines)
    outcome = asyncio.run(publish(settings, settings.topic(kind), batches, _progress()))
    _report(outcome, kind, time.monotonic() - started, as_json)


def _progress() -> "Callable[[Outcome], None]":
    """Says on a terminal how far it is, now and then."""
    said = time.monotonic()

    def tell(outcome: "Outcome") -> None:
        nonlocal said
        if sys.stderr.isatty() and time.monotonic() - said > PROGRESS_EVERY_S:
            said = time.monotonic()
            click.echo(f"{outcome.sent:,} published", err=True)

    return tell


def _report(outcome: "Outcome", kind: str, seconds: float, as_json: bool) -> None:
    for problem in outcome.problems:
        click.echo(f"line {problem.line}: {problem.detail}", err=True)
    if outcome.unknown:
        click.echo(_without_effect(outcome.unknown), err=True)
    result = {
        "topic": outcome.topic,
        "sent": outcome.sent,
        "not_sent": outcome.not_sent,
        "problems": [problem._asdict() for problem in outcome.problems],
        "seconds": round(seconds, 3),
    }
    if kind == "profiles":
        result["without_effect"] = dict(outcome.unknown)
    answer(result, f"{kind} published to {outcome.topic}: {outcome.sent:,} ({seconds:.1f} s)", as_json)
    if outcome.cut_short:
        raise Failed(outcome.cut_short)
    if outcome.not_sent:
        raise Failed(f"lines not published: {outcome.not_sent:,}; mend them and send them again")


def _without_effect(unknown: Counter[str]) -> str:
    from streams.publish import UNKNOWN_TOLD

    told = [f"  {found} ({count:,})" for found, count in unknown.most_common(UNKNOWN_TOLD)]
    more = [f"  and {len(unknown) - UNKNOWN_TOLD:,} more"] if len(unknown) > UNKNOWN_TOLD else []
    head = "published, and without effect, since the evidence does not know it (in so many profiles):"
    return "\n".join([head, *told, *more])


@click.command(short_help="What is wrong, and how to mend it.")
@click.option("--ledger", is_flag=True, help="The balance of readings: received against what became of them.")
@as_json_option
def check(ledger: bool, as_json: bool) -> None:
    """What is wrong with this deployment, and how to mend it: settings, broker, topics, evidence, webhooks, care
    teams (patients nobody answers for, times without cover) and their channels. Nobody is told anything by it.

    Exits 1 when something is bad; a warning is not.

    \b
    Examples:
      homebeat check
      homebeat check --ledger --json
    """
    from streams.checking.check import run_check

    report = asyncio.run(run_check(settings_for(), ledger=ledger))
    answer(report.as_json(), str(report), as_json)
    if report.bad:
        raise Failed(f"bad: {', '.join(check.name for check in report.bad)}")
