"""Quiet hours: what is still worth a message in the morning, and what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts.channels.message import message_of
from alerts.channels.post import Letter
from alerts.channels.quiet import QUIET_HOURS, Quiet, together
from alerts.events import AlertEvent
from alerts.language import languages
from tests.channels.events import alert

MORNING = datetime(2026, 1, 5, 7, tzinfo=UTC)
SLOT = ("pager", MORNING)


def held(quiet: Quiet, name: str, sequence: int = 1, channel: str = "pager") -> bool:
    """Whether somebody has to be woken for it, who would not be otherwise."""
    letter, event = Letter(channel, not_before=MORNING), alert(name, sequence, severity="advisory")
    return quiet.hold(f"{name}:{sequence}:{channel}", letter, event, MORNING) is not None


def test_one_awakening_for_each_channel_and_morning_and_all_that_waits_in_its_order() -> None:
    quiet = Quiet(9)
    assert [held(quiet, "a-1"), held(quiet, "a-2"), held(quiet, "a-1", channel="mail")] == [True, False, True]
    later = Letter("pager", not_before=MORNING + timedelta(days=1))
    assert quiet.hold("a-9:1:pager", later, alert("a-9"), MORNING + timedelta(days=1)) is not None
    singly, rest = quiet.over(SLOT)
    assert ([one.alert_id for one in singly], rest) == (["a-1", "a-2"], [])
    assert quiet.over(SLOT) == ([], []), "each once"
    assert held(quiet, "a-3"), "the next night begins anew"


NEWS: list[tuple[dict[str, Any], bool]] = [
    ({"event": "acknowledged", "state": "acknowledged"}, True), ({"event": "snoozed", "state": "snoozed"}, True),
    ({"event": "resolved", "state": "resolved"}, True), ({"event": "expired", "state": "resolved"}, True),
    ({"care_team": "another"}, True), ({"reason": "a comment"}, False), ({"event": "assigned"}, False),
    ({"event": "escalated"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "goes"), NEWS)
def test_what_no_longer_needs_anybody_is_let_go(changed: dict[str, Any], goes: bool) -> None:
    quiet = Quiet(9)
    held(quiet, "a-1")
    held(quiet, "a-1", channel="mail")
    held(quiet, "a-2")
    gone = quiet.let_go(alert("a-1", 2, **changed), set())
    assert [one.delivery_id for one in gone] == (["a-1:1:pager", "a-1:1:mail"] if goes else [])
    assert [one.alert_id for one in quiet.over(SLOT)[0]] == (["a-2"] if goes else ["a-1", "a-2"])


@pytest.mark.parametrize(
    ("changed", "goes"),
    [
        ({"state": "acknowledged", "reason": "a comment"}, False), ({"event": "snoozed", "state": "snoozed"}, False),
        ({"event": "assigned", "state": "acknowledged"}, True), ({"event": "resolved", "state": "resolved"}, True),
        ({"care_team": "another"}, True),
    ],
)  # fmt: skip
def test_what_was_given_to_somebody_waits_for_them_although_it_was_taken_up(changed: Any, goes: bool) -> None:
    """At night one nurse acknowledges and assigns it to another: in the morning that one has to hear of it."""
    quiet, event = Quiet(9), alert("a-1", 3, event="assigned", state="acknowledged", severity="advisory")
    quiet.hold("a-1:3:pager", Letter("pager", not_before=MORNING, given=True), event, MORNING)
    assert len(quiet.let_go(alert("a-1", 4, **changed), set())) == goes


def test_a_newer_message_by_the_same_channel_stands_for_the_older_one() -> None:
    quiet = Quiet(9)
    held(quiet, "a-1")
    held(quiet, "a-1", channel="mail")
    assert [one.letter.channel for one in quiet.let_go(alert("a-1", 2, severity="urgent"), {"pager"})] == ["pager"]


@pytest.mark.parametrize("sequence", [2, 3])
def test_what_was_before_says_nothing_about_what_waits(sequence: int) -> None:
    """A worker that repeats what it had said, and what waits as well."""
    quiet = Quiet(9)
    held(quiet, "a-1", 3)
    news = alert("a-1", sequence, event="acknowledged", state="acknowledged", severity="urgent")
    assert quiet.let_go(news, {"pager"}) == quiet.outdated(news) == []


def test_what_is_given_back_waits_no_longer() -> None:
    quiet = Quiet(1)
    for name in ("a-1", "a-2"):
        held(quiet, name)
    assert [one.alert_id for one in quiet.clear()] == ["a-1", "a-2"]
    assert quiet.clear() == []
    assert quiet.let_go(alert("a-1", 2, event="resolved", state="resolved"), set()) == []
    assert held(quiet, "a-3"), "somebody has to be woken anew"
    assert [one.alert_id for one in quiet.over(SLOT)[0]] == ["a-3"], "and there is room again"


def test_beyond_the_bound_they_are_told_as_one_and_who_was_answered_is_not_counted() -> None:
    quiet = Quiet(2)
    for name in ("a-1", "a-2", "a-3", "a-4", "a-5"):
        held(quiet, name)
    for name in ("a-1", "a-4"):
        (gone,) = quiet.let_go(alert(name, 2, event="acknowledged", state="acknowledged"), set())
        assert gone.alert_id == name
    held(quiet, "a-6")
    singly, rest = quiet.over(SLOT)
    assert [one.alert_id for one in singly] == ["a-2", "a-6"], "there is room again"
    assert [one.alert_id for one in rest] == ["a-3", "a-5"]


@pytest.mark.parametrize("language", languages())
def test_the_one_message_says_how_many_and_names_nobody_and_asks_for_no_answer(language: str) -> None:
    event = together(SLOT, 37, "cardiology", language)
    for safe in (True, False):
        said = message_of(event, safe=safe, desk=None, link="https://desk/a/x", language=language)
        assert "37" in said.subject, "also where no patient may be named: there is none in it"
        assert "https://desk/a/x" not in said.text
    assert event == together(SLOT, 37, "cardiology", language), "a second attempt is the same message"
    assert msgspec.json.decode(msgspec.json.encode(event), type=AlertEvent) == event, "its words are the record's"
    assert (event.state, event.deadline, event.notify) == ("acknowledged", None, "first")
    assert (event.category, event.problem, event.care_team) == ("technical", QUIET_HOURS, "cardiology")
    assert not event.retrospective
    assert event.alert_id != together(("mail", MORNING), 37, None).alert_id


def test_what_has_become_worse_is_told_as_it_is_then() -> None:
    """Nobody reads in the morning of an advisory that is urgent since three; who was answered is not told at all."""
    quiet = Quiet(9)
    held(quiet, "a-1")
    held(quiet, "a-1", channel="mail")
    assert quiet.outdated(alert("a-1", 2, severity="advisory")) == []
    assert quiet.outdated(alert("a-2", 2, severity="urgent")) == []
    old = quiet.outdated(alert("a-1", 2, severity="urgent"))
    assert [(one.delivery_id, one.letter.not_before) for one in old] == [
        ("a-1:1:pager", MORNING), ("a-1:1:mail", MORNING),
    ]  # fmt: skip
    for one in old:
        quiet.hold(f"a-1:2:{one.letter.channel}", one.letter, alert("a-1", 2, severity="urgent"), MORNING)
    assert quiet.outdated(alert("a-1", 1, severity="advisory")) == [], "a worker that repeats what it had said"
    assert [(one.sequence, one.severity) for one in quiet.over(SLOT)[0]] == [(2, "urgent")]
    gone = quiet.let_go(alert("a-1", 3, event="acknowledged", state="acknowledged"), set())
    assert [one.delivery_id for one in gone] == ["a-1:2:mail"]
