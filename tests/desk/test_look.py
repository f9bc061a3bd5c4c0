"""The colours of the page can be read: contrast as WCAG 2.2 computes it, in the light and the dark scheme."""

import re

import pytest

from alerts.desk.config import STATIC

LIGHT, DARK = (STATIC / "look.css").read_text().split("@media (prefers-color-scheme: dark)")
TEXT_ON = {
    "ink": ("ground", "card", "urgent-soft"),
    "ink-2": ("ground", "card", "card-2", "info-soft"),
    "ink-3": ("ground", "card", "card-2"),
    "brand-ink": ("brand-soft",),
    "on-brand": ("brand",),
    "emergency": ("card", "emergency-soft"),
    "urgent": ("card",),
    "advisory": ("card",),
    "info": ("card",),
    "unknown-ink": ("card",),
}


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb. Source: WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(scheme: str) -> None:
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", scheme))
    for text, grounds in TEXT_ON.items():
        for ground in grounds:
            low, high = sorted((luminance(colours[text]), luminance(colours[ground])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{text} on {ground}"
