"""What lies between the fields of a column never leaves the process."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.holes import holes_of, solid
from streams.engine.links import LINK
from streams.engine.rows import PATIENT

NESTED = np.dtype([("flag", "u1"), ("of", [("at", "i8"), ("n", "u1", 3)], 2)], align=True)


@given(st.binary(min_size=2 * NESTED.itemsize, max_size=2 * NESTED.itemsize))
def test_holes_are_emptied_and_fields_are_kept(raw: bytes) -> None:
    table = np.frombuffer(raw, NESTED)
    packed = solid(table)
    again = np.frombuffer(packed, NESTED)
    np.testing.assert_array_equal(again["flag"], table["flag"])
    np.testing.assert_array_equal(again["of"]["at"], table["of"]["at"])
    np.testing.assert_array_equal(again["of"]["n"], table["of"]["n"])
    assert not np.frombuffer(packed, np.uint8).reshape(2, -1)[:, holes_of(NESTED)].any()


def test_the_columns_of_pages_have_holes() -> None:
    """If they had none, nothing would be shown."""
    assert all(len(holes_of(dtype)) for dtype in (PATIENT, LINK))
    assert holes_of(np.dtype("f8")).tolist() == []


def test_garbage_between_the_fields_does_not_show() -> None:
    clean, dirty = np.zeros(3, LINK), np.zeros(3, LINK)
    dirty.view(np.uint8).reshape(3, -1)[:, holes_of(LINK)] = 255
    assert clean.tobytes() != dirty.tobytes()
    assert solid(clean) == solid(dirty)
