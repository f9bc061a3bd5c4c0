"""Structured columns as bytes, with their holes empty.

Between fields that are aligned lie bytes that belong to none, and numpy leaves in them whatever lay in memory. That
must not reach a topic: it could be anything of anybody, and the same state would not give the same bytes.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt


def solid(table: npt.NDArray[Any]) -> bytes:
    """The bytes of a table (n,) of any dtype, zero where no field is."""
    holes = holes_of(table.dtype)
    if not len(holes):
        return table.tobytes()
    raw = np.frombuffer(bytearray(table.tobytes()), np.uint8).reshape(-1, table.dtype.itemsize)
    raw[:, holes] = 0
    return raw.tobytes()


@lru_cache(maxsize=64)
def holes_of(dtype: np.dtype[Any]) -> npt.NDArray[np.int64]:
    """Places in an item of the dtype that belong to no field.

    >>> holes_of(np.dtype([("flag", "u1"), ("at", "i8")], align=True)).tolist()
    [1, 2, 3, 4, 5, 6, 7]
    """
    return np.flatnonzero(~_filled(dtype))


def _filled(dtype: np.dtype[Any]) -> npt.NDArray[np.bool_]:
    """Which bytes of an item belong to a field, (itemsize,)."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.tile(_filled(base), int(np.prod(shape)))
    if dtype.fields is None:
        return np.ones(dtype.itemsize, bool)
    filled = np.zeros(dtype.itemsize, bool)
    for field in dtype.fields.values():
        filled[field[1] : field[1] + field[0].itemsize] = _filled(field[0])
    return filled
