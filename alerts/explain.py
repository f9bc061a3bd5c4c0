"""The words of an alert: plain sentences made from its evidence, as a nurse would say them. No language model.

What is said is what was decided on: the value, the patient's own band, how old and how sure the baseline is, which
modifiers applied, data quality, which other vitals had moved, and whether a limit that holds for everyone would have
fired too. All of it is made of `models.phrases`, and told in the language of the deployment.
"""

from collections.abc import Sequence
from datetime import datetime

from alerts.events import Evidence
from models.findings import Kind, Severity
from models.phrases import counted, figure, inside, joined, moment, phrase
from models.times import from_us
from models.vitals import BY_NAME
from models.wording import level_of, unbracketed

SURE, LEARNING = 0.8, 0.3
"""Share of the level that is the patient's own, above which a baseline is called that, or still learning."""

FINE_BELOW = 1000
"""From here on no limit hangs on a part of a unit: steps."""


def title(vital: str, direction: str, kind: Kind, limit: str | None) -> str:
    """One line for the worklist.

    >>> title("heart_rate", "high", "deviation", None)
    'Heart rate high for this patient'
    >>> title("spo2", "low", "limit", "below 80 %")
    'Oxygen saturation below 80 %'
    >>> title("consciousness", "high", "limit", "New confusion or worse")
    'Level of consciousness: New confusion or worse'
    """
    name = called(vital)
    if kind == "limit" and limit and BY_NAME[vital].categorical:
        return phrase("{vital}: {limit}", vital=name, limit=limit)
    if kind == "limit" and limit:
        return phrase("{vital} {limit}", vital=name, limit=limit)
    if direction == "high":
        return phrase("{vital} high for this patient", vital=name)
    return phrase("{vital} low for this patient", vital=name)


def ahead_title(low: float) -> str:
    """One line for the worklist.

    >>> ahead_title(70)
    'Glucose may fall below 70 mg/dL within half an hour'
    """
    return phrase("Glucose may fall below {low} mg/dL within half an hour", low=figure(low, "g"))


def ahead(value: float, at_us: int, low: float, chance: float) -> str:
    """Why a low glucose is expected."""
    return phrase(
        "Measured {value} on {moment}. By how it has been falling, and how this patient's glucose moves, a fall below "
        "{low} mg/dL within half an hour has a chance of {chance}.",
        value=number(value, "mg/dL"), moment=moment(from_us(at_us)), low=figure(low, "g"), chance=figure(chance, ".0%"),
    )  # fmt: skip


def not_ahead(value: float, at_us: int, low: float) -> str:
    """Why a low glucose is no longer expected."""
    return phrase(
        "Measured {value} on {moment}. A fall below {low} mg/dL within half an hour is no longer expected.",
        value=number(value, "mg/dL"), moment=moment(from_us(at_us)), low=figure(low, "g"),
    )  # fmt: skip


def drifted_title(vital: str, high: bool) -> str:
    """One line for the worklist.

    >>> drifted_title("resting_heart_rate", True)
    'Resting heart rate drifting up for this patient'
    """
    if high:
        return phrase("{vital} drifting up for this patient", vital=called(vital))
    return phrase("{vital} drifting down for this patient", vital=called(vital))


def drifted(vital: str, value: float, usual: float, days: int, score: float, learned: float) -> str:
    """Why a drift is told.

    >>> drifted("resting_heart_rate", 66.1, 60.2, 5, 4.2, 45).partition(";")[0]
    'Last 66 /min, usual for this patient 60 /min (learned over 45 days). All of the last 6 days lie on that side'
    """
    said, away = _last(vital, value, usual, learned), figure(abs(score), ".1f")
    if not days:
        why = phrase(
            "As a week that is {away} standard deviations away; no single day need be out of the band.", away=away
        )
        return joined([said, why])
    why = phrase(
        "All of the last {days} days lie on that side; as a week that is {away} standard deviations away; no single "
        "day need be out of the band.",
        days=figure(days + 1), away=away,
    )  # fmt: skip
    return joined([said, why])


def drifted_by_night(vital: str, value: float, usual: float, days: int, score: float, learned: float) -> str:
    """Why two nights are told as a drift is; days is as of `drifted`, which two nights say by themselves.

    >>> drifted_by_night("heart_rate", 71.4, 55.2, 1, 4.2, 45).partition(". ")[2]
    'Both of the last two nights lie 4.2 standard deviations or further away.'
    """
    away = figure(abs(score), ".1f")
    why = phrase("Both of the last two nights lie {away} standard deviations or further away.", away=away)
    return joined([_last(vital, value, usual, learned), why])


def drifted_at_once(vital: str, value: float, usual: float, days: int, score: float, learned: float) -> str:
    """Why two days are told as a drift is, of what moves little from day to day; days is as of `drifted`.

    >>> drifted_at_once("resting_heart_rate", 71.4, 65.2, 1, 4.2, 45).partition(". ")[2]
    'Both of the last two days lie 4.2 standard deviations or further from where the day before led to expect them.'
    """
    away = figure(abs(score), ".1f")
    why = phrase(
        "Both of the last two days lie {away} standard deviations or further from where the day before led to expect "
        "them.",
        away=away,
    )  # fmt: skip
    return joined([_last(vital, value, usual, learned), why])


def _last(vital: str, value: float, usual: float, learned: float) -> str:
    unit = BY_NAME[vital].unit
    return phrase(
        "Last {value}, usual for this patient {usual} (learned over {days} days).",
        value=number(value, unit), usual=number(usual, unit), days=figure(learned, ".0f"),
    )  # fmt: skip


def withheld(own: float, days: int) -> str:
    """Why a change that would be told of anybody else is not told of this patient.

    >>> withheld(4.31, 10)
    "Below this patient's own limit of 4.3 standard deviations (alert budget); told if it still stands in 10 days."
    """
    return phrase(
        "Below this patient's own limit of {own} standard deviations (alert budget); told if it still stands in {days} "
        "days.",
        own=figure(own, ".1f"), days=figure(days),
    )  # fmt: skip


def withheld_here(own: float, windows: int) -> str:
    """Why a deviation that stands is not told of this patient.

    >>> withheld_here(2.75, 4)
    "Below this patient's own limit of 2.8 standard deviations (alert budget); told if it goes on for 4 measurements."
    """
    return phrase(
        "Below this patient's own limit of {own} standard deviations (alert budget); told if it goes on for {windows} "
        "measurements.",
        own=figure(own, ".1f"), windows=figure(windows),
    )  # fmt: skip


def lasting(own: float, days: int) -> str:
    """Why a change is told that does not reach the patient's own limit.

    >>> lasting(4.31, 10)
    "It is below this patient's own limit of 4.3 standard deviations, and told because it has stood for 10 days."
    """
    return phrase(
        "It is below this patient's own limit of {own} standard deviations, and told because it has stood for {days} "
        "days.",
        own=figure(own, ".1f"), days=figure(days),
    )  # fmt: skip


def together(score: float, parts: Sequence[tuple[str, bool, float]]) -> str:
    """Why a change of several vitals is told; parts: name, whether up is worse, and by how many SD of a week.

    >>> together(3.1, [("resting_heart_rate", True, 2.1), ("steps", False, 1.6)]).partition(": ")[2].partition(". ")[0]
    'resting heart rate up (2.1), steps down (1.6)'
    """
    return phrase(
        "Over the last week several vitals together moved {score} standard deviations towards getting worse: {moved}. "
        "No one of them need be out of the patient's own band.",
        score=figure(score, ".1f"), moved=joined([_moved(*part) for part in parts], ", "),
    )  # fmt: skip


def accounted(modifiers: Sequence[tuple[str, Sequence[str]]]) -> str:
    """What was taken into account of each of several vitals; nothing is said of those with no modifiers.

    >>> accounted([("resting_heart_rate", ["metoprolol: 11 /min lower", "age 75"]), ("steps", [])])
    'Taken into account: resting heart rate (metoprolol: 11 /min lower, age 75).'
    """
    some = [(named(vital), joined(mine, ", ")) for vital, mine in modifiers if mine]
    each = [phrase("{vital} ({modifiers})", vital=vital, modifiers=mine) for vital, mine in some]
    return phrase("Taken into account: {modifiers}.", modifiers=joined(each, "; ")) if each else ""


def _moved(vital: str, up: bool, by: float) -> str:
    said = {"vital": named(vital), "by": figure(by, ".1f")}
    return phrase("{vital} up ({by})", **said) if up else phrase("{vital} down ({by})", **said)


def called(vital: str) -> str:
    """A vital at the beginning of a line.

    >>> called("spo2"), called("respiratory_rate")
    ('Oxygen saturation', 'Respiratory rate')
    """
    return _NAMES.get(vital) or phrase(unbracketed(BY_NAME[vital].label).strip())


def named(vital: str) -> str:
    """A vital inside a sentence.

    >>> named("heart_rate"), named("fev1"), named("peak_flow")
    ('heart rate', 'FEV1', 'peak expiratory flow')
    """
    name = called(vital)
    return inside(name, name if name[:2].isupper() else name[0].lower() + name[1:])


def explain(
    kind: Kind, evidence: Evidence, others: Sequence[Evidence], onset_us: int, population: bool, retrospective: bool
) -> str:
    """Why this alert, in a few sentences. others: vitals that had moved at the same time."""
    sentences = [
        late() if retrospective else "",
        _measured(evidence),
        _band(evidence),
        _certainty(evidence),
        _modifiers(evidence),
        _quality(evidence),
        phrase("It began on {moment}.", moment=moment(from_us(onset_us))),
        _others(others),
        _population(kind, population),
    ]
    return joined(s for s in sentences if s)


def late() -> str:
    """What every explanation begins with that is not about now."""
    return phrase("These readings arrived late: this is about the past, not about now.")


def grounded(said: str, kind: Kind, evidence: Evidence, others: Sequence[Evidence], population: bool) -> str:
    """Why this alert, where it has words of its own: with what every explanation says and they do not."""
    about = {
        "condition": [_band(evidence), _certainty(evidence), _modifiers(evidence)],
        "change_index": [_latest(evidence)],
    }
    first = about.get(kind, [_modifiers(evidence)])
    sentences = [said, *first, _quality(evidence), _others(others), _population(kind, population)]
    return joined(s for s in sentences if s)


_NAMES = {
    "heart_rate": phrase("Heart rate"), "spo2": phrase("Oxygen saturation"), "body_temperature": phrase("Temperature"),
    "hrv_rmssd": phrase("Heart rate variability"), "systolic_bp": phrase("Systolic blood pressure"),
    "diastolic_bp": phrase("Diastolic blood pressure"), "fev1": phrase("FEV1"), "qtc": phrase("QTc"),
    "resting_heart_rate": phrase("Resting heart rate"), "skin_temperature": phrase("Skin temperature"),
    "glucose": phrase("Glucose"), "body_weight": phrase("Weight"), "steps": phrase("Steps"),
    "sleep_duration": phrase("Sleep duration"),
}  # fmt: skip

SEVERITY_WORDS: dict[Severity, str] = {
    "info": phrase("info"), "advisory": phrase("advisory"), "urgent": phrase("urgent"),
    "emergency": phrase("emergency"),
}  # fmt: skip
UNITS: dict[str, str] = {"Cel": "°C", "mm[Hg]": "mmHg", "{steps}": phrase("steps")}


def number(value: float | None, unit: str | None, *, fine: bool = False) -> str:
    """A value as people write it; fine: with a digit more than they do.

    >>> number(72.04, "/min"), number(36.64, "Cel"), number(None, "%"), number(92.61, "%", fine=True)
    ('72 /min', '36.6 °C', 'no value', '92.6 %')
    """
    if value is None:
        return phrase("no value")
    shown = UNITS.get(unit or "", unit or "")
    digits = (0 if abs(value) >= 60 else 1) + fine
    return joined(filter(None, [figure(value, f".{digits}f"), shown]))


def measured(value: float | None, unit: str | None) -> str:
    """A value as it was measured: with a digit more where the usual ones could put it on the other side of a limit.

    >>> measured(79.6, "%"), measured(104.0, "/min"), measured(1210.4, "{steps}")
    ('79.6 %', '104 /min', '1210 steps')
    """
    rounded = value is not None and FINE_BELOW > abs(value) >= 60 and round(value) != round(value, 1)
    return number(value, unit, fine=rounded)


def _measured(e: Evidence) -> str:
    at = moment(datetime.fromisoformat(e.at))
    if e.value is not None and _has_levels(e):
        return phrase("Found on {moment}: {level}.", moment=at, level=level_of(e.value))
    return phrase("Measured {value} on {moment}.", value=measured(e.value, e.unit), moment=at)


def _latest(e: Evidence) -> str:
    return phrase("The latest figure is of {vital}: {value}.", vital=named(e.vital), value=measured(e.value, e.unit))


def _has_levels(e: Evidence) -> bool:
    """Whether what stands in its place as a number is a level with a name."""
    return BY_NAME[e.vital].categorical


def _band(e: Evidence) -> str:
    if _has_levels(e):
        return ""
    if e.expected is None or e.low is None or e.high is None:
        return phrase("There is no band of the patient's own to compare with yet.")
    known = {"usual": number(e.expected, e.unit), "low": number(e.low, None), "high": number(e.high, e.unit)}
    if e.score is None:
        return phrase("Expected for this patient: {usual}, own band {low} to {high}.", **known)
    return phrase(
        "Expected for this patient: {usual}, own band {low} to {high}, {away} standard deviations away.",
        away=figure(abs(e.score), ".1f"), **known,
    )  # fmt: skip


def _certainty(e: Evidence) -> str:
    if e.own_weight is None or e.baseline_days is None:
        return ""
    days = counted("{n} day", "{n} days", n=round(e.baseline_days))
    if e.own_weight >= SURE:
        return phrase("The band is the patient's own, learned over {days}.", days=days)
    if e.own_weight >= LEARNING:
        return phrase(
            "The band is still being learned ({days} so far, {share} the patient's own).",
            days=days, share=figure(e.own_weight, ".0%"),
        )  # fmt: skip
    return phrase("The band comes mostly from the profile ({days} of own readings so far).", days=days)


def _modifiers(e: Evidence) -> str:
    return phrase("Taken into account: {modifiers}.", modifiers=", ".join(e.modifiers)) if e.modifiers else ""


def _quality(e: Evidence) -> str:
    if e.quality is None:
        return ""
    return phrase("The device reported a signal quality of {share}.", share=figure(e.quality, ".0%"))


def _others(others: Sequence[Evidence]) -> str:
    if not others:
        return ""
    return phrase("At the same time: {others}.", others=joined([_outside(one) for one in others], "; "))


def _outside(e: Evidence) -> str:
    """A vital that stands outside its own band; with one more digit where the others would not show that it does. One
    that the alert is about as well: when it was measured."""
    if e.high is None:
        at = moment(datetime.fromisoformat(e.at))
        return phrase("{vital} {value} on {moment}", vital=named(e.vital), value=measured(e.value, e.unit), moment=at)
    above = (e.score or 0.0) > 0
    fine = number(e.value, None) == number(e.high if above else e.low, None)
    said = {"vital": named(e.vital), "value": number(e.value, e.unit, fine=fine)}
    band = {"low": number(e.low, None, fine=fine), "high": number(e.high, None, fine=fine)}
    if above:
        return phrase("{vital} {value}, above this patient's own band ({low} to {high})", **said, **band)
    return phrase("{vital} {value}, below this patient's own band ({low} to {high})", **said, **band)


def _population(kind: Kind, population: bool) -> str:
    if kind == "limit":
        return phrase("This is a limit that holds for everyone.")
    if population:
        return phrase("A limit for everyone would have fired too.")
    if kind == "change_index":
        return phrase("No limit for everyone is broken by it.")
    return phrase("No limit for everyone is broken.")
