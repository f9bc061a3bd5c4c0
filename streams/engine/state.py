"""What one partition remembers: patients and rows as numpy columns, grouped into pages of a bounded number of patients.

A patient's slot is given in log order and never reused, so slot // PATIENTS_PER_PAGE is the patient's page. Every page
knows the offset up to which it has been applied: after a crash, records at or below it are skipped for that page, so
state changes exactly once although delivery is at least once. The `meta` page counts what belongs to no patient.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.episodes import next_wake_us
from alerts.policy import PolicySettings
from models import baseline, windows
from models.detectors import crossings
from models.expectation import Expectation, of_anybody
from models.pool import NOWHERE, Pool
from models.profile import Profile
from models.segments import Ints
from models.times import LONG_AGO
from models.vitals import VITALS
from streams.control import Origin
from streams.engine import outside
from streams.engine.courses import Courses
from streams.engine.departed import Departed, Gone, digest_of
from streams.engine.forecasts import Forecasts
from streams.engine.late import LateWork
from streams.engine.links import Links
from streams.engine.origins import with_origin
from streams.engine.people import Person, compressed
from streams.engine.profiles import Profiles, expected, note
from streams.engine.rings import Rings
from streams.engine.rows import PATIENT, PRIOR, ROW, grown, prior_of
from streams.engine.ruled import Rules
from streams.engine.sensors import Sensors
from streams.engine.sources import Sources
from streams.engine.unjudged import Unjudged
from streams.engine.weeks import Weeks
from streams.engine.zones import local_date

PATIENTS_PER_PAGE = 16
"""Bounds a page's changelog record: even if each profile had the full 1 MiB, a page fits the changelog's largest
message (limits.PAGE_MESSAGE_BYTES_MAX). Sixteen patients with ten vitals each are about 160 KiB."""
EVERY_VITAL = (1 << len(VITALS)) - 1


class Outcome(IntEnum):
    """What became of a reading: the terms of the conservation law."""

    DECIDED = 0
    REJECTED = 1
    DUPLICATE = 2
    WITHHELD = 3


class PartitionState:
    """Columns of one partition. Rows and patients are only ever added.

    began: first offset of the slice being worked on; dirty: pages not written since they changed, each with the first
    offset that its stored form lacks; ticked: (offset, time) of the ticks since the last checkpoint, by slice.
    policy, off (modifiers left out): of the deployment, set before each step, and not stored.
    """

    def __init__(self) -> None:
        self.people: list[Person | None] = []
        self.seated: list[int] = []
        self.slot_of: dict[str, int] = {}
        self.patients: npt.NDArray[Any] = np.zeros(PATIENTS_PER_PAGE, PATIENT)
        self.row_of: npt.NDArray[Any] = np.full((PATIENTS_PER_PAGE, len(VITALS)), -1, np.int32)
        self.rows: npt.NDArray[Any] = np.zeros(256, ROW)
        self.row_count = 0
        self.windows, self.floors, self.rings = windows.pool(), Pool(crossings.STATE), Rings()
        self.applied = np.full(1, -1, np.int64)
        self.counted = np.zeros((1, len(Outcome)), np.int64)
        self.processed = -1
        self.meta_applied = -1
        self.meta_counted = np.zeros(len(Outcome), np.int64)
        self.received = np.zeros(1, np.int64)
        self.meta_received = 0
        self.tick_us = self.tick_restored_us = LONG_AGO
        self.next_close_us = LONG_AGO
        self.began = 0
        self.dirty: dict[int, int] = {}
        self.ticked: list[tuple[int, int]] = []
        self.wake_us: dict[int, int] = {}
        self.policy = PolicySettings()
        self.sources = Sources()
        self.links = Links()
        self.faulty: set[int] = set()
        self.gone = Departed()
        self.late = LateWork()
        self.forecasts = Forecasts()
        self.rules = Rules()
        self.unjudged = Unjudged()
        self.courses, self.weeks, self.sensors = Courses(), Weeks(), Sensors()
        self.outside = Pool(outside.STATE)
        self.profiles = Profiles()
        self.off: frozenset[str] = frozenset()

    @property
    def page_count(self) -> int:
        return len(self.applied)

    @property
    def patient_count(self) -> int:
        return len(self.slot_of)

    def page_slots(self, page: int) -> range:
        """Slots in use of a page."""
        first = page * PATIENTS_PER_PAGE
        return range(first, first + self.seated[page])

    def note_wake(self, slot: int) -> None:
        """Remember when time alone will move the first of the patient's episodes."""
        at = next_wake_us(self.person(slot).known_episodes)
        if at is None:
            self.wake_us.pop(slot, None)
        else:
            self.wake_us[slot] = at

    def next_wake_us(self) -> int:
        """When time alone will move the first episode; far ahead if there is none."""
        return min(self.wake_us.values(), default=-LONG_AGO)

    def next_due_us(self) -> int:
        """The same of alerts about patients and about sources."""
        of_sources = self.sources.next_wake_us()
        return self.next_wake_us() if of_sources is None else min(self.next_wake_us(), of_sources)

    def applied_of(self, slot: int) -> int:
        """Offset up to which the patient's page has been applied."""
        return int(self.applied[slot // PATIENTS_PER_PAGE])

    def totals(self) -> Ints:
        """Readings by Outcome, all pages together."""
        total: Ints = self.counted.sum(axis=0) + self.meta_counted
        return total

    def received_total(self) -> int:
        """Readings taken from the log, counted when they come and not by what becomes of them."""
        return int(self.received.sum()) + self.meta_received

    def add_patient(self, name: str) -> int:
        """A slot for a new patient: the next one, in log order."""
        slot = self._next_slot()
        self._after_former_pages(name, slot // PATIENTS_PER_PAGE)
        self.reserve(slot + 1)
        gone = self.gone.last(name)
        self.seat(slot, Person(name, origins=gone.origins, life=gone.times))
        one = self.patients[slot]
        one["alive"], one["version"], one["spo2_low"] = 1, -1, np.nan
        for name_ in ("clock", "active_at", "consent_since", "zone_until", "devices_since"):
            one[name_] = LONG_AGO
        return slot

    def _next_slot(self) -> int:
        """The place after the last of the lowest page that is not full.

        Usually the end. After a crash in the middle of a checkpoint an earlier page may be missing its last patients:
        they come again in the same order and find the same places, in pages that were not written.
        """
        for page in range(len(self.seated)):
            if self.seated[page] < PATIENTS_PER_PAGE:
                self.seated[page] += 1
                slot = page * PATIENTS_PER_PAGE + self.seated[page] - 1
                self.people += [None] * (slot + 1 - len(self.people))
                return slot
        self.seated.append(1)
        slot = (len(self.seated) - 1) * PATIENTS_PER_PAGE
        self.people += [None] * (slot + 1 - len(self.people))
        return slot

    def _after_former_pages(self, name: str, page: int) -> None:
        """Make sure that a page on which the patient was forgotten before is written no later than the new one.

        The other way round, a crash in between would find the patient on both pages, and the records that are still
        missing on the former one would be taken for applied.
        """
        for number in self.gone.pages_of(name) & self.dirty.keys():
            self.touch([page * PATIENTS_PER_PAGE])
            self.dirty[number] = min(self.dirty[number], self.dirty[page])

    def seat(self, slot: int, person: Person) -> None:
        """Put a person into a slot (also on restore)."""
        self.people[slot] = person
        self.note_faults(slot)
        self.slot_of[person.name] = slot

    def count_unread(self, slot: int, offset: int) -> None:
        """A record of a patient who did not agree to be monitored, which could not even be read."""
        if offset > self.applied_of(slot):
            self.received[slot // PATIENTS_PER_PAGE] += 1
            self.counted[slot // PATIENTS_PER_PAGE, Outcome.WITHHELD] += 1
            self.touch([slot])

    def gone_at(self, name: str) -> int:
        """The offset at which the patient was forgotten last; -1 if never. What is redelivered from before was applied:
        without this, a crash after the page was written would let the patient's old records come to life again."""
        return self.gone.last(name).offset

    def origins_of(self, name: str, slot: int | None) -> bytes:
        """Which control records have been applied of somebody, known or forgotten."""
        return self.person(slot).origins if slot is not None else self.gone.last(name).origins

    def all_origins(self) -> Iterator[bytes]:
        """The same of everybody, known or forgotten, and of sources."""
        yield from (person.origins for person in self.people if person is not None)
        yield from self.gone.origins()
        yield from (one.origins for one in self.sources.standing.values())

    def note_origin(self, name: str, slot: int | None, origin: Origin | None) -> None:
        """Remember that a control record was applied. Of somebody who was never known there is nothing to remember."""
        if origin is None:
            return
        if slot is not None:
            self.person(slot).origins = with_origin(self.person(slot).origins, origin)
            self.touch([slot])
            return
        page = self.gone.note_origin(name, origin)
        if page is not None:
            self.touch([page * PATIENTS_PER_PAGE])

    def forget(self, slot: int, offset: int) -> None:
        """Drop everything about a patient. The slot stays empty: a later record must not meet another person's past."""
        person = self.person(slot)
        gone = Gone(offset, person.origins, person.life + 1)
        self.gone.note(slot // PATIENTS_PER_PAGE, digest_of(person.name), gone)
        del self.slot_of[person.name]
        self.people[slot] = None
        self.rings.drop(self.patients, slot)
        self.patients[slot] = np.zeros((), PATIENT)
        self.drop_rows(slot, range(len(VITALS)))
        self.wake_us.pop(slot, None)
        self.faulty.discard(slot)
        self.profiles.drop(slot)

    def note_faults(self, slot: int) -> None:
        """Remember whether a clock of the patient's devices is in doubt."""
        (self.faulty.add if self.person(slot).known_faults else self.faulty.discard)(slot)

    def drop_rows(self, slot: int, vitals: Sequence[int]) -> None:
        """Drop what was learned of these vitals, and what is waiting in open windows."""
        of = self.row_of[slot, list(vitals)]
        rows = of[of >= 0].astype(np.int64)
        for row in rows.tolist():
            self.links.drop_row(row)
        self.late.drop(rows)
        self.rules.withhold(slot, vitals)
        self.forecasts.drop(rows.tolist())
        self.weeks.drop(rows, slot)
        self.sensors.drop(rows)
        windows.drop(self.rows["open"], self.windows, rows)
        floor = self.rows["floor"][rows]
        self.floors.give(floor[floor != NOWHERE])
        outside.drop(self.rows["outside"], self.outside, rows)
        self.rows[rows] = np.zeros((), ROW)
        self.rows["slot"][rows] = -1
        self.row_of[slot, list(vitals)] = -1

    def withheld_vitals(self, slot: int) -> list[int]:
        """Vitals of the patient that may not be decided."""
        allowed = int(self.patients["allowed"][slot])
        return [v for v in range(len(VITALS)) if not allowed >> v & 1]

    def person(self, slot: int) -> Person:
        """The person in a slot; KeyError if it is empty."""
        person = self.people[slot]
        if person is None:
            raise KeyError(f"slot {slot} holds nobody")
        return person

    def reserve(self, patients: int) -> None:
        """Room for that many patients, and their pages."""
        if patients > len(self.patients):
            self.patients = grown(self.patients, patients)
            self.row_of = grown(self.row_of, patients, -1)
        pages = -(-patients // PATIENTS_PER_PAGE)
        if pages > len(self.applied):
            more = pages - len(self.applied)
            self.applied = np.concatenate([self.applied, np.full(more, -1, np.int64)])
            self.counted = np.concatenate([self.counted, np.zeros((more, len(Outcome)), np.int64)])
            self.received = np.concatenate([self.received, np.zeros(more, np.int64)])

    def reserve_rows(self, rows: int) -> None:
        """Room for that many rows, each with one device: a recovery knows how many will come, and need not grow."""
        self.rows = grown(self.rows, rows) if rows > len(self.rows) else self.rows
        self.links.reserve(rows)

    def profile(self, slot: int) -> Profile | None:
        """The patient's profile, parsed when first asked for."""
        return self.profiles.of(slot, self.person(slot))

    def add_unknown(self, name: str) -> int:
        """A slot for a patient without a profile (setting unknown_patients=monitor): population priors, every vital."""
        slot = self.add_patient(name)
        self.patients["allowed"][slot] = EVERY_VITAL
        return slot

    def put_profile(self, slot: int, profile: Profile, document: bytes) -> None:
        """Take a new version: consent, time zone and expectations act from here on."""
        self.person(slot).kept = compressed(document)
        self.profiles.changed(slot)
        note(self.patients[slot], profile)

    def rows_for(self, slot: Ints, vital: Ints, at: Ints) -> Ints:
        """Row of each (slot, vital), made if it is new. New rows are given in the order of their first reading."""
        row = self.row_of[slot, vital].astype(np.int64)
        missing = np.flatnonzero(row < 0)
        if not len(missing):
            return row
        _, first = np.unique(slot[missing] * len(VITALS) + vital[missing], return_index=True)
        for j in missing[np.sort(first)].tolist():
            self.row_of[slot[j], vital[j]] = self.add_row(int(slot[j]), int(vital[j]), int(at[j]))
        return self.row_of[slot, vital].astype(np.int64)

    def add_row(self, slot: int, vital: int, at_us: int) -> int:
        """A row that knows only what the profile leads one to expect on the day of its first reading."""
        row = self.row_count
        self.row_count += 1
        if row >= len(self.rows):
            self.rows = grown(self.rows, row + 1)
        self.rows[row] = np.zeros((), ROW)
        one = self.rows[row : row + 1]
        one["slot"], one["vital"], one["newest_at"], one["late_at"] = slot, vital, LONG_AGO, LONG_AGO
        self.set_prior(row, at_us)
        return row

    def set_prior(self, row: int, at_us: int) -> None:
        """Expectation of the profile for a row, and a baseline that starts from it; no day's course, see `courses`."""
        one = self.rows[row : row + 1]
        expected, vital = self.expectation(int(one["slot"][0]), at_us).settled(), int(one["vital"][0])
        for name in PRIOR.names or ():
            one["prior"][name] = getattr(expected, name)[vital]
        baseline.put(one["base"], np.zeros(1, np.int64), baseline.start(prior_of(one["prior"])))

    def place_rows(self, rows: npt.NDArray[np.void]) -> int:
        """Put restored rows into the table; the place of the first."""
        first = self.row_count
        self.row_count += len(rows)
        if self.row_count > len(self.rows):
            self.rows = grown(self.rows, self.row_count)
        self.rows[first : self.row_count] = rows
        self.rows["outside"][first : self.row_count] = NOWHERE
        self.row_of[rows["slot"], rows["vital"]] = np.arange(first, self.row_count)
        return first

    def expectation(self, slot: int, at_us: int) -> Expectation:
        """What the profile leads one to expect on that local day (population priors for a patient without one)."""
        kept, day = self.person(slot).kept, local_date(self, slot, at_us)
        return of_anybody(day) if kept is None else expected(kept, day, self.off)

    def touch(self, slots: Iterable[int]) -> None:
        """These patients have changed: their pages must be written."""
        for slot in slots:
            self.dirty.setdefault(slot // PATIENTS_PER_PAGE, self.began)

    def stepped(self, last_offset: int) -> None:
        """A slice has been applied, and the ticks in it."""
        self.processed = max(self.processed, last_offset)
        self.meta_applied = self.sources.applied = max(self.meta_applied, self.processed)
        if not self.ticked or self.ticked[-1][1] != self.tick_us:
            self.ticked.append((self.processed, self.tick_us))

    def certified(self) -> tuple[int, int]:
        """The offset up to which everything is in pages that count as written, and the latest tick by then [us].

        Forgets the ticks before that, except the last: what is certified never falls while a worker has its state.
        """
        offset = min(self.dirty.values(), default=self.processed + 1) - 1
        passed = bisect_right(self.ticked, offset, key=lambda tick: tick[0])
        if not passed:
            return offset, self.tick_restored_us
        self.ticked = self.ticked[passed - 1 :]
        return offset, self.ticked[0][1]
