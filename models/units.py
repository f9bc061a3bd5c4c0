"""Units in: every value becomes `value * MUL[row] + ADD[row]`, in the canonical unit of its vital.

The rows of the usual units stand in `unit_table.json`, compiled by the UCUM library ucumvert (with pint, in exact
fractions; a test compiles them anew). Another valid UCUM unit of the same dimension is parsed when it is first seen and
then has a row too.
The answer for a unit never depends on what was seen before: what is kept is only a memory of answers.
"""

import json
from functools import cached_property
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from models.evidence import load
from models.readings import Reason, Refused
from models.unit_limits import MAX_UNIT_CHARS, PURE_NUMBERS, NotConvertible
from models.vitals import VITALS, Vital

if TYPE_CHECKING:
    from models.ucum import Ucum

LEARNED_UNITS = 16_384
"""Rows for units that are not in the evidence. The oldest is given up for a new one, so a row must be used before as
many others can be learned: within one batch of readings. An integration uses a handful; 16,384 rows cost 256 KiB."""

REFUSED_UNITS = 4_096
"""Remembered refusals, oldest given up first: a device that always sends 'bpm' costs one parse, not one a reading."""

GLUCOSE_MG_DL_PER_MMOL_L = 18.0156
"""From the molar mass of glucose, C6H12O6, 180.156 g/mol (evidence/vitals.yaml, glucose)."""

# Valid UCUM that devices send beside the units that the evidence lists: known from the start, so never parsed later.
_COMMON = {
    "/min": ("{beat}/min", "{breath}/min", "1/min", "min-1"),
    "mg/dL": ("mg/dl", "mmol/l", "mg/mL"),
    "L": ("l", "ml"),
    "L/min": ("l/min", "cL/s"),
    "kg": ("[oz_av]",),
}
# The dimension of these differs from the canonical unit's, and yet the evidence says what they mean.
_MEANT = {("steps", "{steps}/d"): (1.0, 0.0), ("steps", "/d"): (1.0, 0.0)}


class Conversions:
    """The table of conversions: `rows` maps (vital index, unit) to a row of `mul` and `add`, float64."""

    def __init__(self, learned_units: int = LEARNED_UNITS, refused_units: int = REFUSED_UNITS) -> None:
        self._refused_units = refused_units
        self._refused: dict[tuple[int, str], str] = {}
        usual = {(vital.index, unit): pair for vital in VITALS for unit, pair in compiled()[vital.name].items()}
        self.rows: dict[tuple[int, str | None], int] = {key: row for row, key in enumerate(usual)}
        self.rows |= {
            (vital.index, None): self.rows[vital.index, vital.unit] for vital in VITALS if vital.dimensionless
        }
        self._usual = len(usual)
        self._learned: list[tuple[int, str] | None] = [None] * learned_units
        self._next = 0
        self.mul: NDArray[np.float64] = np.full(self._usual + learned_units, np.nan)
        self.add: NDArray[np.float64] = np.full(self._usual + learned_units, np.nan)
        self.mul[: self._usual], self.add[: self._usual] = zip(*usual.values(), strict=True)

    @cached_property
    def _ucum(self) -> "Ucum":
        from models.ucum import Ucum

        return Ucum()

    def row(self, vital_index: int, unit: str | None) -> int:
        """The row of this unit, learned if it is new. Raises Refused (unknown_unit)."""
        key = (vital_index, unit or None)
        known = self.rows.get(key)
        if known is not None:
            return known
        vital = VITALS[vital_index]
        if not unit:
            raise _refusal(vital, "has no unit")
        if len(unit) > MAX_UNIT_CHARS:
            raise _refusal(vital, f"has a unit of {len(unit)} characters")
        return self._learn(vital, unit)

    def _learn(self, vital: Vital, unit: str) -> int:
        key = (vital.index, unit)
        if key in self._refused:
            raise _refusal(vital, self._refused[key])
        try:
            mul, add = self.derive(vital, unit)
        except NotConvertible as error:
            if len(self._refused) >= self._refused_units:
                del self._refused[next(iter(self._refused))]
            self._refused[key] = f"has the unit {unit!r}: {error}"
            raise _refusal(vital, self._refused[key]) from error
        return self._keep(key, mul, add)

    def _keep(self, key: tuple[int, str], mul: float, add: float) -> int:
        oldest = self._learned[self._next]
        if oldest is not None:
            del self.rows[oldest]
        row = self._usual + self._next
        self._learned[self._next] = key
        self._next = (self._next + 1) % len(self._learned)
        self.mul[row], self.add[row] = mul, add
        self.rows[key] = row
        return row

    def derive(self, vital: Vital, unit: str) -> tuple[float, float]:
        """(mul, add) from the UCUM library, whatever the table says. Raises NotConvertible."""
        meant = _MEANT.get((vital.name, unit))
        if meant is not None:
            return meant
        if vital.categorical or vital.unit.startswith("{"):
            return self._derive_count(vital, unit)
        try:
            return self._ucum.linear(unit, vital.unit)
        except NotConvertible:
            if vital.name != "glucose":
                raise
            mul, add = self._ucum.linear(unit, "mmol/L")
            return mul * GLUCOSE_MG_DL_PER_MMOL_L, add

    def _derive_count(self, vital: Vital, unit: str) -> tuple[float, float]:
        """A count takes plain numbers only: '50 %' of a step goal are not half a step."""
        if not self._ucum.parse(unit)[1] <= PURE_NUMBERS:
            raise NotConvertible("not a plain number")
        mul, add = self._ucum.linear(unit, "1")
        if vital.categorical and mul != 1:
            raise NotConvertible("a level cannot be scaled")
        return mul, add


def usual_units(vital: Vital) -> list[str]:
    """The units of this vital that are known from the start: the evidence's, then other usual spellings."""
    listed = load("vitals")["vitals"][vital.name]["ucum_accepted"]
    meant = (unit for name, unit in _MEANT if name == vital.name)
    return list(dict.fromkeys(chain((entry["unit"] for entry in listed), _COMMON.get(vital.unit, ()), meant)))


def compiled() -> dict[str, dict[str, tuple[float, float]]]:
    """`unit_table.json`: vital to unit to (mul, add), as `derive` gives them for `usual_units`."""
    text = files("models").joinpath("unit_table.json").read_text("utf-8")
    found = cast(dict[str, dict[str, list[float]]], json.loads(text))
    return {name: {unit: (mul, add) for unit, (mul, add) in units.items()} for name, units in found.items()}


def _refusal(vital: Vital, what: str) -> Refused:
    accepted = ", ".join(entry["unit"] for entry in load("vitals")["vitals"][vital.name]["ucum_accepted"])
    return Refused(Reason.UNKNOWN_UNIT, f"{vital.name} {what}; send {accepted} or another UCUM unit of that dimension")


_TABLE = Conversions()
MUL, ADD = _TABLE.mul, _TABLE.add
ROWS = _TABLE.rows
"""For the hot path: (vital index, unit) to row; on a miss ask `conversion`, which learns the unit or refuses it."""


def conversion(vital_index: int, unit: str | None) -> int:
    """The row k of this unit: canonical = value * MUL[k] + ADD[k]. Use it within the batch (see LEARNED_UNITS).

    No unit (or an empty one) means the canonical unit, for vitals without a dimension only. Raises Refused
    (unknown_unit) with a sentence that names the accepted units.
    """
    return _TABLE.row(vital_index, unit)


def convert(vital_index: int, value: float, unit: str | None) -> float:
    """The value in the canonical unit of the vital. Raises Refused (unknown_unit)."""
    row = conversion(vital_index, unit)
    return float(value * MUL[row] + ADD[row])


def express(vital_index: int, value: float, unit: str) -> float:
    """A canonical value in another unit, to show it to people who think in mmol/L or [degF]. Raises Refused."""
    row = conversion(vital_index, unit)
    return float((value - ADD[row]) / MUL[row])
