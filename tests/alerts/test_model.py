"""The ledger against a reference that a reader can check by eye, over random findings, actions, ticks and restarts.

The reference knows one problem: severity, who was asked, until when, and whether it is calm. What needs several
problems (group, inhibit, budget) and the rest of what people do is in `test_policy_model`.
"""

from dataclasses import dataclass, field
from typing import cast

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.episodes import EVERYBODY, Episode, NotAllowed
from alerts.events import ActionType
from alerts.policy import Chain, PolicySettings
from alerts.policy.settings import MINUTE_US
from models.findings import Severity
from models.times import rfc3339
from tests.alerts.scripts import Life, us

WITHIN = {
    "team-1": {"advisory": 1440, "urgent": 60, "emergency": 5},
    "team-2": {"advisory": 35, "urgent": 21, "emergency": 3},
}  # fmt: skip
"""Minutes to answer, of each team; and how many it asks in turn."""
RUNGS = {"team-1": 3, "team-2": 2}
ORDER: tuple[Severity, ...] = ("advisory", "urgent", "emergency")
CALM_MIN, REMIND_MIN = 15, 60
OTHERS = Chain((None, *(MINUTE_US * one for one in WITHIN["team-2"].values())), RUNGS["team-2"])
POLICY = PolicySettings(calm_us=CALM_MIN * MINUTE_US, advisories_per_day=1000, teams={"team-2": OTHERS})


@dataclass
class Reference:
    """One problem within a day, in minutes. `told`: (event, state) as they should come."""

    phase: str = "none"
    severity: str = "advisory"
    rung: int = 0
    due: float | None = None
    calm: float | None = None
    wake: float | None = None
    alarm_due: float | None = None
    alarms: int = 0
    well: float | None = None
    returns: int = 0
    reminded: int = 0
    team: str = "team-1"
    told: list[tuple[str, str]] = field(default_factory=list)

    def say(self, event: str, phase: str) -> None:
        self.phase = phase
        self.told.append((event, {"escalated": "open"}.get(phase, phase)))

    def ask(self, at: float) -> None:
        self.due = at + WITHIN[self.team][self.severity]

    def raised(self, at: float, severity: str) -> None:
        worse = ORDER.index(severity) > ORDER.index(self.severity)
        if self.phase == "resolved" or (self.calm is not None and not worse and at - (self.well or at) >= CALM_MIN):
            self.returns += 1
        if self.phase in ("none", "resolved"):
            self.severity, self.rung, self.calm, self.wake = severity, 0, None, None
            self.say("opened" if self.phase == "none" else "reopened", "open")
            self.ask(at)
        elif worse:
            self.severity, self.calm, self.wake = severity, None, None
            if self.phase in ("acknowledged", "snoozed"):
                self.rung = 0
            self.say("updated", self.phase if self.phase == "escalated" else "open")
            self.ask(at)
        else:
            self.calm = None

    def cleared(self, at: float) -> None:
        if self.phase in ("open", "escalated", "acknowledged", "snoozed") and self.calm is None:
            self.well, hovers = at, self.severity == "urgent" and self.rung < EVERYBODY
            self.calm = at + (min(CALM_MIN * 4**self.returns, 480) if hovers else CALM_MIN)

    def acted(self, at: float, what: str, minutes: int) -> bool:
        if what == "acknowledge" and self.phase in ("open", "escalated", "snoozed"):
            self.answered("acknowledged", "acknowledged")
        elif what == "snooze" and self.phase in ("open", "escalated", "acknowledged") and self.severity != "emergency":
            self.answered("snoozed", "snoozed")
            self.wake = at + minutes
        elif what == "resolve" and self.phase in ("open", "escalated", "acknowledged", "snoozed"):
            self.calm = None
            self.answered("resolved", "resolved")
        else:
            return False
        return True

    def answered(self, event: str, phase: str) -> None:
        self.rung, self.due, self.wake = 0, None, None
        self.say(event, phase)
        self.end_alarm()

    def end_alarm(self) -> None:
        if self.alarm_due is not None:
            self.alarm_due = None
            self.told.append(("resolved", "resolved"))

    def handed_over(self, at: float, team: str) -> None:
        """Who takes over is asked from the first rung, and nobody is said to have left it unanswered."""
        former, self.team = self.team, team
        if former != team and self.phase in ("open", "escalated", "snoozed"):
            self.rung, self.wake = 0, None
            self.say("updated", "open")
            self.ask(at)
            self.end_alarm()

    def tick(self, at: float) -> None:
        alarmed = self.alarm_due is not None and self.alarm_due <= at
        if self.calm is not None:
            if self.calm <= at:
                self.calm = None
                if alarmed:
                    self.told.append(("resolved", "resolved"))
                    self.phase = "resolved"
                    self.remind(at)
                    self.end_alarm()
                    return
                self.answered("resolved", "resolved")
                return
        elif self.phase == "snoozed" and self.wake is not None and self.wake <= at:
            self.wake = None
            self.say("updated", "open")
            self.ask(at)
        waits = self.phase in ("open", "escalated") and self.calm is None
        late = waits and self.due is not None and self.due <= at
        if alarmed:
            self.remind(at)
        if late:
            self.escalate(at)

    def remind(self, at: float) -> None:
        self.told.append(("escalated", "open"))
        self.reminded += 1
        self.alarm_due = at + REMIND_MIN * 2**self.reminded

    def escalate(self, at: float) -> None:
        if self.rung + 1 < RUNGS[self.team]:
            self.rung += 1
            self.say("escalated", "escalated")
            self.ask(at)
            return
        self.rung, self.due = EVERYBODY, None
        stands = self.alarm_due is not None
        self.told.append(("updated" if stands else "reopened" if self.alarms else "opened", "open"))
        self.alarms += 1
        self.reminded, self.alarm_due = 0, at + REMIND_MIN


ops = st.lists(
    st.tuples(
        st.sampled_from(
            ["raise", "raise", "clear", "acknowledge", "snooze", "resolve", *["tick"] * 9, "restart", "hand_over"]
        ),
        st.sampled_from([1, 5, 5, 20, 61]), st.sampled_from(ORDER), st.sampled_from([2, 10, 70]),
    ),
    max_size=30,
)  # fmt: skip


FROM_THE_FIRST_RUNG: list[tuple[str, int, Severity, int]] = [
    ("raise", 1, "urgent", 2), ("tick", 61, "urgent", 2), ("acknowledge", 1, "urgent", 2), ("raise", 1, "emergency", 2),
]  # fmt: skip
"""Once answered, what gets worse asks the first rung again."""
HANDED_OVER_AT_THE_END: list[tuple[str, int, Severity, int]] = [
    ("raise", 1, "emergency", 2), ("hand_over", 1, "urgent", 10), ("tick", 3, "urgent", 2), ("tick", 3, "urgent", 2),
    ("hand_over", 1, "urgent", 4), ("tick", 5, "urgent", 2), ("tick", 5, "urgent", 2), ("tick", 5, "urgent", 2),
]  # fmt: skip
"""From one who asks three to one who asks two, and back when nobody of these has answered."""
WORSE_AFTER_THE_END: list[tuple[str, int, Severity, int]] = [
    ("raise", 1, "urgent", 2), ("tick", 61, "urgent", 2), ("tick", 61, "urgent", 2), ("tick", 61, "urgent", 2),
    ("raise", 1, "emergency", 2), ("tick", 3, "urgent", 2), ("restart", 1, "urgent", 2), ("tick", 1, "urgent", 2),
    ("acknowledge", 1, "urgent", 2),
]  # fmt: skip
"""Everybody is asked about it once more, and told once more when that time is over."""

LEFT_TWICE_WITHIN_A_DAY: list[tuple[str, int, Severity, int]] = [
    ("raise", 1, "advisory", 2), ("hand_over", 1, "urgent", 10), ("tick", 35, "urgent", 2), ("tick", 35, "urgent", 2),
    ("resolve", 1, "urgent", 2), ("raise", 1, "advisory", 2), ("tick", 35, "urgent", 2), ("tick", 35, "urgent", 2),
]  # fmt: skip
"""Nobody has answered about an advisory, and then nobody has about the next one."""
IS_THERE_AGAIN: list[tuple[str, int, Severity, int]] = [
    ("raise", 1, "advisory", 2), ("resolve", 1, "advisory", 2), ("raise", 1, "urgent", 2), ("clear", 1, "advisory", 2),
    ("tick", 20, "urgent", 2), ("tick", 61, "urgent", 2),
]  # fmt: skip
"""What is urgent and had come back has to be well for an hour."""


@settings(deadline=None, max_examples=300)
@given(ops)
@example(IS_THERE_AGAIN)
@example(FROM_THE_FIRST_RUNG)
@example(WORSE_AFTER_THE_END)
@example(HANDED_OVER_AT_THE_END)
@example(LEFT_TWICE_WITHIN_A_DAY)
def test_ledger_and_reference_tell_the_same(steps: list[tuple[str, int, Severity, int]]) -> None:
    life, wanted, at = Life(policy=POLICY), Reference(), 0.0
    for what, wait, severity, minutes in steps:
        at += wait
        if at > 230:  # before the noon from which ids count: a return is then the same episode always
            break
        if what == "raise":
            life.raised(at, severity=severity)
            wanted.raised(at, severity)
        elif what == "clear":
            life.cleared(at)
            wanted.cleared(at)
        elif what == "tick":
            life.tick(at)
            wanted.tick(at)
        elif what == "hand_over":
            team = "team-2" if minutes > 5 else "team-1"
            life.handed_over(at, team)
            wanted.handed_over(at, team)
        elif what == "restart":
            kept = msgspec.msgpack.encode(life.episodes)
            life.episodes = msgspec.msgpack.decode(kept, type=list[Episode])
        elif wanted.phase != "none":
            allowed, of_problem = wanted.acted(at, what, minutes), life.episodes[0].alert_id
            try:
                fields = {"until": _until(at + minutes), "reason": "known"} if what == "snooze" else {}
                life.acted(at, cast(ActionType, what), of_problem, **fields)
                assert allowed
            except NotAllowed:
                assert not allowed
        assert [(event.event, event.state) for event in life.told] == wanted.told
        if wanted.phase in ("open", "escalated"):
            assert (life.episodes[0].state, life.episodes[0].rung) == (wanted.phase, wanted.rung)
    assert all(event.notify for event in life.told if event.kind == "delivery"), "the end of a chain is always told"
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in life.sequences().values())


def _until(at: float) -> str:
    return rfc3339(us(at))
