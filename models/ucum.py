"""The UCUM library as homebeat uses it: parse a unit, and the exact linear conversion between two units.

It is loaded when a unit is met that `unit_table.json` does not have: pint and ucumvert take a second to start, which
every command and every restarted worker would otherwise wait for.
"""

import re
from fractions import Fraction
from importlib.resources import files
from typing import Any

import numpy as np
from lark import Token
from lark.exceptions import LarkError
from pint import UnitRegistry
from pint.errors import PintError
from ucumvert import UcumToPintTransformer, get_ucum_parser, parse_ucum

from models.unit_limits import MAX_UNIT_CHARS, PURE_NUMBERS, NotConvertible

_RATIOS = PURE_NUMBERS | {"%", "[ppth]", "[ppm]", "[ppb]", "[pptr]", "[pi]"}
_UNIT = re.compile(rf"[!-~]{{1,{MAX_UNIT_CHARS}}}")
# A number has no exponent in UCUM ('10*3' is the way to write it), yet the library would take '9+99999999' and work on
# its power for hours. For the same reason no number may have five digits; no real factor or exponent does.
_BAD_NUMBER = re.compile(r"(?:^|[./(])[0-9]+[+-]|[0-9]{5}")
_ANNOTATION = re.compile(r"\{[^{}]*\}")


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
