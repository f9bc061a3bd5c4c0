"""`homebeat simulate`: synthetic cohorts, for trying out and for measuring."""

from pathlib import Path
from typing import Any

import click

from streams.commands.answers import answer, as_json_option, figures, settings_for

KINDS = (
    "mixed", "null", "shift", "decompensation", "illness", "beta_blocker", "recovery", "hypoglycaemia", "technical"
)  # fmt: skip


@click.command(short_help="A seeded synthetic cohort.")
@click.option("--patients", type=click.IntRange(1, 99_999), required=True, metavar="N", help="How many.")
@click.option("--days", type=click.IntRange(1, 1_500), required=True, metavar="D", help="For how long.")
@click.option("--seed", type=click.IntRange(0), required=True, metavar="S", help="The same seed gives the same bytes.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="FOLDER")
@click.option("--cohort", "kind", type=click.Choice(KINDS), default="mixed", show_default=True, help="What happens.")
@click.option(
    "--cadence", type=click.Choice(["daily", "hourly", "dense"]), default="daily", show_default=True,
    help="How often the heart rate comes: twice a day, every hour, every five minutes.",
)  # fmt: skip
@as_json_option
def simulate(out: Path, as_json: bool, **asked: Any) -> None:
    """A seeded synthetic cohort: readings.jsonl.gz, profiles.jsonl and labels.jsonl in FOLDER.

    Nobody in it is a person. Profiles, true levels, noise, gaps, device errors and planted events come from the
    evidence and the seed. `null` plants nothing: every alert on it is a false one. Files of those names that are there
    already, and not of the same cohort, are not written over.

    \b
    Examples:
      homebeat simulate --patients 1000 --days 180 --seed 7 --out cohort
      homebeat simulate --patients 200 --days 120 --seed 1 --out quiet --cohort null
    """
    from streams.cohort.simulate import simulate as make

    settings_for()
    result = make(out, progress=_Bar(), **asked)
    answer(result, figures(result), as_json)


class _Bar:
    """Progress on stderr, so that the answer on stdout stays clean."""

    def __init__(self) -> None:
        self._stage, self._tenth = "", -1

    def __call__(self, stage: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if (stage, tenth) != (self._stage, self._tenth):
            self._stage, self._tenth = stage, tenth
            click.echo(f"{stage}: {done:,} of {total:,}", err=True)
