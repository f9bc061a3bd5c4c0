"""The bundled real data of `homebeat demo`, and what brings them into Kafka.

Read in this order: `people` (one person in the contract's words), `tihm` and `stanford` (the two public sets),
`prepare` (makes `data/` from them), `feeder` (replays `data/` into Kafka in fast time, as `schedule` says), `children`
(the processes of the demo) and `run` (all of it). Where the data come from, what
was changed and what was assumed stands in `data/NOTICE.md`.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

READINGS, PROFILES, LABELS = "readings.jsonl.gz", "profiles.jsonl", "labels.jsonl"
SHIFTS, MANIFEST, NOTICE = "shifts.json", "manifest.json", "NOTICE.md"


@dataclass(frozen=True)
class BundledData:
    """Where one set of demo data lies. Readings are sorted by `at`; `manifest` has counts, checksums and the span."""

    readings: Path
    profiles: Path
    labels: Path
    shifts: Path
    manifest: Path
    notice: Path


def in_folder(folder: Path) -> BundledData:
    """The same layout in any folder, as `streams.demo.prepare` writes it."""
    names = (READINGS, PROFILES, LABELS, SHIFTS, MANIFEST, NOTICE)
    return BundledData(*(folder / name for name in names))


def bundled() -> BundledData:
    """The data that came with this package, from a source tree or an installed wheel.

    Raises FileNotFoundError, with the file's name, when the installation lacks one.
    """
    data = in_folder(Path(str(files("streams.demo").joinpath("data"))))
    for path in vars(data).values():
        if not path.is_file():
            raise FileNotFoundError(f"the installation lacks the bundled demo data: {path}")
    return data
