"""What a worklist is, whatever the order in which its events came, and however often."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.desk.store import Store
from alerts.desk.worklist import Standing, seconds, standing, urgency
from alerts.events import AlertEvent
from models.findings import SEVERITIES
from tests.channels.events import alert
from tests.desk.databases import Databases

STATES = ("open", "acknowledged", "snoozed", "resolved")
NOON_S = seconds("2026-01-05T12:00:00Z")


def decided(minutes: int) -> str:
    return f"2026-01-05T{8 + minutes // 60:02d}:{minutes % 60:02d}:00Z"


def life(name: str, *steps: tuple[str, str], **changed: Any) -> list[AlertEvent]:
    """The events of one alert: (state, severity), ten minutes apart from eight o'clock on."""
    return [
        alert(name, number, state=state, severity=severity, decided_at=decided(10 * (number - 1)), **changed)
        for number, (state, severity) in enumerate(steps, 1)
    ]


steps = st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(SEVERITIES)), min_size=1, max_size=6)
lives = st.lists(st.tuples(steps, st.booleans()), min_size=1, max_size=4).map(
    lambda many: [
        event for number, (one, past) in enumerate(many) for event in life(f"a-{number}", *one, retrospective=past)
    ]
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), lives)
def test_any_order_and_repetition_of_events_gives_the_same_worklist(
    databases: Databases, data: st.DataObject, events: list[AlertEvent]
) -> None:
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=8))
    shuffled = data.draw(st.permutations(repeated))
    cut = data.draw(st.integers(0, len(shuffled)))
    assert kept(databases, [events]) == kept(databases, [shuffled[:cut], shuffled[cut:]])


def kept(
    databases: Databases, batches: list[Sequence[AlertEvent]]
) -> tuple[list[Standing], dict[str, int], float | None]:
    store = Store(databases.cache)  # emptied at every opening
    try:
        for batch in batches:
            store.put_events(batch)
        return store.worklist(), store.counts(), store.log_time_s
    finally:
        store.close()


@given(lives)
def test_every_alert_is_on_one_list_and_what_is_past_is_never_to_be_done_now(events: list[AlertEvent]) -> None:
    for name in {event.alert_id for event in events}:
        one = standing(event for event in events if event.alert_id == name)
        assert (one.view == "retrospective") == one.latest.retrospective
        assert (one.view == "open") == (one.latest.state == "open" and not one.latest.retrospective)
        if one.view != "open":
            assert one.waiting_since_s is None
            assert not one.overdue(NOON_S + 1e9)


@pytest.mark.parametrize(("severity", "minutes"), [("emergency", 5), ("urgent", 60), ("advisory", 1440)])
def test_an_alert_is_overdue_after_the_time_of_its_severity(severity: str, minutes: int) -> None:
    one = standing(life("a-1", ("open", severity)))
    due_s = seconds(decided(0)) + 60 * minutes
    assert not one.overdue(due_s)
    assert one.overdue(due_s + 1)
    assert not one.overdue(None)


def test_information_is_never_overdue() -> None:
    assert standing(life("a-1", ("open", "info"))).due_s is None


def test_the_time_to_answer_runs_from_when_the_alert_became_as_severe_as_it_is() -> None:
    one = standing(life("a-1", ("open", "advisory"), ("open", "urgent"), ("open", "urgent")))
    assert one.due_s == seconds(decided(10)) + 3600
    assert one.waiting_since_s == seconds(decided(0))


def test_an_alert_is_overdue_by_the_deadline_that_was_said_and_asking_the_next_person_does_not_move_it() -> None:
    asked, next_one = life("a-1", ("open", "emergency"), ("open", "emergency"))
    asked, next_one = (
        msgspec.structs.replace(asked, deadline=decided(7)),
        msgspec.structs.replace(next_one, deadline=decided(17), event="escalated", rung=1),
    )
    assert standing([asked]).due_s == seconds(decided(7))
    assert standing([asked, next_one]).due_s == seconds(decided(7))


def test_an_answer_stops_the_wait_and_a_return_starts_it_anew() -> None:
    answered = life("a-1", ("open", "urgent"), ("acknowledged", "urgent"))
    assert standing(answered).waiting_since_s is None
    again = life("a-1", ("open", "urgent"), ("acknowledged", "urgent"), ("open", "urgent"))
    assert standing(again).waiting_since_s == seconds(decided(20))


def test_the_most_severe_comes_first_then_who_waits_longest() -> None:
    late = standing(life("late", ("open", "urgent")))
    later = standing([alert("later", decided_at=decided(30))])
    emergency = standing([alert("emergency", severity="emergency", decided_at=decided(50))])
    advisory = standing([alert("advisory", severity="advisory", decided_at=decided(0))])
    order = sorted([advisory, later, emergency, late], key=urgency)
    assert [one.latest.alert_id for one in order] == ["emergency", "late", "later", "advisory"]
