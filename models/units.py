"""Units in: every value becomes `value * MUL[row] + ADD[row]`, in the canonical unit of its vital.

The rows of the usual units are compiled once, when this module is imported, by the UCUM library ucumvert (with pint, in
exact fractions). Another valid UCUM unit of the same dimension is parsed when it is first seen and then has a row too.
The answer for a unit never depends on what was seen before: what is kept is only a memory of answers.
"""

import re
from fractions import Fraction
from importlib.resources import files
from itertools import chain
from typing import Any

import numpy as np
from lark import Token
from lark.exceptions import LarkError
from numpy.typing import NDArray
from pint import UnitRegistry
from pint.errors import PintError
from ucumvert import UcumToPintTransformer, get_ucum_parser, parse_ucum

from models.evidence import load
from models.readings import Reason, Refused
from models.vitals import VITALS, Vital

MAX_UNIT_CHARS = 48
"""A longer unit is refused unread: the parser needs cubic time in the worst case, some 6 ms at this length. Real units
of these vitals stay under 30 characters with their annotation."""

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
_PURE_NUMBERS = frozenset({"10*", "10^"})
_RATIOS = _PURE_NUMBERS | {"%", "[ppth]", "[ppm]", "[ppb]", "[pptr]", "[pi]"}
_UNIT = re.compile(rf"[!-~]{{1,{MAX_UNIT_CHARS}}}")
# A number has no exponent in UCUM ('10*3' is the way to write it), yet the library would take '9+99999999' and work on
# its power for hours. For the same reason no number may have five digits; no real factor or exponent does.
_BAD_NUMBER = re.compile(r"(?:^|[./(])[0-9]+[+-]|[0-9]{5}")
_ANNOTATION = re.compile(r"\{[^{}]*\}")


class NotConvertible(Exception):
    """This is not a UCUM unit, or it does not convert linearly to the unit that is wanted."""


class Ucum:
    """The UCUM library as it is used here: parse, and the exact linear conversion between two units."""

    def __init__(self) -> None:
        # A registry of our own, in fractions: PintUcumRegistry would change pint's global one, in floats.
        self._registry: Any = UnitRegistry(non_int_type=Fraction)
        self._registry.load_definitions(str(files("ucumvert").joinpath("pint_ucum_defs.txt")))
        self._parser = get_ucum_parser()
        self._transform = UcumToPintTransformer(ureg=self._registry).transform
        # Both are bounded by what we ask for: the canonical units, and the atoms of the UCUM grammar.
        self._goals: dict[str, Any] = {}
        self._without_dimension: dict[str, bool] = {}

    def parse(self, unit: str) -> tuple[Any, frozenset[str]]:
        """The unit as a pint quantity, and the UCUM atoms (without prefix) that it is made of.

        Raises NotConvertible if it is not UCUM, or UCUM that the library cannot express.
        """
        if not _UNIT.fullmatch(unit) or _BAD_NUMBER.search(_ANNOTATION.sub("", unit)):
            raise NotConvertible(f"not a UCUM unit of at most {MAX_UNIT_CHARS} characters without spaces")
        try:
            tree = parse_ucum(unit, self._parser)
            quantity = self._transform(tree)
        except (LarkError, PintError, ArithmeticError, TypeError, ValueError, AttributeError) as error:
            raise NotConvertible("not a UCUM unit") from error
        tokens = [tree] if isinstance(tree, Token) else tree.scan_values(lambda token: isinstance(token, Token))
        atoms = frozenset(str(token) for token in tokens if token.type in ("UNIT_METRIC", "UNIT_NON_METRIC"))
        # A unit that is only an annotation, '{steps}', is the number one.
        return (self._registry.Quantity(1) if isinstance(quantity, Token) else quantity), atoms

    def linear(self, source: str, target: str) -> tuple[float, float]:
        """(mul, add) with target = source * mul + add. Raises NotConvertible."""
        one, atoms = self.parse(source)
        if any(self._has_no_dimension(atom) for atom in atoms - _RATIOS):
            raise NotConvertible("an angle, a level or an arbitrary unit is not a number of something else")
        goal = self._goal(target)
        try:
            at = [self._registry.Quantity(one.m * n, one.units).to(goal.units).m / goal.m for n in (0, 1, 2)]
            mul, add, bend = float(at[1] - at[0]), float(at[0]), float(at[2] - 2 * at[1] + at[0])
        except (LarkError, PintError, ArithmeticError, TypeError, ValueError, AttributeError) as error:
            raise NotConvertible(f"not of the dimension of {target}") from error
        if not np.isfinite((mul, add)).all() or mul == 0 or abs(bend) > 1e-9 * abs(mul):
            raise NotConvertible(f"does not convert linearly to {target}")
        return mul, add

    def _has_no_dimension(self, atom: str) -> bool:
        """pint counts radian, bel or [iU] as the number one, which UCUM does not: deg/min is no heart rate."""
        if atom not in self._without_dimension:
            self._without_dimension[atom] = not self.parse(atom)[0].dimensionality
        return self._without_dimension[atom]

    def _goal(self, target: str) -> Any:
        if target not in self._goals:
            self._goals[target] = self.parse(target)[0]
        return self._goals[target]


class Conversions:
    """The table of conversions: `rows` maps (vital index, unit) to a row of `mul` and `add`, float64."""

    def __init__(self, learned_units: int = LEARNED_UNITS, refused_units: int = REFUSED_UNITS) -> None:
        self._ucum = Ucum()
        self._refused_units = refused_units
        self._refused: dict[tuple[int, str], str] = {}
        usual = {(vital.index, unit): self._derive(vital, unit) for vital in VITALS for unit in usual_units(vital)}
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
            mul, add = self._derive(vital, unit)
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

    def _derive(self, vital: Vital, unit: str) -> tuple[float, float]:
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
        if not self._ucum.parse(unit)[1] <= _PURE_NUMBERS:
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
