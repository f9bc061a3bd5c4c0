"""A small picture for e-mail: what was measured against the patient's own band. PNG, as mail programs show no SVG.

Pure: the same evidence gives the same bytes. There is no text in it; the words stand beside it in the mail.
"""

import struct
import zlib
from typing import Any

import numpy as np

from alerts.events import Evidence

WIDTH, HEIGHT = 360, 40
MARGIN, ARM = 14, 8
"""Pixels: left and right of the scale, and of the mark of the value around its middle."""
AIR = 0.25
"""Of the reach of band and value, to both sides."""
GROUND, TRACK, BAND, EXPECTED = (255, 255, 255), (205, 209, 201), (178, 214, 210), (15, 118, 110)
WITHIN, OUTSIDE = (34, 67, 79), (180, 83, 9)


def png_of(one: Evidence) -> bytes | None:
    """The picture; None without a value or an own band, of which there is nothing to draw."""
    if one.value is None or one.low is None or one.high is None or not one.low <= one.high:
        return None
    reach = [one.low, one.high, one.value]
    air = (max(reach) - min(reach) or 1.0) * AIR
    place = _Scale(min(reach) - air, max(reach) + air)
    return _png(_drawn(place(one.low), place(one.high), _expected(one, place), place(one.value), _inside(one)))


class _Scale:
    """From a value to a column of pixels."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def __call__(self, value: float) -> int:
        share = (value - self._low) / (self._high - self._low)
        return MARGIN + round(share * (WIDTH - 1 - 2 * MARGIN))


def _inside(one: Evidence) -> bool:
    low, high, value = one.low, one.high, one.value
    return low is not None and high is not None and value is not None and low <= value <= high


def _expected(one: Evidence, place: _Scale) -> int | None:
    low, high, value = one.low, one.high, one.expected
    if low is None or high is None or value is None or not low <= value <= high:
        return None
    return place(value)


def _drawn(low: int, high: int, expected: int | None, value: int, inside: bool) -> Any:
    middle = HEIGHT // 2
    pixels = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    pixels[middle - 1 : middle + 1, MARGIN : WIDTH - MARGIN] = TRACK
    pixels[middle - 9 : middle + 9, low : high + 1] = BAND
    if expected is not None:
        pixels[middle - 9 : middle + 9, expected] = EXPECTED
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    pixels[abs(rows - middle) + abs(columns - value) <= ARM] = WITHIN if inside else OUTSIDE
    return pixels


def _png(pixels: Any) -> bytes:
    """Eight bits of red, green and blue, each row unfiltered (PNG, third edition)."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
