"""A patient's profile in the words of the page: who they are, where in their course, what moves their normal."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from alerts.desk.consent import Withdrawal, dated
from alerts.desk.watched import watched
from alerts.explain import UNITS, called
from alerts.language import ENGLISH, voice
from models.evidence import load
from models.expectation import expect
from models.phrases import say
from models.profile import Profile, Target, parse_profile, sees
from models.profile_fields import coded
from models.readings import Refused
from models.terminology import condition_id
from models.trajectory import anchored, is_course
from models.vitals import BY_NAME, VITALS

FOLLOWED = "spo2"
"""Whose prescribed range the limits follow, by its lower end (floors.yaml: target)."""


def in_words(
    body: str | None,
    at: datetime,
    language: str = ENGLISH,
    off: frozenset[str] = frozenset(),
    withdrawn: Sequence[Withdrawal] = (),
) -> dict[str, Any] | None:
    """The profile as lines of (what, words), phases, modifiers and what is watched more closely on the patient's day at
    that time; None when none is known.

    language: of the phases and modifiers, as alerts tell them too; off: ids of modifiers and pairs that the deployment
    leaves out; withdrawn: since when what is not shown."""
    if body is None:
        return None
    try:
        profile = parse_profile(body.encode())
    except Refused as refused:
        return {
            "lines": [],
            "phases": [],
            "modifiers": [],
            "watched": [],
            "problem": f"The profile cannot be read: {refused}",
        }
    on = at.astimezone(ZoneInfo(profile.timezone)).date()
    expected, spoken = expect(profile, on, off), voice(language)
    moved: dict[str, list[str]] = {}
    for modifier in expected.modifiers:
        vital = VITALS[modifier.vital].name if modifier.vital is not None else ""
        moved.setdefault(say(modifier.label, spoken), []).append(vital)
    return {
        "lines": _lines(profile, on, withdrawn),
        "phases": [{"label": say(phase.label, spoken), "expected": phase.expected} for phase in expected.phases],
        "modifiers": [{"label": label, "vitals": list(dict.fromkeys(vitals))} for label, vitals in moved.items()],
        "watched": watched(profile, on, off),
        "problem": None,
    }


def _lines(profile: Profile, on: date, withdrawn: Sequence[Withdrawal]) -> list[list[str]]:
    told = [
        ["Age", _age(profile.birth_date, on)],
        ["Sex", profile.sex or ""],
        ["Conditions", _conditions(profile, on)],
        ["Medication", ", ".join(_words(m.code) for m in profile.medications if m.stop is None or m.stop >= on)],
        ["Genetics", _genetics(profile)],
        ["Targets set", ", ".join(_target(target) for target in profile.targets)],
        ["Devices", ", ".join(d.device for d in profile.devices if d.until is None)],
        ["Time zone", profile.timezone],
        ["Consent", _consent(profile, {one.vital: one.since_s for one in withdrawn})],
    ]
    return [line for line in told if line[1]]


def _genetics(profile: Profile) -> str:
    """What the patient does not want to be used is not shown either, only that it is so."""
    if profile.genomics and not profile.consent.genomics:
        return "withheld by the patient"
    results = [(f"{_words(one.gene)} {one.phenotype.replace('_', ' ')}", one.confirmed) for one in profile.genomics]
    return ", ".join(words if confirmed else f"{words} (not confirmed, without effect)" for words, confirmed in results)


def _age(born: date | None, on: date) -> str:
    """Of a child also that nothing here was made for children."""
    if born is None:
        return ""
    child = years(born, on) < load("design")["population"]["age_range"]["min"]
    return f"{years(born, on)} years" + (" (levels and limits here are those of adults)" if child else "")


def years(born: date, on: date) -> int:
    """Full years of age on that day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _conditions(profile: Profile, on: date) -> str:
    dated = {at.condition for at in anchored(profile, on)}
    return ", ".join(_condition(one.code, dated) for one in profile.conditions)


def _condition(code: Any, dated: Collection[str]) -> str:
    """One that the evidence does not know is watched by nothing of its own, and a recovery of which nobody says since
    when by nothing that is counted from a day, which nobody must take for granted."""
    known = condition_id(*coded(code))
    if known is None:
        return f"{_words(code)} (not known here, without effect)"
    undated = is_course(known) and known not in dated
    return _words(code) + (" (without a date: what is counted from one has no effect)" if undated else "")


def _words(code: Any) -> str:
    return coded(code)[0].replace("_", " ")


def _target(target: Target) -> str:
    """`Oxygen saturation 88 to 92 % (dr-4)`. That no limit follows one of another vital, nobody must find out by it."""
    unit = BY_NAME[target.vital].unit
    without = "" if target.vital == FOLLOWED and target.low is not None else "; no limit here follows it"
    said = f"{called(target.vital)} {_range(target.low, target.high)} {UNITS.get(unit, unit)}"
    return f"{said} ({target.author}{without})"


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"up to {high:g}" if low is None else f"from {low:g}"
    return f"{low:g} to {high:g}"


def _consent(profile: Profile, since: Mapping[str | None, float | None]) -> str:
    if not profile.consent.monitoring:
        return f"monitoring withdrawn{dated(' on', since.get(None))}"
    unseen = [vital for vital, seen in zip(VITALS, sees(profile), strict=True) if not seen]
    withheld = [f"{vital.label}{dated(' since', since.get(vital.name))}" for vital in unseen]
    return f"monitoring, without {', '.join(withheld)}" if withheld else "monitoring"
