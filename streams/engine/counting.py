"""What came of each source, minute by minute: counted as columns, told when a tick passes the end of the minute.

A minute is what lies in the log between the ticks at its ends: nothing is ever late for it, and how the log is cut
into batches does not matter. A minute without readings is told too, so that nothing coming is told apart from nobody
looking.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.sources import example_at
from models.readings import Reason
from models.segments import grouped
from models.times import LONG_AGO
from streams.engine.clock import NEVER, Ticks
from streams.engine.decode import Refusal
from streams.engine.intake import Accepted
from streams.engine.log import LogSlice
from streams.engine.sources import Sources, declared, is_redriven, source_of
from streams.engine.tallies import (
    AT_REASON,
    AT_REDRIVEN,
    COLUMNS,
    MINUTE_US,
    OUTCOMES,
    PATIENTS_COUNTED_MAX,
    REJECTED,
    Counting,
    Report,
    Tally,
    half_day,
)

Ints = npt.NDArray[np.int64]
WITHHELD = OUTCOMES.index("withheld")
Tallies = dict[tuple[int, int], Tally]
"""By (minute of the stretch, source)."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What is counted, (n,): record in the slice, source, column, and the patient's slot (-1: not known)."""

    record: Ints
    source: Ints
    column: Ints
    slot: Ints


NOTHING = Entries(*(np.empty(0, np.int64) for _ in range(4)))


@dataclass(frozen=True, slots=True)
class _Ends:
    """Ticks that end a minute, (m,): the record each comes before, the tick and the minute's end [us]."""

    before: Ints
    tick: Ints
    through: Ints


NO_ENDS = _Ends(*(np.empty(0, np.int64) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Loose:
    """A record that is no decided reading: refused, for whatever reason, or withheld before anybody could read it.
    alone: it is not among the columns of readings."""

    record: int
    name: str
    refusal: Refusal | None
    alone: bool


def count(known: Sources, log: LogSlice, accepted: Accepted, forged: list[Refusal], ticks: Ticks) -> list[Report]:
    """Count a stretch of the log, each record once, and tell the minutes that ended in it."""
    loose = [one for one in _loose(log, accepted, forged) if log.offset[one.record] > known.applied]
    return count_entries(known, log, _entries(known, log, accepted, loose), ticks, loose)


def count_entries(
    known: Sources, log: LogSlice, entries: Entries, ticks: Ticks, loose: Sequence[Loose] = ()
) -> list[Report]:
    """The same once it is known what there is to count."""
    counting = known.counting
    ends = _ends(counting, log, ticks, known.applied)
    minute = np.searchsorted(ends.before, entries.record, side="right")
    since = np.concatenate([[counting.through_us], ends.through])
    tallies = _tallies(log, counting, entries, minute, since)
    for one in loose:
        if one.refusal is not None:
            at = int(np.searchsorted(ends.before, one.record, side="right"))
            _exemplify(tallies[at, counting.place_of(one.name)], log, one.refusal)
    return _told(known, log.partition, ends, tallies)


def _ends(counting: Counting, log: LogSlice, ticks: Ticks, applied: int) -> _Ends:
    """Which ticks end a minute: the first one at or after its end. Ticks counted before a crash do nothing."""
    if not len(ticks.before):
        return NO_ENDS
    offsets = np.append(log.offset, NEVER)[ticks.before]
    fresh = offsets > applied
    tick = np.maximum.accumulate(np.maximum(ticks.at_us[fresh], counting.tick_us))
    before = np.concatenate([[counting.tick_us], tick])[:-1]
    ending = tick // MINUTE_US > before // MINUTE_US
    counting.tick_us = int(tick[-1]) if len(tick) else counting.tick_us
    return _Ends(ticks.before[fresh][ending], tick[ending], tick[ending] // MINUTE_US * MINUTE_US)


def _loose(log: LogSlice, accepted: Accepted, forged: list[Refusal]) -> list[Loose]:
    """Everything but decided readings, in log order."""
    early, late = accepted.refused[: accepted.early], accepted.refused[accepted.early :]
    found = [Loose(r.index, _name(log, r.index, r.source), r, True) for r in early + forged]
    found += [Loose(r.index, _name(log, r.index, r.source), r, False) for r in late]
    found += [Loose(i, _name(log, i, None), None, True) for i in accepted.unread]
    return sorted(found, key=lambda one: one.record)


def _name(log: LogSlice, index: int, device: str | None) -> str:
    return source_of(device or "", declared(log, index))


def _entries(known: Sources, log: LogSlice, accepted: Accepted, loose: list[Loose]) -> Entries:
    """What there is to count: of readings their outcome, of refused ones also the reason."""
    if not len(accepted.index) and not loose:
        return NOTHING
    fresh = log.offset[accepted.index] > known.applied
    record, source = accepted.index[fresh], accepted.source[fresh]
    hashes, first, which = grouped(source)
    named = [(int(record[i]), accepted.sources[int(h)]) for h, i in zip(hashes, first, strict=True)]
    place = known.counting.place_of
    for _, name in sorted([*named, *((one.record, one.name) for one in loose)]):
        place(name)  # a number in the order of the log
    rows = []
    for one in loose:
        if one.alone:
            rows.append((one.record, place(one.name), WITHHELD if one.refusal is None else REJECTED))
        if one.refusal is not None:
            rows.append((one.record, place(one.name), AT_REASON[one.refusal.reason]))
    extra = np.array(rows, np.int64).reshape(-1, 3).T
    of_name = np.array([place(name) for _, name in named], np.int64)
    column = np.concatenate([accepted.outcome[fresh], extra[2]])
    every = np.concatenate([record, extra[0]])
    slots = np.concatenate([accepted.slot[fresh], np.full(len(rows), -1)])
    return _without_redriven(log, Entries(every, np.concatenate([of_name[which], extra[1]]), column, slots))


def _without_redriven(log: LogSlice, entries: Entries) -> Entries:
    """What somebody put back counts as that and nothing else, once for each reading: it is not the source's doing."""
    if not len(log.headed):
        return entries
    back = log.has_headers(entries.record)
    back[back] = [is_redriven(log, i) for i in entries.record[back].tolist()]
    column = np.where(back, AT_REDRIVEN, entries.column)
    kept = ~back | (entries.column < len(OUTCOMES))
    slot = np.where(back, -1, entries.slot)
    return Entries(entries.record[kept], entries.source[kept], column[kept], slot[kept])


def _tallies(log: LogSlice, counting: Counting, entries: Entries, minute: Ints, since: Ints) -> Tallies:
    """Counts by minute and source, on top of what the open minute has already."""
    found = {(0, place): tally for place, tally in counting.open.items()}
    if not len(entries.record):
        return found
    many = max(len(counting.names), 1)
    groups, _, which = grouped(minute * many + entries.source)
    cells = np.bincount(which * len(COLUMNS) + entries.column, minlength=len(groups) * len(COLUMNS))
    first, last = np.full(len(groups), NEVER), np.full(len(groups), -NEVER)
    own = entries.column < len(OUTCOMES)
    arrived = np.maximum(log.arrived_us[entries.record[own]], since[minute[own]])
    np.minimum.at(first, which[own], arrived)
    np.maximum.at(last, which[own], arrived)
    patients = _patients(counting, entries, minute, since, many)
    for k, group in enumerate(groups.tolist()):
        came = first[k] != NEVER
        counts = cells[k * len(COLUMNS) : (k + 1) * len(COLUMNS)].tolist()
        tally = Tally(counts, int(first[k]) if came else None, int(last[k]) if came else None)
        tally.patients = patients.get(group, 0)
        at = divmod(group, many)
        if at in found:
            found[at].add(tally)
        else:
            found[at] = tally
    return found


def _patients(counting: Counting, entries: Entries, minute: Ints, since: Ints, many: int) -> dict[int, int]:
    """Patients seen of a source since the half day before, at the end of each (minute, source) with readings."""
    found: dict[int, int] = {}
    known = np.flatnonzero(entries.slot >= 0)
    days = np.array([half_day(int(us)) for us in since], np.int64)[minute[known]]
    for day in np.unique(days).tolist():
        now = known[days == day]
        group = minute[now] * many + entries.source[now]
        cell = entries.source[now] * PATIENTS_COUNTED_MAX + entries.slot[now] % PATIENTS_COUNTED_MAX
        cells, first, _ = grouped(cell)
        line, at = np.divmod(cells, PATIENTS_COUNTED_MAX)
        running = {one: int(np.count_nonzero(counting.seen[one] >= day - 1)) for one in np.unique(line).tolist()}
        new = first[counting.seen[line, at] < day - 1]
        counting.seen[line, at] = day
        more = Counter(group[new].tolist())
        for one in np.unique(group).tolist():
            running[one % many] += more[one]
            found[one] = running[one % many]
    return found


def _exemplify(tally: Tally, log: LogSlice, refusal: Refusal) -> None:
    """The first refusal of the minute stands for all. Whom it is about is for those to read who may read `rejects`."""
    if tally.example is None and tally.counts[REJECTED]:
        i = refusal.index
        offset, arrived_us = int(log.offset[i]), int(log.arrived_us[i])
        detail = "no profile for its patient" if refusal.reason is Reason.UNKNOWN_PATIENT else refusal.detail
        tally.example = example_at(refusal.reason.value, detail, log.partition, offset, arrived_us)


def _told(known: Sources, partition: int, ends: _Ends, tallies: Tallies) -> list[Report]:
    """A report for each minute that has ended; what is left is the open minute."""
    counting = known.counting
    by_minute: dict[int, dict[str, Tally]] = {}
    for (minute, place), tally in sorted(tallies.items()):
        if minute < len(ends.tick):
            _clip(tally, int(ends.tick[minute]))
            by_minute.setdefault(minute, {})[counting.names[place]] = tally
    counting.open = {place: tally for (minute, place), tally in tallies.items() if minute == len(ends.tick)}
    quiet, failing = (known.in_trouble("quiet"), known.in_trouble("failing")) if len(ends.tick) else ({}, {})
    reports = []
    for minute, through in enumerate(ends.through.tolist()):
        since = counting.through_us if counting.through_us > LONG_AGO else through - MINUTE_US
        reports.append(Report(partition, since, through, by_minute.get(minute, {}), quiet, failing))
        counting.through_us = through
    return reports


def _clip(tally: Tally, tick_us: int) -> None:
    """Nothing has arrived later than the tick that ends its minute, whatever its producer's clock says."""
    if tally.first_us is not None and tally.last_us is not None:
        tally.ahead_us = max(0, tally.last_us - tick_us)
        tally.first_us, tally.last_us = min(tally.first_us, tick_us), min(tally.last_us, tick_us)
