"""Writes a public set as the files of the contract: `python -m streams.scoring.datasets.prepared NAME FOLDER OUT`."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from streams.demo.people import Json, Person
from streams.errors import Failed
from streams.scoring.datasets import cgm, lifesnaps, stanford, tihm

SETS: dict[str, tuple[str, Callable[[Path], Iterator[Person]]]] = {
    "stanford": ("stanford_covid", stanford.people),
    "lifesnaps": ("lifesnaps", lifesnaps.people),
    "tihm": ("tihm", tihm.people),
    "cgm": ("cgm", cgm.people),
}
"""Name of the set: its folder among the others, and its people."""
READINGS, PROFILES, LABELS = "readings.jsonl.gz", "profiles.jsonl", "labels.jsonl"
LEVEL = 3


def prepare(name: str, folder: Path, out: Path) -> Json:
    """Write one set to `out` (made when missing); says how much of what. One person at a time is held in memory, so
    readings are in order of time within a person only. Raises Failed for a set of another shape."""
    out.mkdir(parents=True, exist_ok=True)
    profiles, labels, readings = list[Json](), list[Json](), 0
    try:
        with (out / READINGS).open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as file:
            for person in SETS[name][1](folder):
                profiles.append(person.profile)
                labels += person.labels
                readings += len(person.drafts)
                file.write(b"".join(_line(reading) for _, _, reading in person.readings()))
        for document, lines in ((PROFILES, profiles), (LABELS, labels)):
            (out / document).write_bytes(b"".join(map(_line, lines)))
    except (OSError, KeyError, ValueError) as wrong:
        raise Failed(f"{folder} cannot be read as the set {name}: {wrong!r}") from None
    return {"set": name, "people": len(profiles), "readings": readings, "labels": len(labels)}


def _line(obj: Json) -> bytes:
    return json.dumps(obj, separators=(",", ":")).encode() + b"\n"


@click.command()
@click.argument("name", type=click.Choice(list(SETS)))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def main(name: str, folder: Path, out: Path) -> None:
    """Write the public set NAME, as published in FOLDER, to OUT as readings, profiles and labels."""
    click.echo(json.dumps(prepare(name, folder, out)))


if __name__ == "__main__":
    main()
