"""From the environment to Settings, or to one line that names the variable and how to mend it."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from streams.errors import WrongSettings
from streams.settings import FILE_VARIABLE, PREFIX, Settings

TEST_PREFIX = PREFIX + "TEST_"
UNSHOWN = {"secret", "webhook_secret", "sasl_password", "webhook_urls", "desk_database_url"}
"""Settings whose value never appears in a message, not even when it is wrong."""


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
    others = [str(error["loc"][0]) for error in errors[1:] if error["loc"]]
    return _complaint(errors[0]) + (f" (also wrong: {', '.join(others)})" if others else "")


def _complaint(error: ErrorDetails) -> str:
    if not error["loc"]:
        return _what_it_should_be(error)
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{name} in {os.environ.get(FILE_VARIABLE)} is not a setting{_meant(name)}"
    given = "" if name in UNSHOWN else f" ({error['input']!r} was given)"
    return f"{_where(name)} {_what_it_should_be(error)}{given}{_example(name)}"


def _where(name: str) -> str:
    variable = PREFIX + name.upper()
    file = os.environ.get(FILE_VARIABLE)
    if file and variable not in {given.upper() for given in os.environ}:
        return f"{name} in {file}"
    return variable


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
        case "too_short":
            return f"should have at least {limits['min_length']} characters"
        case "value_error":
            return str(limits["error"])
    return error["msg"].removeprefix("Input ").removeprefix("Value ").lower().replace("string should", "should")


def _example(name: str) -> str:
    default = Settings.model_fields[name].default
    if name in UNSHOWN or default is None:
        return ""
    return f", for example {PREFIX}{name.upper()}={default}"


def _meant(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), Settings.model_fields, n=1)
    return f"; did you mean {near[0]}?" if near else ""
