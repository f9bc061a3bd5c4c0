"""Addresses in the settings: whether one can be right, and how one is shown without what is secret in it."""

import re
from urllib.parse import urlsplit


def is_web_address(url: str) -> bool:
    """Whether it names a server of the web."""
    return is_address(url, ("http", "https"))


def is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether it names a server, by one of the schemes."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        return False


def without_path(url: str) -> str:
    """The path of a webhook is often its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/..."


def without_login(url: str) -> str:
    """User and password, before the host or as a parameter, hidden."""
    scheme, divider, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    place = re.sub(r"(password=)[^&]*", r"\1***", place)
    return f"{scheme}{divider}{'***' if login else ''}{at}{place}"
