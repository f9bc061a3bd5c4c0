"""The group that fares worst, which is the one that counts (evidence/equity.yaml, fairness_report.worst_group)."""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.scoring.card import Scorecard
from streams.scoring.gate import settings


@dataclass(frozen=True)
class Worst:
    """For a figure: the group that fares worst, its value, and the groups that are too small to tell."""

    group: str
    value: float
    too_small: tuple[str, ...]


def worst(groups: Mapping[str, Scorecard]) -> dict[str, Worst]:
    """By figure: the lowest sensitivity, and the highest rates of alerts and of unexplained alerts."""
    found, least = {}, settings()
    enough = {name for name, card in groups.items() if card.labels >= least["events_min"]}
    seen = {name for name, card in groups.items() if card.patient_days >= least["days_min"]}
    for figure, sign, usable in (
        ("sensitivity", 1, enough),
        ("alerts_per_person_month", -1, seen),
        ("unexplained_alerts_per_patient_year", -1, seen),
    ):
        values = {name: getattr(groups[name], figure).value for name in sorted(usable)}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            name = min(known, key=lambda one: (sign * known[one], one))
            found[figure] = Worst(name, known[name], tuple(sorted(groups.keys() - usable)))
    return found
