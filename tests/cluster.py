"""Three nodes of Apache Kafka 4 on this machine, each broker and controller, that can die and come back one by one.

Every node listens twice: on the direct way, and on one whose advertised address is that of `detour`. Who is given
`detour_address` therefore speaks with the brokers through the detour only, which can be cut, silenced and restored.
"""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka.embedded import end_child, start_child, wait_until_answering
from tests.brokers import HOST, free_ports, jars_of_kafka
from tests.detour import Detour

NODES = (1, 2, 3)
REPLICATION = 3
START_WITHIN_S = 60.0
STOP_WITHIN_S = 4.0
"""For a node that is asked to stop. When all three are, the last ones wait in vain for a controller to let them go."""
WHOLE_WITHIN_S = 60.0
ANSWER_S = 10.0
PAUSE_S = 0.1
JAVA = ("java", "-Xms192m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")

NODE_PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=DIRECT://{host}:{direct},DETOUR://{host}:{through},CONTROLLER://{host}:{controller}
advertised.listeners=DIRECT://{host}:{direct},DETOUR://{host}:{advertised}
listener.security.protocol.map=DIRECT:PLAINTEXT,DETOUR:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
log.dirs={folder}/log
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=3
transaction.state.log.num.partitions=3
transaction.state.log.min.isr=2
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=5000
controlled.shutdown.max.retries=1
"""


@dataclass
class Node:
    """One node: its ports, its folder, and its process while it runs."""

    number: int
    folder: Path
    direct: int
    through: int
    advertised: int
    controller: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"


class Cluster:
    """Replication 3 and two in sync at least: what `acks=all` was answered for survives any one node."""

    def __init__(self, jars: Path) -> None:
        self._java = [*JAVA, "-cp", f"{jars}/*"]
        self._folder = Path()
        self.nodes: dict[int, Node] = {}
        self.detour = Detour(HOST)

    @property
    def address(self) -> str:
        return ",".join(f"{HOST}:{node.direct}" for node in self.nodes.values())

    @property
    def detour_address(self) -> str:
        return ",".join(f"{HOST}:{node.advertised}" for node in self.nodes.values())

    def start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="homebeat-cluster-"))
        ports = free_ports(4 * len(NODES))
        fours = zip(ports[0::4], ports[1::4], ports[2::4], ports[3::4], strict=True)
        self.nodes = {
            number: Node(number, self._folder / str(number), *four) for number, four in zip(NODES, fours, strict=True)
        }
        self._format()
        self.detour.start({node.advertised: node.through for node in self.nodes.values()})
        self.revive(*NODES)

    def _format(self) -> None:
        """Write the settings of each node, and prepare its folder: all at once, a JVM each."""
        for node in self.nodes.values():
            node.folder.mkdir()
            node.properties.write_text(self._settings_of(node))
        command = [*self._java, "kafka.tools.StorageTool", "format", "-t", str(uuid.UUID(int=1)), "-c"]
        running = [
            subprocess.Popen([*command, str(node.properties)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for node in self.nodes.values()
        ]
        for one in running:
            _, complaint = one.communicate(timeout=START_WITHIN_S)
            if one.returncode:
                raise RuntimeError(f"the folder of a node was not prepared: {complaint.decode()}")

    def _settings_of(self, node: Node) -> str:
        return NODE_PROPERTIES.format(
            node=node.number, host=HOST, direct=node.direct, through=node.through, advertised=node.advertised,
            controller=node.controller, folder=node.folder,
            voters=",".join(f"{one.number}@{HOST}:{one.controller}" for one in self.nodes.values()),
        )  # fmt: skip

    def stop(self) -> None:
        self.kill(*self.nodes)
        self.detour.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- what happens to nodes

    def revive(self, *numbers: int) -> None:
        """Start nodes that do not run, and return when they answer."""
        for number in numbers:
            node = self.nodes[number]
            node.process = start_child([*self._java, "kafka.Kafka", str(node.properties)])
        for number in numbers:
            node = self.nodes[number]
            if node.process is not None:
                asyncio.run(wait_until_answering(node.process, f"{HOST}:{node.direct}", START_WITHIN_S))

    def kill(self, *numbers: int) -> None:
        """kill -9."""
        for number in numbers:
            process = self.nodes[number].process
            if process is not None:
                process.kill()
        for number in numbers:
            process, self.nodes[number].process = self.nodes[number].process, None
            if process is not None:
                process.wait()

    def halt(self, *numbers: int) -> None:
        """SIGTERM, together; what has not gone in time is killed."""
        for number in numbers:
            process = self.nodes[number].process
            if process is not None:
                process.terminate()
        end = time.monotonic() + STOP_WITHIN_S
        for number in numbers:
            process, self.nodes[number].process = self.nodes[number].process, None
            if process is not None:
                end_child(process, max(0.0, end - time.monotonic()))

    # --- what the cluster says of itself

    def leader(self, topic: str, partition: int) -> int:
        """The number of the node that leads the partition."""
        leader: int = self._topics()[topic].partitions[partition].leader
        return leader

    def wait_until_whole(self) -> None:
        """Return when every partition has a leader and all of its replicas in sync."""
        self._wait_until_none(self._missing)

    def _missing(self) -> str:
        """What is not as it should be, in words; nothing when all is well."""
        try:
            topics = self._topics()
        except KafkaException as wrong:
            return str(wrong)
        thin = [
            f"{name}/{number} led by {partition.leader}, in sync {partition.isrs}"
            for name, topic in topics.items()
            for number, partition in topic.partitions.items()
            if partition.leader < 0 or len(partition.isrs) < len(partition.replicas)
        ]
        return ", ".join(thin[:5])

    def wait_until_known(self, topic: str) -> None:
        """Return when each running node lists the topic: made it is when one of them says so, the others hear of it."""
        self._wait_until_none(lambda: "" if all(topic in names for names in self._names()) else topic)

    def clear(self) -> None:
        """Delete every topic but the brokers' own. What tests before have left costs those after them: each broker that
        comes back opens all of it again, and elects a leader for every partition."""
        left = sorted(set().union(*self._names()))
        admin = self._admin(self.address)  # its answers go with it
        for done in (admin.delete_topics(left, operation_timeout=WHOLE_WITHIN_S) if left else {}).values():
            _unless_gone(done)
        self._wait_until_none(lambda: ", ".join(sorted(set().union(*self._names()))))

    def _wait_until_none(self, missing: Callable[[], str]) -> None:
        """Return when nothing is missing; with what is, in words, when it stays so."""
        end = time.monotonic() + WHOLE_WITHIN_S
        while what := missing():
            if time.monotonic() > end:
                raise AssertionError(f"not whole within {WHOLE_WITHIN_S:g} s: {what}")
            time.sleep(PAUSE_S)

    def _names(self) -> list[set[str]]:
        """The topics that each running node lists, without the brokers' own."""
        running = [node for node in self.nodes.values() if node.process is not None]
        return [{name for name in self._topics(f"{HOST}:{node.direct}") if name[:2] != "__"} for node in running]

    def _topics(self, address: str | None = None) -> dict[str, Any]:
        """As the node at the address knows them; as any of them does, without."""
        found: dict[str, Any] = self._admin(address or self.address).list_topics(timeout=ANSWER_S).topics
        return found

    def _admin(self, address: str) -> AdminClient:
        return AdminClient({"bootstrap.servers": address})


def _unless_gone(deleted: "Future[None]") -> None:
    """Raise what the deletion of a topic did, unless it is gone: the client asks again when an answer is late."""
    try:
        deleted.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster for the block; skips the test when there are no jars or no java."""
    cluster = Cluster(jars_of_kafka())
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
