"""The languages in which alerts are told: English, in which they are written, and a gettext catalogue (`.po`) for each
other one, read by Babel when the first alert is told in it.

One language holds for a deployment (`PolicySettings.language`): text is part of the log, and has to be the same whoever
computes it. To add one: `README.md`, "In another language". `extract` finds what there is to say in the evidence.
"""

from datetime import datetime
from functools import cache
from gettext import GNUTranslations
from importlib.resources import files
from io import BytesIO

from models.phrases import Voice, phrase

ENGLISH = "en"
CAPITALS_INSIDE = frozenset({"de", "lb"})
"""Languages that write nouns with a capital also inside a sentence."""
MOMENT = phrase("d MMMM y 'at' HH:mm 'UTC'")
"""How a time is written, as a date pattern of the Unicode CLDR; what stands between quotes is text."""


@cache
def languages() -> tuple[str, ...]:
    """Those there are, English first."""
    found = (file.name.removesuffix(".po") for file in files(__name__).iterdir() if file.name.endswith(".po"))
    return (ENGLISH, *sorted(found))


@cache
def voice(language: str) -> Voice | None:
    """How that language says it; None is English, in which it is written. ValueError for one that there is not."""
    if language not in languages():
        raise ValueError(f"{language} is not among the languages: {', '.join(languages())}")
    return None if language == ENGLISH else _Catalogue(language)


class _Catalogue:
    """A language with a catalogue. What is not in it is said in English."""

    def __init__(self, language: str) -> None:
        # Not at the top: it takes 80 ms, and most deployments never ask for it.
        from babel import Locale, dates, numbers
        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po

        compiled = BytesIO()
        with files(__name__).joinpath(f"{language}.po").open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        self._said = GNUTranslations(compiled)
        self._locale = Locale.parse(language)
        self._separators = str.maketrans(
            {".": numbers.get_decimal_symbol(self._locale), ",": numbers.get_group_symbol(self._locale)}
        )
        self._percent = self._locale.percent_formats[None].suffix[0]
        self._format = dates.format_datetime
        self._capitals = language in CAPITALS_INSIDE

    def template(self, one: str, many: str | None = None, n: int = 1) -> str:
        return self._said.gettext(one) if many is None else self._said.ngettext(one, many, n)

    def figure(self, english: str) -> str:
        said = english.removesuffix("%").translate(self._separators)
        return said + self._percent if english.endswith("%") else said

    def moment(self, at: datetime) -> str:
        return self._format(at, self.template(MOMENT), locale=self._locale)

    def inside(self, text: str) -> str:
        return text if self._capitals or text[:2].isupper() else text[:1].lower() + text[1:]
