"""The brokers that tests run against: the embedded one, and Apache Kafka 4 from a folder of jars."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from streams.kafka.embedded import end_child, start_child, wait_until_answering
from tests.requirements import require

HOST = "127.0.0.1"
JARS_VARIABLE = "HOMEBEAT_TEST_KAFKA"
START_WITHIN_S = 150.0
"""At its beginning the suite starts five of them at once, beside all else."""
STOP_WITHIN_S = 2.0  # nothing of it is kept, so it need not close its log in peace
JAVA = ("java", "-Xms256m", "-Xmx768m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

SERVER_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=100
auto.create.topics.enable=false
log.cleaner.backoff.ms=100
log.initial.task.delay.ms=100
metadata.max.idle.interval.ms=5000
"""
"""Of the last: a broker that has nothing to do says so ten times less often than by itself, half of what it costs while
it waits for the next test."""


class Broker(Protocol):
    """What a test may know of a broker."""

    @property
    def address(self) -> str: ...


_held: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """That many ports for servers that take a while to start, all different.

    On Linux they stay ours to the end of this process: nobody who asks for any port gets one of them. A server that is
    told to take one of them can, as we do not listen, if it may start again at once (SO_REUSEADDR), as all of ours may.
    """
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((HOST, 0))
    ports = [one.getsockname()[1] for one in held]
    _held.extend(held)
    while sys.platform != "linux" and _held:
        _held.pop().close()
    return ports


class ApacheKafka:
    """One node of Apache Kafka with KRaft, its data in a folder that goes away with it."""

    def __init__(self, jars: Path) -> None:
        self._classpath = f"{jars}/*"
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self.port = 0

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="homebeat-kafka-"))
        self.port, controller = free_ports(2)
        properties = self._folder / "server.properties"
        properties.write_text(
            SERVER_PROPERTIES.format(host=HOST, port=self.port, controller=controller, folder=self._folder)
        )
        format_storage = ("kafka.tools.StorageTool", "format", "-t", str(uuid.UUID(int=1)), "-c", str(properties))
        subprocess.run([*JAVA, "-cp", self._classpath, *format_storage], check=True, capture_output=True, text=True)
        self._process = start_child([*JAVA, "-cp", self._classpath, "kafka.Kafka", str(properties)])
        asyncio.run(wait_until_answering(self._process, self.address, START_WITHIN_S))

    def stop(self) -> None:
        if self._process is not None:
            end_child(self._process, STOP_WITHIN_S)
        shutil.rmtree(self._folder, ignore_errors=True)


def jars_of_kafka() -> Path:
    """The folder with Kafka's jars; skips the test when they or java are not here."""
    jars = Path(os.environ.get(JARS_VARIABLE, ""))
    found = os.environ.get(JARS_VARIABLE) and any(jars.glob("kafka_2.13-4.*.jar"))
    require("kafka", found, f"{JARS_VARIABLE} does not name a folder with the jars of Apache Kafka 4 (see .ci/run)")
    require("kafka", shutil.which("java"), "java is not on the PATH")
    return jars


@contextlib.contextmanager
def running_kafka() -> Iterator[ApacheKafka]:
    """Kafka for the block; skips the test when its jars or java are not here."""
    broker = ApacheKafka(jars_of_kafka())
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
