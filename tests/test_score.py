"""`homebeat score`: what was found is counted as a person would count it, and chance as exactly as by hand."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.times import US_PER_S, to_us
from streams.configuration.settings import Settings
from streams.errors import Failed, WrongSettings
from streams.scoring.clocks import AHEAD_US
from streams.scoring.records import BadRecord
from streams.scoring.score import ScoreResult, as_json, as_text, observed, run, score
from tests.scoring.records import Json, alert, at, label, us


def matches(problem: str | None, alert_problem: str) -> bool:
    """The oracle's own reading of the rule: equal, or a whole number of dotted parts longer."""
    if problem is None:
        return True
    parts = alert_problem.split(".")
    return any(parts[: len(p.split("."))] == p.split(".") for p in problem.split("|"))


def by_hand(
    alerts: Sequence[Json], labels: Sequence[Json], observed: Mapping[str, tuple[int, int]]
) -> tuple[int, int, float, float]:
    """(hits, labels without a quiet window, hits expected by chance, excess), one window after the other."""
    hits = without = 0
    expected = excess = 0.0
    for true in labels:
        mine = [a for a in alerts if a["patient"] == true["patient"] and matches(true.get("problem"), a["problem"])]
        told = [us_of(a["event_at"]) for a in mine if not a["retrospective"] and a["category"] == "clinical"]
        start, end = us_of(true["start"]), us_of(true["end"])
        hit = any(start <= t <= end for t in told)
        windows = quiet_windows(true["patient"], end - start, labels, observed[true["patient"]])
        held = [any(a <= t <= b for t in told) for a, b in windows]
        hits += hit
        without += not held
        expected += sum(held) / len(held) if held else 0
        excess += hit - sum(held) / len(held) if held else 0
    return hits, without, expected, excess


def quiet_windows(patient: str, length: int, labels: Sequence[Json], span: tuple[int, int]) -> list[tuple[int, int]]:
    taken = [(us_of(one["start"]), us_of(one["end"])) for one in labels if one["patient"] == patient]
    windows = []
    start = span[0]
    while start + length <= span[1]:
        if not any(start <= b and a <= start + length for a, b in taken):
            windows.append((start, start + length))
        start += 3_600_000_000
    return windows


def us_of(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


hours = st.integers(0, 400).map(lambda quarter: quarter / 4)
patients = st.sampled_from(["p", "q", "r"])
problems = st.sampled_from(["heart_rate.high", "heart_rate.low", "heart_rate", "heart_ratex", "spo2.low"])
some_alerts = st.lists(
    st.builds(
        alert,
        hours,
        patients,
        problems,
        retrospective=st.booleans(),
        category=st.sampled_from(["clinical", "technical"]),
    ),
    max_size=15,
)
some_labels = st.lists(
    st.builds(
        lambda start, length, patient, problem: label(start, start + length, patient, problem),
        hours,
        st.integers(0, 30),
        patients,
        st.sampled_from([None, "heart_rate", "spo2|heart_rate.low", "spo2"]),
    ),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(some_alerts, some_labels, st.integers(0, 30), st.integers(40, 120))
def test_hits_and_chance_are_as_by_hand(alerts: list[Json], labels: list[Json], first: int, last: int) -> None:
    observed = {patient: (us(first), us(last)) for patient in ("p", "q", "r")}
    hits, without, expected, excess = by_hand(alerts, labels, observed)
    card = score(alerts, labels, observed=observed).overall
    assert (card.hits, card.labels, card.labels_without_quiet_window) == (hits, len(labels), without)
    assert card.sensitivity.value == (pytest.approx(hits / len(labels)) if labels else None)
    chanced = len(labels) > without
    assert card.expected_by_chance.value == (pytest.approx(expected) if chanced else None)
    assert card.excess.value == (pytest.approx(excess) if chanced else None)
    assert card.alerts + card.technical_alerts + card.retrospective_alerts == len(alerts)
    assert card.alerts_per_patient_day.value == pytest.approx(card.alerts / (3 * (last - first) / 24))
    for found in (card.sensitivity, card.expected_by_chance, card.excess, card.alerts_per_patient_day):
        assert found.interval is None or found.interval[0] <= found.interval[1]


def days(count: float) -> dict[str, tuple[int, int]]:
    return {"p": (us(0), us(24 * count))}


def test_excess_is_hits_less_chance() -> None:
    """An alert a day at noon is in every quiet day, so it finds nothing."""
    card = score([alert(24 * d + 12) for d in range(20)], [label(240, 264)], observed=days(20)).overall
    assert (card.hits, card.expected_by_chance.value, card.excess.value) == (1, 1.0, 0.0)


def test_a_thousand_labels_of_one_patient_are_scored_in_seconds() -> None:
    """A year under a glucose sensor has as many lows. Each label held against each other at every hour took minutes."""
    labels = [label(8.0 * n, 8.0 * n + 1, problem="glucose") for n in range(1000)]
    began = process_time()
    card = score([alert(8.0 * n, problem="glucose.low") for n in range(1000)], labels, observed=days(340)).overall
    assert process_time() - began < 10
    assert (card.hits, card.expected_by_chance.value) == (1000, 0.0)


def test_a_label_without_quiet_time_is_not_credited_as_excess() -> None:
    card = score([alert(5)], [label(0, 24)], observed=days(1)).overall
    assert (card.hits, card.labels_without_quiet_window, card.excess.value) == (1, 1, None)


def test_excess_leaves_out_the_hits_that_chance_cannot_be_held_against() -> None:
    observed = {**days(20), "q": (us(0), us(24))}
    card = score([alert(30, "p"), alert(5, "q")], [label(24, 48, "p"), label(0, 24, "q")], observed=observed).overall
    assert (card.hits, card.labels_without_quiet_window, card.excess.value) == (2, 1, 1.0)


@pytest.mark.parametrize(
    ("problem", "hit"),
    [
        *((found, True) for found in ("heart_rate", "heart_rate.high", "spo2|heart_rate", None)),
        *((missed, False) for missed in ("heart", "heart_rate.high.night", "heart_rate.hi")),
    ],
)
def test_a_problem_is_matched_by_itself_and_by_what_it_heads(problem: str | None, hit: bool) -> None:
    assert score([alert(1)], [label(0, 10, problem=problem)]).overall.hits == hit


def test_quiet_means_quiet_for_every_label_of_the_patient_also_when_one_problem_is_scored() -> None:
    labels = [label(0, 24, problem="spo2"), label(24, 47, problem="heart_rate")]
    result = score([alert(30)], labels, observed=days(2), by="problem")
    assert result.groups["spo2"].labels_without_quiet_window == 1


def test_both_ends_of_a_label_count() -> None:
    assert score([alert(10), alert(20)], [label(10, 12), label(18, 20)]).overall.hits == 2


def test_only_a_clinical_alert_about_now_can_find_a_label_and_the_others_are_counted_apart() -> None:
    alerts = [alert(1, category="technical"), alert(2, retrospective=True), alert(50)]
    card = score(alerts, [label(0, 10)], observed=days(30)).overall
    assert (card.hits, card.alerts, card.technical_alerts, card.retrospective_alerts) == (0, 1, 1, 1)
    assert card.alerts_per_person_month.value == pytest.approx(1)
    assert card.technical_alerts_per_person_month.value == pytest.approx(1)


def test_what_comes_up_counts_and_a_redelivery_counts_once() -> None:
    first = alert(1, alert_id="a-1", sequence=1)
    alerts = [
        first,
        first,
        {**first, "sequence": 2, "event": "acknowledged"},
        {**first, "sequence": 3, "event": "resolved"},
    ]
    assert score(alerts, [label(0, 2)]).overall.alerts == 1


def test_lead_time_is_from_the_start_of_the_label_to_the_first_alert() -> None:
    alerts = [alert(5), alert(3), alert(104), alert(209)]
    card = score(alerts, [label(0, 10), label(100, 110), label(200, 210)], observed=days(20)).overall
    assert (card.lead_time_h.value, card.lead_time_h_quartiles) == (4.0, (3.5, 6.5))


def test_ppv_is_the_share_of_alerts_inside_a_label_they_are_about() -> None:
    alerts = [alert(1), alert(2), alert(3, problem="spo2.low"), alert(50)]
    assert score(alerts, [label(0, 10, problem="heart_rate")]).overall.ppv.value == 0.5


def test_without_readings_a_patient_was_observed_as_long_as_anything_is_known() -> None:
    resolved = {**alert(10), "event": "resolved", "decided_at": at(72)}
    result = score([alert(10), resolved], [label(0, 5)])
    assert result.overall.patient_days == pytest.approx(3)
    assert "alert event or label" in result.observation


def test_a_patient_without_alerts_or_labels_is_in_the_rates_when_readings_say_so() -> None:
    observed = {"p": (us(0), us(240)), "silent": (us(0), us(240))}
    result = score([alert(10)], [label(0, 5)], observed=observed)
    assert result.overall.patients == 2
    assert result.overall.alerts_per_patient_day.value == pytest.approx(1 / 20)
    assert "reading" in result.observation


def cohort(people: int) -> tuple[list[Json], list[Json], dict[str, tuple[int, int]]]:
    """Every other patient's label is found."""
    names = [f"p-{n}" for n in range(people)]
    alerts = [alert(100, name) for name in names[::2]]
    return alerts, [label(96, 120, name) for name in names], {name: (us(0), us(480)) for name in names}


def test_intervals_come_from_resampled_patients_the_same_each_time() -> None:
    alerts, labels, observed = cohort(40)
    one, two = (score(alerts, labels, observed=observed).overall for _ in range(2))
    assert one == two
    assert one.sensitivity.interval is not None
    low, high = one.sensitivity.interval
    # the share of 40 patients is 0.5 with a standard error of 0.079
    assert low == pytest.approx(0.345, abs=0.03)
    assert high == pytest.approx(0.655, abs=0.03)


def test_patients_not_alerts_are_resampled() -> None:
    """Ten alerts of one of two patients: half of the resamples have all of them or none."""
    observed = {"p": (us(0), us(240)), "q": (us(0), us(240))}
    card = score([alert(n) for n in range(10)], [], observed=observed).overall
    assert card.alerts_per_patient_day.interval is not None
    assert card.alerts_per_patient_day.interval == pytest.approx((0.0, 1.0))


def test_one_patient_says_nothing_about_others() -> None:
    card = score([alert(5)], [label(0, 10)], observed=days(20)).overall
    assert (card.sensitivity.value, card.sensitivity.interval, card.lead_time_h.interval) == (1.0, None, None)


def test_nothing_at_all_is_scored_without_inventing_figures() -> None:
    card = score([], []).overall
    assert (card.patients, card.sensitivity.value, card.alerts_per_patient_day.value) == (0, None, None)


def hits_of(result: ScoreResult) -> dict[str, tuple[int, int, int]]:
    return {value: (card.patients, card.hits, card.labels) for value, card in result.groups.items()}


def test_by_a_field_of_profiles_the_patients_are_split_and_unknown_is_a_group() -> None:
    alerts, labels = [alert(1, "p"), alert(1, "q")], [label(0, 2, "p"), label(0, 2, "q"), label(0, 2, "r")]
    profiles = [{"patient": "p", "strata": {"language": "en"}}, {"patient": "q", "strata": {"language": "cy"}}]
    result = score(alerts, labels, by="strata.language", profiles=profiles)
    assert hits_of(result) == {"en": (1, 1, 1), "cy": (1, 1, 1), "unknown": (1, 0, 1)}


def test_by_a_field_that_labels_say_once_for_each_patient_the_patients_are_split() -> None:
    alerts, labels = [alert(1, "p"), alert(9, "q")], [label(0, 2, "p", skin="I"), label(0, 2, "q", skin="VI")]
    assert hits_of(score(alerts, labels, by="skin")) == {"I": (1, 1, 1), "VI": (1, 0, 1)}


def test_by_a_field_of_alerts_each_value_is_scored_against_all_labels() -> None:
    alerts = [alert(1, rule={"id": "drift"}), alert(30, rule={"id": "floor"}), alert(31, rule={"id": "floor"})]
    result = score(alerts, [label(0, 2), label(29, 32)], by="rule.id", observed=days(10))
    assert hits_of(result) == {"drift": (1, 1, 2), "floor": (1, 1, 2)}
    assert {value: card.alerts for value, card in result.groups.items()} == {"drift": 1, "floor": 2}


def test_by_problem_alerts_go_with_the_labels_they_are_about() -> None:
    alerts = [alert(1), alert(2, problem="spo2.low"), alert(3, problem="heart_rate.low")]
    result = score(alerts, [label(0, 5, problem="heart_rate"), label(0, 5, problem="spo2")], by="problem")
    assert {value: card.alerts for value, card in result.groups.items()} == {"heart_rate": 2, "spo2": 1}


@pytest.mark.parametrize("by", ["patient", "care_team"])
def test_by_patient_and_care_team(by: str) -> None:
    alerts = [alert(1, "p", care_team="p"), alert(1, "q", care_team="q")]
    assert hits_of(score(alerts, [label(0, 2, "p")], by=by)) == {"p": (1, 1, 1), "q": (1, 0, 0)}


def test_a_field_that_nothing_has_is_an_error_not_an_empty_table() -> None:
    with pytest.raises(LookupError, match="planet"):
        score([alert(1)], [label(0, 2)], by="planet")


@pytest.mark.parametrize(
    ("alerts", "labels", "says"),
    [
        ([], [label(5, 4)], "ends before it starts"),
        ([], [{"patient": "p", "start": "2026-01-05T00:00:00", "end": at(1)}], "start is no time with an offset"),
        ([], [{"start": at(0), "end": at(1)}], "no patient"),
        ([{"patient": "p", "problem": "x"}], [], "onset_at is no time"),
        ([{**alert(1), "event_at": 5}], [], "event_at is no time"),
        ([{**alert(1), "alert_id": ["a"]}], [], "alert_id must be text"),
        ([{**alert(1), "alert_id": "a", "sequence": "first"}], [], "sequence a whole number"),
        ([], [{**label(0, 1), "problem": ["heart_rate", "spo2"]}], r"problem must be one text \(\"a|b\""),
        ([], [label(0, 1, no_alert="false")], "no_alert must be true or false"),
        ([], [label(0, 1, category="tecnical")], "category is none of clinical, technical"),
    ],
)
def test_a_record_that_cannot_be_scored_is_named(alerts: list[Json], labels: list[Json], says: str) -> None:
    with pytest.raises(BadRecord, match=says):
        score(alerts, labels)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    alerts, labels, readings = (tmp_path / name for name in ("alerts.jsonl", "labels.jsonl.gz", "readings.jsonl.gz"))
    alerts.write_text(json.dumps(alert(5, care_team="east")) + "\n")
    labels.write_bytes(gzip.compress(json.dumps(label(0, 10)).encode() + b"\n\n"))
    measured = [{"patient": p, "at": at(h), "id": "r"} for p in ("p", "q") for h in (480, 0)]
    lines = [*measured, {"resourceType": "Observation"}, {"patient": "p", "at": at(-9)[:19]}]
    readings.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    return alerts, labels, readings


def test_files_are_scored_gzip_or_not_with_observation_from_readings(files: tuple[Path, Path, Path]) -> None:
    alerts, labels, readings = files
    result = run(alerts, labels, readings=[readings])
    assert (result["hits"], result["sensitivity"], result["patients"], result["patient_days"]) == (1, 1.0, 2, 40.0)
    assert run(alerts, labels)["patients"] == 1


def test_what_replay_refuses_is_no_observation(tmp_path: Path) -> None:
    """A watch whose battery was empty, a hub that is a year ahead, and a line that was cut off."""
    measured = [{"patient": "p", "at": at(h), "arrived": at(h)} for h in (0, 240)]
    wrong = [{"patient": "p", "at": "1970-01-01T00:00:00Z"}, {"patient": "p", "at": at(9000), "arrived": at(240)}]
    lines = [*map(json.dumps, [*measured, *wrong]), '{"patient": "p", "at": "yester', '{"patient": "p", "at": 5}']
    (tmp_path / "readings.jsonl").write_text("\n".join(lines))
    assert observed([tmp_path / "readings.jsonl"]) == {"p": (us(0), us(240))}


def test_who_sends_fhir_is_observed_too(tmp_path: Path) -> None:
    """Whoever sent nothing else was nobody, or was watched from the first alert on: rates then come out too high."""
    of: dict[str, object] = {"resourceType": "Observation", "subject": {"reference": "Patient/p"}}
    said: list[dict[str, object]] = [
        {"effectiveInstant": at(0)},
        {"effectivePeriod": {"start": at(9)}},
        {"effectiveDateTime": at(0)[:10]},
    ]
    lines = [json.dumps(of | one) for one in said]
    (tmp_path / "readings.jsonl").write_text("\n".join(lines))
    assert observed([tmp_path / "readings.jsonl"]) == {"p": (us(0), us(9))}


def test_a_clock_may_be_ahead_as_far_as_the_deployment_says(tmp_path: Path) -> None:
    line = {"patient": "p", "at": at(1), "arrived": at(0)}
    (tmp_path / "readings.jsonl").write_text(json.dumps(line))
    assert observed([tmp_path / "readings.jsonl"]) == {}
    assert observed([tmp_path / "readings.jsonl"], us(1) - us(0)) == {"p": (us(1), us(1))}
    assert Settings.model_fields["clock_tolerance_s"].default * US_PER_S == AHEAD_US


def test_the_json_is_flat_and_complete(files: tuple[Path, Path, Path]) -> None:
    result = json.loads(json.dumps(run(files[0], files[1], "care_team", readings=[files[2]])))
    named = {"sensitivity", "expected_by_chance", "excess", "alerts_per_patient_day", "alerts_per_person_month"}
    for name in (*named, "lead_time_h"):
        assert f"{name}_interval" in result
        assert isinstance(result[name], float)
    assert result["by"] == "care_team"
    assert result["groups"].keys() == {"east", "unknown"}
    assert result["groups"]["east"]["hits"] == 1


def test_the_table_has_every_figure_and_group(files: tuple[Path, Path, Path]) -> None:
    text = as_text(run(files[0], files[1], "care_team", readings=[files[2]]))
    head, *rows = text.splitlines()
    assert head.split() == ["all", "east", "unknown"]
    sensitivity = next(row for row in rows if row.startswith("sensitivity"))
    assert sensitivity.split() == ["sensitivity", "1", "[1,", "1]", "1", "-"]
    assert "first to last reading" in rows[-1]


def test_a_broken_line_is_named_by_file_and_number(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(json.dumps(label(0, 1)) + "\n{not json\n")
    with pytest.raises(Failed, match=r"broken\.jsonl, line 2"):
        run(files[0], broken)


def test_a_label_that_cannot_be_scored_fails_in_one_line(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(json.dumps(label(5, 4)) + "\n")
    with pytest.raises(Failed, match="ends before it starts"):
        run(files[0], wrong)


def test_an_unknown_field_is_wrong_usage(files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(WrongSettings, match="--by planet"):
        run(files[0], files[1], "planet")


def test_as_json_has_no_groups_unless_asked() -> None:
    assert "groups" not in as_json(score([alert(1)], [label(0, 2)]))


def test_a_problem_or_a_patient_that_only_labels_know_is_said() -> None:
    """Else a word that is misspelt reads as what homebeat does not find."""
    labels = [label(10, 20, problem="heart_rate|hart_rate"), label(10, 20, "p-l", "heart_rate.high")]
    result = as_json(score([alert(12)], labels, observed={"p": (us(0), us(40))}))
    assert (result["problems_without_alerts"], result["patients_without_readings"]) == (["hart_rate"], ["p-l"])
    assert "'hart_rate'" in as_text(result)
    assert "no reading (1, such as 'p-l')" in as_text(result)
    found = as_json(score([alert(12)], [label(10, 20, problem="heart_rate")]))
    assert {"problems_without_alerts", "patients_without_readings"}.isdisjoint(found)
