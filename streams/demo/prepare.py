"""Makes the bundled data from the two public sets: `python -m streams.demo.prepare --tihm F --stanford F --out F`.

The same sets give the same bytes: sorted, no time stamp in the gzip header, ids numbered in order of time. Values that
cannot be (a skin temperature of 74 Cel) stay in: they are what a monitoring service receives, and show the rejects.
"""

import gzip
import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC
from io import BytesIO
from pathlib import Path

import click

from streams.demo import LABELS, MANIFEST, PROFILES, READINGS, SHIFTS, stanford, tihm
from streams.demo.people import START, Json, Person, rfc3339


def prepare(tihm_folder: Path, stanford_folder: Path, out: Path) -> Json:
    """Write the bundle to `out` (made when missing) and return its manifest.

    Raises OSError when a file of the sets is missing, KeyError or ValueError when one has another shape.
    """
    people = [*stanford.people(stanford_folder), *tihm.people(tihm_folder)]
    out.mkdir(parents=True, exist_ok=True)
    readings = [reading for _, _, reading in heapq.merge(*(p.readings() for p in people))]
    labels = sorted((label for p in people for label in p.labels), key=lambda x: (x["patient"], x["end"]))
    contents = {
        READINGS: _lines(readings),
        PROFILES: _lines(p.profile for p in people),
        LABELS: _lines(labels),
        SHIFTS: _document({"start_of_week": START.isoformat(), "weeks": {p.patient: p.weeks for p in people}}),
    }
    manifest = {
        **_summary(people, readings),
        "files": {name: _write(out / name, text) for name, text in contents.items()},
    }
    (out / MANIFEST).write_bytes(_document(manifest))
    return manifest


def _summary(people: Sequence[Person], readings: Sequence[Json]) -> Json:
    instants = [draft.at.astimezone(UTC) for person in people for draft in person.drafts]
    return {
        "people": len(people),
        "readings": len(readings),
        "readings_by_code": dict(sorted(Counter(reading["code"] for reading in readings).items())),
        "labels": sum(len(person.labels) for person in people),
        "first_at": rfc3339(min(instants)),
        "last_at": rfc3339(max(instants)),
        "local_times_that_the_clocks_skip": sum(person.mended for person in people),
    }


def _write(path: Path, content: bytes) -> Json:
    """Write one file; its checksum is of the content before compression, which no zlib version changes."""
    data = _compressed(content) if path.suffix == ".gz" else content
    path.write_bytes(data)
    return {"sha256_of_content": hashlib.sha256(content).hexdigest(), "lines": content.count(b"\n"), "bytes": len(data)}


def _compressed(content: bytes) -> bytes:
    buffer = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def _lines(objects: Iterable[Json]) -> bytes:
    return b"".join(json.dumps(obj, separators=(",", ":")).encode() + b"\n" for obj in objects)


def _document(obj: Json) -> bytes:
    return json.dumps(obj, indent=2, sort_keys=True).encode() + b"\n"


_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--tihm", "tihm_folder", type=_folder, required=True, help="The TIHM set's CSV files.")
@click.option("--stanford", "stanford_folder", type=_folder, required=True, help="The Stanford set's CSV files.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where the bundle goes.")
def main(tihm_folder: Path, stanford_folder: Path, out: Path) -> None:
    """Make the demo's bundled data from the two public sets."""
    manifest = prepare(tihm_folder, stanford_folder, out)
    click.echo(json.dumps(manifest, sort_keys=True))


if __name__ == "__main__":
    main()
