"""homebeat and the published rules are held against each other on the same data, fairly and repeatably."""

import gzip
import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from models.times import US_PER_DAY
from streams.benching import scorecard
from streams.benching.scorecard import as_text, measure
from streams.cohort import simulate as cohorts
from streams.commands.analysis import bench
from streams.configuration.environment import load_settings
from streams.errors import Failed, WrongSettings
from streams.scoring.gate import FIELDS
from streams.scoring.records import Alert, Json, Label
from streams.scoring.versus import Half, Point, at_equal_alerts, at_equal_finding, of_half, point
from tests.demo import public_sets
from tests.scoring.records import alert, at, label, us

Row = dict[str, Any]
HALVES: tuple[Half, ...] = ("tune", "hold")
POINTS = [Point(2, 9, 5, 4.0), Point(3, 6, 4, 1.5), Point(4, 4, 3, 0.5), Point(5, 4, 3, 0.4), Point(8, 0, 0, 0.0)]


@pytest.mark.parametrize(("rate", "limit"), [(5.0, 2), (3.9, 3), (1.5, 3), (1.4, 5), (0.3, 8)])
def test_at_equal_alerts_it_is_the_most_that_is_found_at_no_more(rate: float, limit: float) -> None:
    found = at_equal_alerts(POINTS, rate)
    assert found is not None
    assert found.limit == limit


@pytest.mark.parametrize(("hits", "limit"), [(9, 2), (5, 3), (4, 5), (0, 8)])
def test_at_equal_finding_it_is_the_fewest_alerts_that_find_as_much(hits: int, limit: float) -> None:
    found = at_equal_finding(POINTS, hits)
    assert found is not None
    assert found.limit == limit


def test_what_no_limit_reaches_is_said_to_be_out_of_reach() -> None:
    assert at_equal_finding(POINTS, 10) is None
    assert at_equal_alerts(POINTS[:-1], 0.1) is None


def test_a_point_is_the_figures_of_the_scorecard() -> None:
    day = US_PER_DAY
    labels = [Label("p", 10 * day, 11 * day, until_us=11 * day)]
    alerts = [Alert("p", 10 * day + 5), Alert("p", 20 * day), Alert("stranger", 3)]
    found = point(3, alerts, labels, {"p": (0, 30 * day), "q": (0, 30 * day)})
    assert (found.hits, found.alerts_per_person_month) == (1, 1.0)
    assert 0.9 < found.excess < 1


def test_halves_share_no_patient_and_stay_what_they_are() -> None:
    patients = [f"p-{n}" for n in range(400)]
    tune, hold = ({p for p in patients if of_half(p, half)} for half in HALVES)
    assert tune | hold == set(patients)
    assert not tune & hold
    assert 160 < len(tune) < 240
    assert [of_half(p, None) for p in patients] == [True] * 400
    assert of_half("p-0", "tune") is of_half("p-0", "tune")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    asked: dict[str, Any] = {"patients": 5, "days": 70, "seed": 3, "kind": "mixed", "cadence": "daily"}
    cohorts.simulate(folder, **asked, progress=lambda *_: None)
    return folder


@pytest.fixture(scope="module")
def measured(cohort: Path) -> dict[str, Any]:
    return measure(cohort, load_settings(), out=cohort / "made")


def test_a_cohort_gives_one_table_with_homebeat_and_every_rule_that_says_anything(measured: dict[str, Any]) -> None:
    (rows,) = measured["tables"].values()
    rules = [row["rule"] for row in rows]
    assert rules[:4] == ["homebeat", "homebeat, floors", "homebeat, personal", "homebeat, rules"]
    assert {"robust z", "nightsignal", "cusum"} <= set(rules)
    ours = rows[0]
    assert ours["alerts"] == sum(row["alerts"] for row in rows[1:4])
    assert sum(of for _, of in ours["by_event"].values()) == (
        ours["labels"] + ours["technical_labels"] + ours["no_alert_windows"]
    )
    assert all("at_equal_alerts" in row for row in rows[4:])
    assert "robust z" in as_text(measured)


def test_each_rule_is_held_against_all_of_homebeat_and_against_its_personal_part(measured: dict[str, Any]) -> None:
    result = deepcopy(measured)
    (rows,) = result["tables"].values()
    cusum = next(row for row in rows if row["rule"] == "cusum")
    cusum["at_equal_alerts"] = {"homebeat": {"hits": 7}, "homebeat, personal": {"hits": 3}}
    cusum["at_equal_finding"] = {"homebeat": {"alerts_per_person_month": 1.5}, "homebeat, personal": None}
    line = next(line for line in as_text(result).splitlines() if line.startswith("cusum"))
    assert re.split(r" {2,}", line)[-4:] == ["7 found", "1.50/p-month", "3 found", "never"]


def test_the_table_shows_the_rate_of_every_tenth_of_the_patients_next_to_luck(measured: dict[str, Any]) -> None:
    assert "by tenth of patients" not in as_text(measured), "five patients have no tenths"
    result, rising = deepcopy(measured), [n / 8 for n in range(10)]
    (rows,) = result["tables"].values()
    for row in rows:
        row["deciles"] = {"observed": rising, "by_luck": [0.5] * 10, "other_weeks": rising[::-1], "worst_ratio": 2.0}
    text = as_text(result).splitlines()
    begin = next(n for n, line in enumerate(text) if line.startswith("by tenth of patients"))
    first, luck, other = (re.split(r" {2,}", line) for line in text[begin + 1 : begin + 4])
    assert first == ["homebeat", *(f"{rate:.3g}" for rate in rising)]
    assert luck == ["homebeat, all alike", *["0.5"] * 10]
    assert other[1:] == first[:0:-1]
    assert any(line.startswith("cusum ") for line in text[begin:])


NOBODY_ILL = [f"p-{n:02}" for n in range(100)]


def null_cohort(*, every_days: float, others_days: float = 0, first_day: int = 60) -> list[Row]:
    """Rows of a hundred people with whom nothing is wrong, over 300 days: alerts come by chance so often from the first
    day on."""
    of = {name: (us(0), us(24 * 300)) for name in NOBODY_ILL}
    lines, random = list[Json](), np.random.default_rng(8)
    for n, name in enumerate(NOBODY_ILL):
        step = others_days if others_days and n < 20 else every_days
        days = first_day + np.cumsum(random.exponential(step, 200))
        lines += [alert(24 * day, name, kind="drift", category="clinical") for day in days if day < 300]
    data = scorecard.Data("null", [], [], of, lines, per_month=0.25)
    return scorecard._table(scorecard.Question("null"), data, lambda _: None)


@pytest.mark.parametrize(
    ("lived", "kept"),
    [
        ({"every_days": 100}, True),
        ({"every_days": 100, "others_days": 25}, False),
        ({"every_days": 25}, False),
        ({"every_days": 600}, False),
        ({"every_days": 2.5, "first_day": 298}, False),
    ],
    ids=["within", "some by far", "all by far", "too few", "too late"],
)
def test_where_nothing_is_wrong_the_table_says_whether_the_alert_budget_is_kept_for_everybody(
    lived: dict[str, Any], kept: bool
) -> None:
    rows = null_cohort(**lived)
    (budget,) = [row["budget"] for row in rows if "budget" in row]
    assert budget["kept"] is kept
    text = as_text({"tables": {"null": rows}, "equity": {}, "half": None})
    assert f"{'kept' if kept else 'not kept'}, which is 0.125 to 0.5 for every tenth" in text


def test_what_comes_before_a_patient_is_settled_is_not_held_against_the_budget() -> None:
    of = {name: (us(0), us(24 * 300)) for name in NOBODY_ILL}
    early: list[Json] = [
        alert(24 * day, name, kind="drift", category="clinical") for name in NOBODY_ILL for day in range(0, 50, 7)
    ]
    data = scorecard.Data("null", [], [], of, early, per_month=0.25)
    assert scorecard._budget(early, data)["budget"]["other_weeks"] == (0.0,) * 10


def test_of_a_few_people_nobody_can_tell_whether_the_budget_is_kept() -> None:
    of = {name: (us(0), us(24 * 300)) for name in NOBODY_ILL[:40]}
    assert scorecard._budget([], scorecard.Data("null", [], [], of, [], per_month=0.25)) == {}


def test_where_something_is_to_be_found_no_word_is_said_of_the_budget(measured: dict[str, Any]) -> None:
    assert "alert budget" not in as_text(measured)


def test_the_table_says_of_every_group_whether_it_is_worse_off(measured: dict[str, Any]) -> None:
    (verdicts,) = measured["equity"].values()
    assert {one["by"] for one in verdicts} == set(FIELDS)
    assert measured["equity_failure"] is None
    assert "open: " in as_text(measured)


def test_the_same_data_give_the_same_table(cohort: Path, measured: dict[str, Any], tmp_path: Path) -> None:
    assert measure(cohort, load_settings(), out=tmp_path)["tables"] == measured["tables"]
    (again,) = tmp_path.glob("*.homebeat.jsonl")
    (before,) = (cohort / "made").glob("*.homebeat.jsonl")
    assert again.read_bytes() == before.read_bytes()


def test_a_half_has_only_its_own_patients(cohort: Path) -> None:
    (rows,) = measure(cohort, load_settings(), half="tune")["tables"].values()
    assert rows[0]["patients"] == sum(of_half(f"synthetic-{n:05d}", "tune") for n in range(5))


def test_public_sets_are_found_under_their_names_and_kept_when_asked(tmp_path: Path) -> None:
    public_sets.tihm(tmp_path / "tihm")
    result = measure(tmp_path, load_settings(), out=tmp_path / "kept")
    assert list(result["tables"]) == ["tihm"]
    assert result["tables"]["tihm"][0]["labels"] == 2
    assert (tmp_path / "kept" / "tihm" / "readings.jsonl.gz").exists()


def test_a_folder_without_data_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match=r"readings\.jsonl\.gz"):
        measure(tmp_path, load_settings())


def _files(folder: Path, **written: str) -> Path:
    """A folder with a reading a day of one patient, and the other files as they are written."""
    reading = {"id": "r", "patient": "p", "code": "spo2", "value": 97, "unit": "%"}
    lines = [json.dumps({**reading, "at": at(24.0 * day)}) for day in range(9)]
    (folder / "readings.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    for name, text in written.items():
        (folder / f"{name}.jsonl").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"profiles": ""}, r"without labels\.jsonl: add it"),
        ({"profiles": "", "labels": "{broken"}, r"labels\.jsonl, line 1: JSON is malformed"),
        ({"profiles": "", "labels": '{"start": 1}'}, r"labels\.jsonl: start is no time with an offset"),
        ({"profiles": "{}\n{broken", "labels": ""}, r"profiles\.jsonl, line 2: JSON is malformed"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_before_minutes_of_replay(
    written: dict[str, str], says: str, tmp_path: Path
) -> None:
    told: list[str] = []
    with pytest.raises((Failed, WrongSettings), match=says):
        measure(_files(tmp_path, **written), load_settings(), progress=told.append)
    assert told == []


def test_labels_of_people_without_a_reading_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    told: list[str] = []
    labels = "\n".join(map(json.dumps, [label(0, 24), label(0, 24, "nobody")]))
    (rows,) = measure(_files(tmp_path, profiles="", labels=labels), load_settings(), progress=told.append)[
        "tables"
    ].values()
    assert rows[0]["labels"] == 1
    assert any("1 people without a reading are left out, nobody first" in line for line in told)


@pytest.mark.parametrize("zone", [None, "Mars/Base"])
def test_a_profile_that_homebeat_refuses_for_its_time_zone_does_not_end_the_bench(zone: object, tmp_path: Path) -> None:
    profile = {"patient": "p", "version": 1, "consent": {"monitoring": True}, "timezone": zone}
    folder = _files(tmp_path, profiles=json.dumps(profile), labels="")
    assert measure(folder, load_settings())["tables"][tmp_path.name][0]["patients"] == 1


def test_the_command_needs_a_folder_and_reads_none_by_itself() -> None:
    assert CliRunner().invoke(bench, ["scorecard"]).exit_code == 2
    assert CliRunner().invoke(bench, ["throughput", "--half", "tune"]).exit_code == 2


def test_the_command_answers_in_json(cohort: Path) -> None:
    done = CliRunner().invoke(bench, ["scorecard", "--data", str(cohort), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.splitlines()[-1])["tables"]
