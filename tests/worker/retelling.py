"""The records of a readings topic through the engine once more, as they lie there."""

import json
from collections import defaultdict
from typing import cast

import msgspec
import numpy as np
from confluent_kafka import Message

from streams.configuration.settings import DEVELOPMENT_SECRET
from streams.engine.log import Headers, LogSlice
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings, step

SETTINGS = EngineSettings(DEVELOPMENT_SECRET.encode())
BATCH = 97


def retold(records: list[Message], topic: str) -> tuple[list[str], int]:
    """The alert events (JSON, keys sorted) that the log leads to, and how many readings it holds."""
    partitions: dict[int, list[Message]] = defaultdict(list)
    for record in records:
        partitions[record.partition() or 0].append(record)
    alerts: list[str] = []
    received = 0
    for number, log in partitions.items():
        state = PartitionState()
        for begin in range(0, len(log), BATCH):
            effects = step(state, slice_of(topic, number, log[begin : begin + BATCH]), SETTINGS)
            alerts += [json.dumps(msgspec.to_builtins(alert), sort_keys=True) for alert in effects.alerts]
            received += effects.received
    return alerts, received


def slice_of(topic: str, partition: int, records: list[Message]) -> LogSlice:
    return LogSlice(
        topic=topic, partition=partition, offset=np.array([r.offset() for r in records]),
        arrived_us=np.array([r.timestamp()[1] for r in records]) * 1000,
        key=[r.key() for r in records], value=[r.value() for r in records], headers=[headers_of(r) for r in records],
    )  # fmt: skip


def headers_of(record: Message) -> Headers:
    return cast(Headers, record.headers() or [])
