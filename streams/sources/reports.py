"""Minutes of sources on the wire: one JSON record on `sources` for each partition and minute (CONTRACT 1)."""

from datetime import datetime

import msgspec

from alerts.sources import Example
from models.times import US_PER_S, rfc3339, to_us
from streams.engine.tallies import COLUMNS, OUTCOMES, REDRIVEN, REJECTED, Report, Tally

_PLACE = {name: place for place, name in enumerate(COLUMNS)}


class _Tally(msgspec.Struct, kw_only=True, omit_defaults=True):
    received: int
    decided: int = 0
    duplicate: int = 0
    withheld: int = 0
    redriven: int = 0
    rejected: dict[str, int] = {}
    first: datetime | None = None
    last: datetime | None = None
    patients: int = 0
    ahead_s: float = 0.0
    example: Example | None = None


class _Report(msgspec.Struct, kw_only=True):
    partition: int
    since: datetime
    through: datetime
    sources: dict[str, _Tally]
    quiet: dict[str, datetime] = {}
    failing: dict[str, datetime] = {}


class _Written(msgspec.Struct, kw_only=True):
    """The same with times as text: ours have a fixed form."""

    partition: int
    since: str
    through: str
    sources: dict[str, dict[str, object]]
    quiet: dict[str, str]
    failing: dict[str, str]


_decode = msgspec.json.Decoder(_Report).decode


def encoded(report: Report) -> bytes:
    """The record for `sources`."""
    return msgspec.json.encode(
        _Written(
            partition=report.partition, since=rfc3339(report.since_us), through=rfc3339(report.through_us),
            sources={name: _written(tally) for name, tally in report.sources.items()},
            quiet={name: rfc3339(us) for name, us in report.quiet.items()},
            failing={name: rfc3339(us) for name, us in report.failing.items()},
        )
    )  # fmt: skip


def _written(tally: Tally) -> dict[str, object]:
    """What is zero or absent is left out, but for what was received."""
    outcomes = zip(OUTCOMES, tally.counts[: len(OUTCOMES)], strict=True)
    found: dict[str, object] = {
        **{name: n for name, n in outcomes if name != OUTCOMES[REJECTED]}, "rejected": tally.reasons(),
        REDRIVEN: tally.counts[_PLACE[REDRIVEN]], "patients": tally.patients, "example": tally.example,
        "first": None if tally.first_us is None else rfc3339(tally.first_us),
        "last": None if tally.last_us is None else rfc3339(tally.last_us), "ahead_s": tally.ahead_us / US_PER_S,
    }  # fmt: skip
    return {"received": tally.received, **{name: value for name, value in found.items() if value}}


def decoded(raw: bytes) -> Report:
    """A record of `sources`. Raises msgspec.DecodeError for what is none."""
    read = _decode(raw)
    return Report(
        read.partition, to_us(read.since), to_us(read.through),
        {name: _tally(tally) for name, tally in read.sources.items()},
        {name: to_us(at) for name, at in read.quiet.items()}, {name: to_us(at) for name, at in read.failing.items()},
    )  # fmt: skip


def _tally(read: _Tally) -> Tally:
    """Reasons of a newer version count as rejected, under no name that we know."""
    counts = [0] * len(COLUMNS)
    for name in ("decided", "duplicate", "withheld", REDRIVEN):
        counts[_PLACE[name]] = getattr(read, name)
    counts[REJECTED] = sum(read.rejected.values())
    for name, n in read.rejected.items():
        if name in _PLACE:
            counts[_PLACE[name]] = n
    first, last = (None if at is None else to_us(at) for at in (read.first, read.last))
    return Tally(counts, first, last, read.example, read.patients, round(read.ahead_s * US_PER_S))
