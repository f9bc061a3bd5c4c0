"""A gateway whose Kafka may be frozen and killed."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.kafka.embedded import EmbeddedBroker
from tests.brokers import free_ports
from tests.gateway.running import Running, freeze, started
from tests.worker.live import Deployment, deployment


@pytest.fixture
def mortal_broker() -> Iterator[EmbeddedBroker]:
    """The embedded broker, for one test alone."""
    broker = EmbeddedBroker(free_ports(1)[0])
    asyncio.run(broker.start())
    yield broker
    freeze(broker, signal.SIGCONT)
    broker.stop()


@pytest.fixture
def mortal_made(mortal_broker: EmbeddedBroker, tmp_path: Path) -> Iterator[Deployment]:
    with deployment(mortal_broker, "mortal.", tmp_path) as made:
        yield made


@pytest.fixture
def mortal(mortal_broker: EmbeddedBroker, mortal_made: Deployment) -> tuple[EmbeddedBroker, Running]:
    return mortal_broker, started(mortal_made)
