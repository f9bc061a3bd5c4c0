"""From `alerts` to channels: each (`alert_id`, `sequence`) told once to each channel, each outcome on `deliveries`.

The rule of what is told is `silent_because`; which event goes first is `alerts.channels.outbox`. An alert is committed
only after its outcomes are on the log, so a crash may tell it again, under the same idempotency key; what the tail of
`deliveries` already shows is not sent again. Kafka going away ends a session; the next one begins at the commit.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from alerts.channels.dispatcher import GAVE_WAY, SHED, Dispatcher
from alerts.channels.health import Health
from alerts.channels.outbox import Outbox
from alerts.channels.post import Letter, Post, shared
from alerts.channels.progress import Progress, Told
from alerts.channels.protocol import Channel, Outcome
from alerts.channels.quiet import Quiet, Slot, Waiting, together
from alerts.events import AlertEvent
from streams import limits
from streams.notifier.backlog import Backlog
from streams.notifier.channel_health import Faring
from streams.notifier.configuration import (
    REBALANCE_MS,
    RECORD_WITHIN_S,
    UNREADABLE,
    NotifierConfig,
    event_of,
    post_of,
    silent_because,
)  # fmt: skip
from streams.notifier.dead_letters import Ask, asks_of
from streams.notifier.deliveries import delivery_id, delivery_id_of, delivery_of, recall
from streams.notifier.readiness import Telling
from streams.notifier.resending import Resending
from streams.serving import metrics

log = logging.getLogger(__name__)

FETCH_MS = 200
FETCH_RECORDS = 500
CLOSE_WITHIN_S = 3.0


async def run_notifier(config: NotifierConfig, stop: asyncio.Event, telling: Telling | None = None) -> None:
    """Tell the channels about alerts until `stop`. Outlives the broker: reconnects for as long as it takes. telling:
    is kept true to how it stands."""
    post, told, health, telling = post_of(config), Told(config.remembered), Health(), telling or Telling()
    try:
        while not stop.is_set():
            session = _Session(config, post, told, health, telling)
            try:
                await session.run(stop)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("notifier: lost the broker (%s), trying again", type(error).__name__)
                await _pause(stop, config.reconnect_s)
            finally:
                await session.close()
    finally:
        for channel in post.channels:
            await channel.close()


class _Session(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """One connected life of the notifier: from joining the group to stop, or to the first error of Kafka."""

    def __init__(self, config: NotifierConfig, post: Post, told: Told, health: Health, telling: Telling) -> None:
        self._config, self._post, self._told, self._telling = config, post, told, telling
        self._consumer = AIOKafkaConsumer(
            group_id=config.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            rebalance_timeout_ms=REBALANCE_MS,
            **config.client,
        )
        self._producer = AIOKafkaProducer(acks="all", **config.client)  # repeats share their delivery id
        self._faring = Faring(config, self._producer, told, health)
        self._progress: Progress[TopicPartition] = Progress()
        self._places: dict[tuple[str, int], tuple[TopicPartition, int]] = {}
        self._recalled = asyncio.Event()
        self._dispatchers = {
            channel.name: Dispatcher(channel, Outbox(config.slots, config.waiting), self._record)
            for channel in post.channels
        }
        for name in self._dispatchers:
            metrics.deliveries.labels(channel=name, outcome="failed")  # at 0: Prometheus sees no rise from nothing to 1
        self._letters: dict[str, Letter] = {}
        self._quiet = Quiet(limits.QUIET_WHOLE_MAX)
        self._timers: dict[Slot, asyncio.TimerHandle] = {}
        self._late: list[Slot] = []
        self._together: dict[str, list[Waiting]] = {}
        self._again = Resending(config.client, told, self._progress)
        self._ends: dict[TopicPartition, int] = {}
        self._backlog = Backlog()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises KafkaError, OSError or TimeoutError when the broker is lost; close in either case."""
        await self._producer.start()
        topic = self._config.topic("alerts")
        self._consumer.subscribe([topic], listener=self)
        await _unless(stop, self._consumer.start())
        looking = asyncio.create_task(self._telling.keep_looking(self._consumer, topic))
        try:
            while not stop.is_set():
                await self._turn()
        finally:
            looking.cancel()
        await self._wind_up()

    async def close(self) -> None:
        """Let go of the broker, whether or not it is still there."""
        self._let_go_of_held()
        for dispatcher in self._dispatchers.values():
            await dispatcher.wind_up(0.0)
        for client in (self._consumer, self._producer):
            await let_go(client, CLOSE_WITHIN_S)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """End what is under way before somebody else gets these partitions and tells the same."""
        if revoked:
            self._recalled.clear()
            try:
                await self._wind_up()
            except (KafkaError, OSError, TimeoutError) as error:
                log.info("notifier: could not commit before handing over (%s)", type(error).__name__)
            self._progress.forget()
            for under_way in (self._places, self._letters, self._together):
                under_way.clear()
            self._again.forget()
            self._ends.clear()
            self._backlog.read = False

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """What others have told since the last commit is not told again."""
        try:
            await recall(self._config.topic("deliveries"), self._config.client, self._told)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("notifier: could not read back the deliveries (%s); some may repeat", type(error).__name__)
        finally:
            self._backlog.begins()
            self._telling.joined = True
            self._recalled.set()

    async def _turn(self) -> None:
        broken = next((one.failed for one in self._dispatchers.values() if one.failed is not None), None)
        if broken is not None:
            raise broken
        busy = any(one.full for one in self._dispatchers.values())
        (self._consumer.pause if busy else self._consumer.resume)(*self._consumer.assignment())
        batch = await self._consumer.getmany(timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
        if batch:
            await self._recalled.wait()
        for partition, records in batch.items():
            for record in records:
                self._take(partition, record)
        await self._look_how_far()
        await self._commit()

    async def _look_how_far(self) -> None:
        """Until all is read that was there when we came, the morning waits: of what came in quiet hours that are over,
        the answer may be among it."""
        for tp in self._consumer.assignment() - self._ends.keys():
            if (end := self._consumer.highwater(tp)) is not None:
                self._ends[tp] = end
        mine = self._consumer.assignment()
        self._backlog.read = bool(mine) and mine <= self._ends.keys() and await self._has_read(mine)
        for slot in [self._late.pop() for _ in range(len(self._late))]:
            self._wake(slot)
        for known, letter, event in await self._again.due(datetime.now(UTC)) if self._backlog.read else ():
            self._letters[known] = letter
            self._dispatchers[letter.channel].put(event)

    async def _has_read(self, mine: set[TopicPartition]) -> bool:
        return all([await self._consumer.position(tp) >= self._ends[tp] for tp in mine])

    def _take(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        event, asks = _event(record), asks_of(record)
        if event is not None and asks is not None:
            self._ask_again(partition, record.offset, event, asks)
            return
        untold = self._needed(event) if event is not None else []
        self._progress.took(partition, record.offset, len(untold))
        if event is None or not untold:
            return
        self._places[event.alert_id, event.sequence] = (partition, record.offset)
        for letter in untold:
            self._send(letter, event)

    def _ask_again(self, partition: TopicPartition, offset: int, event: AlertEvent, asks: list[Ask]) -> None:
        """Dead letters to be sent again, unless the log says that they were, or that nobody needs them any more."""
        known = [one for one in asks if one.channel in self._dispatchers]
        quiet = self._post.quiet_until(event, datetime.now(UTC))
        self._again.ask((partition, offset), event, known, self._letters, quiet)
        self._ends[partition] = max(self._consumer.highwater(partition) or 0, self._ends.get(partition, 0))

    def _send(self, letter: Letter, event: AlertEvent) -> None:
        """Now, or when quiet hours are over; an outcome that is known already only has to be recorded."""
        dispatcher, known = self._dispatchers[letter.channel], delivery_id_of(letter.channel, event)
        self._letters[known] = letter
        outcome = self._told.unrecorded.get(known)
        wait_s = (letter.not_before - datetime.now(UTC)).total_seconds() if letter.not_before else 0.0
        if outcome is not None:
            dispatcher.settled(event, outcome)
        elif letter.not_before is not None:
            apart = self._backlog.is_cause(letter.not_before)
            if slot := self._quiet.hold(known, letter, event, letter.not_before, singly=apart):
                self._timers[slot] = asyncio.get_running_loop().call_later(max(wait_s, 0.0), self._wake, slot)
        else:
            dispatcher.put(event)
            if event.severity == "emergency" and not self._faring.works(letter.channel):
                self._another_way(letter, event, self._places.get((event.alert_id, event.sequence)))

    def _wake(self, slot: Slot) -> None:
        """Quiet hours are over: what still waits is told, beyond the bound all of it as one message."""
        self._timers.pop(slot, None)
        if not self._backlog.over(slot):
            self._late.append(slot)
            return
        singly, rest = self._quiet.over(slot)
        if rest:
            event = together(slot, len(rest), rest[0].care_team, self._config.language)
            known = delivery_id_of(slot[0], event)
            self._letters[known] = shared(one.letter for one in rest)[0]
            self._together.setdefault(known, []).extend(rest)
            log.warning("notifier: %d messages on %s waited beyond the bound, told as one", len(rest), slot[0])
            singly.append(event)
        for event in singly:
            self._dispatchers[slot[0]].put(event)

    def _let_go_of_held(self) -> None:
        """What waits for the end of quiet hours is not committed: whoever comes next reads it again."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._late.clear()
        self._again.let_go()
        for one in self._quiet.clear():
            self._letters.pop(one.delivery_id, None)
            self._together.pop(one.delivery_id, None)

    def _needed(self, event: AlertEvent) -> list[Letter]:
        """What has to be sent, after what waited and is needed no more was let go. Nobody is told in quiet hours' wake
        of an end whose beginning they never heard of."""
        self._again.news(event)
        letters = self._untold(event)
        for one in self._quiet.let_go(event, {letter.channel for letter in letters}):
            metrics.deliveries.labels(channel=one.letter.channel, outcome="not_needed").inc()
            self._settled(one)
        letters += self._retold(event)
        ends = event.notify == "resolved"
        return [one for one in letters if not (ends and one.not_before and not self._heard(one.channel, event))]

    def _retold(self, event: AlertEvent) -> list[Letter]:
        """The same letters about what is worse by now, for which those about what was before are kept uncommitted: the
        newer event alone would not be told."""
        letters = []
        for one in self._quiet.outdated(event):
            ways = self._ways(one.letter, event)
            if ways:
                self._go_with(ways, event, [one])
            else:
                self._settled(one)
            letters += ways
        return letters

    def _go_with(self, ways: list[Letter], event: AlertEvent, waited: list[Waiting]) -> None:
        """What waited keeps its own events uncommitted until each of these ways has its outcome."""
        for one in waited:
            if (place := self._places.get((one.alert_id, one.sequence))) is not None:
                for _ in ways[1:]:
                    self._progress.more(*place)
        for way in ways:
            self._together.setdefault(delivery_id_of(way.channel, event), []).extend(waited)

    def _heard(self, channel: str, event: AlertEvent) -> bool:
        """Whether anything about this alert was, or is just being, told by this channel before."""
        known = (delivery_id_of(channel, msgspec.structs.replace(event, sequence=n)) for n in range(1, event.sequence))
        return any(one in self._letters or one in self._told for one in known)

    def _settled(self, one: Waiting) -> None:
        """A letter that is not sent by itself any more no longer keeps its event from being committed."""
        self._letters.pop(one.delivery_id, None)
        self._done(one.alert_id, one.sequence)
        for before in self._together.pop(one.delivery_id, []):
            self._settled(before)

    def _done(self, alert_id: str, sequence: int) -> None:
        place = self._places.get((alert_id, sequence))
        if place is not None and self._progress.done(*place):
            self._places.pop((alert_id, sequence), None)

    def _untold(self, event: AlertEvent) -> list[Letter]:
        """What has to be sent. A repeat of what is under way has the outcomes of the first; what is on the log as
        failed goes on by the way that comes after it."""
        if (event.alert_id, event.sequence) in self._places:
            return []

        def reached(channel: str, step: int) -> Iterable[str]:
            known = delivery_id_of(channel, msgspec.structs.replace(event, sequence=step))
            under_way = self._letters.get(known)
            return under_way.members if under_way else self._told.whom(known)

        found = self._post.letters(event, silent_because(event) is not None, datetime.now(UTC), reached)
        return shared(way for letter in self._backlog.waiting(found, event) for way in self._ways(letter, event))

    def _ways(self, letter: Letter, event: AlertEvent) -> list[Letter]:
        """The letter, by the first channel of each of its people that has not failed it; none for whom it is told."""
        known = delivery_id_of(letter.channel, event)
        if known not in self._told:
            return [letter]
        return self._next_ways(letter, event) if self._told.failed(known) else []

    def _next_ways(self, letter: Letter, event: AlertEvent) -> list[Letter]:
        return shared(way for one in letter.next for way in self._ways(one, event))

    async def _record(self, channel: Channel, event: AlertEvent, outcome: Outcome) -> None:
        known = delivery_id(channel, event)
        self._told.unrecorded[known] = outcome
        asked, letter = self._again.ended(known), self._letters.get(known)
        place = asked or self._places.get((event.alert_id, event.sequence))
        value = msgspec.json.encode(delivery_of(channel, event, outcome, letter))
        topic = self._config.topic("deliveries")
        await asyncio.wait_for(self._producer.send_and_wait(topic, value, event.patient.encode()), RECORD_WITHIN_S)
        letter = self._letters.pop(known, None)  # others may have come to share it meanwhile
        again, whom = (letter.again, letter.members) if letter else (0, [])
        self._told.recorded(known, failed=outcome.outcome == "failed", again=again, whom=whom)
        metrics.deliveries.labels(channel=channel.name, outcome=outcome.outcome).inc()
        if outcome not in (GAVE_WAY, SHED):  # neither says anything about the channel
            await self._faring.saw(channel.name, outcome)
        lost = outcome.outcome == "failed" and outcome != GAVE_WAY  # instead of which something else is told
        if lost and letter is not None and (place is not None or known in self._together):
            self._another_way(letter, event, place)
        for one in self._together.pop(known, []):
            self._settled(one)
        if asked is not None:
            self._progress.done(*asked)
        else:
            self._done(event.alert_id, event.sequence)

    def _another_way(self, letter: Letter, event: AlertEvent, place: tuple[TopicPartition, int] | None) -> None:
        """The same people by the next channel of each that has not failed. What is just being told by it is told to
        them as well, and goes on by their ways should it fail."""
        ways = self._next_ways(letter, event)
        if waited := self._together.pop(delivery_id_of(letter.channel, event), []) if ways else []:
            self._go_with(ways, event, waited)
        for way in ways:
            known = delivery_id_of(way.channel, event)
            if known in self._letters:
                self._letters[known] = shared([self._letters[known], way])[0]
                continue
            if place is not None:
                self._progress.more(*place)
            self._send(way, event)

    async def _wind_up(self) -> None:
        self._let_go_of_held()
        await asyncio.gather(*(one.wind_up(self._config.grace_s) for one in self._dispatchers.values()))
        await self._commit()

    async def _commit(self) -> None:
        mine = self._consumer.assignment()
        offsets = {tp: offset for tp, offset in self._progress.committable().items() if tp in mine}
        if offsets:
            await asyncio.wait_for(self._consumer.commit(offsets), RECORD_WITHIN_S)
            self._progress.committed(offsets)


def _event(record: ConsumerRecord) -> AlertEvent | None:
    try:
        return event_of(record.value or b"")
    except UNREADABLE as error:
        log.error("alerts %d/%d cannot be told: %s", record.partition, record.offset, error)
        metrics.deliveries.labels(channel="none", outcome="unreadable").inc()
        return None


async def _unless(stop: asyncio.Event, starting: Awaitable[None]) -> None:
    """Joining a group can take long; somebody who asks us to stop should not have to wait for it."""
    start, asked = asyncio.ensure_future(starting), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({start, asked}, return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            start.result()
    finally:
        asked.cancel()
        start.cancel()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
