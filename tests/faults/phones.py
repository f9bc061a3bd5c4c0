"""A care team whose phones are real receivers of webhooks, and who was told what on them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.pager import Pager

SECRET = "a secret of these tests"
PEOPLE = ("ann", "bob", "dee")


@contextmanager
def pagers() -> Iterator[dict[str, Pager]]:
    made = {name: Pager(SECRET.encode()) for name in PEOPLE}
    try:
        yield made
    finally:
        for one in made.values():
            one.stop()


def teams_file(folder: Path, people: dict[str, Pager]) -> Path:
    path = folder / "teams.toml"
    path.write_text(
        "".join(f'[channels.{n}]\nkind = "webhook"\nurl = "{p.start()}"\nsafe = true\n' for n, p in people.items())
        + "".join(f'[members.{name}]\nname = "{name}"\nreach = ["{name}"]\n' for name in people)
        + '[teams.home]\nmembers = ["ann", "bob"]\nchain = ["ann", "bob"]\n'
        + '[teams.ops]\nmembers = ["dee"]\nchain = ["dee"]\n'
    )
    return path


def told(pager: Pager, kind: str, rung: int) -> dict[str, float]:
    """Patients about whom this person was told, and when first [s]."""
    found: dict[str, float] = {}
    for key, bodies in list(pager.pages.items()):
        event = json.loads(bodies[0])
        if event["rung"] == rung and event["notify"] and (event["kind"] == "delivery") == (kind == "alarm"):
            found[event["patient"]] = min(pager.first_s[key], found.get(event["patient"], float("inf")))
    return found
