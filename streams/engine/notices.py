"""What is noticed about devices, as findings for the record and steps of technical alerts."""

import hashlib

from alerts import explain, ledger
from alerts.episodes import Episode
from alerts.events import AlertEvent
from alerts.policy import When
from alerts.raised import Cleared, Raised
from models.findings import SEVERITIES, Finding, Rule
from models.phrases import joined
from models.times import rfc3339
from models.vitals import VITALS
from streams.engine.signals import Notice


def told_about(episodes: list[Episode], notice: Notice, when: When) -> list[AlertEvent]:
    """The steps in the life of the device's alert, and of what follows."""
    if notice.inhibited:
        return []
    if not notice.raised:
        cleared = Cleared(notice.problem, notice.kind, notice.decided_us, None, notice.reason)
        return ledger.on_cleared(episodes, cleared, when)
    raised = Raised(
        problem=notice.problem, vital=VITALS[notice.vital].name if notice.of_vital else "", title=notice.title,
        kind=notice.kind, rank=notice.rank, rule=_rule(notice), onset_us=notice.onset_us,
        event_us=notice.onset_us if notice.retrospective else notice.decided_us, retrospective=notice.retrospective,
        evidence=None, population=False, said=_said(notice), returned=notice.reason,
    )  # fmt: skip
    told = ledger.on_lasting if notice.lasts else ledger.on_raised
    return told(episodes, raised, when)


def _said(notice: Notice) -> str | None:
    return joined([explain.late(), notice.said]) if notice.retrospective and notice.said else notice.said


def _rule(notice: Notice) -> Rule:
    if notice.rule is None:
        raise ValueError(f"a raised notice has no rule: {notice}")
    return notice.rule


def finding_about(notice: Notice, patient: str) -> Finding:
    """For the record: also what nobody is told of, because its source is known to be quiet."""
    rule = _rule(notice)
    parts = [patient, notice.problem, rule.id, str(notice.onset_us), str(notice.decided_us), str(notice.inhibited)]
    return Finding(
        patient=patient, finding_id="f-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16],
        problem=notice.problem, kind=notice.kind, severity="info" if notice.inhibited else SEVERITIES[notice.rank],
        vitals=[VITALS[vital].name for vital in notice.vitals], direction="none", event_at=rfc3339(notice.onset_us),
        arrived_at=rfc3339(notice.decided_us), value=None, unit=None, expected=None, low=None, high=None, score=None,
        rule=rule, retrospective=notice.retrospective,
    )  # fmt: skip
