"""`homebeat replay` as people type it: several files after one option, one answer for machines."""

import json

import pytest

from tests.cli.command import Homebeat


@pytest.fixture
def files(homebeat: Homebeat) -> list[str]:
    """Two files with the readings of two days."""
    names = ["day1.jsonl", "day2.jsonl"]
    for day, name in enumerate(names, 5):
        lines = [
            {"id": f"r-{day}-{n}", "patient": "p-1", "code": "heart_rate", "value": 60 + n, "unit": "/min",
             "at": f"2026-01-{day:02}T08:{n:02}:00Z"}
            for n in range(10)
        ]  # fmt: skip
        (homebeat.folder / name).write_text("\n".join(map(json.dumps, lines)))
    return names


@pytest.mark.parametrize("repeated", [False, True], ids=["after-one-option", "option-repeated"])
def test_several_files_of_readings_are_one_replay(homebeat: Homebeat, files: list[str], repeated: bool) -> None:
    named = [word for file in files for word in ("--readings", file)] if repeated else ["--readings", *files]
    answered = homebeat("replay", *named, "--unknown-patients", "monitor", "--out", "alerts.jsonl", "--json")
    assert (answered.code, answered.err) == (0, "")
    assert answered.json["readings"] == answered.json["decided"] == 20
    assert (homebeat.folder / "alerts.jsonl").exists()


def test_patients_without_profile_are_refused_unless_asked_for(homebeat: Homebeat, files: list[str]) -> None:
    assert homebeat("replay", "--readings", *files, "--json").json["rejected"] == 20
    assert homebeat("replay", "--readings", *files, "--json", unknown_patients="monitor").json["rejected"] == 0


@pytest.mark.parametrize("outputs", [["--out", "./day1.jsonl"], ["--out", "a", "--summaries", "a"]])
def test_nothing_that_is_read_or_written_is_written_over(
    homebeat: Homebeat, files: list[str], outputs: list[str]
) -> None:
    before = (homebeat.folder / "day1.jsonl").read_text()
    answered = homebeat("replay", "--readings", *files, *outputs)
    assert answered.code == 2
    assert "named twice" in answered.err
    assert (homebeat.folder / "day1.jsonl").read_text() == before


def test_people_get_a_line_for_each_figure(homebeat: Homebeat, files: list[str]) -> None:
    answered = homebeat("replay", "--readings", *files)
    assert "readings: 20" in answered.out.splitlines()
    assert "  unknown patient: 20" in answered.out.splitlines()
