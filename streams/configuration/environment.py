"""From the environment to Settings, or to one line that names the variable and how to mend it."""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from streams.configuration.settings import FILE_VARIABLE, PREFIX, Settings
from streams.configuration.team_answers import EXAMPLE, TeamAnswers
from streams.errors import WrongSettings

TEST_PREFIX = PREFIX + "TEST_"
UNSHOWN = {
    "secret", "webhook_secret", "sasl_password", "webhook_urls", "desk_database_url", "desk_accounts_url", "mqtt_url"
}  # fmt: skip
"""Settings whose value never appears in a message, not even when it is wrong."""
OF_A_NAME = "[key]"
"""What pydantic adds to the place of a name that is wrong, and not what is under it."""
GIVEN_SHOWN = 80
"""Characters of a wrong value that a message repeats: it is one line, and a text of JSON may be long."""


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` (from options of the command) win over environment and file.

    Raises WrongSettings with one line about the first thing that is wrong.
    """
    _check_file(os.environ.get(FILE_VARIABLE))
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as wrong:
        raise WrongSettings(_sentence(wrong)) from None


def misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that no setting reads but that look like one, with the name that was probably meant.

    Only near misses: Kubernetes sets HOMEBEAT_..._SERVICE_HOST and the like for a service named homebeat.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {FILE_VARIABLE}
    unread = [v for v in environment if v.upper().startswith(PREFIX) and not v.upper().startswith(TEST_PREFIX)]
    near = {v: difflib.get_close_matches(v.upper(), known, n=1, cutoff=0.85) for v in unread if v.upper() not in known}
    return {variable: meant[0] for variable, meant in near.items() if meant}


def _check_file(path: str | None) -> None:
    if not path:
        return
    try:
        tomllib.loads(Path(path).read_text())
    except OSError as wrong:
        raise WrongSettings(f"{FILE_VARIABLE}={path} cannot be read: {wrong.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise WrongSettings(f"{FILE_VARIABLE}={path} is not TOML: {wrong}") from None


def _sentence(wrong: ValidationError) -> str:
    errors = wrong.errors(include_url=False)
    others = dict.fromkeys(_place(error) for error in errors[1:] if error["loc"])
    return _complaint(errors[0]) + (f" (also wrong: {', '.join(others)})" if others else "")


def _complaint(error: ErrorDetails) -> str:
    if not error["loc"]:
        return _what_it_should_be(error)
    name, place = str(error["loc"][0]), _place(error)
    if error["type"] == "extra_forbidden" and place == name:
        return f"{name} in {os.environ.get(FILE_VARIABLE)} is not a setting{_meant(name, Settings.model_fields)}"
    within = place.removeprefix(name).removeprefix(".")
    if error["type"] == "extra_forbidden":
        *_, field = map(str, error["loc"])
        return f"{_where(name, within)} is not known{_meant(field, TeamAnswers.model_fields)}"
    given = "" if name in UNSHOWN else f" ({_short(error['input'])} was given)"
    return f"{_where(name, within)} {_what_it_should_be(error)}{given}{'' if within else _example(name)}"


def _place(error: ErrorDetails) -> str:
    """Where in the settings something is wrong: `tick_s`, `team_answers.cardiology-home.emergency_min`."""
    parts = (str(part) for part in error["loc"] if part != OF_A_NAME)
    return ".".join(part if part.isprintable() and len(part) <= GIVEN_SHOWN else _short(part) for part in parts)


def _short(given: object) -> str:
    """A value in one line."""
    said = repr(given)
    return said if len(said) <= GIVEN_SHOWN else said[:GIVEN_SHOWN] + "..."


def _where(name: str, within: str = "") -> str:
    """The variable or the place in the file; within: what of it, of a setting with parts."""
    variable = PREFIX + name.upper()
    file = os.environ.get(FILE_VARIABLE)
    if file and variable not in {given.upper() for given in os.environ}:
        return f"{name}{'.' if within else ''}{within} in {file}"
    return f"{variable}, {within}:" if within else variable


def _what_it_should_be(error: ErrorDetails) -> str:
    limits = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_type" | "int_from_float":
            return "should be a whole number"
        case "float_parsing" | "float_type":
            return "should be a number"
        case "greater_than_equal":
            return f"should be at least {limits['ge']:.15g}"
        case "less_than_equal":
            return f"should be at most {limits['le']:.15g}"
        case "literal_error":
            return f"should be {limits['expected']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "should be names and values"
        case "string_pattern_mismatch" if OF_A_NAME in error["loc"]:
            return "should be the name of a team, without spaces"
        case "string_pattern_mismatch":
            return "should be made of letters, digits and . _ -, 100 at most"
        case "too_long":
            return f"should have at most {limits['max_length']} entries"
        case "too_short":
            return f"should have at least {limits['min_length']} characters"
        case "value_error":
            return str(limits["error"])
    return error["msg"].removeprefix("Input ").removeprefix("Value ").lower().replace("string should", "should")


def _example(name: str) -> str:
    default = EXAMPLE if name == "team_answers" else Settings.model_fields[name].default
    if name in UNSHOWN or default in (None, ()):
        return ""
    return f", for example {PREFIX}{name.upper()}={default}"


def _meant(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.lower(), [*known], n=1)
    return f"; did you mean {near[0]}?" if near else ""
