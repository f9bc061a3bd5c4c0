"""Whether the patients that a partition knows are those whose readings come to it.

Where a patient's records lie depends on how many partitions there are. Somebody who adds some to a deployment with
patients sends the readings of half of them or more to where nobody knows them: all of them would be refused.
"""

from itertools import islice

from streams.configuration.settings import Settings
from streams.engine.log import home_of
from streams.engine.state import PartitionState
from streams.errors import PartitionsChanged
from streams.kafka.topics import changelog_topic

LOOKED_AT, AWAY = 64, 0.25
"""Patients of a partition, and the share of them: half or more have another home after a change. A single one who lies
elsewhere, as a client without Kafka's partitioner may once have brought it about, stops nobody's worker."""


def at_home(state: PartitionState, partition: int, settings: Settings) -> None:
    """Look at some of the patients of a state that was restored. Raises PartitionsChanged."""
    some = list(islice(state.slot_of, LOOKED_AT))
    away = sum(home_of(name.encode(), settings.partitions) != partition for name in some)
    if some and away >= AWAY * len(some):
        found = f"{away} of {len(some)} patients that partition {partition} knows belong to another"
        raise PartitionsChanged(found, settings.partitions, changelog_topic(settings))
