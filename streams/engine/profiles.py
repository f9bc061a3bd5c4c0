"""Profiles as the engine asks for them: parsed, and what follows from them, each kept at hand up to a bound."""

from datetime import UTC, date, datetime, time
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from models.changes import Change, turned, turns
from models.expectation import Expectation, expect
from models.profile import Profile, parse_profile, sees
from models.times import LONG_AGO, to_us
from models.vitals import VITALS
from streams.engine.courses import date_of, day_of, over_from
from streams.engine.people import Person, decompressed

EXPECTATIONS_KEPT = 1024
"""Expectations kept at hand in a process, of some KiB each; beyond it those not asked for longest are made again."""
DEVICES_KEPT = 4096
"""(patient, device) pairs looked up at once, of readings older than some device of theirs; beyond it, again."""
PROFILES_PARSED = 512
"""Profiles kept parsed at once (about 10 KiB each); beyond it the cache starts anew and costs a parse each."""


class Profiles:
    """The profiles at hand of a partition's patients, by slot. Nothing of it is stored."""

    def __init__(self) -> None:
        self._parsed: dict[int, Profile] = {}
        self._device_since: dict[tuple[int, str], int | None] = {}

    def of(self, slot: int, person: Person) -> Profile | None:
        """The profile of the person in this slot, parsed when first asked for."""
        if slot not in self._parsed:
            document = person.document
            if document is None:
                return None
            if len(self._parsed) >= PROFILES_PARSED:
                self._parsed.clear()
            self._parsed[slot] = parse_profile(document)
        return self._parsed[slot]

    def device_since(self, slot: int, person: Person, device: str) -> int | None:
        """Since when the profile lists this device (midnight UTC of that day) [us]; None if it does not say."""
        key = slot, device
        if key not in self._device_since:
            if len(self._device_since) >= DEVICES_KEPT:
                self._device_since.clear()
            profile = self.of(slot, person)
            dates = [d.since for d in profile.devices if d.device == device and d.since] if profile else []
            self._device_since[key] = _midnight_us(min(dates)) if dates else None
        return self._device_since[key]

    def changed(self, slot: int) -> None:
        """The person in this slot has another profile now."""
        self.drop(slot)
        self._device_since.clear()

    def drop(self, slot: int) -> None:
        """Nobody asks for this one any more."""
        self._parsed.pop(slot, None)


def note(one: npt.NDArray[np.void], profile: Profile) -> None:
    """Put into the patient's numbers (dtype PATIENT) what is asked of a profile for each reading."""
    one["version"] = profile.version
    one["allowed"] = int((sees(profile).astype(np.uint32) << np.arange(len(VITALS), dtype=np.uint32)).sum())
    since = profile.consent.since
    one["consent_since"] = to_us(since) if since else LONG_AGO
    dates = [device.since for device in profile.devices if device.since]
    one["devices_since"] = _midnight_us(max(dates)) if dates else LONG_AGO
    lows = [t.low for t in profile.targets if t.vital == "spo2" and t.low is not None]
    one["spo2_low"] = min(lows, default=np.nan)
    one["zone_until"], one["course_over"] = LONG_AGO, over_from(profile)


def _midnight_us(day: date) -> int:
    return to_us(datetime.combine(day, time(), UTC))


@lru_cache(maxsize=EXPECTATIONS_KEPT)
def expected(kept: bytes, day: date, off: frozenset[str]) -> Expectation:
    """What a profile leads one to expect, as a function of its own bytes (see `people.compressed`) and nothing else: a
    patient's vitals, the findings of a day, and states that are restored ask for the same again."""
    return expect(parse_profile(decompressed(kept)), day, off)


@lru_cache(maxsize=EXPECTATIONS_KEPT)
def turns_of(kept: bytes) -> tuple[int, ...]:
    """The local days, counted from 1970, on which something turns by this profile (`changes.turns`), as a function of
    its own bytes."""
    return tuple(day_of(one) for one in turns(parse_profile(decompressed(kept))))


@lru_cache(maxsize=EXPECTATIONS_KEPT)
def turned_of(kept: bytes, day: int, off: frozenset[str]) -> Change | None:
    """What turns on one of these days (`changes.turned`)."""
    return turned(parse_profile(decompressed(kept)), date_of(day), off)
