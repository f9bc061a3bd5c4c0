"""Side by side within a bound: a dead receiver holds up nothing more severe, and every event has one outcome."""

import asyncio

from alerts.channels.dispatcher import GAVE_WAY, Dispatcher
from alerts.channels.outbox import Outbox
from alerts.channels.protocol import Channel, Outcome
from alerts.events import AlertEvent
from tests.channels.events import alert
from tests.channels.waiting import until


class Gated:
    """A channel whose sends of some alerts hang until they are let go."""

    name = "gated"

    def __init__(self, *hanging: str) -> None:
        self.hanging = set(hanging)
        self.gate = asyncio.Event()
        self.begun: list[str] = []

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        self.begun.append(key)
        if event.alert_id in self.hanging and event.severity != "emergency":
            await self.gate.wait()
        if event.alert_id == "a-broken":
            raise RuntimeError("our own fault")
        return Outcome("delivered", 1)

    async def close(self) -> None:
        self.gate.set()


class Records:
    """What was recorded, in order; refuses when told to."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int, Outcome]] = []
        self.refuses = False

    async def __call__(self, channel: Channel, event: AlertEvent, outcome: Outcome) -> None:
        if self.refuses:
            raise ConnectionError("no broker")
        self.made.append((event.alert_id, event.sequence, outcome))


def made(channel: Gated, waiting: int = 1000, patience_s: float = 2.0) -> tuple[Dispatcher, Records]:
    records = Records()
    return Dispatcher(channel, Outbox(8, waiting), records, patience_s), records


async def test_a_dead_receiver_does_not_delay_an_emergency() -> None:
    channel = Gated(*(f"a-{number}" for number in range(100)))
    dispatcher, records = made(channel)
    for number in range(100):
        dispatcher.put(alert(f"a-{number}", severity="urgent"))
    dispatcher.put(alert("a-now", severity="emergency"))
    await until(lambda: [name for name, _, _ in records.made] == ["a-now"])
    assert len(channel.begun) == 7  # three quarters of the slots hang; the last quarter is for emergencies
    await dispatcher.wind_up(0.0)


async def test_an_escalation_does_not_wait_for_ever_behind_its_own_alert() -> None:
    channel = Gated("a-1")
    dispatcher, records = made(channel, patience_s=0.05)
    dispatcher.put(alert("a-1", 1, severity="advisory"))
    await until(lambda: channel.begun == ["a-1:1"])
    dispatcher.put(alert("a-1", 2, severity="emergency", event="escalated"))
    await until(lambda: len(records.made) == 2)
    assert records.made == [("a-1", 1, GAVE_WAY), ("a-1", 2, Outcome("delivered", 1))]


async def test_what_gives_way_is_recorded_as_failed() -> None:
    channel = Gated(*(f"a-{number}" for number in range(40)))
    dispatcher, records = made(channel, waiting=10)
    for number in range(40):
        dispatcher.put(alert(f"a-{number}", severity="urgent"))
    await until(lambda: len(records.made) == 40 - 10 - 6)
    assert {outcome.outcome for _, _, outcome in records.made} == {"failed"}
    channel.gate.set()
    await until(lambda: len(records.made) == 40)


async def test_a_channel_that_breaks_is_a_failed_delivery_and_the_others_go_on() -> None:
    dispatcher, records = made(Gated())
    dispatcher.put(alert("a-broken"))
    dispatcher.put(alert("a-2"))
    await until(lambda: len(records.made) == 2)
    assert {name: outcome.outcome for name, _, outcome in records.made} == {"a-broken": "failed", "a-2": "delivered"}


async def test_an_outcome_that_cannot_be_recorded_stops_the_sending() -> None:
    dispatcher, records = made(Gated())
    records.refuses = True
    dispatcher.put(alert("a-1"))
    await until(lambda: dispatcher.failed is not None)
    dispatcher.put(alert("a-2"))
    await dispatcher.wind_up(1.0)
    assert records.made == []


async def test_winding_up_lets_what_is_under_way_end_and_begins_nothing_more() -> None:
    channel = Gated(*(f"a-{number}" for number in range(20)))
    dispatcher, records = made(channel)
    for number in range(20):
        dispatcher.put(alert(f"a-{number}", severity="advisory"))
    await until(lambda: len(channel.begun) == 4)
    winding = asyncio.create_task(dispatcher.wind_up(5.0))
    await asyncio.sleep(0)
    channel.gate.set()
    await winding
    assert len(records.made) == len(channel.begun) == 4
