"""How the network that foretells low glucose learns (`models.detectors.forecast`): by gradient descent, in numpy.

Targets are three: whether a low begins within a quarter of an hour, half an hour, an hour. Asked for all three, the
hidden units learn more than one answer would teach them; the forecast goes by the mean of the first two. Several
networks, each from weights of its own, are put side by side as one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.detectors.forecast import Network

Floats = npt.NDArray[np.float64]
WITHIN_MIN = (15, 30, 60)
"""Of what is foretold: so many minutes until a low begins."""
GOES_BY = slice(0, 2)
"""Of these answers the forecast is made."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How it is learned: networks side by side, hidden units of each, rounds over all samples, samples a step, length
    of the first step (it shrinks to nothing along a cosine), and how much of a weight each step takes away."""

    networks: int = 2
    units: int = 24
    rounds: int = 24
    batch: int = 512
    rate: float = 2e-3
    decay: float = 1e-3


@dataclass(slots=True)
class _Weights:
    """One network: hidden (features, units), hidden_bias (units,), answers (units, targets), bias (targets,)."""

    hidden: Floats
    hidden_bias: Floats
    answers: Floats
    bias: Floats

    def all(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.hidden, self.hidden_bias, self.answers, self.bias


def fit(features: Floats, soon: Floats, plan: Plan) -> Network:
    """The network that learned from these samples, in units of `features` (n, k); soon (n, targets): 1 where a low
    begins within each of WITHIN_MIN. Whom it tells from which chance on is for the caller to say: 0.5 here."""
    center, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled = (features - center) / scale
    found = [_learned(scaled, soon, plan, seed) for seed in range(plan.networks)]
    hidden = np.hstack([one.hidden for one in found])
    hidden_bias = np.concatenate([one.hidden_bias for one in found]) - (center / scale) @ hidden
    says = np.concatenate([one.answers[:, GOES_BY].mean(axis=1) for one in found]) / plan.networks
    bias = float(np.mean([one.bias[GOES_BY].mean() for one in found]))
    return Network(hidden / scale[:, None], hidden_bias, says, bias, 0.5, 0.5)


def _learned(x: Floats, soon: Floats, plan: Plan, seed: int) -> _Weights:
    """One network, by Adam on the cross-entropy of all answers."""
    random = np.random.default_rng(seed)
    one = _begun(random, x.shape[1], plan.units, soon.shape[1])
    first, second = ([np.zeros_like(w) for w in one.all()] for _ in range(2))
    for step, (rate, rows) in enumerate(_steps(random, len(x), plan), start=1):
        slopes = _slopes(one, x[rows], soon[rows])
        for k, (w, slope) in enumerate(zip(one.all(), slopes, strict=True)):
            first[k] = 0.9 * first[k] + 0.1 * slope
            second[k] = 0.999 * second[k] + 0.001 * slope**2
            move = first[k] / (1 - 0.9**step) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
            w -= rate * (move + plan.decay * w * (w.ndim > 1))
    return one


def _begun(random: np.random.Generator, features: int, units: int, targets: int) -> _Weights:
    """Small weights by chance; lows are rare, and so are they expected."""
    return _Weights(
        random.normal(0, 1 / np.sqrt(features), (features, units)), np.zeros(units),
        random.normal(0, 1 / np.sqrt(units), (units, targets)), np.full(targets, -3.0),
    )  # fmt: skip


def _steps(random: np.random.Generator, samples: int, plan: Plan) -> Iterator[tuple[float, npt.NDArray[np.int64]]]:
    """The length of each step, and the samples that it goes by."""
    for turn in range(plan.rounds):
        order = random.permutation(samples)
        rate = plan.rate * 0.5 * (1 + np.cos(np.pi * turn / plan.rounds))
        for begin in range(0, samples, plan.batch):
            yield rate, order[begin : begin + plan.batch]


def _slopes(one: _Weights, x: Floats, soon: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Of the mean cross-entropy, by each of the weights."""
    units = np.tanh(x @ one.hidden + one.hidden_bias)
    chance = 1 / (1 + np.exp(-(units @ one.answers + one.bias)))
    wrong = (chance - soon) / len(x)
    back = (wrong @ one.answers.T) * (1 - units**2)
    return x.T @ back, back.sum(axis=0), units.T @ wrong, wrong.sum(axis=0)


def calibrated(network: Network, score: Floats, low: Floats, told_from: float) -> Network:
    """The same network, its scores moved and stretched so that chances are shares. score (n,): log odds of samples that
    those who gave them were not fitted on; low (n,): 1 where a low began within half an hour; told_from: log odds, as
    of score, from which a low is foretold."""
    slope, offset = 1.0, 0.0
    for _ in range(CALIBRATION_STEPS):
        chance = 1 / (1 + np.exp(-(slope * score + offset)))
        weight, wrong = chance * (1 - chance), chance - low
        design = np.stack([score, np.ones(len(score))])
        slope, offset = np.array([slope, offset]) - np.linalg.solve((design * weight) @ design.T, design @ wrong)
    limit = float(1 / (1 + np.exp(-(slope * told_from + offset))))
    bias = float(network.bias * slope + offset)
    return network._replace(weights=network.weights * slope, bias=bias, raise_at=limit, clear_at=limit)


CALIBRATION_STEPS = 12
"""Of Newton's method, which has two unknowns and needs half as many."""
