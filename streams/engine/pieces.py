"""Work of the step that may be long, in pieces: a generator that pauses, and gives its result at the end.

A tick after months finds every patient's devices silent, two milliseconds each; whoever has heartbeats to send looks
after them meanwhile. A piece is what happens about one patient, one event, one control record, or ROWS_AT_ONCE rows.
Where the work pauses is fixed, and nothing may depend on how long: until it is over, its state belongs to it alone.
"""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Pieces = Generator[None, None, Result]

ROWS_AT_ONCE = 1024
"""Rows that close a window in one piece: some 50 ms with what charts are told of them. Each part of a round costs a
millisecond, so fewer would be slower."""


def at_once(work: "Pieces[Result]") -> Result:
    """The result, without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
