"""`homebeat redrive`: dead letters back on their topics."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click

from streams.commands.answers import INSTANT_HELP, answer, as_json_option, figures, instant, settings_for

REASONS = (
    "not_json", "bad_shape", "too_large", "unknown_code", "unknown_unit", "bad_value", "implausible", "clock_fault",
    "unknown_patient", "bad_profile", "bad_action",
)  # fmt: skip
"""Those of CONTRACT 2, written out so that `homebeat --help` need not load them."""


@click.command(short_help="Put dead letters back.")
@click.option(
    "--reason", "reasons", type=click.Choice(REASONS), multiple=True, help="Refused for this. May be repeated."
)
@click.option("--source", metavar="S", help="Of this source, or of this device.")
@click.option("--since", metavar="T", help=f"Arrived from this time on. {INSTANT_HELP}")
@click.option("--until", metavar="T", help=f"Arrived before this time. {INSTANT_HELP}")
@click.option("--patient", metavar="P", help="Of this patient.")
@click.option("--channel", "channels", metavar="C", multiple=True, help="Messages that this channel failed to deliver.")
@click.option("--because", metavar="TEXT", help="With --channel: whose cause of failure has this in it.")
@click.option("--again", is_flag=True, help="Also readings that an earlier run has put back.")
@click.option("--dry-run", is_flag=True, help="Say what would go back, and put nothing back.")
@as_json_option
def redrive(
    reasons: tuple[str, ...],
    since: str | None,
    until: str | None,
    channels: tuple[str, ...],
    because: str | None,
    again: bool,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Put dead letters back on their own topics, after what was wrong has been mended.

    Each goes back as it came, once, under its patient's key, and as of when it arrived: a reading gives the decision it
    would have given, and one that is old by now pages nobody. What is refused again is a dead letter again. What an
    earlier run has put back (the audit says what) and was not refused since is left where it is.

    With --channel: messages to people and systems that a channel failed to deliver are sent again by the notifier,
    under the same idempotency key. What was answered, told another way or followed by something newer meanwhile is not;
    what quiet hours hold back waits for their end.

    \b
    Examples:
      homebeat redrive --reason unknown_patient --dry-run
      homebeat redrive --channel pager-ann --because "no answer" --dry-run
      homebeat redrive --source urn:dev:watch --since 2026-01-05T00:00:00Z
    """
    from models.readings import Reason
    from streams.notifier.dead_letters import WantedAgain, send_again
    from streams.redrive import Wanted
    from streams.redrive import redrive as put_back

    begin, end = instant("since", since), instant("until", until)
    if begin and end and begin >= end:
        raise click.UsageError("--since must be before --until")
    if channels and (reasons or asked["source"]):
        raise click.UsageError("--reason and --source are of readings, and --channel is of messages")
    if channels and again:
        raise click.UsageError("--again is of readings: what a channel failed to deliver may always be sent again")
    if because and not channels:
        raise click.UsageError("--because needs --channel")

    def now() -> datetime:
        return datetime.now(UTC)

    if channels:
        messages = WantedAgain(frozenset(channels), because, begin, end, asked["patient"])
        sent = asyncio.run(send_again(settings_for(), messages, dry_run=dry_run, now=now))
        result = {"dry_run": dry_run, **sent.as_json()}
        answer(result, figures(result), as_json)
        return
    wanted = Wanted(frozenset(map(Reason, reasons)), since=begin, until=end, **asked)
    done = asyncio.run(put_back(settings_for(), wanted, dry_run=dry_run, now=now, again=again))
    result = {"dry_run": dry_run, **done.as_json()}
    answer(result, figures(result), as_json)
