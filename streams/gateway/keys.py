"""The keys of integrations: a TOML file with a hash of each, and what it may do.

A key is 256 bits from the system's random source, so nobody guesses one, and one round of SHA-256 keeps it: what makes
a password's hash slow protects what people can remember. The file is looked at again when it has changed: a key that is
taken away opens nothing from the next request on.
"""

import hmac
import logging
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from streams.configuration.documents import NOT_READ, wrong_document
from streams.errors import WrongSettings

log = logging.getLogger(__name__)

Scope = Literal["readings", "profiles"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KEYS_MAX = 1000
"""Integrations of one deployment. Each request is held against all of them."""
KEY_BYTES = 32
MARK = "homebeat_"
"""What every key begins with, so that who finds one in a log or a repository knows what it is."""
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
HEADER = "# Keys of integrations, by `homebeat gateway add-key`. Only hashes: a key that is lost is made anew.\n"


class Key(BaseModel):
    """One integration. sha256: of its key, in hexadecimal."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    made: datetime | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    keys: dict[Annotated[str, StringConstraints(pattern=NAME_PATTERN)], Key] = Field({}, max_length=KEYS_MAX)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who holds a key: an integration by its name, and what it may do."""

    name: str
    scopes: frozenset[Scope]


def hash_of(key: str) -> str:
    """What stands in the file for a key."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def sender_of(key: str, keys: Mapping[str, Key]) -> Sender | None:
    """Whose key it is. Every hash is compared, in the same time whatever it begins with."""
    given, found = hash_of(key), None
    for name, one in keys.items():
        if hmac.compare_digest(given, one.sha256):
            found = Sender(name, frozenset(one.scopes))
    return found


def read_keys(path: Path) -> dict[str, Key]:
    """The keys of the file, by name; none if there is no file. Raises WrongSettings with one line."""
    try:
        return _File.model_validate(tomllib.loads(path.read_text())).keys
    except FileNotFoundError:
        return {}
    except OSError as wrong:
        raise WrongSettings(f"the keys of integrations: {path} cannot be read: {wrong.strerror}") from None
    except NOT_READ as wrong:
        raise wrong_document(f"the keys of integrations: {path}", wrong) from None


def no_keys(path: Path) -> str:
    """What is said where there is none."""
    return (
        f"no integration has a key yet ({path}), so nobody could send anything: make one with "
        "`homebeat gateway add-key NAME --scope readings`"
    )


class KeyRing:
    """The keys as the file has them now. A file that has become wrong is said in the log, and what it had before holds:
    a slip of the pen must not stop the readings of everybody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()
        self._keys = read_keys(path)
        if not self._keys:
            raise WrongSettings(no_keys(path))

    def sender(self, key: str) -> Sender | None:
        """Whose key it is, if anybody's."""
        self._look()
        return sender_of(key, self._keys)

    def _look(self) -> None:
        if (seen := self._state()) == self._seen:
            return
        self._seen = seen
        try:
            self._keys = read_keys(self._path) if seen else self._keys
        except WrongSettings as wrong:
            log.error("%s; till it is mended the keys that it had before hold", wrong)
            return
        log.info("%d keys of integrations", len(self._keys))

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def add_key(path: Path, name: str, scopes: tuple[Scope, ...], *, replace: bool) -> str:
    """A new key, its hash written to the file. Returns the key, which is nowhere else. Raises WrongSettings."""
    keys = read_keys(path)
    if not re.fullmatch(NAME_PATTERN, name):
        raise WrongSettings(f"{name!r:.80} is no name for a key: letters, digits and . _ -, 64 at most, no blank")
    if name in keys and not replace:
        raise WrongSettings(f"there is a key of {name} already: --replace makes a new one instead of it")
    if name not in keys and len(keys) >= KEYS_MAX:
        raise WrongSettings(f"there are {KEYS_MAX} keys already: remove one with `homebeat gateway remove-key`")
    key = MARK + secrets.token_urlsafe(KEY_BYTES)
    made = datetime.now(UTC).replace(microsecond=0)
    _write(path, keys | {name: Key(sha256=hash_of(key), scopes=scopes, made=made)})
    return key


def remove_key(path: Path, name: str) -> None:
    """Take a key away. Raises WrongSettings where there is none."""
    keys = read_keys(path)
    if name not in keys:
        raise WrongSettings(f"there is no key of {name} in {path}: `homebeat gateway keys` lists them")
    del keys[name]
    _write(path, keys)


def _write(path: Path, keys: Mapping[str, Key]) -> None:
    """All of it, or nothing: a gateway may read it at any moment."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.write_text(HEADER + "".join(_written(name, key) for name, key in keys.items()))
        new.replace(path)
    except OSError as wrong:
        raise WrongSettings(f"the keys of integrations: {path} cannot be written: {wrong.strerror}") from None


def _written(name: str, key: Key) -> str:
    scopes = ", ".join(f'"{scope}"' for scope in key.scopes)
    made = f"made = {key.made.isoformat()}\n" if key.made else ""
    return f'\n[keys."{name}"]\nsha256 = "{key.sha256}"\nscopes = [{scopes}]\n{made}'
