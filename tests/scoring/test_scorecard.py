"""The scorecard tells apart what is found by whom, what was there to be found, and who fares worst."""

import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from alerts.language import languages
from streams.scoring.deciles import deciles
from streams.scoring.records import opened, worklist
from streams.scoring.score import as_json, as_text, score
from streams.scoring.tally import Tally
from tests.alerts.scripts import DAY_MIN, PROMPT, Life
from tests.scoring.records import Json, alert, at, label, us


def days(count: float, *patients: str) -> dict[str, tuple[int, int]]:
    return {patient: (us(0), us(24 * count)) for patient in patients or ("p",)}


def test_floors_personal_alerts_and_rules_are_counted_apart_and_each_may_find_the_same_label() -> None:
    alerts = [
        alert(1, kind="limit"), alert(2, kind="drift"), alert(3, kind="condition"), alert(100, kind="deviation"),
    ]  # fmt: skip
    card = score(alerts, [label(0, 5), label(99, 101)], observed=days(30)).overall
    assert (card.floor_alerts, card.personal_alerts, card.rule_alerts) == (1, 2, 1)
    assert (card.hits, card.floor_hits, card.personal_hits, card.rule_hits) == (2, 1, 2, 1)
    assert card.personal_alerts_per_person_month.value == pytest.approx(2)


def test_technical_labels_are_found_by_technical_alerts_only_and_are_no_clinical_labels() -> None:
    labels = [label(0, 5, category="technical"), label(50, 55, category="technical")]
    card = score([alert(1, category="technical"), alert(51)], labels, observed=days(30)).overall
    assert (card.labels, card.technical_labels, card.technical_hits) == (0, 2, 1)
    assert card.unexplained_alerts == 1


def test_where_nothing_should_be_found_an_alert_is_counted_against_us() -> None:
    labels = [label(0, 48, no_alert=True), label(100, 148, no_alert=True)]
    card = score([alert(10)], labels, observed=days(30)).overall
    assert (card.labels, card.no_alert_windows, card.no_alert_windows_with_alert) == (0, 2, 1)
    assert card.unexplained_alerts == 1


def test_windows_that_are_broken_stand_next_to_what_quiet_ones_of_the_same_length_hold() -> None:
    """Alerts at 10 and 300 h of 720: of the windows of 48 h outside the label, from 49 to 672 h, 49 hold the second."""
    card = score([alert(10), alert(300)], [label(0, 48, no_alert=True)], observed=days(30)).overall
    assert card.no_alert_windows_with_alert == 1
    assert card.no_alert_windows_by_chance.value == pytest.approx(49 / (672 - 48))
    assert score([], [label(0, 5)], observed=days(30)).overall.no_alert_windows_by_chance.value is None


def test_an_alert_is_explained_until_the_event_is_over_whatever_it_is_about() -> None:
    alerts = [alert(1), alert(30, problem="spo2.low"), alert(60)]
    card = score(alerts, [label(0, 5, problem="heart_rate", until=at(48))], observed=days(365.25)).overall
    assert card.unexplained_alerts == 1
    assert card.unexplained_alerts_per_patient_year.value == pytest.approx(1)


def test_the_time_after_an_event_is_no_quiet_time() -> None:
    """The alert on day four would be chance, if the label did not last until day five."""
    labels = [label(0, 24, until=at(120))]
    assert score([alert(1), alert(80)], labels, observed=days(10)).overall.expected_by_chance.value == 0


def test_lead_time_before_the_event_is_from_the_first_alert_that_found_it() -> None:
    labels = [label(0, 384, event_at=at(504)), label(1000, 1384, event_at=at(1504))]
    card = score([alert(100), alert(200), alert(1300)], labels, observed=days(100)).overall
    assert (card.lead_before_event_h.value, card.lead_before_event_h_quartiles) == (304.0, (254.0, 354.0))


def test_the_worklist_has_what_was_opened_or_reopened_also_technical_and_old_and_nothing_twice() -> None:
    first = alert(1, alert_id="a", sequence=1)
    events = [
        first, first, {**first, "sequence": 2, "event": "resolved"}, {**first, "sequence": 3, "event": "reopened"},
        alert(2, alert_id="b", sequence=1, category="technical"),
        alert(3, alert_id="c", sequence=1, retrospective=True),
        alert(4, alert_id="d", sequence=1, severity="info"),
    ]  # fmt: skip
    assert len(worklist(events)) == 4
    assert score(events, [], observed=days(2)).overall.worklist_items_per_patient_day.value == 2.0
    assert len(opened(events)) == 5


def test_a_source_that_fell_quiet_is_no_patient_and_its_alerts_are_no_alerts_about_one() -> None:
    """Counted as a patient it would add days on which nobody was watched, and a group of its own to every field."""
    about = [alert(h, "source:urn:dev:watch", "source", category="technical", kind="source") for h in (0, 240)]
    card = score([alert(1), *about], [label(0, 24)], observed=days(10)).overall
    assert (card.patients, card.patient_days, card.technical_alerts) == (1, 10.0, 0)
    assert card.worklist_items_per_patient_day.value == 0.1


def test_what_is_told_again_comes_up_again_and_what_only_changes_hands_does_not() -> None:
    first = alert(1, alert_id="a", sequence=1)
    later = [
        ("acknowledged", None), ("updated", "now emergency"), ("updated", "repeat: still beyond the limit"),
        ("updated", "began earlier than first seen"), ("updated", "said the patient"), ("updated", None),
        ("resolved", "back to normal for this patient"), ("reopened", "returned"),
    ]  # fmt: skip
    events = [first, *({**first, "sequence": k, "event": e, "reason": r} for k, (e, r) in enumerate(later, start=2))]
    events.append({**first, "sequence": 10, "event": "updated", "reason": "now on antibiotics", "by": "nurse-1"})
    assert [found.record["sequence"] for found in opened(events)] == [1, 3, 4, 9]
    assert len(worklist(events)) == 4


@pytest.mark.parametrize("language", languages())
def test_what_is_told_again_comes_up_again_in_whatever_language_it_was_told(language: str) -> None:
    """A deployment that speaks German had fewer alerts and hits on the card than the same one in English."""
    life = Life(policy=replace(PROMPT, language=language))
    life.raised(0)
    life.again(DAY_MIN + 1)
    life.raised(DAY_MIN + 2, severity="emergency")
    events = [msgspec.to_builtins(event) for event in life.told]
    assert [event["event"] for event in events] == ["opened", "updated", "updated"]
    assert len(opened(events)) == len(worklist(events)) == 3


def test_the_first_days_of_each_patient_can_be_left_out() -> None:
    alerts = [alert(10), alert(24 * 60)]
    labels = [label(0, 20), label(24 * 59, 24 * 61)]
    observed = days(86) | {"short": (us(0), us(24))}
    card = score(alerts, labels, observed=observed, after_days=56).overall
    assert (card.patients, card.patient_days, card.alerts, card.labels, card.hits) == (1, 30.0, 1, 1, 1)


def test_what_began_in_the_days_left_out_still_explains_an_alert_and_is_no_quiet_time() -> None:
    """An illness of the last week that is left out brings its alert in the first week that is scored."""
    labels = [label(24 * 8, 24 * 9, until=at(24 * 14)), label(24 * 30, 24 * 32)]
    card = score([alert(24 * 12)], labels, observed=days(50), after_days=10).overall
    assert (card.labels, card.alerts, card.unexplained_alerts) == (1, 1, 0)
    assert card.expected_by_chance.value == 0


ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
PROFILES = [
    {"patient": "p", "birth_date": "1950-01-01", "skin_tone": {"scale": "monk", "value": 9}, "sex": "female",
     "conditions": [{"code": "copd"}, {"code": "heart_failure"}], "devices": [{"device": "urn:x:watch-a:1"}]},
    {"patient": "q", "birth_date": "1990-01-01", "skin_tone": {"scale": "ita", "value": 30}, "conditions": [],
     "devices": [{"device": "urn:x:watch-a:2"}, {"device": "urn:x:scale:2"}]},
]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("age_band", {"65 to 79": 1, "under 40": 1, "unknown": 1}),
        ("skin_tone", {"dark": 1, "lighter": 1, "unknown": 1}),
        ("device", {"urn:x:watch-a": 2, "urn:x:scale": 1, "unknown": 1}),
        ("condition", {"copd": 1, "heart_failure": 1, "none known": 1, "unknown": 1}),
        ("sex", {"female": 1, "unknown": 2}),
    ],
)
def test_groups_of_the_equity_report_come_from_the_profiles(by: str, groups: dict[str, int]) -> None:
    result = score([], [], observed=days(10, "p", "q", "r"), profiles=PROFILES, by=by)
    assert {name: card.patients for name, card in result.groups.items()} == groups


@pytest.mark.parametrize(
    ("profile", "by", "group"),
    [
        ({"devices": [{"device": "urn:dev:watch-9"}]}, "device", "urn:dev:watch"),
        ({"devices": [{"device": "scale"}]}, "device", "scale"),
        ({"conditions": [{"code": {"system": ICD10, "code": "I50.22"}}]}, "condition", "heart_failure"),
        ({"conditions": [{"code": "Heart_Failure"}]}, "condition", "heart_failure"),
        ({"conditions": [{"code": {"system": ICD10, "code": "Z99.9"}}]}, "condition", "Z99.9"),
    ],
)
def test_what_profiles_say_in_other_words_is_the_same_group(profile: Json, by: str, group: str) -> None:
    """Everybody with a heart failure is in one group, whatever it is called; a watch and a scale are in two."""
    result = score([], [], observed=days(10, "p"), profiles=[{"patient": "p", **profile}], by=by)
    assert list(result.groups) == [group]


def test_the_worst_group_is_named_and_too_small_ones_are_not_blamed() -> None:
    names = [f"{sex}-{n}" for sex in ("f", "m", "x") for n in range(40 if sex != "x" else 2)]
    profiles = [{"patient": name, "sex": name[0]} for name in names]
    labels = [label(100, 110, name) for name in names]
    found = [alert(105, name) for name in names if name.startswith("f") or name in ("m-0", "m-1")]
    noise = [alert(300 + n, name) for name in names if name.startswith("f") for n in range(3)]
    result = score(found + noise, labels, observed=days(30, *names), profiles=profiles, by="sex")
    assert (result.worst["sensitivity"].group, result.worst["sensitivity"].value) == ("m", 0.05)
    assert result.worst["sensitivity"].too_small == ("x",)
    assert result.worst["unexplained_alerts_per_patient_year"].group == "f"


def tallies(rates: list[float], seed: int = 3) -> list[Tally]:
    """Patients seen for 400 days with these rates a day, odd and even weeks alike."""
    random = np.random.default_rng(seed)
    counts = [(int(random.poisson(rate * 200)), int(random.poisson(rate * 200))) for rate in rates]
    return [Tally(days=400, alerts=a + b, days_even=200, alerts_even=a) for a, b in counts]


def test_tenths_of_patients_who_are_alike_differ_by_luck_and_not_in_the_other_weeks() -> None:
    found = deciles(tallies([0.01] * 1000), "alerts", 1)
    assert found is not None
    assert found.observed == pytest.approx(found.by_luck, abs=0.04)
    assert found.observed[0] < 0.12 < 0.55 < found.observed[-1]
    assert found.other_weeks == pytest.approx([0.3] * 10, rel=0.3)
    assert found.worst_ratio is not None
    assert 0.7 < found.worst_ratio < 1.4


def test_tenths_of_patients_who_differ_differ_in_the_other_weeks_too() -> None:
    found = deciles(tallies([0.005] * 900 + [0.1] * 100), "alerts", 1)
    assert found is not None
    assert found.other_weeks[-1] > 8 * found.other_weeks[0]
    assert found.worst_ratio is not None
    assert not 0.5 < found.worst_ratio < 2


def test_even_weeks_and_their_alerts_are_counted_from_the_start_of_the_observation() -> None:
    from streams.scoring.tally import tally

    alerts = opened([alert(24 * d) for d in (0, 6, 7, 13, 14, 20.5)])
    found = tally(alerts, [], [], (us(0), us(24 * 21 + 12)))
    assert (found.days_even, found.alerts_even) == (14.0, 4)
    assert tally(alerts, [], [], (us(0), us(24 * 17))).days_even == 10.0


def test_fewer_than_ten_patients_have_no_tenths() -> None:
    assert deciles(tallies([0.01] * 9), "alerts", 1) is None


def test_json_and_table_say_the_tenths_and_the_worst_group() -> None:
    names = [f"p-{n}" for n in range(20)]
    profiles = [{"patient": name, "sex": "female"} for name in names]
    result = as_json(score([alert(5, "p-3")], [], observed=days(60, *names), profiles=profiles, by="sex"))
    assert math.isclose(sum(result["deciles"]["observed"]), 10 * 30 / (20 * 60))
    assert result["worst"]["alerts_per_person_month"]["group"] == "female"
    text = as_text(result)
    assert "deciles" in text
    assert "worst alerts_per_person_month: 0.025, female" in text


def episode(opened_h: float, resolved_h: float | None, id: str = "a", **more: Any) -> list[Json]:
    first = alert(opened_h, alert_id=id, sequence=1, decided_at=at(opened_h), **more)
    worse = {**first, "sequence": 2, "event": "escalated", "event_at": at(opened_h + 1), "decided_at": at(opened_h + 1)}
    if resolved_h is None:
        return [first, worse]
    end = {**first, "sequence": 3, "event": "resolved", "event_at": at(resolved_h), "decided_at": at(resolved_h)}
    return [first, worse, end]


def test_an_alert_that_is_open_already_is_told_apart_from_one_that_is_opened() -> None:
    """Open for four of twenty days: a quiet window of a day meets it in about five of twenty."""
    card = score(episode(48, 144), [label(100, 124), label(300, 324)], observed=days(20)).overall
    assert (card.hits, card.standing_hits) == (0, 1)
    assert card.standing_expected_by_chance.value is not None
    assert 0.3 < card.standing_expected_by_chance.value < 0.8


def test_an_alert_that_nobody_ended_stands_until_the_end_and_a_reopened_one_stands_again() -> None:
    assert score(episode(48, None), [label(400, 410)], observed=days(20)).overall.standing_hits == 1
    again = [*episode(48, 60), {**alert(100, alert_id="a"), "sequence": 4, "event": "reopened"}]
    again.append({**alert(110, alert_id="a"), "sequence": 5, "event": "resolved"})
    labels = [label(50, 55), label(70, 80), label(105, 106)]
    assert score(again, labels, observed=days(20)).overall.standing_hits == 2


def test_an_alert_of_which_only_the_opening_is_told_stands_for_that_instant() -> None:
    card = score([alert(50)], [label(40, 60), label(100, 110)], observed=days(20)).overall
    assert (card.hits, card.standing_hits) == (1, 1)
    assert card.standing_expected_by_chance.value == card.expected_by_chance.value


def test_technical_retrospective_and_other_problems_do_not_stand_for_a_label() -> None:
    labels = [label(100, 124, problem="spo2")]
    for more in ({"problem": "spo2.low", "category": "technical"}, {"problem": "spo2.low", "retrospective": True}, {}):
        assert score(episode(48, 144, **more), labels, observed=days(20)).overall.standing_hits == 0
    assert score(episode(48, 144, problem="spo2.low"), labels, observed=days(20)).overall.standing_hits == 1
