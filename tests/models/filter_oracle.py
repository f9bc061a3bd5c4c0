"""The baseline filter with whole matrices, one row at a time: what `models.baseline` unrolls by hand."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.baseline import Prior
from models.evidence import load

DOCUMENT: dict[str, Any] = load("detectors")
B: dict[str, float] = DOCUMENT["baseline"]
DAY_US = 86_400_000_000
CLIP_CORRECTION = 1.0863
"""1 / E[min(z^2, 4)] of a standard normal, to four decimals as the product has it."""
Floats = npt.NDArray[np.float64]


def observation(slot: int) -> Floats:
    """Level, and two harmonics of the local day at the middle of a quarter of an hour."""
    day = 2 * np.pi * (slot + 0.5) / 96
    return np.array([1.0, np.cos(day), np.sin(day), np.cos(2 * day), np.sin(2 * day)])


@dataclass
class Filter:
    """One row."""

    mean: Floats
    cov: Floats
    spread: float
    within: float
    meas: float
    learn_from: float
    n: int = 0
    last_at: int | None = None

    @classmethod
    def of(cls, prior: Prior, i: int, learn_from: float) -> "Filter":
        """A filter that knows only the profile."""
        phase, amplitude = 2 * np.pi * prior.acrophase_h[i] / 24, prior.amplitude[i]
        mean = np.array([prior.mean[i], amplitude * np.cos(phase), amplitude * np.sin(phase), 0.0, 0.0])
        wave = max(B["harmonic_prior_share"] * prior.sd_within[i], amplitude / 2)
        cov = np.diag([prior.sd_between[i], wave, wave, wave, wave]) ** 2
        within, meas = float(prior.sd_within[i]), float(prior.sd_meas[i])
        return cls(mean, cov, within**2, within, meas, learn_from)

    def predict(self, at: int, slot: int, y: float) -> tuple[float, float]:
        """Mean and SD of a window before it is looked at."""
        if np.isnan(self.mean[0]):
            self.mean[0] = y
        if self.last_at is None:
            self.last_at = at
        days = max(at - self.last_at, 0) / DAY_US
        wander = [B["q_level_per_day"], *[B["q_harmonic_per_day"]] * 4]
        self.cov = self.cov + np.diag(wander) * self.spread * days
        self.last_at = max(self.last_at, at)
        h = observation(slot)
        return float(h @ self.mean), float(np.sqrt(h @ self.cov @ h + self.spread + self.meas**2))

    def learn(self, slot: int, y: float, expected: float, sd: float) -> None:
        """Kalman's update, in Joseph's form, with a noise so large that a surprise beyond 2 SD moves as one at 2 SD."""
        h, error = observation(slot), y - expected
        total = float(h @ self.cov @ h) + (self.spread + self.meas**2) * self.learn_from
        total *= max(1.0, abs(error) / sd / B["huber"])
        noise = total - float(h @ self.cov @ h)
        gain = np.linalg.solve(np.array([[total]]), (self.cov @ h)[None])[0]
        self.mean = self.mean + gain * error
        rest = np.eye(5) - np.outer(gain, h)
        self.cov = rest @ self.cov @ rest.T + noise * np.outer(gain, gain)
        self._learn_spread(error, sd)
        self.n += 1

    def _learn_spread(self, error: float, sd: float) -> None:
        """Squares of the errors, clipped at 2 SD, in the share that the spread was expected to have."""
        squared = min(error**2, (B["huber"] * sd) ** 2) * CLIP_CORRECTION
        seen = self.spread * squared / sd**2
        known = min(B["spread_prior_windows"] + self.n / self.learn_from, B["spread_memory_windows"]) * self.learn_from
        moved = (known * self.spread + seen) / (known + 1)
        self.spread = max(moved, B["spread_floor_share"] * self.within**2)
