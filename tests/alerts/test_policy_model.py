"""Ledger and policy together against a reference over several problems of one patient: incidents, what a sensor mutes,
the day's messages, teams that change, what is about the past, what was forgotten, everything that people do, and the
state written and read back as a page between any two steps.

Calm, and the end of a chain, are in `test_model`; here a problem that is gone is over at once, and nobody's chain ends.
"""

from typing import Any, cast

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.episodes import NotAllowed
from alerts.events import ActionType, AlertEvent
from alerts.policy import Chain, PolicySettings
from alerts.policy.settings import MINUTE_US
from models.findings import SEVERITIES, Kind, Severity
from models.times import rfc3339
from streams.engine.forms import StoredPerson
from tests.alerts.policy_reference import (
    AFTER,
    ENDS_MIN,
    MUTED,
    PAST_MIN,
    PROBLEMS,
    SENSOR,
    SHARE,
    WITHIN,
    Key,
    Reference,
    Told,
)
from tests.alerts.scripts import Life, us

ASKED = {team: Chain((None, *(MINUTE_US * one for one in within.values())), 9) for team, within in WITHIN.items()}
POLICY = PolicySettings(
    ASKED["team-1"].answer_within_us, rungs=9, calm_us=0, advisories_per_day=SHARE, teams={"team-2": ASKED["team-2"]}
)
WHATS = ["raise"] * 8 + ["clear"] * 3 + ["act"] * 5 + ["tick"] * 3 + ["past", "past", "hand_over", "forget"]
SEVERE: list[Severity] = ["info", "advisory", "advisory", "advisory", "advisory", "urgent", "urgent", "emergency"]
steps_of = st.lists(
    st.tuples(
        st.sampled_from(WHATS), st.sampled_from([1, 1, 1, 1, 30, 30, 200, 361, 700]), st.sampled_from(PROBLEMS),
        st.sampled_from(SEVERE), st.sampled_from(sorted(AFTER)), st.integers(0, 9),
    ),
    min_size=12, max_size=40,
)  # fmt: skip
Step = tuple[str, int, str, Severity, str, int]
KINDS: dict[str, Kind] = {SENSOR: "sensor", MUTED: "deviation"}


def taken(life: Life, wanted: Reference, at: float, step: Step) -> None:
    """The same step for both."""
    what, minutes, problem, severity, act, which = step
    kind, rank = KINDS.get(problem, "limit"), SEVERITIES.index(severity)
    match what:
        case "raise" if wanted.is_one_episode(at, problem):
            life.raised(at, kind, severity, problem=problem)
            wanted.raised(at, problem, rank, past=False)
        case "past" if problem != SENSOR:
            life.raised(at, kind, severity, problem=problem, onset=PAST_MIN, retrospective=True)
            wanted.raised(at, problem, rank, past=True)
        case "clear":
            life.cleared(at, kind, problem=problem)
            wanted.cleared(at, problem)
        case "tick":
            life.tick(at)
            wanted.tick(at)
        case "hand_over":
            team = f"team-{1 + which % 2}"
            life.handed_over(at, team)
            wanted.handed_over(at, team)
        case "forget":
            life.forgotten(at)
            wanted.forgotten(at)
        case "act" if wanted.ones:
            acted(life, wanted, at, list(wanted.ones)[which % len(wanted.ones)], act, minutes)


def acted(life: Life, wanted: Reference, at: float, key: Key, act: str, minutes: int) -> None:
    known = next(e for e in life.episodes if (e.problem, e.retrospective) == key)
    fields: dict[str, Any] = {
        "snooze": {"until": rfc3339(us(at + minutes)), "reason": "known"}, "assign": {"to": "nurse-3"},
    }.get(act, {})  # fmt: skip
    allowed = wanted.acted(at, key, act, minutes)
    try:
        life.acted(at, cast(ActionType, act), known.alert_id, **fields)
        assert allowed
    except NotAllowed:
        assert not allowed


def as_told(events: list[AlertEvent], wanted: Reference) -> list[Told]:
    """The events in the words of the reference."""
    keys = {event.alert_id: (event.problem, event.retrospective) for event in events}
    due = {rfc3339(us(minutes)): minutes for *_, minutes in wanted.told if minutes is not None}
    return [
        (
            keys[e.alert_id], e.event, e.state, SEVERITIES.index(e.severity), e.notify,
            None if e.incident is None else keys[e.incident], e.rung,
            None if e.deadline is None else due.get(e.deadline, -1.0),
        )
        for e in events
    ]  # fmt: skip


def paged(life: Life) -> None:
    """The episodes as they come back from a page."""
    page = msgspec.msgpack.encode(StoredPerson(life.patient, None, life.episodes, []))
    life.episodes = msgspec.msgpack.decode(page, type=StoredPerson).episodes


def step(
    what: str, minutes: int, problem: str = MUTED, severity: Severity = "info", act: str = "comment", which: int = 0
) -> Step:
    return what, minutes, problem, severity, act, which


INFORMATION_AMONG_ONE_SYSTEM: list[Step] = [
    step("raise", 1, "body_weight.high"),
    step("raise", 1, "heart_rate.high", "advisory"),
    step("raise", 1, "systolic_bp.high", "advisory"),
]
WORSE_AND_PAST: list[Step] = [
    step("past", 1, "spo2.low", "advisory"),
    step("act", 1, act="resolve"),
    step("past", 1, "spo2.low", "urgent"),
]
ESCALATED_AND_HANDED_OVER: list[Step] = [
    step("raise", 1, "spo2.low", "urgent"),
    step("tick", 700),
    step("hand_over", 1, which=1),
]
PAST_AND_SEEN: list[Step] = [
    step("past", 1, "heart_rate.high", "advisory"),
    step("act", 1, act="acknowledge"),
    step("raise", 1, "spo2.low", "advisory"),
]
MORE_THAN_THE_SHARE_TOLD_AT_ONCE: list[Step] = [
    step("raise", 1, "heart_rate.high", "advisory"),
    step("raise", 361, "body_weight.high", "advisory"),
    step("raise", 361, "spo2.low", "advisory"),
    step("raise", 1, SENSOR, "advisory"),
    step("tick", 730),
    step("clear", 1, "heart_rate.high"),
    step("raise", 1, "heart_rate.high", "advisory"),
]
HANDED_OVER_BEFORE_ITS_TURN: list[Step] = [
    step("raise", 1, "heart_rate.high", "advisory"),
    step("raise", 361, "body_weight.high", "advisory"),
    step("raise", 361, "spo2.low", "advisory"),
    step("hand_over", 1, which=1),
    step("tick", 730),
]
TOLD_WITH_WHAT_ENDS: list[Step] = [
    step("raise", 1, "heart_rate.high", "urgent"),
    step("raise", 1, "systolic_bp.high", "urgent"),
    step("clear", 1, "heart_rate.high"),
    step("raise", 1, "heart_rate.high", "emergency"),
]
TOLD_WITH_WHAT_SOMEBODY_ENDS: list[Step] = [
    *TOLD_WITH_WHAT_ENDS[:2],
    step("act", 1, "heart_rate.high", act="resolve"),
    step("tick", 1, "heart_rate.high"),
]
RISEN_WITH_WHAT_ENDS: list[Step] = [
    step("raise", 1, "heart_rate.high", "advisory"),
    step("raise", 1, "spo2.low", "advisory"),
    step("clear", 1),
]
A_SECOND_EMERGENCY: list[Step] = [
    step("raise", 1, "heart_rate.high", "emergency"),
    step("raise", 1, "systolic_bp.high", "emergency"),
    step("forget", 1),
]
RETURNS_WHILE_MUTED: list[Step] = [
    step("raise", 1, MUTED, "advisory"),
    step("clear", 1),
    step("raise", 1, SENSOR, "advisory"),
    step("raise", 1, MUTED, "advisory"),
    step("act", 1),
    step("clear", 1, SENSOR),
]
"""What chance seldom finds."""


@settings(deadline=None, max_examples=400)
@given(steps_of, st.integers(1, 4))
@example(INFORMATION_AMONG_ONE_SYSTEM, 1)
@example(WORSE_AND_PAST, 1)
@example(ESCALATED_AND_HANDED_OVER, 1)
@example(PAST_AND_SEEN, 1)
@example(MORE_THAN_THE_SHARE_TOLD_AT_ONCE, 1)
@example(HANDED_OVER_BEFORE_ITS_TURN, 1)
@example(TOLD_WITH_WHAT_ENDS, 1)
@example(TOLD_WITH_WHAT_SOMEBODY_ENDS, 1)
@example(RISEN_WITH_WHAT_ENDS, 1)
@example(A_SECOND_EMERGENCY, 1)
@example(RETURNS_WHILE_MUTED, 1)
def test_ledger_and_policy_tell_what_the_reference_tells(steps: list[Step], page_every: int) -> None:
    life, wanted, at = Life(policy=POLICY), Reference(), 0.0
    for number, step in enumerate(steps):
        at += step[1]
        if at > ENDS_MIN:
            break
        taken(life, wanted, at, step)
        assert as_told(life.told, wanted) == wanted.told
        assert [(e.problem, e.retrospective) for e in life.episodes] == list(wanted.ones)
        if number % page_every == 0:
            paged(life)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in life.sequences().values())
