"""What the real people of the demo would have been told of their devices: no clock that is wrong, and not too much."""

import gzip
import json
from datetime import date
from pathlib import Path

import pytest

from streams import demo
from streams.configuration.settings import Settings
from streams.replaying.replay import run_replay

DATA = Path(demo.__file__).parent / "data"
MONTH_DAYS = 30.44


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    out = tmp_path_factory.mktemp("devices") / "alerts.jsonl"
    run_replay(
        readings=[DATA / "readings.jsonl.gz"], profiles=DATA / "profiles.jsonl", actions=None, out=out, batch=10_000,
        summaries=None, unknown_patients="reject", settings=Settings(),
    )  # fmt: skip
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_no_device_of_a_real_person_is_said_to_have_a_wrong_clock(told: list[dict[str, str]]) -> None:
    assert [event for event in told if event["kind"] == "sensor"] == []


def test_silence_is_told_seldom_enough_to_be_listened_to(told: list[dict[str, str]]) -> None:
    """At most one and a half alerts a person-month that end by themselves; what never ends are devices given up."""
    ended = [event for event in told if event["kind"] == "silence" and event["event"] == "resolved"]
    assert 0 < len(ended) / person_months() <= 1.5
    silent = {event["alert_id"]: event["state"] for event in told if event["kind"] == "silence"}
    assert sum(state == "open" for state in silent.values()) >= 70


def person_months() -> float:
    """From each person's first to last day with a reading."""
    days: dict[str, set[str]] = {}
    with gzip.open(DATA / "readings.jsonl.gz", "rt") as lines:
        for line in lines:
            one = json.loads(line)
            days.setdefault(one["patient"], set()).add(one["at"][:10])
    spans = [(min(known), max(known)) for known in days.values()]
    return sum((_day(last) - _day(first)) / MONTH_DAYS for first, last in spans)


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()
