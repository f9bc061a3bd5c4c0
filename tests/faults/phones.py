"""A care team whose phones are real receivers of webhooks, and who was told what on them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.pager import Pager
from tests.teams import team, written

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
    phones = {name: one.start() for name, one in people.items()}
    reached = {name: [name] for name in people}
    path.write_text(written(phones, reached, team("home", ["ann", "bob"]), team("ops", ["dee"])))
    return path


def told(pager: Pager, kind: str, rung: int) -> dict[str, float]:
    """Patients about whom this person was told, and when first [s]."""
    found: dict[str, float] = {}
    for key, bodies in list(pager.pages.items()):
        event = json.loads(bodies[0])
        if event["rung"] == rung and event["notify"] and (event["kind"] == "delivery") == (kind == "alarm"):
            found[event["patient"]] = min(pager.first_s[key], found.get(event["patient"], float("inf")))
    return found
