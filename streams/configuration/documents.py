"""Files that an operator writes, and what is said of one that is not as it has to be."""

import tomllib

from pydantic import ValidationError

from streams.errors import WrongSettings

NOT_READ = (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError)
"""What reading such a file raises, besides OSError."""


def wrong_document(named: str, wrong: Exception) -> WrongSettings:
    """One line: that it is no TOML, or the first thing that does not belong there, with its place."""
    if not isinstance(wrong, ValidationError):
        return WrongSettings(f"{named} is not TOML: {wrong}")
    first = wrong.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    said = str(first["msg"]).removeprefix("Value error, ")
    return WrongSettings(f"{named}: {f'{where}: ' if where else ''}{said}")
