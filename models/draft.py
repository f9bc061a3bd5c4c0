"""An expectation being made: the population prior, and the named modifiers that move it one after the other."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from models.effects import Effect
from models.evidence import load
from models.phrases import phrase
from models.prior import from_scale, physical, prior, to_scale
from models.vitals import VITALS

Kind = Literal["person", "condition", "medication", "genotype", "bound", "stated", "course", "phase", "device"]


@dataclass(frozen=True, slots=True)
class Modifier:
    """One reason why this patient's expectation differs from the population's, for one vital (row in VITALS).

    delta_mean is on the vital's working scale and adds up; the factors [1] multiply: sd_factor the within-person SD,
    sd_between_factor the between-person SD, sd_meas_factor the device's. label: words a nurse uses.
    """

    id: str
    vital: int
    label: str
    delta_mean: float
    sd_factor: float
    source: str
    kind: Kind = "person"
    sd_between_factor: float = 1.0
    sd_meas_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Move:
    """An effect that applies to this patient: the amount for the sex, and the share [1] of it expected today;
    unsettled: the share that may not have come yet."""

    effect: Effect
    amount: float
    id: str
    label: str
    kind: Kind
    share: float = 1.0
    unsettled: float = 0.0


NEAR_POPULATION = phrase("kept near the population")
WITHIN_RANGE = phrase("kept within the physical range")


class Draft:
    """The numbers of an expectation, moved by `add`; lists of 17 on the working scale. `off`: ids that are ignored.

    What is added while `passing` is set also goes into `path`, `path_variance` (how surely it is known) and
    `path_factor` (of the within-person SD). `settling_variance`: of what new drugs may not do yet. `reference`: the
    mean for the person's age and sex.
    """

    def __init__(self, off: frozenset[str]) -> None:
        start = prior()
        self.off = off
        self.population, self.mean, self.reference = list(start.mean), list(start.mean), list(start.mean)
        self.sd_between, self.sd_within, self.sd_meas = (
            list(start.sd_between),
            list(start.sd_within),
            list(start.sd_meas),
        )
        self.path, self.path_variance, self.path_factor = ([none] * len(VITALS) for none in (0.0, 0.0, 1.0))
        self.settling_variance = [0.0] * len(VITALS)
        self.passing = False
        self.modifiers: list[Modifier] = []

    def add(self, modifier: Modifier) -> None:
        """Apply one modifier, unless it is switched off or changes nothing."""
        factors = (modifier.sd_factor, modifier.sd_between_factor, modifier.sd_meas_factor)
        if modifier.id in self.off or (modifier.delta_mean == 0 and factors == (1, 1, 1)):
            return
        vital = modifier.vital
        self.mean[vital] += modifier.delta_mean
        self.sd_within[vital] *= modifier.sd_factor
        self.sd_between[vital] *= modifier.sd_between_factor
        self.sd_meas[vital] *= modifier.sd_meas_factor
        if self.passing:
            self.path[vital] += modifier.delta_mean
            self.path_factor[vital] *= modifier.sd_factor
        self.modifiers.append(modifier)

    def stack(self, moves: Iterable[Move], group: Literal["conditions", "medications"]) -> None:
        """Apply effects together: per vital and direction the largest in full, each next one by the group's share of
        the one before (design.yaml moving.stacking). The order in which they are given does not matter."""
        ratio = float(load("design")["moving"]["stacking"][group])
        wanted = [(self._delta(move), move) for move in moves if move.id not in self.off]
        rank: dict[tuple[int, bool], int] = {}
        for delta, move in sorted(wanted, key=lambda pair: (pair[1].effect.vital, -abs(pair[0]), pair[1].id)):
            place = (move.effect.vital, delta > 0)
            self._apply(move, ratio ** rank.get(place, 0))
            rank[place] = rank.get(place, 0) + (delta != 0)

    def bound(self) -> None:
        """Keep the mean within design.yaml moving.bound_sd of what age and sex alone would give."""
        line, start = load("design")["moving"]["bound_sd"], prior()
        for vital in VITALS:
            limit = line["value"] * math.hypot(start.sd_between[vital.index], start.sd_within[vital.index])
            low, high = self.reference[vital.index] - limit, self.reference[vital.index] + limit
            self._clamp(vital.index, low, high, "bound", NEAR_POPULATION, " ".join(line["src"]))

    def keep_physical(self) -> None:
        """Keep the mean within the vital's physical range."""
        for vital in VITALS:
            self._clamp(vital.index, *physical(vital.name), "physical_range", WITHIN_RANGE, "DESIGN")

    def _clamp(self, vital: int, low: float, high: float, id: str, label: str, source: str) -> None:
        mean = self.mean[vital]
        if mean < low or mean > high:  # false for NaN
            target = min(max(mean, low), high)
            self.add(Modifier(id, vital, label, target - mean, 1.0, source, "bound"))
            self.mean[vital] = target  # not a rounding error beside it

    def _delta(self, move: Move) -> float:
        """How far the move shifts the mean from where it is now, on the working scale. 0 where nothing is expected of
        anyone, unless the move is a course, which also holds on top of a level learned from own data."""
        vital, mean = VITALS[move.effect.vital], self.mean[move.effect.vital]
        amount = move.amount * move.share
        form = move.effect.form
        if form == "none" or (math.isnan(mean) and not (self.passing and form == "raw" and vital.scale == "raw")):
            return 0.0
        if form == "level":
            return move.share * (to_scale(vital.scale, move.amount) - mean)
        if form == "ln" or (form == "raw" and vital.scale == "raw"):
            return amount
        level = from_scale(vital.scale, mean)
        moved = level + (amount if form == "raw" else level * amount / 100)
        return to_scale(vital.scale, min(max(moved, vital.low), vital.high)) - mean

    def _apply(self, move: Move, weight: float) -> None:
        effect, vital = move.effect, move.effect.vital
        delta = weight * self._delta(move)
        self.settling_variance[vital] += (move.unsettled * delta) ** 2
        if self.passing:
            self.path_variance[vital] += (load("design")["moving"]["doubt"]["share"] * delta) ** 2
        self.add(
            Modifier(
                id=move.id,
                vital=vital,
                label=move.label,
                delta_mean=delta,
                sd_factor=effect.sd_mult * self._replaced_within(effect, delta),
                source=effect.source,
                kind=move.kind,
                sd_between_factor=self._doubt(vital, delta) * self._replaced_between(effect),
            )
        )

    def _doubt(self, vital: int, delta: float) -> float:
        """By how much an uncertain shift widens the between-person SD (design.yaml moving.doubt)."""
        return math.hypot(1.0, load("design")["moving"]["doubt"]["share"] * delta / self.sd_between[vital])

    def _replaced_within(self, effect: Effect, delta: float) -> float:
        """The factor that brings the within-person SD to a cited amount, at the level that the effect leads to; an
        amount is used to widen only: a cited SD of daily means must not narrow that of single readings."""
        if effect.sd_within is None:
            return 1.0
        vital, mean = VITALS[effect.vital], self.mean[effect.vital] + delta
        wanted = effect.sd_within if vital.scale == "raw" else effect.sd_within / from_scale(vital.scale, mean)
        return max(1.0, wanted / self.sd_within[effect.vital])

    def _replaced_between(self, effect: Effect) -> float:
        """As above for the between-person SD; cited in canonical units, for vitals on the raw scale only."""
        return 1.0 if effect.sd_between is None else max(1.0, effect.sd_between / self.sd_between[effect.vital])
