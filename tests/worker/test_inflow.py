"""Profiles and actions that do not get into the log are seen: in metrics, and on /readyz."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError
from confluent_kafka.admin import AdminClient
from faust.types import TP

from streams import limits
from streams.kafka.outage import TopicGone, passing
from streams.worker.inflow import Inflow, keep_looking
from tests.brokers import Broker
from tests.engine.factories import profile
from tests.transport.workers import expect_gap
from tests.worker.gauges import gauge
from tests.worker.live import deployment, until

ACTIONS = TP("homebeat.actions", 3)


async def test_what_waits_and_does_not_move_is_said_with_its_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    inflow, loop = Inflow(print), asyncio.get_running_loop()
    began_s = loop.time()

    def after(seconds: float, position: int, end: int) -> str:
        monkeypatch.setattr(loop, "time", lambda: began_s + seconds)
        inflow.look(ACTIONS, position, end)
        return inflow.stuck()

    assert after(0, 7, 7) == ""
    assert after(1, 7, 9) == ""
    assert gauge("control_lag", topic="homebeat.actions", partition="3") == 2
    assert after(10, 8, 9) == "", "it moves"
    assert after(10 + limits.STUCK_S, 8, 9) == ("stuck: homebeat.actions 3: records wait, and none gets into the log")
    assert after(40, 9, 9) == ""
    assert after(99, 9, 9) == "", "nothing waits"
    after(100, 9, 12)
    inflow.forget()
    assert gauge("control_lag", topic="homebeat.actions", partition="3") == 0


def test_what_is_under_way_is_not_in_the_log_yet() -> None:
    inflow = Inflow(print)
    assert inflow.upto(ACTIONS) is None
    inflow.begins(ACTIONS, 4)
    assert inflow.upto(ACTIONS) == 4
    inflow.done(ACTIONS, 9)
    inflow.begins(ACTIONS, 9)
    assert inflow.upto(ACTIONS) == 9


async def test_a_topic_that_is_not_there_is_said_at_once_and_made_anew_when_that_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone: list[str] = []
    inflow, loop = Inflow(gone.append), asyncio.get_running_loop()
    began_s = loop.time()
    inflow.missing(["homebeat.profiles"])
    assert inflow.stuck() == "not there: homebeat.profiles; made anew if that lasts"
    inflow.missing([])
    assert inflow.stuck() == "", "a broker that had just started"
    assert gone == []
    inflow.missing(["homebeat.profiles"])
    inflow.missing(["homebeat.profiles"])
    inflow.missing(["homebeat.profiles"])
    assert gone == ["homebeat.profiles"], "once"
    monkeypatch.setattr(loop, "time", lambda: began_s + limits.STUCK_S + 1)
    with pytest.raises(TopicGone, match=r"homebeat\.profiles") as raised:
        inflow.missing(["homebeat.profiles"])
    assert passing(raised.value), "a fresh start makes it"


async def test_a_broker_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LAG_LOOK_EVERY_S", 0.001)
    inflow, answers = Inflow(print), iter([KafkaConnectionError("away")])

    async def places() -> Mapping[TP, tuple[int, int]]:
        for error in answers:
            raise error
        return {ACTIONS: (30, 55)}

    looking = asyncio.create_task(keep_looking(inflow, list, places))
    async with asyncio.timeout(5):
        while not inflow._lag:
            await asyncio.sleep(0)
    assert gauge("control_lag", topic="homebeat.actions", partition="3") == 25
    looking.cancel()


@pytest.mark.slow
def test_profiles_that_were_deleted_are_seen_and_consent_is_withdrawn_on_the_new_topic(
    request: pytest.FixtureRequest, broker: Broker, prefix: str, tmp_path: Path
) -> None:
    """The worker went on as if nothing were wrong, and no consent could be withdrawn until somebody started it anew.
    Nor did it see that `alerts` was gone before it had one to tell: that waited for half a minute."""
    within_s = expect_gap(request, broker, "the embedded broker keeps topics that are deleted")
    with deployment(broker, prefix, tmp_path) as here:
        worker, admin = here.start(), AdminClient({"bootstrap.servers": broker.address})
        here.enrol("p-1")
        none = f'homebeat_control_lag{{partition="1",topic="{prefix}profiles"}} 0.0'
        until(lambda: none in worker.get("/metrics")[1], "how many wait")
        gone = [f"{prefix}{word}" for word in ("alerts", "profiles")]
        for done in admin.delete_topics(gone).values():
            done.result()
        said = f"not there: {', '.join(gone)}; made anew if that lasts\n"
        until(lambda: worker.get("/readyz") == (503, said), "said", within_s)
        until(worker.ready, "made anew")
        withdrawn = profile("p-1", version=2, monitoring=False)
        here.put("profiles", b"p-1", withdrawn)
        here.settle()
        until(lambda: any(r.value() == withdrawn for r in here.topic("readings").look()), "it is in the log")
        here.read("p-1", code="spo2", value=78.0)
        here.settle()
        until(lambda: worker.metric("homebeat_readings_withheld_total") == 1, "withheld")
        here.enrol("p-2")
        here.read("p-2", code="spo2", value=78.0)
        assert {alert["patient"] for alert in [here.told("p-2"), *here.alerts()]} == {"p-2"}
