"""The small picture in a mail: the band where it is, the value where it is, and the same bytes each time."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.channels.gauge import BAND, EXPECTED, HEIGHT, OUTSIDE, WIDTH, WITHIN, png_of
from tests.channels.events import EVIDENCE

values = st.floats(-50, 400)


def pixels(png: bytes) -> Any:
    """The picture as a reader of PNG that knows nothing of us sees it."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    parts, place = {}, 8
    while place < len(png):
        (length,), name = struct.unpack(">I", png[place : place + 4]), png[place + 4 : place + 8]
        body = png[place + 8 : place + 8 + length]
        assert struct.unpack(">I", png[place + 8 + length : place + 12 + length])[0] == zlib.crc32(name + body)
        parts[name] = body
        place += 12 + length
    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(HEIGHT, 1 + 3 * WIDTH)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(HEIGHT, WIDTH, 3)


def columns(picture: Any, *colours: tuple[int, int, int]) -> list[int]:
    """The columns in which one of these colours is."""
    seen = np.zeros((HEIGHT, WIDTH), bool)
    for colour in colours:
        seen |= (picture == np.array(colour, np.uint8)).all(axis=2)
    return [int(one) for one in np.flatnonzero(seen.any(axis=0))]


@given(values, values, values)
def test_value_and_band_lie_as_they_are(one: float, other: float, value: float) -> None:
    low, high = sorted((one, other))
    png = png_of(replace(EVIDENCE, low=low, high=high, value=value, expected=None))
    assert png is not None
    assert png == png_of(replace(EVIDENCE, low=low, high=high, value=value, expected=None))
    picture = pixels(png)
    inside = low <= value <= high
    mark = columns(picture, WITHIN if inside else OUTSIDE)
    assert not columns(picture, OUTSIDE if inside else WITHIN)
    middle = (mark[0] + mark[-1]) / 2
    band = columns(picture, BAND)
    if value > high:
        assert not band or middle >= band[-1]
    elif value < low:
        assert not band or middle <= band[0]
    assert 0 < mark[0] <= mark[-1] < WIDTH - 1


def test_the_expected_is_a_line_in_the_band() -> None:
    picture = pixels(png_of(EVIDENCE) or b"")
    (line,) = columns(picture, EXPECTED)
    band = columns(picture, BAND)
    assert band[0] < line < band[-1] < columns(picture, OUTSIDE)[0]


@pytest.mark.parametrize("missing", ["value", "low", "high"])
def test_without_a_value_or_a_band_there_is_nothing_to_draw(missing: str) -> None:
    assert png_of(replace(EVIDENCE, **{missing: None})) is None
