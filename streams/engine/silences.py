"""Arrivals and ticks of a stretch, link by link: in bulk where nothing happens, and patient by patient where it may.

Whether a patient needs the slow way is decided with a margin, and both ways end in the same links, so that the answer
does not depend on how the log is cut.
"""

from datetime import UTC, datetime, time

import numpy as np
import numpy.typing as npt

from alerts.episodes import Episode, ended_by_hand
from models.detectors import device_clock, silence
from models.readings import VitalSummary
from models.segments import Bools, Ints
from models.times import US_PER_S, to_us
from models.vitals import VITALS
from models.windows import WIDTH_US
from streams.engine.clock import Clocks
from streams.engine.intake import DECIDED, Accepted
from streams.engine.pieces import Pieces
from streams.engine.state import PartitionState
from streams.engine.vigil import Vigil
from streams.engine.watching import (
    ENDED,
    Around,
    Arrival,
    Arrivals,
    Told,
    Watched,
    called,
    empty,
    loaded,
    packed,
    seconds,
)
from streams.engine.zones import local_offset_us

Hashes = npt.NDArray[np.uint64]
NOBODY = -1


def watch(state: PartitionState, accepted: Accepted, clock: Ints, clocks: Clocks) -> Pieces[Watched]:
    """Note who sent what, and notice at the ticks who did not. clock (n,): the patient's clock at each reading."""
    decided = accepted.decided
    link = state.links.find(accepted.row[decided], accepted.device[decided])
    now_us = int(clocks.ticks[-1]) if len(clocks.ticks) else -1
    slow = _newcomers(state, accepted, decided, link)
    slow |= _in_bulk(state, accepted, clock, decided, link, slow, seconds(now_us))
    out, patients = Watched(), sorted(slow)
    for slot, which in zip(patients, _of_each(accepted, decided, patients), strict=True):
        one = _Kept(state, slot).run(_arrivals(state, accepted, clock, which), clocks)
        out.notices += one.notices
        out.summaries += one.summaries
        out.turns += one.turns
        out.unwatched += one.unwatched
        yield
    state.links.turns = out.turns
    return out


def _newcomers(state: PartitionState, accepted: Accepted, decided: Ints, link: Ints) -> set[int]:
    """Patients with a device or a vital that is new, and those with a clock that is refused, or was."""
    slots = set(accepted.slot[decided[link < 0]].tolist())
    slots.update(accepted.slot[accepted.clock_fault].tolist())
    if state.faulty:
        slots.update(state.faulty.intersection(accepted.slot[decided].tolist()))
    return slots


def _in_bulk(
    state: PartitionState, accepted: Accepted, clock: Ints, decided: Ints, link: Ints, slow: set[int], now_s: int
) -> set[int]:
    """Apply the arrivals of patients with whom nothing happens. The others, beside `slow`: those with a link that is
    hard, or for which nothing came and which is due. now_s: the latest tick."""
    keep = np.flatnonzero(~np.isin(accepted.slot[decided], sorted(slow))) if slow else np.arange(len(decided))
    if not len(keep):
        return set(state.links.table["slot"][state.links.due(now_s)].tolist())
    order = keep[np.argsort(link[keep], kind="stable")]
    link, which = link[order], decided[order]
    table, at_s = state.links.table, _seconds(clock[which])
    passed = silence.passage(table["pace"], link, at_s, now_s)
    pace = table["pace"]
    measured_s = _seconds(_measured(accepted)[which])
    compared = device_clock.compare(table["clock"], link, at_s, measured_s, pace["last_s"], pace["vital"])
    hard = passed.hard | compared.odd
    slots = table["slot"][passed.links]
    due = state.links.due(now_s)
    more = set(slots[hard].tolist())
    if len(due):
        more |= set(table["slot"][due[~np.isin(due, passed.links)]].tolist())
    if more:
        hard |= np.isin(slots, sorted(more))
    _apply(state, passed, compared, hard)
    return more


def _apply(state: PartitionState, passed: silence.Passage, compared: device_clock.Compared, hard: Bools) -> None:
    """Arrivals of links that are not hard."""
    easy, table = np.flatnonzero(~hard), state.links.table
    if not len(easy):
        return
    of_pause = np.flatnonzero(~hard[np.searchsorted(passed.links, passed.link)])
    mine = silence.Passage(
        passed.links[easy], passed.last_s[easy], hard[easy], passed.link[of_pause], passed.begin_s[of_pause],
        passed.end_s[of_pause],
    )  # fmt: skip
    links, at_s = np.concatenate([mine.link, mine.links]), np.concatenate([mine.begin_s, mine.last_s])
    part = _part(state, table["slot"][links].astype(np.int64), at_s * US_PER_S)
    silence.pass_by(table["pace"], mine, part[: len(mine.link)], part[len(mine.link) :])
    table["clock"]["mark_s"][mine.links] = compared.mark_s[easy]
    table["clock"]["event_s"][mine.links] = compared.event_s[easy]
    state.links.note_due(int(table["pace"]["due_s"][mine.links].min()))


def _of_each(accepted: Accepted, decided: Ints, slots: list[int]) -> list[Ints]:
    """The readings of each of these patients that are decided, or refused for their time, in log order."""
    if not slots:
        return []
    which = np.sort(np.concatenate([decided, np.flatnonzero(accepted.clock_fault)]))
    which = which[np.isin(accepted.slot[which], slots)]
    which = which[np.argsort(accepted.slot[which], kind="stable")]
    return np.split(which, np.searchsorted(accepted.slot[which], slots[1:]))


def _arrivals(state: PartitionState, accepted: Accepted, clock: Ints, which: Ints) -> Arrivals:
    """The readings of one patient, for a vigil."""
    decided = accepted.outcome[which] == DECIDED
    return Arrivals(
        (2 * accepted.index[which] + 1).tolist(), _seconds(clock[which]).tolist(),
        _seconds(_measured(accepted)[which]).tolist(), np.where(decided, accepted.row[which], NOBODY).tolist(),
        accepted.device[which].tolist(), lambda k: _arrival(state, accepted, clock, int(which[k])),
    )  # fmt: skip


def _arrival(state: PartitionState, accepted: Accepted, clock: Ints, j: int) -> Arrival:
    """One reading with everything. The name of its device is kept: a problem is called by it."""
    slot, index = int(accepted.slot[j]), int(accepted.index[j])
    name, device = accepted.readings[j].device or "", int(accepted.device[j])
    person = state.person(slot)
    if (known := person.devices).get(device) != name:
        person.devices = {**known, device: name}
    row = int(accepted.row[j]) if accepted.outcome[j] == DECIDED else NOBODY
    return Arrival(
        2 * index + 1, int(clock[j]), int(_measured(accepted)[j]), row, int(accepted.vital[j]), device, name,
        int(accepted.source[j]),
    )  # fmt: skip


class _Kept:
    """A vigil over a patient's links in the table, which are put back when it is over."""

    def __init__(self, state: PartitionState, slot: int) -> None:
        self.state, self.slot = state, slot
        self._zone = 0, 0, 0
        person = state.person(slot)
        rows = state.row_of[slot]
        places = [(int(row), place) for row in rows[rows >= 0].tolist() for place in reversed(state.links.of_row(row))]
        table = state.links.table
        links = [loaded(table, row, at, person.devices.get(int(table["device"][at]), "")) for row, at in places]
        around = Around(self._part, self._withdrawn, self._quiet, self._told_again)
        self.vigil = Vigil(slot, person.name, links, person.faults, around)

    def run(self, arrivals: Arrivals, clocks: Clocks) -> Watched:
        """The vigil's answer, with its links put back."""
        passed = int(np.searchsorted(clocks.tick_offset, self.state.applied_of(self.slot), side="right"))
        watched = self.vigil.run(arrivals, clocks.since(passed))
        links = self.state.links
        for link in self.vigil.dropped:
            if link.place >= 0:
                links.drop(link.row, link.place)
        for link in self.vigil.links:
            links.put(link.row, link.place, packed(self.slot, link))
        self.state.note_faults(self.slot)
        _devices_known(self.state, self.slot)
        self.state.touch([self.slot])
        return watched

    def _part(self, us: int) -> int:
        """As `_part` of the module, for one time after the other."""
        since, until, offset = self._zone
        if not since <= us < until:
            offset = int(local_offset_us(self.state, np.array([self.slot]), np.array([us]))[0])
            one = self.state.patients[self.slot]
            self._zone = int(one["zone_from"]), int(one["zone_until"]), int(one["zone_offset"])
        return silence.part_at((us + offset) // US_PER_S)

    def _withdrawn(self, name: str, now_us: int) -> bool:
        """Whether the profile says that the patient has given the device back."""
        return is_withdrawn(self.state, self.slot, name, now_us)

    def _quiet(self, source: int, offset: int) -> bool:
        return bool(self.state.sources.quiet_at(np.array([source], np.uint64), offset)[0])

    def _told_again(self, problem: str, name: str, now_us: int) -> bool:
        return told_again(self.state, self.slot, problem, name, now_us)


def is_withdrawn(state: PartitionState, slot: int, name: str, now_us: int) -> bool:
    """Whether the profile's last word on a device is a day that has come: it is given back some time on that day."""
    profile = state.profile(slot)
    listed = [one.until for one in profile.devices if one.device == name] if profile else []
    ends = [to_us(datetime.combine(until, time(), UTC)) for until in listed if until]
    return bool(listed) and len(ends) == len(listed) and max(ends) <= now_us


def told_again(state: PartitionState, slot: int, problem: str, name: str, now_us: int) -> bool:
    """Whether people hear again of a device's fault that lasts: a person has ended the alert, a day ago or more. Asked
    at readings that show the fault, for of a device that sends nothing its silence is told. The episodes are those of
    before the stretch: no action is within it, and whatever else becomes of the alert is seen in log order."""
    ended = ended_by_hand(state.person(slot).known_episodes, problem, now_us)
    return ended is not None and not is_withdrawn(state, slot, name, now_us)


def _part(state: PartitionState, slot: Ints, us: Ints) -> Ints:
    """The part of the patients' local day at each time."""
    return silence.part_of((us + local_offset_us(state, slot, us)) // US_PER_S)


def _measured(accepted: Accepted) -> Ints:
    """When each reading was measured, (n,) [us]; a series, when its last sample was."""
    if not accepted.series:
        return accepted.at
    at = accepted.at.copy()
    for j, samples in accepted.series.items():
        at[j] += (len(samples) - 1) * accepted.period_us[j]
    return at


def _seconds(us: Ints) -> Ints:
    return np.minimum(np.maximum(us // US_PER_S, 0), silence.LATEST_S)


def withheld(state: PartitionState, slot: int, before: int, now_us: int) -> list[VitalSummary]:
    """How vitals stand from here on that a new profile withholds: those with data, and those that it names.

    before: what could be decided until now, as of PATIENT.
    """
    name, profile = state.person(slot).name, state.profile(slot)
    named = set(profile.consent.withheld_vitals) if profile else set[str]()
    lost = [v for v in state.withheld_vitals(slot) if before >> v & 1]
    told = [v for v in lost if state.row_of[slot, v] >= 0 or VITALS[v].name in named]
    return [_withheld(name, v, now_us) for v in told]


def forgotten(state: PartitionState, slot: int, now_us: int) -> list[VitalSummary]:
    """The same of who is forgotten: nothing from before is to be shown, whoever is watched under that name from here
    on. The null of the profile is gone from its topic after a while; this stays among the vitals as long as they do."""
    known = np.flatnonzero(state.row_of[slot] >= 0).tolist()
    return [_withheld(state.person(slot).name, v, now_us) for v in known]


def _withheld(name: str, vital: int, now_us: int) -> VitalSummary:
    return empty(name, vital, now_us - now_us % int(WIDTH_US[vital]), "withheld")


def unwatched(state: PartitionState, slot: int, now_us: int) -> list[Episode]:
    """Stop watching devices that the profile says have been given back; alerts about devices that nobody watches."""
    for row in state.row_of[slot][state.row_of[slot] >= 0].tolist():
        for place in state.links.of_row(row):
            name = state.person(slot).devices.get(int(state.links.table["device"][place]), "")
            if is_withdrawn(state, slot, name, now_us):
                state.links.drop(row, place)
    known = {called(name) for name in _devices_known(state, slot)}
    of_devices = ("silence", "sensor")
    technical = [e for e in state.person(slot).episodes if e.kind in of_devices and not e.vital]
    return [e for e in technical if e.problem.partition(".")[2] not in known]


def faults_gone(state: PartitionState, slot: int, withheld: bool) -> list[Episode]:
    """Alerts about sensors of which nothing is known any more: their vitals were withheld. That one was wrong in the
    past is not known as a fault of now: it stays on the record as long as its device is watched, until a vital is
    withheld, of which it may speak (withheld: that is so now)."""
    person, rows = state.person(slot), state.row_of[slot]
    told = state.sensors.told(rows[rows >= 0]).values()
    still = {f"sensor.{called(person.devices.get(device, ''))}" for device in told}
    watched = {f"sensor.{called(name)}" for name in person.devices.values()}
    faults = [e for e in person.episodes if e.problem.startswith("sensor.")]
    return [e for e in faults if e.problem not in (watched if e.retrospective and not withheld else still)]


def silence_ended(state: PartitionState, slot: int, problem: str, now_us: int) -> None:
    """A person has resolved what was told of a silence. If that lasts as long again, and a day at least, it is judged
    anew: nobody is to take a patient for watched of whom nothing comes."""
    for row in state.row_of[slot][state.row_of[slot] >= 0].tolist():
        for place in state.links.of_row(row):
            name = state.person(slot).devices.get(int(state.links.table["device"][place]), "")
            link = loaded(state.links.table, row, place, name)
            told = {Told.VITAL: VITALS[link.pace.vital].name, Told.DEVICE: called(name)}
            if problem != f"silence.{told.get(Told(link.told))}":
                continue
            part = _part(state, np.array([slot]), np.array([link.pace.last_s * US_PER_S]))
            link.due_s = seconds(now_us) + max(link.pace.allowed_s(int(part[0])), silence.DAY_S)
            link.told = ENDED[Told(link.told)]
            state.links.put(row, place, packed(slot, link))


def _devices_known(state: PartitionState, slot: int) -> list[str]:
    """Names of the devices of which anything is watched; the others are forgotten."""
    person, rows = state.person(slot), state.row_of[slot]
    kept = {int(state.links.table["device"][place]) for place in state.links.of_rows(rows.tolist())} | set(
        person.faults
    )
    person.devices = {device: name for device, name in person.devices.items() if device in kept}
    return list(person.devices.values())
