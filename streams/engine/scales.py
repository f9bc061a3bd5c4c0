"""Values on the scale on which a vital is compared, and back; figures as they are published."""

import numpy as np
import numpy.typing as npt

from models.segments import Ints
from models.vitals import VITALS

Floats = npt.NDArray[np.float64]

_LOW, _HIGH = np.array([v.low for v in VITALS]), np.array([v.high for v in VITALS])
SCALES = np.array([{"raw": 0, "ln": 1, "ln1p": 2}[v.scale] for v in VITALS])


def to_working(value: Floats, vital: Ints) -> Floats:
    """On the scale on which the vital is compared: raw, ln, or ln(1 + x)."""
    scale = SCALES[vital]
    if not scale.any():
        return value
    positive = np.where(scale == 1, np.maximum(value, 1e-9), np.where(scale == 2, 1.0 + value, 1.0))
    return np.where(scale == 0, value, np.log(positive))


def from_working(value: Floats, vital: Ints) -> Floats:
    """Back to canonical units."""
    scale = SCALES[vital]
    if not scale.any():
        return value
    back = np.exp(np.where(scale == 0, 0.0, value))
    return np.where(scale == 0, value, np.where(scale == 2, back - 1.0, back))


def band_from_working(low: Floats, high: Floats, vital: Ints) -> tuple[Floats, Floats]:
    """The ends of a band in canonical units, as far as the vital can go at all: no saturation is above 100 %."""
    ends = from_working(low, vital), from_working(high, vital)
    return np.maximum(ends[0], _LOW[vital]), np.minimum(ends[1], _HIGH[vital])


def shown(value: float) -> float | None:
    """A figure as it is published: four decimals, null for what is no number."""
    return round(float(value), 4) + 0.0 if np.isfinite(value) else None
