"""The bundle is made from the public sets, the same bytes every time, and says nothing that the sets do not."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from streams.demo import BundledData, in_folder
from streams.demo.people import START, Clock, weeks_to_start
from streams.demo.prepare import main, prepare
from streams.demo.stanford import _activity
from tests.demo import public_sets


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    return public_sets.tihm(tmp_path / "tihm"), public_sets.stanford(tmp_path / "stanford")


@pytest.fixture
def made(sets: tuple[Path, Path], tmp_path: Path) -> BundledData:
    prepare(*sets, tmp_path / "out")
    return in_folder(tmp_path / "out")


def lines(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def wall(text: str) -> datetime:
    """A time without a zone, as the sets publish it."""
    return datetime.fromisoformat(text)


def of(patient: str, path: Path) -> list[dict[str, Any]]:
    return [line for line in lines(path) if line["patient"] == patient]


def test_the_same_sets_give_the_same_bytes(sets: tuple[Path, Path], tmp_path: Path) -> None:
    prepare(*sets, tmp_path / "one")
    prepare(*sets, tmp_path / "two")
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert written == ["labels.jsonl", "manifest.json", "profiles.jsonl", "readings.jsonl.gz", "shifts.json"]
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one" / "readings.jsonl.gz").read_bytes()[4:8] == bytes(4), "gzip's header has a time stamp"


def test_values_keep_their_weekday_and_local_time_and_impossible_ones_stay_in(made: BundledData) -> None:
    taken = [(r["code"], r["value"], r["at"]) for r in of("tihm-aa01", made.readings)]
    assert taken == [
        ("skin_temperature", 74.127, "2026-01-07T09:00:00Z"),  # a Wednesday before and after
        ("40443-4", 57.52, "2026-01-09T12:00:00Z"),  # the night of the 8th, known when its window ends
        ("9279-1", 17.35, "2026-01-09T12:00:00Z"),
        ("8480-6", 165.0, "2026-01-09T13:42:09Z"),
        ("8867-4", 61.0, "2026-01-09T13:42:09Z"),
    ]


def test_ids_are_numbered_in_order_of_time(made: BundledData) -> None:
    assert [r["id"] for r in of("tihm-aa01", made.readings)] == [f"tihm-aa01-{n:06d}" for n in range(5)]


def test_labels_of_the_homes_are_utc_and_name_what_they_are_about(made: BundledData) -> None:
    window = {"patient": "tihm-aa01", "start": "2026-01-09T01:50:00Z", "end": "2026-01-09T13:50:00Z"}
    assert of("tihm-aa01", made.labels) == [
        {**window, "problem": "systolic_bp|diastolic_bp"},
        {**window, "problem": "heart_rate"},
    ]


def test_a_profile_says_only_what_the_set_says(made: BundledData) -> None:
    assert of("tihm-aa01", made.profiles) == [
        {
            "patient": "tihm-aa01",
            "version": 1,
            "birth_date": "1941-01-01",
            "sex": "female",
            "conditions": [{"code": {"system": "http://snomed.info/sct", "code": "52448006"}}],
            "timezone": "Europe/London",
            "care_team": "tihm-home",
            "consent": {"monitoring": True},
        }
    ]
    assert of("covid-A0", made.profiles)[0].keys() == {"patient", "version", "timezone", "care_team", "consent"}


def test_someone_without_readings_is_left_out(made: BundledData) -> None:
    assert not of("tihm-zz99", made.profiles)


def test_four_people_are_chosen_by_completeness_and_size_alone(made: BundledData) -> None:
    chosen = {line["patient"] for line in lines(made.profiles) if line["patient"].startswith("covid-")}
    assert chosen == {"covid-A0", "covid-A1", "covid-A2", "covid-A3"}


def test_the_window_around_the_onset_is_39_days_and_the_label_11(made: BundledData) -> None:
    beats = [r["at"] for r in of("covid-A0", made.readings) if r["code"] == "8867-4"]
    assert (beats[0], beats[-1], len(beats)) == ("2026-01-07T08:00:00Z", "2026-02-14T08:01:00Z", 39 * 2)
    window = {"patient": "covid-A0", "start": "2026-02-01T00:00:00Z", "end": "2026-02-12T00:00:00Z"}
    assert of("covid-A0", made.labels) == [window]


def test_a_minute_without_a_row_of_steps_is_unknown_not_zero(made: BundledData) -> None:
    first = next(r for r in of("covid-A1", made.readings) if r["code"] == "steps")
    assert (first["values"], first["period"], first["unit"]) == ([None, None, 7] + [None] * 57, 60, "{steps}")
    assert first["at"] == "2026-01-07T08:00:00Z"


@given(st.datetimes(wall("2019-01-01"), wall("2030-01-01")))
def test_moving_by_weeks_keeps_weekday_and_time_of_day(published: datetime) -> None:
    clock = Clock(ZoneInfo("Etc/UTC"), weeks_to_start(published.date()))
    moved = clock.at(published)
    assert (moved.weekday(), moved.time()) == (published.weekday(), published.time())
    assert 0 <= (moved.date() - START).days < 7


def test_an_hour_that_the_clocks_skip_moves_on_and_is_counted() -> None:
    clock = Clock(ZoneInfo("Europe/London"), 0)
    assert clock.at(wall("2026-03-29T01:30:00")).isoformat() == "2026-03-29T02:30:00+01:00"
    assert clock.at(wall("2026-03-29T02:30:00")).isoformat() == "2026-03-29T02:30:00+01:00"
    assert clock.mended == 1


def test_an_hour_that_the_clocks_repeat_is_its_first_occurrence() -> None:
    clock = Clock(ZoneInfo("Europe/London"), 0)
    assert clock.at(wall("2026-10-25T01:30:00")).astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert clock.mended == 0


def test_the_command_has_no_default_folder(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["--out", str(tmp_path)]).exit_code == 2


def test_a_heart_rate_says_rest_only_after_twelve_minutes_known_to_be_still() -> None:
    assert _activity([0.0] * 12) == "rest"
    assert _activity([0.0] * 11 + [3.0]) == "active"
    assert _activity([0.0] * 11 + [None]) is None
    assert _activity([None] * 11 + [3.0]) == "active"
