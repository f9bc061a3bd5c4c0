"""What waits between MQTT and Kafka: bounded, and acknowledged on the connection that it came on, or not at all."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from paho.mqtt.client import ConnectFlags, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from models.readings import Refused
from streams import limits
from streams.configuration.environment import load_settings
from streams.gateway import session
from streams.gateway.admission import Admission
from streams.gateway.session import Message, MqttDoor, Waiting
from tests.engine.factories import reading
from tests.gateway.doors import Kafka

WELL = ReasonCode(PacketTypes.CONNACK, "Success")


def reading_of(mid: int) -> bytes:
    return json.dumps(reading(id=f"r-{mid}")).encode()


class Door(MqttDoor):
    """A door whose client only notes what it is told to acknowledge."""

    def __init__(self, kafka: Kafka) -> None:
        settings = load_settings(mqtt_url="mqtt://127.0.0.1:1")
        super().__init__(settings, Admission(settings, kafka.producing))
        self.acknowledged = list[int]()
        self._client.ack = lambda mid, qos: self.acknowledged.append(mid)  # type: ignore[assignment, return-value]
        self._client.subscribe = lambda *_, **__: None  # type: ignore[assignment]

    def connect(self, *, kept: bool = False) -> None:
        self._connected(self._client, None, ConnectFlags(kept), WELL, None)

    def lose(self) -> None:
        self._disconnected(self._client, None, cast(Any, None), WELL, None)

    def message(self, mid: int, payload: bytes | None = None, qos: int = 1) -> None:
        one = MQTTMessage(mid, b"t")
        one.payload, one.qos = payload or reading_of(mid), qos
        self._taken(self._client, None, one)

    async def settle(self, stop: asyncio.Event | None = None) -> None:
        await self._settled(stop or asyncio.Event())


async def test_what_kafka_has_is_acknowledged_in_its_order() -> None:
    door = Door(Kafka())
    door.connect()
    for mid in (1, 2, 3):
        door.message(mid)
    door.message(0, qos=0)
    await door.settle()
    assert door.acknowledged == [1, 2, 3]


async def test_nothing_is_acknowledged_before_kafka_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MQTT_RETRY_S", 0.01)
    takes, stop = [False], asyncio.Event()
    door = Door(Kafka(takes=lambda _: takes[-1]))
    door.connect()
    door.message(1)
    door.message(2, b"no json")
    settling = asyncio.create_task(door.settle(stop))
    await asyncio.sleep(0.1)
    assert door.acknowledged == []
    assert "Kafka has not taken" in door.why_not()
    takes.append(True)
    await settling
    assert door.acknowledged == [1, 2]
    takes.append(False)
    door.message(3)
    stop.set()
    await door.settle(stop)
    assert door.acknowledged == [1, 2]


async def test_a_number_of_another_connection_is_not_acknowledged() -> None:
    """There it may be that of a message that is not in Kafka: to acknowledge it would lose that one."""
    kafka = Kafka()
    door = Door(kafka)
    door.connect()
    door.message(1)
    door.lose()
    await door.settle()
    door.connect(kept=False)
    door.message(1, reading_of(8))
    await door.settle()
    assert door.acknowledged == [1]
    assert [one.value for one in kafka.on("readings")] == [reading_of(1), reading_of(8)]


async def test_what_the_broker_gives_again_is_let_go_and_what_it_has_lost_is_kept() -> None:
    for kept, wanted in ((True, [7]), (False, [1, 7])):
        kafka = Kafka()
        door = Door(kafka)
        door.connect()
        door.message(1)
        door.message(7, qos=0)
        door.lose()
        door.connect(kept=kept)
        await door.settle()
        assert [one.value for one in kafka.on("readings")] == [reading_of(mid) for mid in wanted]
        assert door.acknowledged == []


def message(payload: bytes = b"{}") -> Message:
    return Message(payload, 1, 1, 0)


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.close()


@pytest.mark.parametrize(("count", "size"), [(limits.MQTT_WAITING_MAX, 2), (16, limits.MIB)])
def test_no_more_is_held_than_there_is_room_for(waiting: Waiting, count: int, size: int) -> None:
    """And who puts one more waits until some are in Kafka: so the connection is not read meanwhile."""
    assert all(waiting.put(message(b"x" * size)) for _ in range(count))
    put = threading.Thread(target=waiting.put, args=(message(),))
    put.start()
    taken = waiting.take()
    put.join(0.3)
    assert put.is_alive(), "it was not told to wait"
    waiting.done(taken)
    put.join(5)
    assert not put.is_alive()


def test_who_waits_for_room_is_let_go_at_the_end(waiting: Waiting) -> None:
    for _ in range(limits.MQTT_WAITING_MAX):
        waiting.put(message())
    said = list[bool]()
    put = threading.Thread(target=lambda: said.append(waiting.put(message())))
    put.start()
    waiting.close()
    put.join(5)
    assert said == [False]


def test_what_goes_to_kafka_together_is_bounded(waiting: Waiting) -> None:
    for payload in (b"x" * limits.MIB, *[b"{}"] * 600):
        waiting.put(message(payload))
    assert [len(waiting.take()) for _ in range(3)] == [1, 500, 100]


def test_a_message_that_is_far_too_large_is_refused() -> None:
    found = session._records(b" " * (limits.GATEWAY_UNPACKED_BYTES_MAX + 1))
    assert isinstance(found, Refused)
    assert found.reason == "too_large"


async def test_many_that_are_no_records_wait_for_a_lost_kafka_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, each for as long as a request may, they would hold up for an hour what can be read."""
    monkeypatch.setattr(limits, "MQTT_RETRY_S", 0.01)
    monkeypatch.setattr(limits, "GATEWAY_KAFKA_WITHIN_S", 0.1)
    stop = asyncio.Event()
    door = Door(Kafka(silent=True))
    door.connect()
    for mid in range(100):
        door.message(mid, b"no json")
    settling = asyncio.create_task(door.settle(stop))
    await asyncio.sleep(0.5)
    assert "Kafka has not taken" in door.why_not()
    stop.set()
    await asyncio.wait_for(settling, 5)
