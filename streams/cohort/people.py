"""Who a synthetic patient is: profile, and what the profile does not say (the true weight, how the skin reads)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from models.evidence import load

Json = dict[str, Any]
Random = np.random.Generator

SYNTHETIC = "synthetic"
"""Every patient, device and care team of a synthetic cohort says so in its name."""


@dataclass
class Person:
    """One synthetic patient. `profile` is the first version; `later`: (day, version) of later ones; `dark`: measured
    by the skin itself, also where the profile does not know it."""

    number: int
    patient: str
    profile: Json
    conditions: tuple[str, ...]
    weight_kg: float
    dark: bool
    fleet: dict[str, str]
    later: list[tuple[float, Json]] = field(default_factory=list)

    @property
    def versions(self) -> list[tuple[float, Json]]:
        """Every version with the day from which it is known, the first from the start."""
        return [(0.0, self.profile), *self.later]


def start() -> date:
    """The first day of every synthetic record."""
    return date.fromisoformat(load("cohort")["meta"]["start"])


def person(random: Random, number: int, kind: str) -> Person:
    """Draw one patient of a cohort of this kind."""
    known = load("cohort")["people"]
    female = bool(random.random() < known["female"]["share"])
    age = float(
        np.clip(random.normal(known["age"]["mean"], known["age"]["sd"]), known["age"]["min"], known["age"]["max"])
    )
    height = random.normal(known["height"]["female" if female else "male"], known["height"]["sd"])
    bmi = float(
        np.clip(random.normal(known["bmi"]["mean"], known["bmi"]["sd"]), known["bmi"]["min"], known["bmi"]["max"])
    )
    conditions = _conditions(random, age, load("cohort")["kinds"][kind].get("everyone_has"))
    monk, patient = int(_chosen(random, known["monk"]["shares"])) + 1, f"{SYNTHETIC}-{number:05d}"
    weight = round(float(bmi * (height / 100) ** 2), 1)
    fleet = {
        name: f"urn:{SYNTHETIC}:{random.choice(entry['models'])}:{number:05d}"
        for name, entry in load("cohort")["device"]["fleet"].items()
    }
    profile = {
        "patient": patient,
        "version": 1,
        "birth_date": (start() - timedelta(days=round(age * 365.25))).isoformat(),
        "sex": "female" if female else "male",
        "timezone": _named(random, known["zones"]["shares"]),
        "height_cm": round(height),
        "weight_kg": weight,
        "conditions": [{"code": code} for code in conditions],
        "medications": _medications(random, conditions),
        "devices": [{"device": device} for device in fleet.values()],
        "care_team": f"{SYNTHETIC}-home",
        "strata": {"language": _named(random, known["languages"]["shares"])},
        **_private(random, known),
    }  # fmt: skip
    if random.random() < known["monk"]["measured"]:
        profile["skin_tone"] = {"scale": "monk", "value": monk}
    true_weight = weight + random.normal(0, known["weight_doubt"]["sd"])
    dark = monk >= load("cohort")["device"]["spo2_person"]["dark_monk_min"]
    return Person(number, patient, profile, conditions, float(true_weight), dark, fleet)


def _conditions(random: Random, age: float, everyone: str | None) -> tuple[str, ...]:
    """Chronic conditions; older people have more of them, on average as many as the shares say."""
    older = float(np.clip(age / load("cohort")["people"]["age"]["mean"], 0.3, 1.4))
    drawn = {c for c, share in load("cohort")["conditions"]["shares"].items() if random.random() < share * older}
    if everyone is not None:
        drawn.add(everyone)
    if "diabetes_type1" in drawn:
        drawn.discard("diabetes_type2")
    return tuple(sorted(drawn))


def _medications(random: Random, conditions: Sequence[str]) -> list[Json]:
    """Drugs that the conditions bring, one beta blocker at most, all taken for long."""
    drugs = load("cohort")["conditions"]["drugs"]
    taken = [drug for c in conditions for drug, share in drugs.get(c, {}).items() if random.random() < share]
    if "metoprolol" in taken:
        taken = [drug for drug in taken if drug != "bisoprolol"]
    return [{"code": drug} for drug in sorted(set(taken))]


def _private(random: Random, known: Json) -> Json:
    """Genotype and consent."""
    gene, withheld = known["genotype"], known["withheld"]
    agreed = bool(random.random() < gene["agreed"])
    consent: Json = {"monitoring": True, "genomics": agreed, "research": bool(random.random() < 0.5)}
    if random.random() < withheld["share"]:
        consent["withheld_vitals"] = [str(random.choice(withheld["vitals"]))]
    result: Json = {"consent": consent}
    if random.random() < gene["known"]:
        confirmed = bool(random.random() < gene["confirmed"])
        result["genomics"] = [{"gene": "CYP2D6", "phenotype": _named(random, gene["shares"]), "confirmed": confirmed}]
    return result


def _named(random: Random, shares: dict[str, float]) -> str:
    return list(shares)[_chosen(random, list(shares.values()))]


def _chosen(random: Random, shares: Sequence[float]) -> int:
    """The place of one of these, drawn by its share."""
    return int(random.choice(len(shares), p=np.array(shares) / sum(shares)))
