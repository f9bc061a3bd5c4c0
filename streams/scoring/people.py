"""What a profile says about a patient in the words of the equity report: age band, skin tone, devices, conditions."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from models.evidence import load
from models.terminology import condition_id
from models.times import from_us
from streams.engine.sources import source_of
from streams.scoring.records import Json, Span

NONE_KNOWN = "none known"
AGE_BANDS = ((40, "under 40"), (65, "40 to 64"), (80, "65 to 79"))
OLDEST = "80 and over"
_Values = frozenset[str]


def age_band(profile: Json, span: Span | None) -> _Values:
    """The age at the start of the observation."""
    try:
        born = date.fromisoformat(str(profile.get("birth_date")))
    except ValueError:
        return frozenset()
    if span is None:
        return frozenset()
    age = (from_us(span[0]).date() - born).days / 365.25
    return frozenset({next((name for limit, name in AGE_BANDS if age < limit), OLDEST)})


def skin_tone(profile: Json, span: Span | None) -> _Values:
    """Measured skin tone, dark or not, as the evidence draws the line (design.yaml skin_tone.dark)."""
    tone = profile.get("skin_tone")
    if not isinstance(tone, Mapping) or not isinstance(tone.get("value"), int | float):
        return frozenset()
    dark, number = load("design")["skin_tone"]["dark"], float(tone["value"])
    if tone.get("scale") == "ita":
        return frozenset({"dark" if number < dark["ita_below"] else "lighter"})
    least = dark["monk_min" if tone.get("scale") == "monk" else "fitzpatrick_min"]
    return frozenset({"dark" if number >= least else "lighter"})


def device(profile: Json, span: Span | None) -> _Values:
    """The models: device ids without their last part, which is the single device's, as sources are told apart."""
    named = (entry.get("device") for entry in _listed(profile, "devices"))
    return frozenset(source_of(name) for name in named if isinstance(name, str))


def condition(profile: Json, span: Span | None) -> _Values:
    """Every condition of the profile, by the evidence's id where it has one in whatever code. A profile without any is
    a group of its own."""
    codes = (entry.get("code") for entry in _listed(profile, "conditions"))
    pairs = [(one.get("code"), one.get("system")) if isinstance(one, Mapping) else (one, None) for one in codes]
    named = {condition_id(str(code), system and str(system)) or str(code) for code, system in pairs}
    return frozenset(named) or frozenset({NONE_KNOWN})


def _listed(profile: Json, name: str) -> list[Mapping[str, Any]]:
    entries = profile.get(name)
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


DERIVED: dict[str, Callable[[Json, Span | None], _Values]] = {
    "age_band": age_band,
    "skin_tone": skin_tone,
    "device": device,
    "condition": condition,
}
"""Fields for `--by` that no profile has in these words."""
