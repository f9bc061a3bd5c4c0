"""What `units` and `ucum` agree on."""

MAX_UNIT_CHARS = 48
"""A longer unit is refused unread: the parser needs cubic time in the worst case, some 6 ms at this length. Real units
of these vitals stay under 30 characters with their annotation."""

PURE_NUMBERS = frozenset({"10*", "10^"})
"""UCUM atoms that are powers of ten."""


class NotConvertible(Exception):
    """This is not a UCUM unit, or it does not convert linearly to the unit that is wanted."""
