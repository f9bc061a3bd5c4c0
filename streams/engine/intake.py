"""From decoded readings to those that are decided: key, patient, consent, units, plausibility, clock, duplicates.

Columns all the way; a loop is only over what is refused. The order of the answers is a promise: a duplicate is never
counted as something else, and what is withheld by consent never reaches a dead letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.readings import Reading, Reason, are_ids
from models.times import US_PER_DAY
from streams.engine.columns import Columns
from streams.engine.decode import Decoded, Refusal, decode
from streams.engine.duplicates import find_duplicates
from streams.engine.log import LAST_ARRIVAL_US, LogSlice
from streams.engine.problems import FIRST_YEAR_US, Problems, of_ids, of_patient, of_themselves
from streams.engine.sources import sources_of
from streams.engine.state import PATIENTS_PER_PAGE, Outcome, PartitionState

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

DAY_MARGIN_US = 2 * US_PER_DAY
"""A date in a profile has no time zone: the device may have come a day before it begins in UTC; one day to spare."""
DECIDED, REJECTED, DUPLICATE, WITHHELD = map(int, Outcome)
"""As plain numbers: numpy takes several times as long to put or compare a member of an enum."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of a slice. Columns (n,) of the readings that belong to known patients, in log order.

    index: record in the slice; slot; vital (-1 if the code is unknown); at [us]; device: hash of its name; clock_fault:
    refused because the device's clock cannot be right; row, newest (newest event time of the row before), value
    (canonical): valid where outcome is DECIDED; moving: the context says active or exercise; oxygen: 1 while it is
    given, 0 on air, -1 where nobody says; series, period_us: samples
    of the readings that are series, and their distance; source: hash of the reading's source, and sources: the names of
    the hashes. early: how many of the refused, from the first on, are of no reading in the columns; unread: records
    that were withheld without being read; decided: places of the readings that are.
    """

    readings: list[Reading]
    index: Ints
    slot: Ints
    vital: Ints
    at: Ints
    device: Hashes
    clock_fault: Bools
    row: Ints
    newest: Ints
    value: Floats
    outcome: Ints
    moving: Bools
    oxygen: npt.NDArray[np.int8]
    quality: Floats
    series: dict[int, Floats]
    period_us: dict[int, int]
    refused: list[Refusal]
    rekeyed: list[tuple[int, bytes]]
    source: Hashes
    sources: dict[int, str]
    early: int
    unread: list[int]
    decided: Ints


def take_in(
    state: PartitionState, log: LogSlice, places: Sequence[int], tolerance_us: int, monitor_unknown: bool
) -> Accepted:
    """Decide what of the records at these places is decided.

    Counts go into the state's pages; nothing else of the state changes but the duplicate window, and new rows.
    """
    decoded = decode(log, places)
    known = _known(state, log, decoded, monitor_unknown)
    refused, unread = _told(state, log, decoded.refused)
    early = len(refused)
    readings, index, slot = known.readings, known.index, known.slot
    np.add.at(state.received, slot // PATIENTS_PER_PAGE, 1)
    columns = Columns(readings)
    problems = _problems(state, log, columns, index, slot, tolerance_us)
    withheld = _withheld(state, slot, columns.vital, columns.at)
    outcome = np.where(withheld, WITHHELD, DECIDED)
    bad = problems.bad & ~withheld
    outcome[bad] = REJECTED
    row, newest = np.full(len(index), -1, np.int64), np.zeros(len(index), np.int64)
    valid = np.flatnonzero(outcome == DECIDED)  # what is withheld leaves no trace, not even among duplicates
    row[valid] = state.rows_for(slot[valid], columns.vital[valid], columns.at[valid])
    again, newest[valid] = find_duplicates(
        state, slot[valid], row[valid], problems.last[valid], problems.arrived[valid], columns.ids[valid],
        columns.contents[valid],
    )  # fmt: skip
    outcome[valid[again]] = DUPLICATE
    refused += problems.refusals(bad, index, readings)
    np.add.at(state.counted, (slot // PATIENTS_PER_PAGE, outcome), 1)
    return Accepted(
        readings, index, slot, columns.vital, columns.at, columns.device_hash, problems.absurd & bad,
        row, newest, columns.value, outcome, columns.moving,
        columns.oxygen, columns.quality, columns.series, columns.period_us, refused, known.rekeyed,
        *sources_of(log, columns, index), early, unread, valid[~again],
    )  # fmt: skip


@dataclass(slots=True)
class _Known:
    readings: list[Reading]
    index: Ints
    slot: Ints
    rekeyed: list[tuple[int, bytes]]

    def since(self, fresh: Bools) -> "_Known":
        """Without what the page has been given already."""
        if fresh.all():
            return self
        kept = [self.readings[j] for j in np.flatnonzero(fresh)]
        return _Known(kept, self.index[fresh], self.slot[fresh], self.rekeyed)


def _known(state: PartitionState, log: LogSlice, decoded: Decoded, monitor: bool) -> _Known:
    """Readings of known patients under their own key, not applied before. The others are refused or put right."""
    readings, index = decoded.readings, decoded.index
    rekeyed: list[tuple[int, bytes]] = []
    patients = [r.patient for r in readings]
    slots: list[int | None] = list(map(state.slot_of.get, patients))
    straight = None not in slots and list(map(log.key.__getitem__, index)) == list(map(str.encode, patients))
    if straight and are_ids([r.id for r in readings]):
        known = _Known(readings, np.array(index, np.int64), np.array(slots, np.int64), rekeyed)
    else:
        slots = [_settle(state, log, r, i, decoded, rekeyed, monitor) for r, i in zip(readings, index, strict=True)]
        elsewhere = {i for i, _ in rekeyed}  # what cannot be read of these is refused there
        decoded.refused = [one for one in decoded.refused if one.index not in elsewhere]
        keep = [j for j, slot in enumerate(slots) if slot is not None]
        at, slot = np.array([index[j] for j in keep], np.int64), np.array([slots[j] for j in keep], np.int64)
        known = _Known([readings[j] for j in keep], at, slot, rekeyed)
    return known.since(log.offset[known.index] > state.applied[known.slot // PATIENTS_PER_PAGE])


def _settle(
    state: PartitionState, log: LogSlice, reading: Reading, index: int, decoded: Decoded,
    rekeyed: list[tuple[int, bytes]], monitor: bool,
) -> int | None:  # fmt: skip
    """The slot of one reading off the straight path; None if it is not to be looked at here."""
    if detail := of_ids(reading):
        decoded.refused.append(Refusal(index, Reason.BAD_SHAPE, detail, reading.device or None))
        return None
    if log.key[index] != reading.patient.encode():
        if not rekeyed or rekeyed[-1][0] != index:
            rekeyed.append((index, reading.patient.encode()))
        return None
    if detail := of_patient(reading.patient):  # an alert of it could be answered by nobody
        decoded.refused.append(Refusal(index, Reason.BAD_SHAPE, detail, reading.device or None))
        return None
    slot = state.slot_of.get(reading.patient)
    if slot is not None or log.offset[index] <= state.gone_at(reading.patient):
        return slot
    if not log.is_home_of(reading.patient.encode()):  # some clients hash keys in a way of their own
        rekeyed.append((index, reading.patient.encode()))
        return None
    if monitor:
        return state.add_unknown(reading.patient)
    detail = f"no profile for patient {reading.patient}; publish one on the profiles topic, then redrive"
    decoded.refused.append(Refusal(index, Reason.UNKNOWN_PATIENT, detail, reading.device or None))
    return None


def _told(state: PartitionState, log: LogSlice, refused: list[Refusal]) -> tuple[list[Refusal], list[int]]:
    """Count refused records; those that get an answer, and the others. A patient's who did not agree to be monitored
    are withheld even if they cannot be read: their bytes would stand in a dead letter."""
    told, unread = [], []
    for refusal in refused:
        slot = state.slot_of.get((log.key[refusal.index] or b"").decode(errors="replace"))
        if slot is not None and not state.patients["allowed"][slot]:
            state.count_unread(slot, int(log.offset[refusal.index]))
            unread.append(refusal.index)
        elif log.offset[refusal.index] > state.meta_applied:
            state.meta_received += 1
            state.meta_counted[Outcome.REJECTED] += 1
            told.append(refusal)
    return told, unread


def _problems(state: PartitionState, log: LogSlice, c: Columns, index: Ints, slot: Ints, tolerance_us: int) -> Problems:
    """Check codes, units, values, plausibility and clocks."""
    alone, arrived = of_themselves(c), log.arrived_us[index]
    unstamped = arrived < FIRST_YEAR_US  # of which no device is to blame: its publisher writes no time, or a wrong one
    absurd = ((alone.last > arrived + tolerance_us) & ~unstamped) | (c.at < FIRST_YEAR_US)
    clock = absurd | unstamped | _before_device(state, c, slot) | (arrived > LAST_ARRIVAL_US)
    return replace(alone, bad=alone.bad | clock, absurd=absurd, clock=clock, arrived=arrived)


def _before_device(state: PartitionState, c: Columns, slot: Ints) -> Bools:
    """Readings dated before the patient had the device, for patients whose profile says since when."""
    before = np.zeros(len(slot), bool)
    for j in np.flatnonzero(c.at < state.patients["devices_since"][slot] - DAY_MARGIN_US):
        one = int(slot[j])
        since = state.profiles.device_since(one, state.person(one), c.devices[j])
        before[j] = since is not None and c.at[j] < since - DAY_MARGIN_US
    return before


def _withheld(state: PartitionState, slot: Ints, vital: Ints, at: Ints) -> Bools:
    """Readings the patient has not consented to: nothing is allowed, not this vital, or not yet."""
    allowed = state.patients["allowed"][slot]
    one = (allowed >> np.maximum(vital, 0).astype(np.uint32)) & np.uint32(1)
    withheld: Bools = (allowed == 0) | ((vital >= 0) & (one == 0)) | (at < state.patients["consent_since"][slot])
    return withheld
