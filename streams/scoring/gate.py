"""Whether the group that fares worst is worse off than everybody by more than is allowed: the worst group gates.

Margins, least sizes and the level are in `evidence/equity.yaml` (fairness_report.gate). Whole patients are resampled, a
group and everybody in the same resample, so that what a group lends to the whole is accounted for. As many groups as
are judged share the level: the worst of many groups that are alike looks bad by luck. A group that is too small, or of
which the interval holds both answers, is named: it has not passed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.evidence import load
from streams.scoring.card import RATIOS, RESAMPLES, RESAMPLES_AT_ONCE
from streams.scoring.tally import SUMS, Tally

FIELDS = ("age_band", "sex", "skin_tone", "device", "condition")
"""By which homebeat answers for its figures (DESIGN 5.7)."""
Answer = Literal["worse", "held", "open"]
Floats = NDArray[np.float64]
_NAMES = {"sensitivity": "sensitivity", "unexplained_alerts_per_patient_year": "unexplained alerts a patient-year"}


@dataclass(frozen=True)
class Verdict:
    """What is known of one group and figure. value, whole: of the group, and of everybody; limit: the worst value that
    is allowed beside `whole`; patients: in the group. Open: it cannot be told, and `said` says why."""

    by: str
    group: str
    figure: str
    answer: Answer
    value: float | None
    whole: float | None
    limit: float | None
    patients: int
    said: str


def settings() -> dict[str, Any]:
    """The gate in use (`evidence/equity.yaml`)."""
    found: dict[str, Any] = load("equity")["fairness_report"]["gate"]
    return found


def gate(
    by: str, tallies: Sequence[Tally], patients: Sequence[str], groups: Mapping[str, Collection[str]], seed: int
) -> list[Verdict]:
    """Judge the groups of a field, the worst of each figure first. tallies, patients (n,): of everybody; groups: who
    is in each."""
    table = np.array([found.row() for found in tallies], np.float64).reshape(len(tallies), len(SUMS))
    members = {name: np.isin(patients, sorted(of)) for name, of in groups.items()}
    whole, resampled = _resampled(table, members, seed)
    found = list[Verdict]()
    for margin in settings()["figures"]:
        one = _Figure(by, margin, table, whole)
        sized = {name: one.too_small(mask) for name, mask in members.items()}
        judged = [name for name, small in sized.items() if not small]
        mine = [one.judged(name, members[name], resampled[name], len(judged)) for name in judged]
        mine.sort(key=lambda v: (-one.excess(v.value, v.whole), v.group))
        found += mine + [one.open(name, members[name], small) for name, small in sorted(sized.items()) if small]
    return found


def unknown(by: str) -> Verdict:
    """Of a field that nobody's profile has."""
    return Verdict(by, "", "", "open", None, None, None, 0, f"{by}: not known of anybody, so nothing can be told")


def in_words(verdicts: Sequence[Verdict]) -> str | None:
    """Why the gate is shut, in one sentence; None when no group is known to be worse off."""
    worse = [one.said for one in verdicts if one.answer == "worse"]
    return None if not worse else f"the worst group decides, and is worse off than is allowed: {'; '.join(worse)}"


def _resampled(table: Floats, members: Mapping[str, NDArray[np.bool_]], seed: int) -> tuple[Floats, dict[str, Floats]]:
    """Sums (RESAMPLES, SUMS) of everybody and of each group, in the same resamples of whole patients."""
    random, n = np.random.default_rng(seed), len(table)
    whole, mine = list[Floats](), {name: list[Floats]() for name in members}
    for _ in range(RESAMPLES // RESAMPLES_AT_ONCE):
        drawn = random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES_AT_ONCE)
        whole.append(drawn @ table)
        for name, mask in members.items():
            mine[name].append(drawn[:, mask] @ table[mask])
    return np.concatenate(whole), {name: np.concatenate(parts) for name, parts in mine.items()}


class _Figure:
    """One figure of everybody, against which groups are held. table (n, SUMS): of patients; whole (RESAMPLES, SUMS)."""

    def __init__(self, by: str, margin: Mapping[str, Any], table: Floats, whole: Floats) -> None:
        self.by, self.name, self.margin, self.table, self.whole = by, str(margin["figure"]), margin, table, whole
        self.sign = 1.0 if margin["worse"] == "higher" else -1.0

    def limit(self, whole: Floats) -> Floats:
        """The worst value that is allowed beside that of everybody."""
        limit: Floats = whole * self.margin.get("ratio", 1.0) + self.sign * self.margin.get("difference", 0.0)
        return limit

    def excess(self, value: float | None, whole: float | None) -> float:
        """By how much a group is beyond the limit; below 0 if it is within."""
        if value is None or whole is None:
            return -np.inf
        return float(self.sign * (value - self.limit(np.array([whole]))[0]))

    def of(self, sums: Floats) -> Floats:
        """The figure of rows of sums (k, SUMS); NaN where there is nothing to divide by."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return RATIOS[self.name](dict(zip(SUMS, np.atleast_2d(sums).T, strict=True)))

    def too_small(self, mask: NDArray[np.bool_]) -> str:
        """Why a group cannot be judged; empty if it can."""
        s, sums = settings(), dict(zip(SUMS, self.table[mask].sum(axis=0), strict=True))
        if mask.sum() < s["patients_min"]:
            return f"{mask.sum()} {'person' if mask.sum() == 1 else 'people'}, {s['patients_min']} are needed"
        if self.name == "sensitivity" and sums["labels"] < s["events_min"]:
            return f"{sums['labels']:.0f} labels, {s['events_min']} are needed"
        if sums["days"] < s["days_min"]:
            return f"{sums['days']:.0f} patient-days, {s['days_min']} are needed"
        return ""

    def open(self, group: str, mask: NDArray[np.bool_], why: str) -> Verdict:
        said = f"{self.by} {group}: {_NAMES[self.name]} cannot be told ({why})"
        return Verdict(self.by, group, self.name, "open", None, None, None, int(mask.sum()), said)

    def judged(self, group: str, mask: NDArray[np.bool_], resampled: Floats, shared_by: int) -> Verdict:
        """One group that is large enough. resampled (RESAMPLES, SUMS): of it; shared_by: how many are judged."""
        mine, whole = float(self.of(self.table[mask].sum(axis=0))[0]), float(self.of(self.table.sum(axis=0))[0])
        limit, tail = float(self.limit(np.array([whole]))[0]), settings()["level"] / shared_by
        beyond = self.sign * (self.of(resampled) - self.limit(self.of(self.whole)))
        low, high = np.quantile(beyond[np.isfinite(beyond)], (tail, 1 - tail))
        answer: Answer = "worse" if low > 0 else "held" if high <= 0 else "open"
        said = f"{self.by} {group}: {_NAMES[self.name]} {mine:.3g}, all {whole:.3g}, allowed {limit:.3g}"
        if answer == "open":
            said += " (within what luck does: it cannot be told)"
        return Verdict(self.by, group, self.name, answer, mine, whole, limit, int(mask.sum()), said)
