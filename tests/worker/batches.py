"""Batches of aiokafka's producer, for tests that stand where its broker does."""

from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record import MemoryRecords

from streams import limits


def empty(room: int = limits.PRODUCER_BATCH_BYTES) -> BatchBuilder:
    """room: bytes of one, which always takes one record."""
    return BatchBuilder(room, 0)


def within(batch: BatchBuilder) -> list[Any]:
    """The records of a batch, as a broker reads them."""
    return list(MemoryRecords(bytes(batch._build())).next_batch())
