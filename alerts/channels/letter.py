"""The same words as HTML for e-mail, with a picture of each measured value against the patient's own band.

Nothing is fetched from anywhere: pictures travel in the mail. Whatever people, devices or profiles wrote goes in
escaped, and no address in it can be pressed: only ours can.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from alerts.channels.gauge import HEIGHT, WIDTH, png_of
from alerts.events import AlertEvent, Evidence
from alerts.explain import called, measured, number
from alerts.language import ENGLISH, voice
from models.phrases import Voice, phrase, say

PICTURES_MAX = 6
"""Of one mail; the desk shows all evidence."""
STYLE = "font-family: sans-serif; font-size: 15px; line-height: 1.45; color: #1b2628; max-width: 36em"


@dataclass(frozen=True)
class Letter:
    """HTML, and the pictures it shows: by the name of each in the mail."""

    html: str
    pictures: dict[str, bytes]


def letter_of(event: AlertEvent, text: str, name: str, links: Sequence[str], language: str = ENGLISH) -> Letter | None:
    """The words and pictures of an event; None when there is nothing to draw. name: of this mail, for its parts;
    links: addresses of ours among the words; language: of the words."""
    drawn = [(one, png) for one in event.evidence if (png := png_of(one)) is not None][:PICTURES_MAX]
    if not drawn:
        return None
    names = [f"{place}.{name}" for place in range(len(drawn))]
    spoken = voice(language)
    figures = [_figure(one, part, spoken) for (one, _), part in zip(drawn, names, strict=True)]
    body = "".join(f"<p>{_linked(block, links)}</p>" for block in text.strip().split("\n\n"))
    page = f'<!doctype html><html lang="{language}"><body style="{STYLE}">{body}{"".join(figures)}</body></html>'
    return Letter(page, dict(zip(names, (png for _, png in drawn), strict=True)))


def _figure(one: Evidence, part: str, spoken: Voice | None) -> str:
    said = phrase(
        "{vital}: {value}, own band {low} to {high}", vital=called(one.vital), value=measured(one.value, one.unit),
        low=number(one.low, one.unit), high=number(one.high, one.unit),
    )  # fmt: skip
    words = html.escape(say(said, spoken))
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return f'<p>{words}<br><img src="cid:{html.escape(part)}" alt="{words}" {size}></p>'


def _linked(block: str, links: Sequence[str]) -> str:
    """Escaped; a line of ours that ends in an address of ours can be pressed."""
    return "<br>".join(_line(line, links) for line in block.split("\n"))


def _line(line: str, links: Sequence[str]) -> str:
    link = next((one for one in links if line.endswith(f": {one}")), None)
    if link is None:
        return html.escape(line)
    address = html.escape(link)
    return f'{html.escape(line.removesuffix(link))}<a href="{address}">{address}</a>'
