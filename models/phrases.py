"""Text that people read, and that can be said in more than one language.

All of it is made in English, as strings that remember how: a template and what stands in it. Whoever tells it says it
in the language of the deployment (`say`); what is a plain string was written by a person or a device, and stays as is.

Each template stands in the source as a literal argument of `phrase` or `counted`, where Babel finds it for the
catalogue; labels of the evidence are found in its files (`alerts.language.extract`).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol


class Voice(Protocol):
    """A language: how it says templates, figures, and times."""

    def template(self, one: str, many: str | None, n: int) -> str:
        """The template in this language; of a counted one the form for n."""

    def figure(self, english: str) -> str:
        """A number with this language's separators: '1,234.5', '97%' as English writes them."""

    def moment(self, at: datetime) -> str:
        """A time in UTC, and says so."""

    def inside(self, text: str) -> str:
        """A name as it stands inside a sentence."""


class Text(str):
    """A text in English that can be said in another language."""

    __slots__ = ()

    def by(self, voice: Voice) -> str:
        """The same in that language."""
        raise NotImplementedError


class Phrase(Text):
    """A template with its parts; `many` and `n` of one that counts."""

    __slots__ = ("_many", "_n", "_one", "_parts")
    _one: str
    _many: str | None
    _n: int
    _parts: dict[str, object]

    def by(self, voice: Voice) -> str:
        parts = {name: _said(part, voice) for name, part in self._parts.items()}
        try:
            return voice.template(self._one, self._many, self._n).format(**parts)
        except (LookupError, ValueError, AttributeError):  # a part that there is not: better English than no alert
            return str(self)


class _Figure(Text):
    __slots__ = ()

    def by(self, voice: Voice) -> str:
        return voice.figure(str(self))


class _Moment(Text):
    __slots__ = ("_at",)
    _at: datetime

    def by(self, voice: Voice) -> str:
        return voice.moment(self._at)


class _Inside(Text):
    __slots__ = ("_name",)
    _name: str

    def by(self, voice: Voice) -> str:
        return voice.inside(say(self._name, voice))


class _Joined(Text):
    __slots__ = ("_between", "_parts")
    _between: str
    _parts: tuple[str, ...]

    def by(self, voice: Voice) -> str:
        return say(self._between, voice).join(say(part, voice) for part in self._parts)


def say(text: str, voice: Voice | None) -> str:
    """A text in that language (None: English), as a plain string; what nobody of us wrote is returned as it is."""
    return text.by(voice) if voice is not None and isinstance(text, Text) else str(text)


def phrase(template: str, /, **parts: object) -> Phrase:
    """A template with its parts in braces.

    >>> phrase("{vital} high for this patient", vital=phrase("Heart rate"))
    'Heart rate high for this patient'
    """
    return _phrase(template, None, 1, parts)


def counted(one: str, many: str, /, n: int, **parts: object) -> Phrase:
    """A template that depends on a number; languages have from one to six forms of it.

    >>> counted("{n} day", "{n} days", n=1), counted("{n} day", "{n} days", n=12)
    ('1 day', '12 days')
    """
    return _phrase(one, many, n, {"n": figure(n), **parts})


def _phrase(one: str, many: str | None, n: int, parts: dict[str, object]) -> Phrase:
    made = Phrase((one if many is None or n == 1 else many).format(**parts))
    made._one, made._many, made._n, made._parts = one, many, n, parts
    return made


def figure(value: float, form: str = "") -> Text:
    """A number as it is to be shown: rounded here, the same in every language.

    >>> figure(1234.56, ",.1f"), figure(0.974, ".0%")
    ('1,234.6', '97%')
    """
    return _Figure(format(value, form))


def moment(at: datetime) -> Text:
    """A time as it is said. In UTC, and says so: the patient, the team and the reader may live in three zones.

    >>> moment(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    '5 January 2026 at 08:00 UTC'
    """
    at = at.astimezone(UTC)
    made = _Moment(f"{at.day} {_MONTHS[at.month - 1]} {at.year} at {at:%H:%M} UTC")
    made._at = at
    return made


def stamp(rfc3339: str) -> Text:
    """A time of a record, which English keeps as it is: it is read by programs too.

    >>> stamp("2026-01-05T08:00:00Z")
    '2026-01-05T08:00:00Z'
    """
    made = _Moment(rfc3339)
    made._at = datetime.fromisoformat(rfc3339).astimezone(UTC)
    return made


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def inside(name: str, english: str) -> Text:
    """A name inside a sentence. english: how it is written there; other languages have rules of their own."""
    made = _Inside(english)
    made._name = name
    return made


def joined(parts: Iterable[str], between: str = " ") -> Text:
    """Texts one after the other.

    >>> joined([phrase("circulation"), phrase("respiration")], phrase(" and "))
    'circulation and respiration'
    """
    kept = tuple(parts)
    made = _Joined(between.join(kept))
    made._between, made._parts = between, kept
    return made


def _said(part: object, voice: Voice) -> object:
    return say(part, voice) if isinstance(part, str) else part
