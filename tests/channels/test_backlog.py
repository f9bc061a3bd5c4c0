"""A notifier that begins on a long log: people hear of what still needs them, and of nothing that is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.channels.post import Letter
from alerts.events import AlertEvent
from alerts.teams.asked import Person
from streams import limits
from streams.notifier.backlog import Backlog
from tests.brokers import Broker
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.notifying import POLICY, TEAM, notifying, staffed
from tests.channels.waiting import until

LONG_AGO = datetime.now(UTC) - timedelta(days=9)


def step(alert_id: str, sequence: int, event: str, state: str, at: datetime = LONG_AGO, **fields: object) -> AlertEvent:
    told = {"opened": "first", "escalated": "escalated", "resolved": "resolved"}.get(event)
    said = {"decided_at": at.isoformat(), "policy": POLICY, "notify": told, "care_team": TEAM, "severity": "urgent"}
    return alert(alert_id, sequence, event=event, state=state, **{**said, "patient": f"of-{alert_id}", **fields})


async def test_who_is_asked_hears_of_what_still_stands_and_not_of_all_that_ever_was(
    broker: Broker, prefix: str
) -> None:
    """The first notifier of a deployment, or one whose place Kafka has forgotten (after a week): it paged people of
    hundreds of alerts that were answered long ago, and what stood was somewhere among them."""
    async with staffed(broker, prefix) as on:
        over = [
            one
            for number in range(40)
            for one in (
                step(f"over-{number}", 1, "opened", "open"),
                step(f"over-{number}", 2, "escalated", "open", rung=1),
                step(f"over-{number}", 3, "acknowledged", "acknowledged"),
                step(f"over-{number}", 4, "resolved", "resolved"),
            )
        ]
        names = [f"stands-{number}" for number in range(25)]
        stands = [step(name, 1, "opened", "open") for name in names]
        now = step("now", 1, "opened", "open", datetime.now(UTC), severity="emergency")
        await topics.put(broker.address, f"{prefix}alerts", [*over, *stands, now])
        async with notifying(on.settings):
            await until(lambda: on.everybody.unique == 40 * 3 + 26)
            await until(lambda: {"now", *names} <= {one["alert_id"] for one in on.nurse.last})
        assert sorted(one["alert_id"] for one in on.nurse.last) == sorted(["now", *names])
        assert not on.lead.last


def test_what_is_new_or_goes_to_no_person_does_not_wait_and_nothing_waits_longer_than_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann, ward = Letter("pager", Person("ann", ("pager",))), Letter("ehr")
    backlog, morning = Backlog(), datetime.now(UTC) + timedelta(hours=3)
    quiet = replace(ann, not_before=morning)
    old, new = step("a-1", 1, "opened", "open"), step("a-2", 1, "opened", "open", datetime.now(UTC))
    waits = replace(ann, not_before=backlog.began)
    assert backlog.waiting([ann, ward, quiet], old) == [waits, ward, quiet]
    assert backlog.waiting([ann], new) == [ann]
    assert backlog.waiting([ann], step("a-1", 2, "acknowledged", "acknowledged", notify="taken")) == [ann]
    slots = [("pager", backlog.began), ("pager", morning)]
    assert [backlog.over(slot) for slot in slots] == [False, False]
    monkeypatch.setattr(limits, "UNREAD_WAITED_S", -1)
    assert [backlog.over(slot) for slot in slots] == [True, False], "the morning waits for all that is on the log"
    assert backlog.waiting([ann], old) == [ann]
    backlog.read = True
    assert [backlog.over(slot) for slot in slots] == [True, True]
