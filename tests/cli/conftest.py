import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.serving.logs import LIBRARIES
from tests.brokers import Broker
from tests.cli.command import NOBODY, Homebeat


@pytest.fixture
def homebeat(tmp_path: Path) -> Homebeat:
    """The command, with no broker to be found."""
    return Homebeat(tmp_path, {"broker": NOBODY})


@pytest.fixture
def connected(tmp_path: Path, broker: Broker, prefix: str) -> Homebeat:
    """The command with each kind of broker in turn, and topics of its own."""
    return Homebeat(tmp_path, {"broker": broker.address, "topic_prefix": prefix})


@pytest.fixture
def embedded(tmp_path: Path, embedded_broker: Broker, prefix: str) -> Homebeat:
    """The command with the embedded broker, and topics of its own."""
    return Homebeat(tmp_path, {"broker": embedded_broker.address, "topic_prefix": prefix})


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
