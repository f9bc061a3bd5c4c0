"""Apprise against a real server: its own `json://` kind."""

import json
import random

import pytest

from alerts.channels.apprise import AppriseChannel
from alerts.channels.retrying import Backoff
from tests.channels.events import alert
from tests.channels.server import Answer, answering

QUICK = Backoff(0.01, 0.01, random.Random(1))


async def test_what_fails_is_sent_again() -> None:
    async with answering([Answer(500)]) as server:
        channel = AppriseChannel("pager", server.url.replace("http://", "json://"), QUICK)
        outcome = await channel.send(alert(notify="escalated"), "a-1:1")
    assert (outcome.outcome, outcome.attempts) == ("delivered", 2)
    said = json.loads(server.requests[-1][1])
    assert said["title"] == "[urgent] Not answered yet: clinical alert"
    assert "p-17" not in json.dumps(said)


@pytest.mark.parametrize(("notify", "kind"), [("worse", "failure"), ("taken", "info"), ("resolved", "info")])
async def test_what_asks_nothing_of_anybody_is_no_alarm_to_the_service(notify: str, kind: str) -> None:
    async with answering([]) as server:
        channel = AppriseChannel("pager", server.url.replace("http://", "json://"), QUICK)
        await channel.send(alert(notify=notify, severity="emergency", by="ann"), "a-1:1")
    assert json.loads(server.requests[-1][1])["type"] == kind


async def test_a_service_that_never_takes_it_is_a_failure() -> None:
    async with answering([Answer(500)] * 9) as server:
        channel = AppriseChannel("pager", server.url.replace("http://", "json://"), QUICK)
        assert (await channel.send(alert(), "a-1:1")).outcome == "failed"


def test_an_unknown_kind_of_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="pager") as refused:
        AppriseChannel("pager", "nonsense-kind://password", QUICK)
    assert "password" not in str(refused.value)
