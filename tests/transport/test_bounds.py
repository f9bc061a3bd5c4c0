"""Every bound is in one of two lists: a queue that nobody has written down is one that nobody looks for."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import alerts
import streams
from streams.bounds import BOUNDS

LIKE_A_BOUND = re.compile(r"^([A-Z][A-Z0-9_]*(?:_MAX|_KEPT|_REMEMBERED))$")
ASSIGNED = re.compile(r"^([A-Z][A-Z0-9_, =]*?)(?::[^=]+)? = ", re.M)
NOT_RUNNING = ("benching", "cohort", "demo", "scoring")
"""Parts that measure or show; nothing of patients waits in them."""


def named() -> Iterator[str]:
    """Module and name of what looks like a bound."""
    for package in (streams, alerts):
        root = Path(str(package.__file__)).parent
        for file in sorted(root.rglob("*.py")):
            parts = file.relative_to(root.parent).with_suffix("").parts
            if not set(parts) & {*NOT_RUNNING, "limits"}:
                names = re.findall(r"[A-Z][A-Z0-9_]*", " ".join(ASSIGNED.findall(file.read_text())))
                yield from (f"{'.'.join(parts)}:{name}" for name in names if LIKE_A_BOUND.match(name))


def test_no_bound_is_left_out() -> None:
    assert [name for name in named() if name not in BOUNDS] == []


def test_what_is_listed_is_there_and_says_what_is_heard() -> None:
    for place, heard in BOUNDS.items():
        module, _, name = place.partition(":")
        assert hasattr(importlib.import_module(module), name), place
        assert heard.strip(), place
