"""What is normal for someone with this profile, on this day, before any reading of theirs has been seen.

The population prior is moved by named modifiers, each of which can be seen, and switched off. The order is fixed: age
and sex, conditions, levels that a variant sets, drugs and what a genotype adds to them, a bound; then the level that
the patient states as usual (it already contains all of those); then what it does not contain: drugs begun lately, and
the course of a disease or recovery.
A modifier moves a prior. No safety floor depends on any of them.
"""

import math
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models import moves
from models.draft import Draft, Modifier
from models.effects import vitals_of
from models.evidence import load
from models.phrases import counted, figure, inside, joined, phrase
from models.prior import from_scale, prior, rhythm, to_scale
from models.profile import Profile, SkinTone
from models.situation import Situation, situation
from models.trajectory import Phase, path_levels, phase_of
from models.vitals import BY_NAME, VITALS, Vital
from models.wording import UNITS, unbracketed

Floats = NDArray[np.float64]
BREATHING = BY_NAME["respiratory_rate"].index


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What is expected of every vital, (17,) float64 each, in the order of VITALS and on its working scale.

    mean: NaN where only a personal level means anything and none is stated; sd_between: how far this patient's own
    level may lie from it; sd_within: from day to day; sd_meas: the device. amplitude: half peak to trough of the day,
    0 if unknown; acrophase_h: local clock hour of its peak [h].
    population: the mean without modifiers (a stated level where there is no other). path: the part of `mean` that is
    the course of a disease or recovery on this day; path_sd: how surely it is known, a part of `sd_between`;
    path_factor: by how much the day's course widens `sd_within` [1]. settling_sd: how much of what new drugs do may not
    have come yet. These four also hold on top of what was learned from own data. caution: what has to be said of every
    vital, None if nothing.
    """

    mean: Floats
    sd_between: Floats
    sd_within: Floats
    sd_meas: Floats
    amplitude: Floats
    acrophase_h: Floats
    population: Floats
    path: Floats
    path_sd: Floats
    path_factor: Floats
    settling_sd: Floats
    modifiers: tuple[Modifier, ...]
    phases: tuple[Phase, ...]
    caution: str | None = None

    def settled(self) -> "Expectation":
        """The same without the course of the day: what holds of the patient before, and after it."""
        between = np.sqrt(np.maximum(self.sd_between**2 - self.path_sd**2, 0.0))
        within = self.sd_within / self.path_factor
        return replace(
            self, mean=_fixed(self.mean - self.path), sd_between=_fixed(between), sd_within=_fixed(within),
            path=_NO_PATH, path_sd=_NO_PATH, path_factor=_NO_PATH + 1.0,
        )  # fmt: skip


def expect(profile: Profile, on: date, off: frozenset[str] = frozenset()) -> Expectation:
    """The expectation of this profile on this day (the patient's date). `off`: ids of modifiers that are left out."""
    now, draft = situation(profile, on), Draft(off)
    _age(draft, now)
    _sex(draft, now)
    draft.reference = list(draft.mean)
    draft.stack(moves.of_conditions(now), "conditions")
    draft.stack(moves.of_variants(now), "conditions")
    draft.stack([*moves.of_drugs(now, recent=False), *moves.of_genotypes(now, recent=False)], "medications")
    draft.bound()
    _stated(draft, profile)
    draft.stack([*moves.of_drugs(now, recent=True), *moves.of_genotypes(now, recent=True)], "medications")
    draft.passing = True
    draft.stack(moves.of_courses(now), "conditions")
    _paths(draft, now)
    phases = _phases(draft, now)
    _skin_tone(draft, profile.skin_tone)
    draft.keep_physical()
    return replace(_expectation(draft, phases), caution=_caution(now))


@lru_cache(maxsize=64)
def of_anybody(on: date) -> Expectation:
    """What to expect of somebody of whom nothing is known."""
    return expect(Profile.model_validate({"patient": "anybody", "version": 0, "consent": {"monitoring": True}}), on)


PERSONAL_IDS = ("age", "sex", "usual", "weight_kg", "skin_tone", "bound", "physical_range")
"""Of modifiers that rest on no condition, drug or gene."""


def modifier_ids() -> frozenset[str]:
    """Every id that `off` can name: of the modifiers, and of the pairs of a gene and a drug that bring rules."""
    conditions, genomics = load("conditions")["conditions"], load("genomics")["pairs"]
    ids = [*PERSONAL_IDS, *(entry["id"] for entry in (*conditions, *load("medications")["classes"], *genomics))]
    ids += [f"{entry['id']}.{phase['id']}" for entry in conditions for phase in entry["phases"]]
    return frozenset(
        ids + [f"{line['gene']}_phenoconversion" for line in load("design")["genomics"]["phenoconversion"]]
    )


def describe(expectation: Expectation, vital_index: int) -> list[str]:
    """The modifiers of one vital in words, in the order in which they act: 'metoprolol: 11 /min lower'; before them
    what has to be said of every vital."""
    mine = (m for m in expectation.modifiers if m.vital == vital_index)
    first = [] if expectation.caution is None else [expectation.caution]
    return first + [phrase("{modifier}: {change}", modifier=m.label, change=_change(m)) for m in mine]


def _caution(now: Situation) -> str | None:
    """The evidence knows no children: what is expected of them, and every limit, is an adult's, and nobody may take a
    word about normal for more than that."""
    if now.years is None or now.years >= load("design")["population"]["age_range"]["min"]:
        return None
    return phrase("age {years}, with levels and limits of adults", years=figure(int(max(now.years, 0))))


def _age(draft: Draft, now: Situation) -> None:
    start, older = prior(), load("design")["population"]["older_breathing"]
    if now.age is None:
        return
    for i, slope in enumerate(start.age_slope):
        widens = i == BREATHING and now.age > older["over_age"]
        if slope or widens:
            delta, between = slope * (now.age - start.age_reference), start.sd_known_age[i] / start.sd_between[i]
            within = older["cv"] * start.mean[i] / start.sd_within[i] if widens else 1.0
            source = " ".join(older["src"]) if widens else start.source[i]
            label = _in_years(now.age, kept=now.age != now.years)
            draft.add(Modifier("age", i, label, delta, within, source, "person", sd_between_factor=between))


def _in_years(age: float, *, kept: bool) -> str:
    """kept: within the ages on which the evidence was fitted, while the patient is younger or older."""
    years = figure(int(age))
    return phrase("age taken as {years}", years=years) if kept else phrase("age {years}", years=years)


def _sex(draft: Draft, now: Situation) -> None:
    start, share = prior(), load("design")["population"]["sex_contrast"]["share"]
    if now.sex is None:
        return
    label, sign = (phrase("woman"), 1) if now.sex == "female" else (phrase("man"), -1)
    for i, contrast in enumerate(start.female_minus_male):
        if contrast:
            delta, between = sign * share * contrast, start.sd_known_sex[i] / start.sd_between[i]
            draft.add(Modifier("sex", i, label, delta, 1.0, start.source[i], "person", sd_between_factor=between))


def _stated(draft: Draft, profile: Profile) -> None:
    """The levels that the patient or the team calls usual, and the weight of the profile."""
    stated = {BY_NAME[name].index: ("usual", value) for name, value in profile.usual.items()}
    if profile.weight_kg is not None:
        stated.setdefault(BY_NAME["body_weight"].index, ("weight_kg", profile.weight_kg))
    twins = [BY_NAME[name].index for name in load("design")["moving"]["mirror"]["vitals"]]
    for i, (id, value) in sorted(stated.items()):
        if VITALS[i].categorical or id in draft.off:
            continue
        delta = _state(draft, VITALS[i], id, to_scale(VITALS[i].scale, value))
        other = twins[1 - twins.index(i)] if i in twins else i
        if other not in stated:
            draft.add(Modifier("usual", other, _usual(VITALS[i]), delta, 1.0, "DESIGN", "stated"))


def _state(draft: Draft, vital: Vital, id: str, level: float) -> float:
    """Pull the mean to a stated level [working scale] as so many days of own data would (methods.md: w = n / (n +
    (sd_within / sd_between)^2)), or take it as it is where the population has no level. Returns the pull."""
    design, i = load("design")["stated"], vital.index
    if math.isnan(draft.mean[i]):
        draft.mean[i] = draft.population[i] = draft.reference[i] = level
        delta, between = 0.0, design["sd_between"][vital.name] / draft.sd_between[i]
    else:
        days = design["counts_as_days"]["value"]
        weight = days / (days + (draft.sd_within[i] / draft.sd_between[i]) ** 2)
        delta, between = weight * (level - draft.mean[i]), math.sqrt(1 - weight)
    label = _usual(vital) if id == "usual" else phrase("stated {vital}", vital=_inside(vital))
    draft.add(Modifier(id, i, label, delta, 1.0, "DESIGN", "stated", sd_between_factor=between))
    return delta


def _usual(vital: Vital) -> str:
    """'usual daily resting heart rate', without what the label has in brackets."""
    return phrase("usual {vital}", vital=_inside(vital))


def _inside(vital: Vital) -> str:
    name = unbracketed(vital.label)
    return inside(phrase(name), name.lower())


def _paths(draft: Draft, now: Situation) -> None:
    """Where the course prescribes a level (pregnancy), the step to it from what age and sex alone would give."""
    first, second = (BY_NAME[name].index for name in load("design")["moving"]["mirror"]["vitals"])
    for at in now.courses.values():
        steps = {p.vital: (p.level - draft.reference[p.vital], p.source) for p in path_levels(at)}
        if first in steps and second not in steps:
            steps[second] = steps[first]
        for vital, (step, source) in steps.items():
            draft.add(Modifier(at.condition, vital, at.words(), step, 1.0, source, "course"))


def _phases(draft: Draft, now: Situation) -> tuple[Phase, ...]:
    """The phases of today; a phase that makes people less steady widens what their condition moves."""
    found = tuple(phase for at in now.courses.values() if (phase := phase_of(at)) is not None)
    for phase in found:
        for vital in sorted(vitals_of(phase.condition)):
            id = f"{phase.condition}.{phase.id}"
            draft.add(Modifier(id, vital, phase.label, 0.0, phase.sd_mult, phase.source, "phase"))
    return found


def _skin_tone(draft: Draft, tone: SkinTone | None) -> None:
    """Oximeters read less surely on measured dark skin: more doubt, and never a shift (equity.yaml monitor_rules)."""
    design = load("design")["skin_tone"]
    if tone is None or not _dark(tone, design["dark"]):
        return
    doubt, i = design["spo2"], BY_NAME["spo2"].index
    wanted = math.hypot(doubt["device_sd"], doubt["person_sd"], doubt["person_bias"])
    factor, source = max(1.0, wanted / draft.sd_meas[i]), " ".join(doubt["src"])
    label = phrase("oximeters are less sure on dark skin")
    draft.add(Modifier("skin_tone", i, label, 0.0, 1.0, source, "device", sd_meas_factor=factor))


def _dark(tone: SkinTone, dark: dict[str, float]) -> bool:
    if tone.scale == "ita":
        return tone.value < dark["ita_below"]
    return tone.value >= dark["monk_min" if tone.scale == "monk" else "fitzpatrick_min"]


def _expectation(draft: Draft, phases: tuple[Phase, ...]) -> Expectation:
    day, mean = rhythm(), _fixed(draft.mean)
    return Expectation(
        mean=mean,
        sd_between=_fixed(draft.sd_between),
        sd_within=_fixed(draft.sd_within),
        sd_meas=_fixed(draft.sd_meas),
        amplitude=_fixed(day.amount + np.where(day.share > 0, day.share * np.nan_to_num(mean), 0.0)),
        acrophase_h=_fixed(day.acrophase_h),
        population=_fixed(draft.population),
        path=_fixed(draft.path),
        path_sd=_fixed(np.sqrt(np.array(draft.path_variance))),
        path_factor=_fixed(draft.path_factor),
        settling_sd=_fixed(np.sqrt(np.array(draft.settling_variance))),
        modifiers=tuple(draft.modifiers),
        phases=phases,
    )


def _fixed(values: list[float] | Floats) -> Floats:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


_NO_PATH = _fixed(np.zeros(len(VITALS)))


def _change(modifier: Modifier) -> str:
    """What one modifier does, in words."""
    vital, parts = VITALS[modifier.vital], list[str]()
    if modifier.delta_mean > 0:
        parts.append(phrase("{amount} higher", amount=_amount(vital, modifier.delta_mean)))
    if modifier.delta_mean < 0:
        parts.append(phrase("{amount} lower", amount=_amount(vital, modifier.delta_mean)))
    if modifier.sd_factor != 1:
        parts.append(phrase("varies {factor} times as much", factor=figure(modifier.sd_factor, ".2g")))
    if modifier.sd_meas_factor != 1:
        factor = figure(modifier.sd_meas_factor, ".2g")
        parts.append(phrase("the device counts as {factor} times as uncertain", factor=factor))
    return joined(parts, ", ") if parts else phrase("the level is surer")


def _amount(vital: Vital, delta: float) -> str:
    """In the canonical unit; on a logarithmic scale in percent of the level."""
    if vital.scale != "raw":
        return figure(abs(from_scale("ln", delta) - 1), ".0%")
    amount = figure(abs(delta), ".2g")
    n = 1 if amount == "1" else 2
    match vital.unit:
        case "%":
            return counted("{amount} %-points", "{amount} %-points", n=n, amount=amount)
        case "{steps}":
            return counted("{amount} steps", "{amount} steps", n=n, amount=amount)
    return joined([amount, UNITS.get(vital.unit, vital.unit)])
