"""From a topic into the store: read from the beginning at every start, without a group, for as long as the desk runs.

A record that cannot be read is counted and passed over; Kafka or the database going away ends a session, and the
next one begins anew, which changes nothing, because the store is idempotent.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from alerts.desk.consent import Consent
from alerts.desk.database import AWAY, cause, storable
from alerts.desk.patients import PatientProfile
from alerts.desk.schema import VITAL_CHARS
from alerts.desk.worklist import seconds
from alerts.events import AlertEvent
from models.profile import Profile, parse_profile
from models.readings import Refused, VitalSummary

log = logging.getLogger(__name__)

Kind = TypeVar("Kind")
About = TypeVar("About")
Keep = Callable[[Sequence[Kind]], About]
"""Keeps records (blocking, run in a thread), and answers what the news are about."""
Read = Callable[[bytes, bytes, float | None], Kind]
"""What a record says, of its key, its value, and when it was written [s since 1970]. ValueError if nothing."""

FETCH_MS = 200
FETCH_RECORDS = 500
PROBE_S = 5.0
"""How often the broker is asked for the ends of the topic: the only way to tell a quiet log from a lost one."""
PROBE_WITHIN_S = 4.0
RECONNECT_S = 1.0
CLOSE_WITHIN_S = 3.0
LOST = (KafkaError, OSError, TimeoutError, *AWAY)
COUNT_MAX = 2**31 - 1
"""What a column of whole numbers takes in every database."""


def alert_event(_: bytes, value: bytes, __: float | None = None) -> AlertEvent:
    """An AlertEvent whose time of decision is a time. ValueError for anything else."""
    event = msgspec.json.decode(value, type=AlertEvent)
    seconds(event.decided_at)
    for name in (event.alert_id, event.patient, event.care_team, event.rule.id, event.by, event.incident):
        storable(name)
    _counted(event.sequence)
    return event


def patient_profile(key: bytes, value: bytes, at_s: float | None = None) -> PatientProfile:
    """A profile as far as the desk must know it, or that the patient is to be forgotten. ValueError for anything else.

    The worker refuses what is no profile and goes on with the one before, and so must the desk: by another team in it,
    the patient's alerts would leave the page of those who are asked about them. at_s: when the record was written.
    """
    if not value:
        return PatientProfile(str(storable(key.decode())), 0, None, None, Consent(told_s=at_s, forgotten=True))
    try:
        profile = parse_profile(value)
    except Refused as refused:
        raise ValueError(str(refused)) from None
    return PatientProfile(profile.patient, profile.version, profile.care_team, value.decode(), _consent(profile, at_s))


def _consent(profile: Profile, at_s: float | None) -> Consent:
    said = profile.consent
    begins_s = said.since.timestamp() if said.since else None
    return Consent(said.monitoring, frozenset(said.withheld_vitals), begins_s, at_s)


def vital_summary(_: bytes, value: bytes, __: float | None = None) -> VitalSummary:
    """A VitalSummary that has a place in time. ValueError for anything else."""
    summary = msgspec.json.decode(value, type=VitalSummary)
    seconds(summary.start)
    storable(summary.patient), storable(summary.vital, VITAL_CHARS)
    _counted(summary.n)
    if not summary.period_s > 0:
        raise ValueError("period_s should be above zero")
    return summary


def _counted(number: int) -> None:
    if not 0 <= number <= COUNT_MAX:
        raise ValueError(f"a count should be from 0 to {COUNT_MAX}")


class Feed(Generic[Kind, About]):
    """One topic. ready: everything is kept that was there at the start, or when the database last refused something.
    connected: the broker answers.

    after: another one, which has to be ready first; tail: how many of its last records tell enough, None for all.
    """

    def __init__(
        self,
        topic: str,
        client: Mapping[str, Any],
        read: Read[Kind],
        keep: Keep[Kind, About],
        told: Callable[[About], None],
        after: "Feed[Any, Any] | None" = None,
        tail: int | None = None,
    ) -> None:
        self.topic = topic
        self.ready = False
        self.connected = False
        self.records = 0
        self.unreadable = 0
        self.lag = 0
        self._client, self._read, self._keep, self._told = client, read, keep, told
        self._goal: dict[TopicPartition, int] | None = None
        self._after, self._caught_up, self._tail = after, asyncio.Event(), tail

    async def run(self) -> None:
        """Follow the topic until cancelled."""
        if self._after is not None:
            await self._after.caught_up()
        while True:
            consumer = AIOKafkaConsumer(
                self.topic,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                metadata_max_age_ms=30_000,
                **self._client,
            )
            try:
                await consumer.start()
                await self._pass_over(consumer)
                await self._follow(consumer)
            except AWAY as error:
                self._not_kept(error)
            except LOST as error:
                log.info("desk: %s is not taken in (%s), trying again", self.topic, type(error).__name__)
            finally:
                self.connected = False
                await let_go(consumer, CLOSE_WITHIN_S)
            await asyncio.sleep(RECONNECT_S)

    def _not_kept(self, error: Exception) -> None:
        """The database did not take what came: not ready until all of it is kept."""
        say = log.warning if self.ready else log.info
        say("desk: %s is not taken in: the database takes nothing (%s), trying again", self.topic, cause(error))
        self.ready, self._goal = False, None

    async def caught_up(self) -> None:
        """Returns once this is ready."""
        await self._caught_up.wait()

    async def _pass_over(self, consumer: AIOKafkaConsumer) -> None:
        """All but the tail."""
        parts = consumer.assignment() if self._tail is not None else ()
        if not parts:
            return
        begins, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        for tp in parts:
            consumer.seek(tp, max(begins[tp], ends[tp] - (self._tail or 0)))

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        probe = asyncio.create_task(self._probe(consumer))
        try:
            while True:
                batch = await consumer.getmany(timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
                records = [self._readable(record) for part in batch.values() for record in part]
                await self._take([one for one in records if one is not None])
                await self._catch_up(consumer)
        finally:
            probe.cancel()

    def _readable(self, record: ConsumerRecord) -> Kind | None:
        self.records += 1
        try:
            at_s = record.timestamp / 1000 if record.timestamp > 0 else None
            return self._read(record.key or b"", record.value or b"", at_s)
        except (ValueError, OverflowError, RecursionError) as error:
            self.unreadable += 1
            log.warning("%s %d/%d cannot be shown: %s", self.topic, record.partition, record.offset, error)
            return None

    async def _take(self, kinds: list[Kind]) -> None:
        if kinds:
            self._told(await asyncio.to_thread(self._keep, kinds))

    async def _catch_up(self, consumer: AIOKafkaConsumer) -> None:
        """Ready when what was there at the start of this is kept."""
        if self.ready or not consumer.assignment():
            return
        if self._goal is None:
            self._goal = await consumer.end_offsets(consumer.assignment())
        position = {tp: await consumer.position(tp) for tp in self._goal if tp in consumer.assignment()}
        self.ready = all(position.get(tp, 0) >= end for tp, end in self._goal.items())
        if self.ready:
            self._caught_up.set()

    async def _probe(self, consumer: AIOKafkaConsumer) -> None:
        """Keep `connected` and `lag` true to life."""
        while True:
            try:
                async with asyncio.timeout(PROBE_WITHIN_S):
                    ends = await consumer.end_offsets(consumer.assignment())
                    self.lag = sum([end - await consumer.position(tp) for tp, end in ends.items()])
                    self.connected = True
            except LOST:
                self.connected = False
            await asyncio.sleep(PROBE_S)
