"""An alert that is put off until later: when it comes back, and what cannot be put off."""

from typing import Any

import pytest

from alerts.episodes import MOST_SNOOZED_US, NotAllowed
from models.times import rfc3339
from tests.alerts.scripts import MINUTE_US, Life, us


def test_it_ends_with_the_first_tick_at_or_after_its_end() -> None:
    life = Life()
    life.raised(0)
    assert life.snoozed(1, 60) == [("snoozed", "snoozed")]
    assert life.tick(60.9) == []
    assert life.tick(61) == [("updated", "open")]
    assert (life.told[-1].reason, life.told[-1].until) == ("the snooze is over", None)
    assert life.tick(62) == []


@pytest.mark.parametrize("type", ["comment", "assign"])
def test_words_do_not_change_its_end(type: Any) -> None:
    life = Life()
    life.raised(0)
    life.snoozed(1, 60)
    assert life.acted(2, type, to="nurse-3", reason="asleep")[0][1] == "snoozed"
    assert life.tick(60) == []
    assert life.tick(61) == [("updated", "open")]


def test_each_ends_in_its_own_time() -> None:
    life = Life()
    for problem, minutes in (("spo2.low", 90), ("glucose.low", 30)):
        life.raised(0, problem=problem)
        life.snoozed(1, minutes)
    assert len(life.tick(40)) == len(life.tick(95)) == 1
    assert [event.problem for event in life.told[-2:]] == ["glucose.low", "spo2.low"]


def test_what_clears_meanwhile_stays_resolved() -> None:
    life = Life()
    life.raised(0)
    life.snoozed(1, 60)
    assert life.cleared(20) == [("resolved", "resolved")]
    assert life.tick(100) == []


def test_a_day_is_the_most() -> None:
    life = Life()
    life.raised(0)
    with pytest.raises(NotAllowed, match="24 h"):
        life.snoozed(1, MOST_SNOOZED_US / MINUTE_US + 0.1)
    assert life.snoozed(1, MOST_SNOOZED_US / MINUTE_US) == [("snoozed", "snoozed")]


@pytest.mark.parametrize(
    "fields",
    [{"reason": "known"}, {"until": rfc3339(us(60))}, {"until": rfc3339(us(60)), "reason": ""},
     {"until": rfc3339(us(60)), "reason": " \t\n"},
     {"until": rfc3339(us(1)), "reason": "known"}, {"until": rfc3339(us(-9)), "reason": "known"}],
)  # fmt: skip
def test_it_needs_an_end_ahead_and_a_reason(fields: dict[str, Any]) -> None:
    life = Life()
    life.raised(0)
    with pytest.raises(NotAllowed):
        life.acted(1, "snooze", **fields)
    assert (life.episodes[0].state, life.episodes[0].sequence) == ("open", 1)


def test_an_emergency_has_none() -> None:
    life = Life()
    life.raised(0, severity="emergency")
    with pytest.raises(NotAllowed, match="emergency"):
        life.snoozed(1, 10)
    assert life.sequences() == {life.episodes[0].alert_id: [1]}


def test_what_becomes_an_emergency_leaves_it() -> None:
    life = Life()
    life.raised(0)
    life.snoozed(1, 600)
    assert life.raised(2, severity="emergency") == [("updated", "open")]
    with pytest.raises(NotAllowed, match="emergency"):
        life.snoozed(3, 10)


def test_a_limit_as_severe_as_the_own_band_that_was_snoozed_is_told() -> None:
    """Whoever snoozed a heart that is fast for this patient did not know that it would be too fast for anyone."""
    life = Life()
    life.raised(0, "deviation")
    life.snoozed(1, 600)
    assert life.raised(2, "limit") == [("updated", "open")]
    assert (life.told[-1].notify, life.told[-1].until) == ("worse", None)
    assert [a.reason for a in life.told[-1].policy if a.stage == "snooze"] == [
        "a limit is broken, and nurse-2 had snoozed until 5 January 2026 at 18:01 UTC what is unusual for this patient"
    ]


@pytest.mark.parametrize(("before", "then", "severity"), [
    ("limit", "deviation", "urgent"), ("deviation", "limit", "advisory"), ("condition", "limit", "urgent"),
])  # fmt: skip
def test_what_says_nothing_new_leaves_the_snooze(before: Any, then: Any, severity: Any) -> None:
    life = Life()
    life.raised(0, before)
    life.snoozed(1, 600)
    assert life.raised(2, then, severity) == []
    assert life.episodes[0].state == "snoozed"
