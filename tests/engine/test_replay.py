"""`homebeat replay`: the same files give the same bytes, in the order in which things were known."""

import gzip
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.times import rfc3339, to_us
from streams.configuration.settings import Settings
from streams.engine.rings import MOST
from streams.engine.state import PartitionState
from streams.replaying import arrivals, replay
from streams.replaying.arrivals import QUIET_US, silence
from tests.cli.command import Homebeat
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, START_US, SUMMARY_FIELDS, action, profile, reading
from tests.engine.folder import Folder, Line

DATA = Path(__file__).parents[2] / "streams" / "demo" / "data"
PATIENT = Settings(answer_emergency_min=10_080, answer_urgent_min=10_080, answer_advisory_min=10_080)
"""Nobody is asked within the days of a story."""
EVENT_FIELDS = {
    "alert_id", "sequence", "event", "state", "patient", "care_team", "severity", "category", "kind", "problem",
    "title", "onset_at", "event_at", "arrived_at", "decided_at", "retrospective", "evidence", "explanation",
    "population_rule_would_fire", "rule", "by", "reason", "rung", "deadline", "until", "incident", "notify", "policy",
    "asked_since",
}  # fmt: skip
EVIDENCE_FIELDS = {"vital", "value", "unit", "at", "expected", "low", "high", "score", "baseline_days", "own_weight",
                   "modifiers", "quality"}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.profiles = made.write("profiles.jsonl", [profile()])
    return made


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("bundled"))
    made.profiles, made.readings = DATA / "profiles.jsonl", DATA / "readings.jsonl.gz"
    return made


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Two people with alerts, and two weeks of one with a watch."""
    made = Folder(tmp_path_factory.mktemp("few"))
    names = (b'"tihm-a380e"', b'"tihm-46286"')
    with gzip.open(DATA / "readings.jsonl.gz") as lines:
        kept = [line.strip() for line in lines if any(name in line for name in names)]
    with gzip.open(DATA / "readings.jsonl.gz") as lines:
        watch = [line.strip() for line in lines if b'"covid-AS2MVDL"' in line][:1200]
    made.profiles, made.readings = DATA / "profiles.jsonl", made.write("few.jsonl", kept + watch)
    return made


def test_the_same_bytes_in_batches_of_64_and_of_all(bundled: Folder) -> None:
    answers, bytes_ = [], set()
    for batch in (100_000, 64):
        answers.append(bundled.replay(batch))
        bytes_.add(bundled.bytes)
    assert len(bytes_) == 1
    assert len(bundled.alerts) >= 10
    assert {key: answers[0][key] for key in answers[0] if "second" not in key and "_per_s" not in key} == {
        key: answers[1][key] for key in answers[1] if "second" not in key and "_per_s" not in key
    }


def test_the_same_bytes_one_record_at_a_time(few: Folder) -> None:
    found = set()
    for batch in (100_000, 1, 7):
        summaries = few.folder / f"summaries-{batch}.jsonl"
        few.replay(batch, summaries=summaries)
        found.add((few.bytes, summaries.read_bytes()))
    assert len(found) == 1
    assert few.alerts


def test_every_event_has_the_fields_of_the_contract_and_no_other(few: Folder) -> None:
    few.replay()
    for alert in few.alerts:
        assert set(alert) == EVENT_FIELDS
        assert all(set(evidence) == EVIDENCE_FIELDS for evidence in alert["evidence"])
        assert set(alert["rule"]) == {"id", "version", "source"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("arrived", ["9999-12-31T23:59:59Z", "2106-01-01T00:00:00Z"])
def test_a_line_that_arrives_after_thousands_of_years_is_refused_and_nobody_waits_for_it(
    folder: Folder, arrived: str
) -> None:
    """An emergency that is open would be told again every day and a half until then."""
    lines = [reading(code="spo2", value=70.0), reading(at_us=START_US + MINUTE_US)]
    folder.write("readings.jsonl", lines)
    folder.replay()
    alone = folder.bytes
    folder.write("readings.jsonl", [*lines, reading(at_us=START_US + 2 * MINUTE_US, arrived=arrived)])
    answer = folder.replay()
    assert (answer["decided"], answer["rejected_by_reason"]) == (2, {"clock_fault": 1})
    assert folder.bytes == alone


ENGLISH = frozenset(
    {"the", "of", "and", "for", "is", "has", "been", "below", "above", "with", "this", "or", "own", "days", "lower"}
)


def without_words(event: dict[str, Any]) -> dict[str, Any]:
    """What was decided, without how it is told."""
    told = {"title", "explanation", "reason"}
    return {name: value for name, value in event.items() if name not in told} | {
        "evidence": [{name: value for name, value in one.items() if name != "modifiers"} for one in event["evidence"]],
        "policy": [(one["stage"], one["answer"]) for one in event["policy"]],
    }


def words_of(event: dict[str, Any]) -> Iterator[str]:
    yield from (event[name] for name in ("title", "explanation", "reason") if event[name])
    yield from (text for one in event["evidence"] for text in one["modifiers"])
    yield from (one["reason"] for one in event["policy"])


def test_another_language_changes_the_words_and_nothing_else(few: Folder) -> None:
    few.replay()
    english = few.alerts
    few.settings = Settings(language="de")
    few.replay()
    german, few.settings = few.alerts, Settings()
    assert list(map(without_words, german)) == list(map(without_words, english))
    said = {text for event in german for text in words_of(event)}
    assert [text for text in said if not ENGLISH.isdisjoint(re.split(r"\W+", text.lower()))] == []
    assert {event["kind"] for event in german} >= {"limit", "silence", "delivery"}


def test_the_file_is_canonical(few: Folder) -> None:
    few.replay()
    lines = few.bytes.splitlines()
    assert lines == [json.dumps(json.loads(x), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
                     for x in lines]  # fmt: skip
    order = [(a["decided_at"], a["alert_id"], a["sequence"]) for a in few.alerts]
    assert order == sorted(order)
    assert few.bytes.endswith(b"\n")


def low(at_us: int, value: float = 82.0, **fields: Any) -> dict[str, Any]:
    return reading(code="spo2", value=value, at_us=at_us, **fields)


def test_the_answer_has_the_balance(folder: Folder) -> None:
    repeat = low(START_US)
    folder.profiles = folder.write("profiles.jsonl", [profile(withheld=["glucose"])])
    lines: list[Line] = [repeat, repeat, b"no", reading(code="glucose", value=100), reading("nobody")]
    folder.readings = folder.write("readings.jsonl", lines)
    answer = folder.replay()
    assert answer["seconds"] >= 0
    assert {key: answer[key] for key in ("readings", "decided", "rejected", "duplicates", "withheld")} == {
        "readings": 5, "decided": 1, "rejected": 2, "duplicates": 1, "withheld": 1,
    }  # fmt: skip
    assert answer["rejected_by_reason"] == {"not_json": 1, "unknown_patient": 1}
    assert (answer["alerts"], answer["episodes"]) == (1, 1)


def test_a_profile_or_an_action_that_is_refused_is_told_with_the_first_reason(folder: Folder) -> None:
    """Else one misspelt field in the profiles shows only as readings of unknown patients."""
    folder.profiles = folder.write("profiles.jsonl", [profile(nickname="Al"), b"{broken"])
    folder.actions = folder.write("actions.jsonl", [action("a-1", "resolve", at=rfc3339(START_US))])
    folder.readings = folder.write("readings.jsonl", [low(START_US)])
    answer = folder.replay()
    assert answer["documents_refused"] == {"profile": 2, "action": 1}
    assert answer["first_document_refused"].startswith("bad_profile, p-1: nickname")
    assert (answer["readings"], answer["rejected"]) == (1, 1)


def test_records_are_taken_as_they_arrived_not_as_they_stand(folder: Folder) -> None:
    """A reading of yesterday that arrives last is about the past; in the order of the file it would be now."""
    late = low(START_US - DAY_US) | {"arrived": rfc3339(START_US + HOUR_US)}
    folder.readings = folder.write("readings.jsonl", [late, low(START_US, 97.0)])
    folder.replay()
    assert [alert["retrospective"] for alert in folder.alerts] == [True]
    assert folder.alerts[0]["arrived_at"] == rfc3339(START_US + HOUR_US)


def test_at_one_instant_profiles_come_first_then_actions_then_readings(folder: Folder) -> None:
    folder.settings = PATIENT
    folder.readings = folder.write("readings.jsonl", [low(START_US)])
    folder.replay()
    (opened,) = folder.alerts
    at = START_US + HOUR_US
    folder.readings = folder.write("readings.jsonl", [low(START_US), low(at, 70.0)])
    folder.actions = folder.write("actions.jsonl", [action(opened["alert_id"], "resolve", at=rfc3339(at))])
    second = profile(version=2, updated=rfc3339(at), care_team="team-2")
    folder.profiles = folder.write("profiles.jsonl", [profile(care_team="team-1"), second])
    folder.replay()
    assert [(a["event"], a["care_team"]) for a in folder.alerts] == [
        ("opened", "team-1"), ("updated", "team-2"), ("resolved", "team-2"), ("reopened", "team-2"),
    ]  # fmt: skip


def test_readings_of_one_instant_keep_their_order(folder: Folder) -> None:
    values = [97.0, 78.0, 96.0]
    folder.readings = folder.write("a.jsonl", [low(START_US, v, id=f"r-{n}") for n, v in enumerate(values)])
    folder.replay()
    assert [alert["evidence"][0]["value"] for alert in folder.alerts] == [78.0]
    other = folder.write("b.jsonl", [low(START_US, 97.0, id="r-9")])
    folder.replay(readings=[folder.readings, other])
    first = folder.bytes
    folder.replay(readings=[other, folder.readings])
    assert folder.bytes == first


@pytest.mark.parametrize("at_us", [START_US, 1, -(10**15)])
def test_a_profile_without_updated_is_known_from_the_beginning(folder: Folder, at_us: int) -> None:
    folder.readings = folder.write("readings.jsonl", [low(at_us)])
    assert folder.replay()["rejected_by_reason"].get("unknown_patient", 0) == 0


def test_a_profile_acts_from_its_update_on(folder: Folder) -> None:
    folder.profiles = folder.write(
        "p.jsonl", [profile(), profile(version=2, monitoring=False, updated=rfc3339(START_US))]
    )
    folder.readings = folder.write("readings.jsonl", [low(START_US - 1), low(START_US), low(START_US + 1)])
    answer = folder.replay()
    assert (answer["decided"], answer["withheld"]) == (1, 2)


def test_an_alert_is_acknowledged_and_resolved_by_a_file_of_actions(folder: Folder) -> None:
    lows = [low(START_US + n * 40 * MINUTE_US) for n in range(4)]
    folder.settings = PATIENT
    folder.readings = folder.write("readings.jsonl", lows)
    folder.replay()
    (opened,) = folder.alerts
    one = action(opened["alert_id"], "acknowledge", at=rfc3339(START_US + MINUTE_US))
    two = action(opened["alert_id"], "resolve", at=rfc3339(START_US + 50 * MINUTE_US), by="dr-4", reason="seen")
    folder.actions = folder.write("actions.jsonl", [two, one, one])
    for batch in (1, 1000):
        folder.replay(batch)
        assert [(a["alert_id"], a["sequence"], a["event"], a["by"], a["reason"]) for a in folder.alerts] == [
            (opened["alert_id"], 1, "opened", None, None),
            (opened["alert_id"], 2, "acknowledged", "nurse-2", None),
            (opened["alert_id"], 3, "resolved", "dr-4", "seen"),
            (opened["alert_id"], 4, "reopened", None, "returned"),
        ]


def test_time_passes_without_readings_on_the_grid(folder: Folder) -> None:
    """A snooze that ends in a silence ends there, at the next ten seconds, and not with the next reading."""
    folder.settings = PATIENT
    folder.readings = folder.write("readings.jsonl", [low(START_US, 87.0), low(START_US + 20 * HOUR_US, 97.0)])
    folder.replay()
    (opened,) = folder.alerts
    until = rfc3339(START_US + 2 * HOUR_US + 1)
    snooze = action(opened["alert_id"], "snooze", at=rfc3339(START_US + HOUR_US), until=until, reason="asleep")
    folder.actions = folder.write("actions.jsonl", [snooze])
    folder.replay()
    assert [(a["event"], a["decided_at"]) for a in folder.alerts[1:]] == [
        ("snoozed", "2026-01-05T09:00:00Z"), ("updated", "2026-01-05T10:00:10Z"),
    ]  # fmt: skip


def everything(folder: Folder, batch: int = 4096, **given: Any) -> tuple[bytes, bytes]:
    """Alerts and summaries of a replay."""
    summaries = folder.folder / "summaries.jsonl"
    folder.replay(batch, summaries=summaries, **given)
    return folder.bytes, summaries.read_bytes()


def with_every_tick(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The same given the ticks that a live system would have had in its log."""
    with monkeypatch.context() as patched:
        for module in (arrivals, replay):
            patched.setattr(module, "QUIET_US", 2**62)
        return everything(folder)


def test_nobody_answers_for_months_and_is_asked_as_often_as_the_live_system_would(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alarm that nobody answered is repeated; from the 47th day on a replay was silent until the next reading."""
    folder.settings = Settings(tick_s=60)
    folder.profiles = folder.write("profiles.jsonl", [profile(care_team="team-1"), profile("p-2")])
    lines = [low(START_US), low(START_US + 7 * MINUTE_US, patient="p-2"), low(START_US + 120 * DAY_US + 1, 97.0)]
    folder.readings = folder.write("readings.jsonl", lines)
    wanted = with_every_tick(folder, monkeypatch)
    asked = [a["decided_at"] for a in folder.alerts if a["event"] == "escalated"]
    assert sum(at > rfc3339(START_US + 47 * DAY_US) for at in asked) > 80
    for batch in (1, 4096):
        assert everything(folder, batch) == wanted


def test_years_without_data_cost_only_the_ticks_at_which_something_is_due(folder: Folder) -> None:
    """Ten years, of which nobody is asked anything: on the grid they are thirty million ticks."""
    folder.settings = Settings(answer_emergency_min=10_080, rungs=1)
    folder.readings = folder.write("readings.jsonl", [low(START_US, 97.0), low(START_US + 3_650 * DAY_US, 97.0)])
    given = list[int]()
    state = PartitionState()
    for ticks in silence(START_US, START_US + 3_650 * DAY_US, 10_000_000, state.next_due_us):
        given.append(len(ticks))
    assert given == [QUIET_US // 10_000_000]
    assert folder.replay()["decided"] == 2


@pytest.mark.parametrize("gap_days", [60, 100])
def test_devices_sources_and_windows_are_told_the_same_after_a_long_silence(
    few: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gap_days: int
) -> None:
    made = Folder(tmp_path)
    made.settings, made.profiles = Settings(tick_s=120), few.profiles
    lines = [json.loads(line) for line in few.readings.read_bytes().splitlines()]
    times = sorted(to_us(datetime.fromisoformat(line["at"])) for line in lines)
    half = times[len(times) // 2]
    for line in lines:
        at_us = to_us(datetime.fromisoformat(line["at"]))
        line["at"] = rfc3339(at_us + (gap_days * DAY_US if at_us > half else 0))
    made.readings = made.write("readings.jsonl", lines)
    wanted = with_every_tick(made, monkeypatch)
    assert everything(made) == wanted


def test_bad_lines_are_counted_and_their_neighbours_decided(folder: Folder) -> None:
    times = ("2026-01-05T08:00:00", "0001-01-01T00:00:00Z")
    endless = low(START_US, 97.0, values=[1, 2], period=1e300)
    bad: list[Line] = [b"{", b"[]", *(low(START_US, 97.0, at=at) for at in times), endless]
    folder.readings = folder.write("readings.jsonl", [low(START_US, 96.0, id="a"), *bad, low(START_US, 97.0, id="b")])
    answer = folder.replay()
    assert (answer["readings"], answer["decided"], answer["rejected"]) == (7, 2, 5)


@pytest.mark.parametrize("field", ["subject", "issued", "updated", "effectiveDateTime"])
def test_an_unknown_field_with_a_name_of_ours_hides_no_reading(folder: Folder, field: str) -> None:
    folder.readings = folder.write("readings.jsonl", [low(START_US) | {field: 5}, low(START_US + 1) | {field: "soon"}])
    assert folder.replay()["decided"] == 2


def test_a_file_of_readings_twice_is_decided_once_within_the_window(folder: Folder) -> None:
    lines = [low(START_US + n * MINUTE_US, 97.0) for n in range(MOST)]
    once, twice = folder.write("once.jsonl", lines), folder.write("twice.jsonl", lines)
    answer = folder.replay(readings=[once, twice])
    assert (answer["decided"], answer["duplicates"]) == (MOST, MOST)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([97.0, 86.0, 78.0])), min_size=1, max_size=30), st.data())
def test_any_split_of_the_readings_over_files_and_batches_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, readings: list[tuple[int, float]], data: st.DataObject
) -> None:
    made = Folder(tmp_path_factory.mktemp("split"))
    made.profiles = made.write("profiles.jsonl", [profile()])
    lines: list[Line] = [low(START_US + m * MINUTE_US, v, id=f"r-{n}") for n, (m, v) in enumerate(readings)]
    lines.sort(key=lambda line: line["at"] if isinstance(line, dict) else "")
    cut = data.draw(st.integers(0, len(lines)))
    files = [made.write("a.jsonl", lines[:cut]), made.write("b.jsonl", lines[cut:])]
    made.replay(1, readings=files)
    first = made.bytes
    made.replay(data.draw(st.integers(2, 40)), readings=[made.write("all.jsonl", lines)])
    assert made.bytes == first


def test_the_command_writes_what_the_function_writes(folder: Folder, tmp_path: Path) -> None:
    folder.readings = folder.write("readings.jsonl", [low(START_US), low(START_US + DAY_US, 97.0)])
    answer = folder.replay()
    wanted = folder.bytes
    done = Homebeat(tmp_path, {})(
        "replay", "--readings", folder.readings, "--profiles", tmp_path / "profiles.jsonl", "--out", "other.jsonl",
        "--summaries", "summaries.jsonl", "--batch", "1", "--json",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert done.json["alerts"] == answer["alerts"] > 1, "a day in which nobody answers"
    assert (tmp_path / "other.jsonl").read_bytes() == wanted
    (summary,) = map(json.loads, (tmp_path / "summaries.jsonl").read_text().splitlines())
    assert set(summary) == SUMMARY_FIELDS


def test_a_summary_says_of_what_was_measured_in_motion_that_it_was_and_has_no_other_field_else(folder: Folder) -> None:
    lines = [
        low(START_US + n * DAY_US, 97.0, context={"activity": moving}) for n, moving in enumerate(["active", "rest"])
    ]
    folder.readings = folder.write("readings.jsonl", [*lines, low(START_US + 2 * DAY_US, 97.0)])
    folder.replay(summaries=folder.folder / "s.jsonl")
    said = [json.loads(line) for line in (folder.folder / "s.jsonl").read_text().splitlines()]
    assert [set(summary) - SUMMARY_FIELDS for summary in said] == [{"aside"}, set()]
    assert said[0]["aside"] == "moving"
