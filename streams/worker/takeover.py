"""What a worker that keeps its name reads before it joins: the pages of the partitions that the one before it has.

The one before it decides until then, so no patient waits while they are read. After the join there remain the pages
written since, and to make the state from all of them.

Why that is right. A shelf is the beginning of a partition of the changelog up to a position; whoever wanted it, and
when, makes no difference to it. Compaction takes away only what lies before a later record of the same key, so whoever
reads early sees no less than whoever reads late. After the join the same reading goes on from that position, for each
partition that is ours, up to the end that the changelog has *then*: the reader asks for it anew with each assignment
(`ChangelogReader.read`), and what was read under an earlier one does not count as whole (`keep_reading`). State is made
from a whole shelf only, and before that no record of the partition is decided (`Keeper.take`). So what is read early is
a guess that may be wrong in any way: a partition that is not ours after all is forgotten (`Shelves.shared_out`), and
one that was not expected is read from its beginning.

Why it makes nobody wait longer. Where the one before us is dead, its patients wait already, and its name is held for
SESSION_S only: when the changelog stands still we join after AHEAD_QUIET_S and the read that is under way then, and
have read what we would have had to read anyway.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterator

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from streams import limits
from streams.configuration.settings import Settings
from streams.errors import BrokerUnreachable
from streams.kafka.connection import admin_client
from streams.kafka.topics import app_id
from streams.worker.changelog import ChangelogReader
from streams.worker.page_store import Shelves

log = logging.getLogger(__name__)

UUID_CHARACTERS = 36
BEFORE_THE_JOIN = -1
"""An assignment that there never is."""


async def read_before_joining(held: Awaitable[frozenset[int]], reader: ChangelogReader, shelves: Shelves) -> None:
    """Put the pages of the partitions that another has `held` so far onto the shelves; as far as Kafka has answers, or
    else none: they are read after the join."""
    try:
        async with asyncio.timeout(limits.AHEAD_QUIET_S):
            expected = await held
        await _read_ahead(expected, reader, shelves)
    except (KafkaError, BrokerUnreachable, OSError, TimeoutError, ValueError) as error:
        log.warning("the pages are read after the join, not before (%s: %s)", type(error).__name__, error)


async def _read_ahead(expected: frozenset[int], reader: ChangelogReader, shelves: Shelves) -> None:
    """Read these partitions up to their ends; not for long, unless somebody writes meanwhile."""
    loop = asyncio.get_running_loop()
    began_s, first_ends = loop.time(), 0
    missing = expected
    while missing:
        batches = await reader.read(shelves.wanted(expected), BEFORE_THE_JOIN)
        missing -= {batch.partition for batch in batches if shelves.put(batch) and batch.whole}
        first_ends = first_ends or reader.ends
        took_s, somebody_writes = loop.time() - began_s, reader.ends > first_ends
        if missing and took_s > (limits.AHEAD_WITHIN_S if somebody_writes else limits.AHEAD_QUIET_S):
            log.warning("joining before all pages are read, after %.0f s: the others are read then", took_s)
            break
    if expected:
        log.info("partitions %s: %d records read ahead", sorted(expected), shelves.read(expected))


async def held_by_name(settings: Settings) -> frozenset[int]:
    """Partitions of `readings` that the member of our group with our name has; none if there is no such member.

    Raises KafkaError, or BrokerUnreachable; ValueError for an answer that cannot be read.
    """
    if not settings.worker_id:
        return frozenset()
    async with admin_client(settings) as admin:
        (answer,) = await admin.describe_consumer_groups([app_id(settings)])
    ((_, _, _, _, _, members, *_),) = answer.groups
    ours = (given for member_id, _, _, _, given in members if _named(member_id, settings.worker_id))
    return frozenset(number for given in ours for number in _partitions(given, settings.topic("readings")))


def _named(member_id: str, name: str) -> bool:
    """Kafka makes the id of a member that has a name from it: NAME-UUID."""
    return member_id[: -UUID_CHARACTERS - 1] == name


def _partitions(given: bytes, topic: str) -> Iterator[int]:
    """What a member was given of a topic; nothing while the group forms."""
    for name, partitions in ConsumerProtocolMemberAssignment.decode(given).assignment if given else ():
        if name == topic:
            yield from partitions
