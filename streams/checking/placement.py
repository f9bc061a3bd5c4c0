"""Whether profiles lie where the readings of their patients come, as `worker.placement` asks of a state.

Somebody who gives all topics more partitions, the pages' changelog too, leaves numbers that agree with each other, and
patients whose profiles lie where nobody looks for them. Looks at the oldest profiles, which lay there before.
"""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from streams import limits
from streams.checking.result import Check
from streams.configuration.settings import Settings
from streams.engine.log import home_of
from streams.errors import PartitionsChanged
from streams.kafka.connection import client_options
from streams.kafka.topics import changelog_topic

LOOKED_AT, AWAY = 64, 0.25
"""Of each partition, and the share of all of them: as for the patients of a state (`worker.placement`)."""
FETCH_MS = 2000
MEND = "were partitions added? Then {anew}. Else put profiles with Kafka's default partitioner (murmur2 of the key)"


async def homes(settings: Settings, known: int) -> list[Check]:
    """known: partitions of `profiles`. Nothing is said where all is well, or nothing can be read."""
    try:
        keys = [(key, partition) async for key, partition in _oldest(settings, known)]
    except (KafkaError, OSError, TimeoutError) as wrong:
        return [Check("patients", "warn", f"the profiles could not be read ({wrong!r})", "run `homebeat check` again")]
    away = sum(home_of(key, settings.partitions) != partition for key, partition in keys)
    if not keys or away < AWAY * len(keys):
        return []
    pages = changelog_topic(settings)
    found = f"{away} of {len(keys)} profiles lie on another partition than the readings of their patients come to"
    return [Check("patients", "bad", found, MEND.format(anew=PartitionsChanged.MEND).format(changelog=pages))]


async def _oldest(settings: Settings, known: int) -> AsyncIterator[tuple[bytes, int]]:
    """Key and partition of the first profiles of each partition."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **client_options(settings))
    await consumer.start()
    try:
        for tp in (TopicPartition(settings.topic("profiles"), number) for number in range(known)):
            consumer.assign([tp])
            begin, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
            found = await consumer.getmany(timeout_ms=FETCH_MS, max_records=LOOKED_AT) if end > begin else {}
            for record in found.get(tp, ()):
                if record.key:
                    yield record.key, tp.partition
    finally:
        await let_go(consumer, limits.CLOSE_WITHIN_S)
