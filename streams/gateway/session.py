"""The MQTT door: a message is acknowledged to its broker when Kafka has it, and never before.

So a crash, a lost Kafka and a lost MQTT broker lose nothing: the broker gives again what was not acknowledged, and what
comes twice the engine knows by its id. paho reads the connection in a thread of its own; it waits there while as much
is with us as there may be, and then the broker waits too.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from models.readings import Reason, Refused
from streams import limits
from streams.configuration.settings import Settings
from streams.gateway import figures
from streams.gateway.admission import Admission, Answer
from streams.gateway.body import Kind
from streams.gateway.mqtt import address_of, client_of, session_properties
from streams.gateway.records import records_of

log = logging.getLogger(__name__)

AT_LEAST_ONCE = 1
LOOK_S = 0.2


@dataclass(slots=True, eq=False)
class Message:
    """One message; connection: the number of the one that it came on, and on which alone it can be acknowledged."""

    payload: bytes
    mid: int
    qos: int
    connection: int


class Waiting:
    """Messages that are with us and not in Kafka yet: bounded, put by paho's thread and taken by ours."""

    def __init__(self) -> None:
        self._queue: deque[Message] = deque()
        self._held, self._bytes, self._closed = 0, 0, False
        self._room = threading.Condition()

    def put(self, message: Message) -> bool:
        """Wait for room. False: there will be none any more."""
        with self._room:
            while not self._closed and self._is_full:
                self._room.wait(LOOK_S)
            if not self._closed:
                self._held += 1
                self._bytes += len(message.payload)
                self._queue.append(message)
                figures.mqtt_waiting.set(self._held)
            return not self._closed

    @property
    def _is_full(self) -> bool:
        return self._held >= limits.MQTT_WAITING_MAX or self._bytes >= limits.MQTT_WAITING_BYTES_MAX

    def take(self) -> list[Message]:
        """The next ones, which are with us until they are `done`: one at least, if there is any."""
        taken, size = list[Message](), 0
        with self._room:
            while self._queue and len(taken) < limits.MQTT_TOGETHER_MAX and size < limits.MQTT_TOGETHER_BYTES_MAX:
                taken.append(self._queue.popleft())
                size += len(taken[-1].payload)
        return taken

    def done(self, messages: Sequence[Message]) -> None:
        with self._room:
            self._held -= len(messages)
            self._bytes -= sum(len(one.payload) for one in messages)
            figures.mqtt_waiting.set(self._held)
            self._room.notify_all()

    def drop_kept(self) -> None:
        """Let go of what the broker will give again."""
        with self._room:
            again = [one for one in self._queue if one.qos]
            self._queue = deque(one for one in self._queue if not one.qos)
        self.done(again)

    def close(self) -> None:
        with self._room:
            self._closed = True
            self._room.notify_all()


class MqttDoor:
    """One subscription. `run` has it; why_not: a sentence for /readyz, empty while all is well."""

    def __init__(self, settings: Settings, admission: Admission) -> None:
        self._settings, self._admission = settings, admission
        self._address = address_of(settings)
        self._waiting, self._came = Waiting(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._connection, self._one_connection = 0, threading.Lock()
        self._why, self._since = "not connected yet", time.monotonic()
        self._well: bool | None = None
        self._kafka_since: float | None = None
        self._in, self._leaving = False, False
        self._up = figures.mqtt_up.labels(str(self._address))
        self._up.set(0)
        self._client = self._listen()

    def why_not(self) -> str:
        if self._kafka_since is not None:
            return f"Kafka has not taken what came by MQTT for {time.monotonic() - self._kafka_since:.0f} s"
        if not self._why:
            return ""
        return f"no messages from {self._address} for {time.monotonic() - self._since:.0f} s ({self._why})"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. What is on its way to Kafka then is acknowledged; the rest the broker keeps for the next."""
        client, address = self._client, self._address
        client.connect_async(
            address.host, address.port, limits.MQTT_KEEPALIVE_S, clean_start=False, properties=session_properties()
        )
        client.loop_start()
        try:
            while not stop.is_set():
                self._came.clear()
                await self._settled(stop)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._came.wait(), LOOK_S)
        finally:
            self._leaving = True
            client.disconnect()
            self._waiting.close()
            await asyncio.to_thread(client.loop_stop)

    async def _settled(self, stop: asyncio.Event) -> None:
        """What waits goes to Kafka; again and again, until Kafka has it. Then it is acknowledged, in its order."""
        while not stop.is_set() and (batch := self._waiting.take()):
            left = batch
            while left := await self._not_in_kafka(left):
                self._kafka_since = self._kafka_since or time.monotonic()
                figures.mqtt_retries.inc()
                await asyncio.sleep(limits.MQTT_RETRY_S)
                if stop.is_set():
                    return  # the MQTT broker gives all of it to the next one
            self._kafka_since = None
            self._acknowledge(batch)
            self._waiting.done(batch)

    async def _not_in_kafka(self, messages: list[Message]) -> list[Message]:
        """Those of which Kafka has not every record yet; the others are counted."""
        bodies = [_records(one.payload) for one in messages]
        records = [record for body in bodies if not isinstance(body, Refused) for record in body]
        answers = iter(await self._admission.admit(records, None))
        letters = await asyncio.gather(*map(self._refused, messages, bodies))
        left = list[Message]()
        for message, body, refused in zip(messages, bodies, letters, strict=True):
            found = refused if isinstance(body, Refused) else list(islice(answers, len(body)))
            if any(one.status == "failed" for one in found):
                left.append(message)
            else:
                figures.count("mqtt", found)
        return left

    async def _refused(self, message: Message, body: list[bytes] | Refused) -> list[Answer]:
        """The answer for a message in which no record can be told; none for the others."""
        return await self._admission.refuse(message.payload, body, None) if isinstance(body, Refused) else []

    def _acknowledge(self, messages: list[Message]) -> None:
        """In their order. On another connection than its own a number may stand for another message by now."""
        with self._one_connection:
            for one in messages:
                if one.qos and one.connection == self._connection:
                    self._client.ack(one.mid, AT_LEAST_ONCE)

    def _another_connection(self) -> int:
        with self._one_connection:
            self._connection += 1
            return self._connection

    def _note(self, why: str) -> None:
        """How it stands; said in the log when that changes."""
        if (well := not why) != self._well:
            level, said = (logging.INFO, "gives us messages") if well else (logging.ERROR, f"{why}; trying again")
            log.log(level, "MQTT broker %s: %s", self._address, said)
            self._since = time.monotonic()
        self._why, self._well = why, well
        self._up.set(int(well))

    # From here on: called by paho, in its thread.

    def _listen(self) -> Client:
        client = client_of(self._address, self._settings.mqtt_client_id)
        client.on_connect, client.on_connect_fail = self._connected, self._not_connected
        client.on_subscribe, client.on_disconnect = self._subscribed, self._disconnected
        client.on_message = self._taken
        return client

    def _connected(self, _: Client, __: Any, flags: ConnectFlags, code: ReasonCode, ___: Properties | None) -> None:
        if code.is_failure:
            self._note(f"it does not take us: {code}; see to HOMEBEAT_MQTT_URL")
            return
        self._in = True
        self._another_connection()
        if flags.session_present:
            self._waiting.drop_kept()
        options = SubscribeOptions(qos=AT_LEAST_ONCE, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        self._client.subscribe(self._settings.mqtt_topic, options=options)

    def _not_connected(self, _: Client, __: Any) -> None:
        self._note("no connection is made: `homebeat check` says why")

    def _subscribed(self, _: Client, __: Any, ___: int, codes: list[ReasonCode], ____: Properties | None) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        self._note(f"it does not let us read {self._settings.mqtt_topic}: {refused[0]}" if refused else "")

    def _disconnected(self, _: Client, __: Any, ___: DisconnectFlags, code: ReasonCode, ____: Any) -> None:
        was_in, self._in = self._in, False
        self._another_connection()
        if not was_in or self._leaving:  # why it does not take us is said already
            return
        name = self._settings.mqtt_client_id  # not every broker says that another has taken our place
        self._note(f"the connection ended: {code}; another gateway as {name} would do that: HOMEBEAT_MQTT_CLIENT_ID")

    def _taken(self, _: Client, __: Any, message: MQTTMessage) -> None:
        one = Message(bytes(message.payload), message.mid, message.qos, self._connection)
        if self._waiting.put(one):
            self._loop.call_soon_threadsafe(self._came.set)


def _records(payload: bytes) -> list[bytes] | Refused:
    """The records of a message, or why none can be told."""
    if len(payload) > limits.GATEWAY_UNPACKED_BYTES_MAX:
        detail = f"a message of {len(payload)} bytes; at most {limits.GATEWAY_UNPACKED_BYTES_MAX} are read"
        return Refused(Reason.TOO_LARGE, detail)
    try:
        return records_of(payload, Kind.JSON)
    except Refused as refused:
        return refused
