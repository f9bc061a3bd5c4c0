"""What people read of a record that is refused: which field it is, and what it should be."""

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from models.readings import ID_PATTERN

if TYPE_CHECKING:
    from pydantic import ValidationError

_PYDANTIC_STEPS = frozenset({"<coding>", "<id>", "[key]"})
_SHORT_TEXT = re.compile(r"\^\[\^\\x00-\\x1f\\x7f\]\{1,(\d+)\}\$")
_DAY = re.compile(r"Input should be (greater|less) than .*datetime\.date(?:time)?\((\d+), (\d+), (\d+).*")
_OF_READINGS = {
    "`$.at`": "RFC 3339 with an offset, such as 2026-01-05T08:00:00Z",
    "`$.context.activity`": "one of rest, sleep, active, exercise, unknown",
    "`$.value`": "a number without quotation marks, or for consciousness one of A C V P U",
}
NO_NUMBERS = (b"NaN", b"Infinity")


def of_document(error: "ValidationError", whole: str) -> str:
    """The first thing wrong with a document, `whole` saying what that is ("a profile"). Never the patient's data."""
    first, count = error.errors(include_url=False, include_input=False)[0], error.error_count()
    if first["type"] == "json_invalid":
        return first["msg"]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in _path(first["loc"])).lstrip(".")
    more = f" (and {count - 1} more)" if count > 1 else ""
    return f"{where or whole.split()[-1]}: {_mend(whole, first['type'], first['msg'], first.get('ctx', {}))}{more}"


def of_reading(message: str) -> str:
    """What msgspec says of a misshapen reading, and what is wanted in its place."""
    wanted = next((words for field, words in _OF_READINGS.items() if message.endswith(field)), None)
    return f"{message}; send {wanted}" if wanted else message


def of_bytes(raw: bytes, error: Exception) -> str:
    """Why bytes are not JSON, and what is usually behind it: how a file was saved, or how a library writes no number.

    >>> of_bytes(b'{"value": NaN}', ValueError("invalid character (byte 10)"))
    'not JSON: invalid character (byte 10); JSON has no NaN and no Infinity: leave out what was not measured'
    """
    what = f"not JSON: {str(error).removeprefix('JSON is malformed: ')}"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw[:4]:
        return f"{what}; this looks like UTF-16: send UTF-8"
    if raw.startswith(b"\xef\xbb\xbf"):
        return f"{what}; it begins with a byte order mark: send UTF-8 without one"
    if any(word in raw for word in NO_NUMBERS):
        return f"{what}; JSON has no NaN and no Infinity: leave out what was not measured"
    return what


def _path(loc: tuple[int | str, ...]) -> list[int | str]:
    """The way to the field, without pydantic's own steps, and bounded: a key of the document is part of it."""
    return [part if isinstance(part, int) else _printable(part[:64]) for part in loc if part not in _PYDANTIC_STEPS]


def _printable(key: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in key)


def _mend(whole: str, kind: str, message: str, given: dict[str, Any]) -> str:
    if kind == "extra_forbidden":
        return f"is not a field of {whole}; correct its name or remove it"
    if kind == "string_pattern_mismatch":
        return _text(given["pattern"])
    if kind == "too_long":
        return f"has {given['actual_length']} entries; at most {given['max_length']} are kept"
    bound = _DAY.fullmatch(message)
    if bound:
        year, month, day = map(int, bound.groups()[1:])
        return f"must be {'not before' if bound[1] == 'greater' else 'before'} {date(year, month, day)}"
    return "is required; add it" if kind == "missing" else message.removeprefix("Value error, ")


def _text(pattern: str) -> str:
    """A pattern of ours in words."""
    if pattern == ID_PATTERN:
        return "is not 1 to 128 characters of printable ASCII without spaces"
    short = _SHORT_TEXT.fullmatch(pattern)
    return f"is not 1 to {short[1]} characters without control characters" if short else f"does not fit {pattern}"
