"""The laws of the outbox: severity first, order within an alert, nothing lost, memory bounded."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.outbox import Outbox
from alerts.events import AlertEvent
from models.findings import SEVERITIES
from tests.channels.events import alert

SLOTS = 8
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5), st.sampled_from(SEVERITIES)),
        st.tuples(st.just("take"), st.just(0), st.just("info")),
        st.tuples(st.just("done"), st.integers(0, 20), st.just("info")),
    ),
    max_size=120,
)


class Run:
    """Plays steps against an outbox, and keeps what went in and what came out."""

    def __init__(self, limit: int) -> None:
        self.outbox = Outbox(SLOTS, limit)
        self.put: list[AlertEvent] = []
        self.out: list[AlertEvent] = []
        self.shed: list[AlertEvent] = []
        self.under_way: list[AlertEvent] = []
        self.sequences: dict[str, int] = defaultdict(int)

    def step(self, what: str, number: int, severity: str) -> None:
        if what == "put":
            name = f"a-{number}"
            self.sequences[name] += 1
            event = alert(name, self.sequences[name], severity=severity)
            self.put.append(event)
            self.shed += self.outbox.put(event)
        elif what == "take" and (taken := self.outbox.take()) is not None:
            self.out.append(taken)
            self.under_way.append(taken)
        elif what == "done" and self.under_way:
            self.outbox.done(self.under_way.pop(number % len(self.under_way)))

    def drain(self) -> None:
        while self.under_way or len(self.outbox):
            self.step("take", 0, "info")
            self.step("done", 0, "info")


@given(steps, st.integers(1, 6))
def test_every_event_comes_out_once_in_the_order_of_its_alert(played: list[tuple[str, int, str]], limit: int) -> None:
    run = Run(limit)
    for step in played:
        run.step(*step)
    run.drain()
    assert sorted(map(key, run.out + run.shed)) == sorted(map(key, run.put))
    for name in run.sequences:
        taken = [event.sequence for event in run.out if event.alert_id == name]
        assert taken == sorted(taken)


@given(steps)
def test_one_alert_is_never_sent_twice_at_once(played: list[tuple[str, int, str]]) -> None:
    run = Run(1000)
    for step in played:
        run.step(*step)
        names = [event.alert_id for event in run.under_way]
        assert len(names) == len(set(names)) <= SLOTS


@given(steps, st.integers(1, 6))
def test_memory_is_bounded_and_no_emergency_is_shed(played: list[tuple[str, int, str]], limit: int) -> None:
    run = Run(limit)
    for step in played:
        run.step(*step)
        if run.outbox.full:
            assert run.outbox.put(alert("a-new", severity="emergency")) == []
            break
        assert len(run.outbox) <= limit
    assert all(event.severity != "emergency" for event in run.shed)


@given(st.lists(st.sampled_from(["info", "advisory", "urgent"]), max_size=60), st.integers(0, 30))
def test_an_emergency_goes_at_once_however_much_is_stuck(waiting: list[str], taken: int) -> None:
    outbox = Outbox(SLOTS, 1000)
    for number, severity in enumerate(waiting):
        outbox.put(alert(f"a-{number}", severity=severity))
        if number < taken:
            outbox.take()  # goes to a receiver that never answers
    while outbox.take() is not None:
        pass
    outbox.put(alert("a-now", severity="emergency"))
    event = outbox.take()
    assert event is not None
    assert event.alert_id == "a-now"


def test_an_escalation_lifts_what_waits_before_it() -> None:
    outbox = Outbox(4, 1000)
    for number in range(50):
        outbox.put(alert(f"b-{number}", severity="advisory"))
    outbox.put(alert("a-1", 1, severity="advisory"))
    outbox.put(alert("a-1", 2, severity="emergency", event="escalated"))
    first = outbox.take()
    assert first is not None
    assert key(first) == ("a-1", 1)
    outbox.done(first)
    second = outbox.take()
    assert second is not None
    assert key(second) == ("a-1", 2)


def test_a_long_jam_does_not_grow_the_order() -> None:
    outbox = Outbox(4, 20)
    for number in range(5_000):
        outbox.put(alert(f"a-{number}", severity="urgent"))
    assert len(outbox) == 20
    assert len(outbox._order) < 200


def test_too_few_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="slots"):
        Outbox(3, 10)


def key(event: AlertEvent) -> tuple[str, int]:
    return event.alert_id, event.sequence
