"""What is remembered for the rules of conditions, and which patients have any.

A worker may hold a hundred thousand patients with a condition, of whom few have anything running. The others' memory is
kept as the bytes of their page, deflated, until a window of theirs asks: already before that a tenth of the objects.
"""

import zlib
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from models import rules
from models.detectors import watched
from models.detectors.watched import Held, Run, Watched
from models.profile import Profile
from models.profile_fields import coded
from models.rules import Plan
from models.segments import Bools, Ints
from models.situation import situation
from models.targets import followed
from models.terminology import condition_id, drug
from models.vitals import VITALS
from streams.engine.rows import grown
from streams.engine.versions import Versions
from streams.engine.zones import local_date

if TYPE_CHECKING:
    from streams.engine.state import PartitionState

RAW_DEFLATE = -15
"""Without the eleven bytes around it: nothing of it leaves the process."""
PLANS_KEPT = 4096
"""Plans of a patient and day kept at once; beyond it they are made anew."""


class _Running(msgspec.Struct, array_like=True):
    """The fields of `Watched`, of which only those are read that tell whether anything is running."""

    days: msgspec.Raw
    windows: msgspec.Raw
    runs: dict[str, Run]
    open: dict[str, dict[str, Held]]


_encode = msgspec.msgpack.Encoder().encode
_split = msgspec.msgpack.Decoder(list[tuple[int, msgspec.Raw]]).decode
_running = msgspec.msgpack.Decoder(_Running).decode
_decode = msgspec.msgpack.Decoder(Watched).decode


class Rules:
    """What is remembered for the rules of one partition's patients, by slot; `asked`: for which version of the profile
    it is known whether the patient has rules; `has` (by slot)."""

    def __init__(self) -> None:
        self._watched: dict[int, Watched] = {}
        self._resting: list[bytes | None] = []  # by slot, deflated: nothing is running (as a dict 60 bytes more each)
        self._plans: dict[tuple[int, int, int], Plan] = {}
        self._versions = Versions()
        self._has: Bools = np.zeros(0, bool)

    def concern(self, state: "PartitionState", slot: Ints) -> Bools:
        """Whether each of these patients has a condition with rules, or something open by one, (n,)."""
        if len(self._has) < len(state.patients):
            self._has = grown(self._has, len(state.patients))
        for one in self._versions.changed(state, slot):
            self._has[one] = self._knows(one) or _has_rules(state, one)
        has: Bools = self._has[slot]
        return has

    def plan(self, state: "PartitionState", slot: int, clock_us: int) -> Plan:
        """The rules that hold for a patient on the local day of the clock."""
        day = local_date(state, slot, clock_us)
        key = slot, int(state.patients["version"][slot]), day.toordinal()
        if key not in self._plans:
            if len(self._plans) >= PLANS_KEPT:
                self._plans.clear()
            profile = state.profile(slot)
            low = float(state.patients["spo2_low"][slot])
            held = rules.plan(situation(profile, day), low, state.off) if profile else rules.NOTHING
            self._plans[key] = followed(held, low)
        return self._plans[key]

    def _knows(self, slot: int) -> bool:
        return slot in self._watched or (slot < len(self._resting) and self._resting[slot] is not None)

    def _rests(self, slot: int) -> bytes | None:
        small = self._resting[slot] if slot < len(self._resting) else None
        return None if small is None else zlib.decompress(small, RAW_DEFLATE)

    def _rest(self, slot: int, packed: bytes) -> None:
        self._resting += [None] * (slot + 1 - len(self._resting))
        self._resting[slot] = zlib.compress(packed, level=1, wbits=RAW_DEFLATE)

    def known(self, slot: int) -> Watched | None:
        """What is remembered of a patient, to be changed in place; None if nothing is."""
        if (packed := self._rests(slot)) is not None:
            self._watched[slot], self._resting[slot] = _decode(packed), None
        return self._watched.get(slot)

    def of(self, slot: int) -> Watched:
        """The same, begun if nothing is remembered."""
        return self.known(slot) or self._watched.setdefault(slot, Watched())

    def running(self, slots: Iterable[int]) -> list[int]:
        """Those of the patients with a run beyond a limit, or anything open."""
        known = ((slot, self._watched.get(slot)) for slot in slots)
        return [slot for slot, one in known if one is not None and (one.runs or one.open)]

    def ended(self, slot: int, problem: str) -> None:
        """A person resolved the problem."""
        if one := self.known(slot):
            watched.ended(one, problem)

    def withhold(self, slot: int, vitals: Iterable[int]) -> None:
        """Forget what is known of these vitals of a patient."""
        gone, one = list(vitals), self.known(slot)
        if one is None:
            return
        if len(gone) == len(VITALS):
            del self._watched[slot]
        else:
            watched.withheld(one, gone, [VITALS[v].name for v in gone])

    def packed(self, slots: range) -> bytes:
        """What is remembered of a page's patients; places are counted from the page's first one."""
        known = [(slot - slots.start, msgspec.Raw(self._pack(slot))) for slot in slots if self._knows(slot)]
        return _encode(known) if known else b""

    def _pack(self, slot: int) -> bytes:
        """One patient's memory as bytes, which rests from here on if nothing is running."""
        if (rests := self._rests(slot)) is not None:
            return rests
        one = self._watched[slot]
        raw = _encode(one)
        if not one.runs and not one.open:
            self._rest(slot, raw)
            del self._watched[slot]
        return raw

    def unpack(self, first: int, raw: bytes) -> None:
        """Put back what was packed."""
        for place, packed in _split(raw) if raw else ():
            one = bytes(packed)
            parts = _running(one)
            if parts.runs or parts.open:
                self._watched[first + place] = _decode(one)
            else:
                self._rest(first + place, one)


def _has_rules(state: "PartitionState", slot: int) -> bool:
    profile = state.profile(slot)
    if profile is None:
        return False
    named = [condition_id(*coded(entry.code)) for entry in profile.conditions]
    named += [condition_id(*coded(entry.condition)) for entry in profile.trajectories]
    genes = {coded(entry.gene)[0].strip().upper() for entry in profile.genomics} if profile.consent.genomics else set()
    return not _concerned().isdisjoint(named) or not rules.genes().isdisjoint(genes) or _takes_watched(profile)


def _takes_watched(profile: Profile) -> bool:
    """Whether drugs are taken that have rules by themselves."""
    drugs = (drug(*coded(entry.code)) for entry in profile.medications)
    taken = frozenset(name for known in drugs if known is not None for name in known.classes)
    return any(classes <= taken for classes in rules.classes())


@cache
def _concerned() -> frozenset[str | None]:
    return frozenset(rules.concerned())
