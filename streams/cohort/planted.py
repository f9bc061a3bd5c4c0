"""What will happen to a synthetic patient: planted events, the profile versions that tell of them, and their labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from models.evidence import load
from streams.cohort.people import Json, Person, Random, start

TRIES = 20
"""Draws of a day for an event; a patient whose record is full of others stays without it."""
_RATE_CONTROL = frozenset({"metoprolol", "bisoprolol", "diltiazem", "digoxin"})
_TWIN = {"resting_heart_rate": "resting_heart_rate|heart_rate", "heart_rate": "resting_heart_rate|heart_rate"}


@dataclass(frozen=True)
class Planted:
    """One event: its name in cohort.yaml, its onset [days of local time from the start of the record], and the vital
    and direction of a shift."""

    event: str
    onset: float
    vital: str | None = None
    sign: int = 1

    @property
    def entry(self) -> Json:
        """What cohort.yaml says about it."""
        entry: Json = load("cohort")["events"][self.event]
        return entry

    @property
    def away(self) -> tuple[float, float] | None:
        """The days without any reading, from the start of the record."""
        span = self.entry.get("away")
        return None if span is None else (self.onset + span[0], self.onset + span[1])


def plan(random: Random, person: Person, kind: str, days: int) -> list[Planted]:
    """The events of this patient, in order of time, none within the time of another; the profile is told of them."""
    known = load("cohort")["kinds"][kind]
    wanted = int(random.random() < known["patients_with_event"])
    wanted += int(wanted and random.random() < known["two"])
    events: list[Planted] = []
    for _ in range(wanted):
        found = _one(random, person, known["shares"], days, events)
        if found is not None:
            events.append(found)
    events.sort(key=lambda event: event.onset)
    for event in events:
        _tell(person, event)
    return events


def _one(
    random: Random, person: Person, shares: dict[str, float], days: int, before: Sequence[Planted]
) -> Planted | None:
    """One more event that fits the patient and the time that is left; None if none does."""
    events = load("cohort")["events"]
    fits = {name: share for name, share in shares.items() if _fits(person, events[name], days)}
    if not fits:
        return None
    name = str(random.choice(list(fits), p=np.array(list(fits.values())) / sum(fits.values())))
    onset = _onset(random, events[name], days, before)
    if onset is None:
        return None
    if "vitals" not in events[name]:
        return Planted(name, onset)
    vital = str(random.choice(_judged(person, events[name]["vitals"])))
    return Planted(name, onset, vital, int(events[name]["vitals"][vital]))


def _judged(person: Person, vitals: Iterable[str]) -> list[str]:
    """Those of the vitals that are held against the own band of this patient: of what a condition makes meaningless
    nobody can be told, and nothing could find it."""
    left_out = load("design")["not_judged"]
    meaningless = left_out["vitals"] if left_out["condition"] in person.conditions else ()
    return [vital for vital in vitals if vital not in meaningless]


def _fits(person: Person, entry: Json, days: int) -> bool:
    if "needs" in entry and entry["needs"] not in person.conditions:
        return False
    if "drug" in entry and {drug["code"] for drug in person.profile["medications"]} & _RATE_CONTROL:
        return False
    return days - _settled(days) > _least(entry)


def _least(entry: Json) -> float:
    """Days that must follow the onset, so that it can be found at all, or that nothing is found."""
    return float(entry["found"][1] if "found" in entry else entry["until"])


def _settled(days: int) -> float:
    """The first day on which something may happen."""
    settling = load("cohort")["settling"]
    return float(min(settling["days"], settling["share_of_time"] * days))


def _onset(random: Random, entry: Json, days: int, before: Sequence[Planted]) -> float | None:
    """A day (an hour of a day for what takes minutes), clear of the other events; None if TRIES draws find none."""
    room, first = entry["room"], np.ceil(_settled(days))
    last = max(first, days - room if days - room >= first else days - _least(entry) - 1)
    for _ in range(TRIES):
        onset = float(np.floor(random.uniform(first, last + 1)))
        if "low" in entry:
            onset += float(random.integers(0, 288)) / 288
        if all(onset + room < b.onset or b.onset + b.entry["room"] < onset for b in before):
            return onset
    return None


def _tell(person: Person, event: Planted) -> None:
    """The profile version that comes with an event: a drug begun, an operation, a discharge."""
    entry, latest = event.entry, person.versions[-1][1]
    if "drug" in entry:
        day = event.onset
        more: Json = {"medications": [*latest["medications"], {"code": entry["drug"], "start": date_of(day)}]}
    elif "course" in entry or event.event == "decompensation":
        surgery = "course" in entry
        day = event.onset if surgery else event.onset + entry["away"][1]
        anchor = (entry["course"], entry["anchor"]) if surgery else ("heart_failure", "discharge")
        known = {"condition": anchor[0], "anchor": anchor[1], "date": date_of(day)}
        more = {"trajectories": [*latest.get("trajectories", []), known]}
    else:
        return
    updated = f"{date_of(day)}T00:00:00Z"
    person.later.append((day, {**latest, **more, "version": latest["version"] + 1, "updated": updated}))


def date_of(day: float) -> str:
    """The date of a day of the record."""
    return (start() + timedelta(days=int(np.floor(day)))).isoformat()


def spans(event: Planted, days: int) -> tuple[float, float, float]:
    """Start and end of the label, and until when the event explains an alert [days], all within the record."""
    entry = event.entry
    found = entry.get("found", [0, entry.get("no_alert_days", entry["until"])])
    first, last, until = (event.onset + offset for offset in (*found, entry["until"]))
    return first, min(last, days), min(until, days)


def words(event: Planted) -> Json:
    """The fields of a label that are no time. `no_alert`: nothing that should be found; `category`: who may find it."""
    entry = event.entry
    said: Json = {"event": event.event, "synthetic": True}
    if event.vital is not None:
        said |= {"problem": _TWIN.get(event.vital, event.vital) + "|change_index", "vital": event.vital}
    if "low" in entry:
        said |= {"problem": "glucose"}
    if entry.get("no_alert"):
        said |= {"no_alert": True}
    if entry.get("technical"):
        said |= {"category": "technical"}
    return said
