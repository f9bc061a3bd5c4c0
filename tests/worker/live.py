"""The real `homebeat worker` as a process, and Kafka's own clients on both sides of it."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from streams.kafka.embedded import dies_with_parent
from tests.brokers import HOST, Broker, free_ports
from tests.cli.command import Homebeat
from tests.engine.factories import profile, reading

WITHIN_S = 150.0
ANSWER_WITHIN_S = 20.0
PAUSE_S, PAUSE_S_MAX = 0.05, 1.0
PARTITIONS = 2
BYTES_MAX = 32 * 1024 * 1024


def until(condition: Callable[[], Any], what: str, within_s: float = WITHIN_S) -> Any:
    """Wait until the condition gives something, and give it back; fail with `what` when it does not in time.

    Where Kafka cannot answer (a group has just moved to another broker), it is asked again.
    """
    end = time.monotonic() + within_s
    while True:
        began, refused = time.monotonic(), ""
        try:
            if found := condition():
                return found
        except KafkaException as error:
            refused = f"; {error}"
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:g} s: {what}{refused}")
        took = time.monotonic() - began  # a look that costs much leaves the processor to others half the time
        time.sleep(min(max(PAUSE_S, took), PAUSE_S_MAX))


class Topic:
    """All that lies on one topic, read from its beginning; `records` grows with every look."""

    def __init__(self, address: str, name: str) -> None:
        self.name = name
        self.records: list[Message] = []
        self._consumer = Consumer(
            {"bootstrap.servers": address, "group.id": f"look-{name}", "enable.auto.commit": False,
             "fetch.message.max.bytes": BYTES_MAX, "receive.message.max.bytes": 4 * BYTES_MAX, "fetch.wait.max.ms": 50}
        )  # fmt: skip
        found = until(lambda: self._consumer.list_topics(name, timeout=WITHIN_S).topics[name].partitions, name)
        self._consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in found])

    def look(self) -> list[Message]:
        """What has come by now. That may be less than there is: to wait for something, look again and again."""
        while (message := self._consumer.poll(PAUSE_S)) is not None:  # a message without a value is falsy
            if message.error() is None:
                self.records.append(message)
        return self.records

    def all(self) -> list[Message]:
        """Everything there is at this moment, however long it takes to come."""
        ends = until(self._ends, f"the ends of {self.name}")
        missing = {number: end for number, (begin, end) in ends.items() if end > begin}

        def read() -> bool:
            self.look()
            positions = self._consumer.position([TopicPartition(self.name, number) for number in missing])
            return all(tp.offset >= missing[tp.partition] for tp in positions)

        until(read, f"all of {self.name}")
        return self.records

    def _ends(self) -> dict[int, tuple[int, int]]:
        return {tp.partition: self._consumer.get_watermark_offsets(tp) for tp in self._consumer.assignment()}

    def values(self) -> list[dict[str, Any]]:
        return _values(self.look())

    def all_values(self) -> list[dict[str, Any]]:
        return _values(self.all())

    def close(self) -> None:
        self._consumer.close()


def _values(records: list[Message]) -> list[dict[str, Any]]:
    return [json.loads(record.value() or b"null") for record in records]


class Worker:
    """One worker process, with its port; `settings` are its own, above those of the deployment.

    It has a session of its own: Linux then gives it a share of the processor as if nobody had started it (autogroup).
    """

    def __init__(self, homebeat: Homebeat, command: str = "worker", **settings: str) -> None:
        self.port = free_ports(1)[0]
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            homebeat.line(command), cwd=homebeat.folder,
            env=homebeat.environment(http_port=str(self.port), **settings),
            stdout=subprocess.DEVNULL, stderr=(homebeat.folder / f"{command}-{self.port}.log").open("wb"),
            start_new_session=True, preexec_fn=dies_with_parent(os.getpid()),
        )  # fmt: skip
        self._log = homebeat.folder / f"{command}-{self.port}.log"

    def get(self, page: str) -> tuple[int, str]:
        """Status and body; (0, '') while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}{page}", timeout=ANSWER_WITHIN_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()
        except OSError:
            return 0, ""

    def wait_until_ready(self) -> None:
        until(self.ready, "the worker has its partitions")

    def ready(self) -> bool:
        """Whether it has its partitions; fails when it has ended."""
        if self.process.poll() is not None:
            raise AssertionError(f"the worker ended with {self.process.returncode}:\n{self.log()}")
        return self.get("/readyz")[0] == 200

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the series of this name with at least these labels."""
        total, found = 0.0, False
        page = until(lambda: self.get("/metrics")[1], "the metrics of a worker")
        for line in page.splitlines():
            match = re.fullmatch(r"([a-zA-Z_:]+)(\{[^}]*\})? (\S+)", line)
            if match and match[1] == name and all(f'{k}="{v}"' in (match[2] or "") for k, v in labels.items()):
                total, found = total + float(match[3]), True
        if not found:
            raise AssertionError(f"/metrics has no {name} {labels or ''}")
        return total

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


class Deployment:
    """Topics with a prefix of their own on one broker, and what stands on both sides of them."""

    def __init__(self, broker: Broker, prefix: str, folder: Path, **settings: str) -> None:
        self.broker, self.prefix = broker, prefix
        defaults = {"broker": broker.address, "topic_prefix": prefix, "data_folder": str(folder / "data"),
                    "partitions": str(PARTITIONS), "checkpoint_s": "0.3", "tick_s": "1"}  # fmt: skip
        self.homebeat = Homebeat(folder, defaults | settings)
        self.received = 0
        self._topics: dict[str, Topic] = {}
        self._workers: list[Worker] = []
        self._failed: list[str] = []
        self._producer = Producer(
            {"bootstrap.servers": broker.address, "partitioner": "murmur2_random", "linger.ms": 5,
             "message.max.bytes": BYTES_MAX, "queue.buffering.max.messages": 200_000}
        )  # fmt: skip

    def start(self) -> Worker:
        worker = self.begin()
        worker.wait_until_ready()
        return worker

    def begin(self, command: str = "worker", **settings: str) -> Worker:
        """A worker, or another server, that is starting, with settings of its own."""
        worker = Worker(self.homebeat, command, **settings)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.kill()
        for topic in self._topics.values():
            topic.close()
        del self._producer  # or it looks for its broker, and says so every second, to the end of the process

    def topic(self, name: str) -> Topic:
        if name not in self._topics:
            self._topics[name] = Topic(self.broker.address, self.prefix + name)
        return self._topics[name]

    def put(self, topic: str, key: bytes | None, value: bytes | None, **options: Any) -> None:
        """Publish one record; `settle` waits for the broker."""
        while True:
            try:
                self._producer.produce(self.prefix + topic, value, key, on_delivery=self._delivered, **options)
                break
            except BufferError:
                self._producer.poll(PAUSE_S)
        self._producer.poll(0)

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self._failed.append(str(error))

    def settle(self) -> None:
        assert self._producer.flush(WITHIN_S) == 0
        assert self._failed == []

    def read(self, patient: str, **fields: Any) -> dict[str, Any]:
        """Publish a reading of now; `timestamp` [ms] is when it arrives, if not when it is published."""
        options = {"timestamp": fields.pop("timestamp")} if "timestamp" in fields else {}
        made = reading(patient, **{"at_us": time.time_ns() // 1000} | fields)
        self.put("readings", patient.encode(), json.dumps(made).encode(), **options)
        self.received += 1
        return made

    def enrol(self, patient: str, **fields: Any) -> None:
        """Publish a profile, and wait until it stands in the log of readings."""
        document = profile(patient, **fields)
        self.put("profiles", patient.encode(), document)
        self.settle()
        until(lambda: any(r.value() == document for r in self.topic("readings").look()), f"the profile of {patient}")

    def alerts(self, patient: str | None = None) -> list[dict[str, Any]]:
        return [alert for alert in self.topic("alerts").values() if patient in (None, alert["patient"])]

    def told(self, patient: str, event: str = "opened") -> dict[str, Any]:
        """The first such alert event of the patient, once it is there."""
        self.settle()

        def found() -> dict[str, Any] | None:
            return next((alert for alert in self.alerts(patient) if alert["event"] == event), None)

        alert: dict[str, Any] = until(found, f"{event} for {patient}")
        return alert


@contextmanager
def deployment(broker: Broker, prefix: str, folder: Path, **settings: str) -> Iterator[Deployment]:
    made = Deployment(broker, prefix, folder, **settings)
    try:
        yield made
    finally:
        made.close()
