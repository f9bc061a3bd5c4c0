"""Scripted lives of a patient's episodes: `at` says when, in minutes; what is told comes back as (event, state)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts import ledger
from alerts.calm import news
from alerts.episodes import Episode, may_repeat
from alerts.events import Action, ActionType, AlertEvent, Evidence
from alerts.policy import PolicySettings, When
from alerts.raised import Cleared, Raised
from models.findings import SEVERITIES, Kind, Rule, Severity
from models.times import US_PER_S, rfc3339

T0_US = 1_767_600_000 * US_PER_S
"""2026-01-05T08:00:00Z."""
MINUTE_US = 60 * US_PER_S
DAY_MIN = 24 * 60.0


PROMPT = PolicySettings(calm_us=0, advisories_per_day=1000).unescalated
"""What is well again is resolved at once, every message goes out, nobody has to answer: for stories about the rest."""


def us(minutes: float) -> int:
    return T0_US + round(minutes * MINUTE_US)


def evidence(minutes: float, value: float = 82.0) -> Evidence:
    return Evidence(
        vital="spo2", value=value, unit="%", at=rfc3339(us(minutes)), expected=96.5, low=93.0, high=100.0, score=-4.2,
        baseline_days=12.0, own_weight=0.9, modifiers=[], quality=None,
    )  # fmt: skip


@dataclass
class Life:
    """The episodes of one patient."""

    patient: str = "p-1"
    episodes: list[Episode] = field(default_factory=list)
    told: list[AlertEvent] = field(default_factory=list)
    policy: PolicySettings = PROMPT
    team: str | None = "team-1"
    _actions: int = 0

    def when(self, at: float) -> When:
        return When(self.patient, self.team, us(at), us(at), policy=self.policy)

    def raised(
        self, at: float, kind: Kind = "limit", severity: Severity = "urgent", *, onset: float | None = None,
        retrospective: bool = False, problem: str = "spo2.low", same_as: Sequence[str] = (), value: float = 82.0,
    ) -> list[tuple[str, str]]:  # fmt: skip
        vital = (problem if "." in problem else same_as[0]).split(".")[0]
        finding = Raised(
            problem=problem, vital=vital, title="Oxygen saturation below 88 %", kind=kind,
            rank=SEVERITIES.index(severity), rule=Rule(id="spo2_low", version="1", source="RCP2017"),
            onset_us=us(at if onset is None else onset), retrospective=retrospective,
            event_us=us(onset if retrospective and onset is not None else at),
            evidence=evidence(at, value), population=kind == "limit", same_as=same_as,
        )  # fmt: skip
        return self._said(*ledger.on_raised(self.episodes, finding, self.when(at)))

    def again(
        self, at: float, severity: Severity = "urgent", *, problem: str = "spo2.low", kind: Kind = "limit",
        value: float = 81.0, title: str = "Oxygen saturation below 88 %",
    ) -> list[tuple[str, str]]:  # fmt: skip
        """A reading breaks a limit that is open already."""
        finding = Raised(
            problem=problem, vital="spo2", title=title, kind=kind,
            rank=SEVERITIES.index(severity), rule=Rule(id="spo2_low", version="1", source="RCP2017"), onset_us=us(at),
            event_us=us(at), retrospective=False, evidence=evidence(at, value), population=True,
        )  # fmt: skip
        further = news(self.episodes, problem, value, SEVERITIES.index(severity))
        if not further and not may_repeat(self.episodes, problem, us(at)):
            return []
        return self._said(*ledger.on_again(self.episodes, finding, self.when(at)))

    def earlier(self, at: float, onset: float, *, retrospective: bool = False) -> list[tuple[str, str]]:
        when = self.when(at)
        return self._said(*ledger.on_earlier(self.episodes, "spo2.low", retrospective, us(onset), when))

    def cleared(self, at: float, kind: Kind = "limit", problem: str = "spo2.low") -> list[tuple[str, str]]:
        return self._said(
            *ledger.on_cleared(self.episodes, Cleared(problem, kind, us(at), evidence(at, 97.0)), self.when(at))
        )

    def acted(self, at: float, type: ActionType, alert_id: str | None = None, **fields: Any) -> list[tuple[str, str]]:
        self._actions += 1
        action = Action.model_validate(
            {"action_id": f"act-{self._actions}", "alert_id": alert_id or self.episodes[-1].alert_id, "by": "nurse-2",
             "patient": self.patient, "at": rfc3339(us(at)), "type": type} | fields
        )  # fmt: skip
        episode, events = ledger.on_action(self.episodes, action, self.when(at))
        assert episode.alert_id == action.alert_id
        return self._said(*events)

    def snoozed(self, at: float, minutes: float) -> list[tuple[str, str]]:
        return self.acted(at, "snooze", until=rfc3339(us(at + minutes)), reason="known")

    def tick(self, at: float) -> list[tuple[str, str]]:
        return self._said(*ledger.on_tick(self.episodes, self.when(at)))

    def forgotten(self, at: float) -> list[tuple[str, str]]:
        return self._said(
            *ledger.on_forgotten(self.episodes, list(self.episodes), self.when(at), "the profile was withdrawn")
        )

    def handed_over(self, at: float, team: str | None) -> list[tuple[str, str]]:
        self.team = team
        return self._said(*ledger.on_handed_over(self.episodes, self.when(at)))

    def _said(self, *events: AlertEvent) -> list[tuple[str, str]]:
        self.told += events
        return [(event.event, event.state) for event in events]

    def sequences(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for event in self.told:
            found.setdefault(event.alert_id, []).append(event.sequence)
        return found
