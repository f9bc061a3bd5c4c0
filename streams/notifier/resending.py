"""Dead letters that are asked to be sent again, from the asking until they are sent, or nobody needs them any more."""

import logging
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiokafka import TopicPartition

from alerts.channels.again import Back
from alerts.channels.post import Letter
from alerts.channels.progress import Progress, Told
from alerts.events import AlertEvent
from streams.notifier.dead_letters import Ask
from streams.notifier.deliveries import delivery_id_of
from streams.notifier.lookback import RECORDS_MAX, Span, between
from streams.serving import metrics

log = logging.getLogger(__name__)

Place = tuple[TopicPartition, int]
"""Where on the log it was asked for: committed only when every letter of it has come to its end."""


class Resending:
    """The askings of one session of the notifier. client: what a consumer is made with."""

    def __init__(self, client: Mapping[str, Any], told: Told, progress: Progress[TopicPartition]) -> None:
        self._client, self._told, self._progress = client, told, progress
        self._back = Back()
        self._asked: dict[str, Place] = {}
        self._spans: dict[TopicPartition, Span] = {}
        self._fresh = False

    def ask(
        self, place: Place, event: AlertEvent, asks: list[Ask], others: Container[str], quiet: datetime | None = None
    ) -> None:
        """Hold what is asked for, unless the log says that it was sent. others: delivery ids that are under way; quiet:
        until when people are not told of it."""
        (partition, offset), seen = place, min((one.seen for one in asks), default=place[1])
        asked = {delivery_id_of(one.channel, event): one for one in asks}
        held = {known: one for known, one in asked.items() if known not in others and self._is_dead(known, one)}
        if held and offset - seen > RECORDS_MAX:
            log.error("notifier: %d messages are not sent again: whoever asked had looked too long before", len(held))
            held = {}
        for known, one in held.items():
            letter = one.letter
            self._back.hold(known, replace(letter, not_before=quiet) if letter.person else letter, event)
        self._progress.took(partition, offset, len(held))
        self._asked |= dict.fromkeys(held, place)
        self._fresh = True
        if held and seen < offset:
            begin, _ = self._spans.get(partition, (seen, offset))
            self._spans[partition] = (min(begin, seen), offset)
        _count(len(asks) - len(held))

    def news(self, event: AlertEvent) -> None:
        """Let go of what is needless by an event of `alerts`."""
        self._needless(self._back.news(event))

    async def due(self, now: datetime) -> list[tuple[str, Letter, AlertEvent]]:
        """What is to be sent now, all of the log being read: none while an asking still goes on, for one look back is
        enough. Raises KafkaError or OSError without a broker."""
        fresh, self._fresh = self._fresh, False
        if fresh:
            return []
        if self._spans:
            await self._look_back()
        return self._back.take(now)

    def ended(self, known: str) -> Place | None:
        """A letter has its outcome; where it was asked for, None for one that was not."""
        return self._asked.pop(known, None)

    def let_go(self) -> None:
        """Forget what waits: whoever comes next reads the asking again."""
        self._back.clear()
        self._spans.clear()

    def forget(self) -> None:
        """Partitions went away, and with them what is under way."""
        self.let_go()
        self._asked.clear()

    async def _look_back(self) -> None:
        spans, self._spans = self._spans, {}
        try:
            for event in await between(self._client, spans, self._back):
                self.news(event)
        except TimeoutError:
            late = self._back.clear()
            log.error("notifier: %d messages are not sent again: it took too long to see who needs them", len(late))
            self._needless(late)

    def _is_dead(self, known: str, one: Ask) -> bool:
        delivered = known in self._told and not self._told.failed(known)
        return not delivered and self._told.again(known) < one.again and known not in self._asked

    def _needless(self, gone: Iterable[str]) -> None:
        for known in gone:
            _count(1)
            if (place := self._asked.pop(known, None)) is not None:
                self._progress.done(*place)


def _count(letters: int) -> None:
    metrics.deliveries.labels(channel="again", outcome="not_needed").inc(letters)
