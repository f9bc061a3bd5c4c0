"""The patient's document (CONTRACT 2): what is known before any reading, and what the patient has consented to.

Pydantic, because people write it and a clear error matters more than speed. Unknown fields are refused at every level:
a misspelt `withheld_vitals` must not disclose what the patient withheld. An unknown condition, drug or gene is kept and
has no effect, because to refuse the whole profile would leave the patient without monitoring; `unrecognised` lists it.
"""

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationError, model_validator

from models import mending, terminology
from models.profile_fields import (
    Code,
    Coding,
    Day,
    Document,
    Flag,
    Id,
    Instant,
    Name,
    Number,
    Text,
    VitalName,
    Whole,
    coded,
    in_order,
    is_timezone,
    physical,
)
from models.readings import MAX_PROFILE_BYTES, Reason, Refused
from models.times import to_us
from models.vitals import BY_NAME, VITALS

MAX_ITEMS = 256
"""Entries of one list (conditions, medications, ...): ten times the longest real problem or drug list, so that only a
broken export meets it, and the work a profile can cause stays bounded."""


class SkinTone(Document):
    """Measured skin tone: Monk 1..10, Fitzpatrick 1..6, or the individual typology angle [degrees]."""

    scale: Literal["monk", "fitzpatrick", "ita"]
    value: Number

    @model_validator(mode="after")
    def _on_its_scale(self) -> Self:
        low, high = {"monk": (1, 10), "fitzpatrick": (1, 6), "ita": (-90, 90)}[self.scale]
        if not low <= self.value <= high:
            raise ValueError(f"must lie in {low}..{high} on the scale {self.scale}")
        if self.scale != "ita" and not self.value.is_integer():
            raise ValueError(f"must be a whole number on the scale {self.scale}")
        return self


class Condition(Document):
    code: Code
    since: Day | None = None


class Medication(Document):
    """A drug; `stop` is the last day it is taken."""

    code: Code
    start: Day | None = None
    stop: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        in_order(self.start, self.stop, "start and stop")
        return self


class Genotype(Document):
    """A result for one gene; only a clinically confirmed one may change a figure."""

    gene: Code
    phenotype: Name
    confirmed: Flag = False


class TrajectoryAnchor(Document):
    """An event from which the course of a condition is counted (surgery, discharge, cycle_day1, gestation, ...)."""

    condition: Code
    anchor: Name
    date: Day


class Target(Document):
    """A range that a clinician set for this patient, in the vital's canonical unit."""

    vital: VitalName
    low: Number | None = None
    high: Number | None = None
    author: Name
    reason: Text | None = None

    @model_validator(mode="after")
    def _makes_a_range(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("needs low, high or both")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        for limit in (self.low, self.high):
            if limit is not None:
                physical(self.vital, limit)
        return self


class Device(Document):
    """device: as readings name it, so spaces are allowed."""

    device: Name
    since: Day | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        in_order(self.since, self.until, "since and until")
        return self


class Consent(Document):
    """What the patient agrees to. Purposes not named are not agreed to."""

    monitoring: Flag
    genomics: Flag = False
    research: Flag = False
    withheld_vitals: Annotated[tuple[VitalName, ...], Field(max_length=MAX_ITEMS)] = ()
    since: Instant | None = None


class Strata(Document):
    """For the equity report only: nothing in here may change a decision about the patient."""

    ethnicity: Name | None = None
    language: Name | None = None
    deprivation_quintile: Annotated[Whole, Field(ge=1, le=5)] | None = None


class Profile(Document):
    """One version of what is known about one patient. Heights in cm, weights in kg, `usual` in canonical units."""

    patient: Id
    version: Annotated[Whole, Field(ge=0, lt=2**63)]
    consent: Consent
    updated: Instant | None = None
    birth_date: Day | None = None
    sex: Literal["female", "male", "other", "unknown"] | None = None
    timezone: Annotated[str, AfterValidator(is_timezone)] = "UTC"
    height_cm: Annotated[Number, Field(ge=30, le=260)] | None = None
    weight_kg: Number | None = None
    skin_tone: SkinTone | None = None
    conditions: Annotated[tuple[Condition, ...], Field(max_length=MAX_ITEMS)] = ()
    medications: Annotated[tuple[Medication, ...], Field(max_length=MAX_ITEMS)] = ()
    genomics: Annotated[tuple[Genotype, ...], Field(max_length=MAX_ITEMS)] = ()
    trajectories: Annotated[tuple[TrajectoryAnchor, ...], Field(max_length=MAX_ITEMS)] = ()
    usual: dict[VitalName, Number] = Field(default_factory=dict)
    targets: Annotated[tuple[Target, ...], Field(max_length=len(VITALS))] = ()
    devices: Annotated[tuple[Device, ...], Field(max_length=MAX_ITEMS)] = ()
    care_team: Id | None = None
    strata: Strata | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.weight_kg is not None:
            physical("body_weight", self.weight_kg)
        for vital, level in self.usual.items():
            physical(vital, level)
        in_order(self.birth_date, self.updated.date() if self.updated else None, "birth_date and updated")
        if len({target.vital for target in self.targets}) < len(self.targets):
            raise ValueError("targets: one vital has two targets; keep the one that holds")
        return self


def parse_profile(raw: bytes) -> Profile:
    """The profile in these bytes of JSON.

    Raises Refused with one line that names the field and says what it should be: `too_large` above MAX_PROFILE_BYTES,
    `not_json`, else `bad_profile`. The line never repeats the patient's data.
    """
    if len(raw) > MAX_PROFILE_BYTES:
        raise Refused(Reason.TOO_LARGE, f"a profile has at most {MAX_PROFILE_BYTES} bytes, this has {len(raw)}")
    try:
        return Profile.model_validate_json(raw)
    except ValidationError as error:
        raise _refusal(error) from None


def canonical(profile: Profile) -> bytes:
    """The profile as compact JSON, keys sorted, defaults left out: equal profiles give equal bytes, and
    `parse_profile` gives the profile back."""
    document = profile.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sees(profile: Profile) -> NDArray[np.bool_]:
    """Which vitals may be decided at all: (17,) bool in the order of VITALS. Monitoring agreed, and not withheld."""
    mask = np.full(len(VITALS), profile.consent.monitoring)
    mask[[BY_NAME[name].index for name in profile.consent.withheld_vitals]] = False
    return mask


def consents(profile: Profile, vital_index: int, at_us: int) -> bool:
    """Whether a reading of this vital, measured at this time [us since 1970], may be decided."""
    since = profile.consent.since
    begun = since is None or at_us >= to_us(since)
    return begun and profile.consent.monitoring and VITALS[vital_index].name not in profile.consent.withheld_vitals


def unrecognised(profile: Profile) -> list[str]:
    """What the evidence does not know, and what therefore has no effect: 'conditions[2]: gout'."""
    return [f"{where}: {_written(code)}" for where, code, known in _codes(profile) if not known]


def _codes(profile: Profile) -> Iterator[tuple[str, str | Coding, bool]]:
    for n, condition in enumerate(profile.conditions):
        yield f"conditions[{n}]", condition.code, _known(terminology.condition_id, condition.code)
    for n, medication in enumerate(profile.medications):
        yield f"medications[{n}]", medication.code, _known(terminology.drug, medication.code)
    for n, genotype in enumerate(profile.genomics):
        gene, known = coded(genotype.gene)[0], _known(terminology.gene_known, genotype.gene)
        yield f"genomics[{n}]", genotype.gene, known
        if known and terminology.gene_acts(gene):
            yield f"genomics[{n}].phenotype", genotype.phenotype, terminology.phenotype(genotype.phenotype) is not None
    for n, course in enumerate(profile.trajectories):
        condition_id = terminology.condition_id(*coded(course.condition))
        yield f"trajectories[{n}]", course.condition, condition_id is not None
        if condition_id is not None:
            known = terminology.word(course.anchor) in terminology.anchors(condition_id)
            yield f"trajectories[{n}].anchor", course.anchor, known


def _known(resolve: Callable[[str, str | None], object], code: str | Coding) -> bool:
    return bool(resolve(*coded(code)))


def _written(code: str | Coding) -> str:
    return code if isinstance(code, str) else f"{code.code} ({code.system})"


def _refusal(error: ValidationError) -> Refused:
    broken = error.errors(include_url=False, include_input=False, include_context=False)[0]["type"] == "json_invalid"
    return Refused(Reason.NOT_JSON if broken else Reason.BAD_PROFILE, mending.of_document(error, "a profile"))
