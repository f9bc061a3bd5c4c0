"""Public sets become readings, profiles and labels that say what the sets say, and no more."""

import csv
import gzip
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.profile import parse_profile
from streams.errors import Failed
from streams.scoring.datasets import cgm
from streams.scoring.datasets.prepared import prepare
from tests.demo import public_sets

Json = dict[str, Any]


def lines(path: Path) -> list[Json]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def test_everyone_of_stanford_is_there_and_only_a_date_of_symptoms_makes_a_label(tmp_path: Path) -> None:
    folder = public_sets.stanford(tmp_path / "set", people=2)
    with gzip.open(folder / "NONE.csv.gz", "wt") as file:
        file.write("t,hr_mean,hr_n,steps\n2024-05-08T00:00:00,60.0,5,0\n")
    made = prepare("stanford", folder, tmp_path / "out")
    assert made["people"] == 3
    labels = lines(tmp_path / "out" / "labels.jsonl")
    assert [label["patient"] for label in labels] == ["covid-A0", "covid-A1"]
    begin, end = (datetime.fromisoformat(labels[0][name]) for name in ("start", "end"))
    assert end - begin == timedelta(days=11)


def test_tihm_labels_look_thirty_hours_back(tmp_path: Path) -> None:
    prepare("tihm", public_sets.tihm(tmp_path / "set"), tmp_path / "out")
    labels = lines(tmp_path / "out" / "labels.jsonl")
    assert {label["event"] for label in labels} == {"blood_pressure", "pulse"}
    for label in labels:
        assert datetime.fromisoformat(label["end"]) - datetime.fromisoformat(label["start"]) == timedelta(hours=30)


def test_lifesnaps_figures_keep_their_units_and_what_is_missing_is_no_reading(tmp_path: Path) -> None:
    columns = ["id", "date", "nightly_temperature", "rmssd", "spo2", "full_sleep_breathing_rate", "resting_hr",
               "sleep_duration", "steps", "gender"]  # fmt: skip
    folder = tmp_path / "set"
    folder.mkdir()
    public_sets.write(
        folder / "daily.csv.gz", columns,
        [("7", "2021-05-25", "34.19287", "", "0.0", "15.5", "78.1729", "32820000.0", "0.0", "FEMALE")],
    )  # fmt: skip
    prepare("lifesnaps", folder, tmp_path / "out")
    found = {reading["code"]: reading["value"] for reading in lines(tmp_path / "out" / "readings.jsonl.gz")}
    assert found == {"skin_temperature": 34.193, "9279-1": 15.5, "40443-4": 78.17, "93832-4": 547.0}
    assert lines(tmp_path / "out" / "labels.jsonl") == []
    assert parse_profile((tmp_path / "out" / "profiles.jsonl").read_bytes()).sex == "female"


def test_a_person_of_lifesnaps_who_is_published_twice_is_read_once_and_two_who_are_alike_by_chance_are_two(
    tmp_path: Path,
) -> None:
    columns, folder = ["id", "date", "resting_hr", "steps", "gender"], tmp_path / "set"
    folder.mkdir()
    columns += ["nightly_temperature", "rmssd", "spo2", "full_sleep_breathing_rate", "sleep_duration"]
    days = [date(2021, 5, 1) + timedelta(days=n) for n in range(80)]
    people = {"3": (60, 1, 60), "54": (80, 1, 60), "8": (60, 2, 61)}
    rows = [
        (id, days[n], f"{rest}.{n}", 1000 * step + n, "FEMALE", *[""] * 5)
        for id, (length, step, rest) in people.items()
        for n in range(length)
    ]
    public_sets.write(folder / "daily.csv.gz", columns, rows)
    prepare("lifesnaps", folder, tmp_path / "out")
    assert {one["patient"] for one in lines(tmp_path / "out" / "profiles.jsonl")} == {"lifesnaps-54", "lifesnaps-8"}


START = datetime(2026, 1, 5, tzinfo=UTC)


def samples(*values: float | None) -> list[tuple[datetime, float]]:
    return [(START + n * timedelta(minutes=5), v) for n, v in enumerate(values) if v is not None]


def test_a_low_of_fifteen_minutes_must_be_alerted_by_its_third_sample_and_foretold_before_its_first() -> None:
    made = {label["event"]: label for label in cgm.labels("p", samples(100, 65, 60, 53, 50, 52, 53, 80))}
    first, below = (START + timedelta(minutes=m) for m in (5, 15))
    assert datetime.fromisoformat(made["low_54"]["start"]) == below
    assert datetime.fromisoformat(made["low_54"]["end"]) == below + timedelta(minutes=10)
    assert datetime.fromisoformat(made["low_70"]["event_at"]) == first
    assert datetime.fromisoformat(made["low_70"]["end"]) < first
    assert datetime.fromisoformat(made["low_70"]["until"]) == START + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((60, 60), []),
        ((60, 60, 60), [3]),
        ((60, None, None, 60, 60), [3]),
        ((60, 60, None, None, None, 60, 60, 60), [2, 3]),
        ((60, 60, 71, 60, 60, 60), [2, 3]),
    ],
)
def test_runs_end_with_a_sample_that_is_not_low_or_with_a_gap(
    values: tuple[float | None, ...], expected: list[int]
) -> None:
    lengths = [len(run) for run in cgm.runs(samples(*values), 70)]
    assert [length for length in lengths if length >= 3] == [length for length in expected if length >= 3]
    assert sum(label["event"] == "low_70" for label in cgm.labels("p", samples(*values))) == sum(
        length >= 3 for length in expected
    )


def test_the_three_glucose_sets_are_read_as_published(tmp_path: Path) -> None:
    rows = [("id", "time", "gl"), ("x 1", "2014-02-03 03:42:12", 93), ("x 1", "2014-02-03 03:42:12", 93), ("x 1", "2014-02-03 03:47:12", "NA")]  # fmt: skip  # noqa: E501
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    for name in ("Hall2018_processed_akhil.csv.gz", "Dubosson2018_processed.csv.gz"):
        (tmp_path / name).write_bytes(gzip.compress(text.getvalue().encode()))
    with zipfile.ZipFile(tmp_path / "Colas2019_processed.zip", "w") as archive:
        archive.writestr("Colas2019_processed.csv", text.getvalue())
    made = prepare("cgm", tmp_path, tmp_path / "out")
    assert (made["people"], made["readings"]) == (3, 3)
    profiles = lines(tmp_path / "out" / "profiles.jsonl")
    assert [profile.get("conditions") for profile in profiles] == [None, None, [{"code": "diabetes_type1"}]]
    assert profiles[0]["patient"] == "cgm-hall-x_1"


def test_a_folder_of_another_shape_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be read as the set lifesnaps"):
        prepare("lifesnaps", tmp_path, tmp_path / "out")
