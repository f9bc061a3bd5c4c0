"""Records of Kafka as a slice of the log: the columns that the engine works on."""

import numpy as np
from aiokafka import ConsumerRecord

from streams.engine.log import FIRST_US, LAST_US, LogSlice


def slice_of(topic: str, partition: int, records: list[ConsumerRecord], partitions: int) -> LogSlice:
    """Kafka's records as columns."""
    headers = [record.headers for record in records]
    arrived_ms = np.array([record.timestamp for record in records], np.int64)
    return LogSlice(
        topic=topic, partition=partition,
        offset=np.array([record.offset for record in records], np.int64),
        arrived_us=np.minimum(np.maximum(arrived_ms, FIRST_US // 1000), LAST_US // 1000) * 1000,
        key=[record.key for record in records], value=[record.value for record in records],
        headers=headers if any(headers) else None, partitions=partitions,
    )  # fmt: skip
