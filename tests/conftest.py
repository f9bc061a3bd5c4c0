"""Fixtures that every part of the suite may use."""

import asyncio
import gc
import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from streams.kafka.embedded import EmbeddedBroker
from tests import parallel, progress
from tests.brokers import ApacheKafka, Broker, free_ports, running_kafka
from tests.postgres import Postgres, programs

settings.register_profile("homebeat", deadline=None)  # a busy machine is no fault of the code; pytest bounds each test
settings.load_profile("homebeat")

# The suite starts hundreds of processes of ours. Where this is set, each compiles every module of ours anew, a third
# of what it costs to start a worker; none of them needs it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before everything else, once there is something to write to."""
    parallel.make_room(config)
    progress.follow(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto` means here."""
    return parallel.processes(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> parallel.Modules:
    """Which tests go together."""
    return parallel.Modules(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests come first; of those that go together, those for which all others have to stop: they stop once."""
    items.sort(key=lambda item: (parallel.rank(item.nodeid), not is_alone(item)))


def is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def pytest_collection_finish() -> None:
    """What is there by now stays to the end. Whoever looks for garbage cycles need not look through all of it: a replay
    of a few records took two seconds for that alone."""
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Wait, outside of the time that a test has, until it may run."""
    with parallel.room().entered(alone=is_alone(item)):
        return (yield)


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """The in-memory broker that homebeat ships with, one for the session: use `prefix` for topics of your own."""
    broker = EmbeddedBroker(free_ports(1)[0])
    asyncio.run(broker.start())
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[ApacheKafka]:
    """Apache Kafka, one for the session."""
    with running_kafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """PostgreSQL, one server for the session: take a `database()` of your own."""
    server = Postgres(programs())
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn: a test that asks for it is a promise on both."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found


@pytest.fixture
def prefix() -> str:
    """A topic prefix that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}."
