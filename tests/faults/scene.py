"""Three workers on three brokers under load: what a fault is played on."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from streams.configuration.settings import Settings
from tests.cluster import REPLICATION, Cluster
from tests.engine.factories import action
from tests.faults.pager import Pager
from tests.worker.live import Deployment, Worker, until

ROUNDS = int(os.environ.get("HOMEBEAT_TEST_FAULT_ROUNDS") or 1)
FULL = ROUNDS > 1
"""Whether faults last as long as the promise says."""
SEED = int(os.environ.get("HOMEBEAT_TEST_FAULT_SEED") or time.time_ns() % 1_000_000)
RATE = float(os.environ.get("HOMEBEAT_TEST_FAULT_RATE") or (20_000 if FULL else 2_000))
WORKERS, PARTITIONS = 3, 6
SOON_S, LONG_S = 120.0, 300.0
STEADY_S, STEADY_WITHIN_S = 5.0, 60.0
"""Workers keep up when no more is uncommitted than came in this time (a second each to the checkpoint and to the
commit, and the way through three brokers). Brokers just started are slow for a while: that is not the fault's doing.
"""
ANSWERED = 0.2
"""The share of new alerts that somebody acknowledges."""
SETTINGS = {
    "partitions": str(PARTITIONS), "replication": str(REPLICATION), "checkpoint_s": "1", "tick_s": "1",
    "unknown_patients": "monitor",
}  # fmt: skip


class LoadProcess:
    """The child that sends readings; `sent` grows while it runs."""

    def __init__(self, cluster: Cluster, prefix: str, seed: int) -> None:
        line = [sys.executable, "-m", "tests.faults.load", cluster.address, prefix, str(RATE), str(seed)]
        self._process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.sent = 0
        self.outcome: dict[str, Any] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            if isinstance(told, int):
                self.sent = told
            else:
                self.outcome, self.sent = told, told["sent"]

    def ended(self) -> bool:
        return self._process.poll() is not None

    def ask_to_stop(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class Post:
    """A place at which a worker is kept running, as an orchestrator does: one that ends by itself is started again."""

    here: Deployment
    settings: dict[str, str]
    worker: Worker
    restarted: int = 0
    """How often a worker that had ended by itself was started again."""
    past: list[Worker] = field(default_factory=list)
    kept: bool = True

    @property
    def name(self) -> str:
        """Under which its workers are one member of the group, one after the other; empty when they are not."""
        return self.settings.get("worker_id", "")

    def kill(self) -> None:
        """kill -9, and nobody comes before `start`."""
        self.kept = False
        self.worker.kill()

    def stop(self) -> int:
        """SIGTERM, and nobody comes before `start`; the exit code."""
        self.kept = False
        return self.worker.stop()

    def start(self) -> None:
        self.past.append(self.worker)
        self.worker = self.here.begin(**self.settings)
        self.kept = True

    def relieve(self) -> Worker:
        """Somebody of the same name comes while the one who is here stays; the latter, who ought to step aside."""
        relieved = self.worker
        self.start()
        return relieved

    def tend(self) -> None:
        if self.kept and self.worker.process.poll() is not None:
            self.restarted += 1
            self.start()

    def logs(self) -> str:
        return "\n".join(worker.log() for worker in [*self.past, self.worker])


class Scene:
    """The deployment, its workers at their posts, the load, and the pager that alerts are posted to."""

    def __init__(self, cluster: Cluster, prefix: str, folder: Path, seed: int, named: int = 0) -> None:
        """named: so many of the workers, the first ones, keep a name."""
        self.cluster, self.folder, self.seed = cluster, folder, seed
        self.rng = random.Random(seed)
        self.pager = Pager(Settings().webhook_key)
        self.here = Deployment(cluster, prefix, folder, **SETTINGS, webhook_urls=self.pager.start())
        self.here.homebeat = type(self.here.homebeat)(folder, self.here.homebeat.settings, LONG_S)
        self.group = f"{prefix}homebeat"
        self.posts = [self._post(number, number < named) for number in range(WORKERS)]
        self.load: LoadProcess | None = None
        self.marks: dict[str, Any] = {}
        self._answered: set[str] = set()
        self._looked_s = 0.0

    def _post(self, number: int, named: bool) -> Post:
        """The first worker speaks with the brokers through the detour only."""
        settings = {"data_folder": str(self.folder / f"data-{number}")}
        if named:
            settings["worker_id"] = f"worker-{number}"
        if number == 0:
            settings["broker"] = self.cluster.detour_address
        return Post(self.here, settings, self.here.begin(**settings))

    def close(self) -> None:
        if self.load is not None:
            self.load.kill()
        for post in self.posts:
            if post.worker.process.poll() is None:
                post.worker.resume()
        self.here.close()
        self.pager.stop()

    def save_logs(self, folder: Path) -> None:
        """What the workers wrote, for whoever looks into a failure."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, post in enumerate(self.posts):
            (folder / f"worker-{number}.log").write_text(post.logs())

    # --- time passes

    def until(self, condition: Callable[[], Any], what: str, within_s: float = SOON_S) -> Any:
        """Wait for the condition, as everything around it goes on."""

        def turn() -> Any:
            self._tend()
            return condition()

        return until(turn, f"{what} (seed {self.seed})", within_s)

    def pass_time(self, seconds: float) -> None:
        """A fault lasts."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, f"{seconds:g} s", seconds + SOON_S)

    def until_sent(self, readings: int) -> None:
        """So many readings more."""
        load = self.load
        if load is None:
            raise RuntimeError("there is no load")
        wanted = load.sent + readings
        self.until(lambda: load.sent >= wanted, f"{readings} readings more sent", LONG_S)

    def _tend(self) -> None:
        for post in self.posts:
            post.tend()
        if self.load is not None and time.monotonic() > self._looked_s + 0.5:
            self._looked_s = time.monotonic()
            self._answer()

    def _answer(self) -> None:
        """Somebody looks at the new alerts and acknowledges some."""
        topic = self.here.topic("alerts")
        for record in topic.look()[len(self._answered) :]:
            alert = json.loads(record.value() or b"")
            if alert["event"] == "opened" and self.rng.random() < ANSWERED:
                document = action(alert["alert_id"], "acknowledge", alert["patient"], at=alert["decided_at"])
                self.here.put("actions", alert["patient"].encode(), json.dumps(document).encode())
            self._answered.add(f"{record.partition()}/{record.offset()}")

    # --- the play

    def wait_until_ready(self) -> None:
        """All workers have partitions, and all partitions have a worker."""
        self.until(lambda: len(self.held()) == PARTITIONS, "all partitions are held")

    def held(self) -> list[int]:
        """The partitions that workers say they hold, from those that answer."""
        return sorted(number for post in self.posts for number in self.held_by(post))

    def held_by(self, post: Post) -> list[int]:
        """The partitions that this worker says it holds; none while it does not answer."""
        status, page = post.worker.get("/readyz")
        held: list[int] = json.loads(page.removeprefix("partitions")) if status == 200 else []
        return held

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Readings flow for the block, from some time before it to some time after it; then all that was sent is in."""
        self.wait_until_ready()
        self.load = LoadProcess(self.cluster, self.here.prefix, self.seed)
        self.until_sent(round(RATE * self.rng.uniform(4, 10)))
        yield
        self.until_sent(round(RATE * self.rng.uniform(2, 4)))
        self.load.ask_to_stop()
        self.until(self.load.ended, "the load has been sent", LONG_S)
        load, self.load = self.load, None
        self.until(lambda: load.outcome, "the load says what it sent")
        self.marks["load"] = load.outcome

    def until_steady(self) -> None:
        """Until the workers keep up with the load, or long enough: then what is measured says so. A look a second: each
        opens connections, and a machine with all this on it has little to spare."""
        end = time.monotonic() + STEADY_WITHIN_S
        while self.lag() > RATE * STEADY_S and time.monotonic() < end:
            self.pass_time(1.0)

    # --- what the broker says

    def lag(self, topics: tuple[str, ...] = ("readings",)) -> int:
        """Records that the group has not committed yet, of now."""
        return sum(end - done for done, end in self._progress(topics).values())

    def committed(self, topic: str) -> dict[int, int]:
        return {number: done for (_, number), (done, _) in self._progress((topic,)).items()}

    def ends(self, topic: str) -> dict[int, int]:
        return {number: end for (_, number), (_, end) in self._progress((topic,)).items()}

    def _progress(self, topics: tuple[str, ...]) -> dict[tuple[str, int], tuple[int, int]]:
        """(topic, partition) -> (committed, end)."""
        answer: dict[tuple[str, int], tuple[int, int]] = until(lambda: self._asked(topics), "the brokers answer")
        return answer

    def _asked(self, topics: tuple[str, ...]) -> dict[tuple[str, int], tuple[int, int]]:
        consumer = Consumer({"bootstrap.servers": self.cluster.address, "group.id": self.group})
        try:
            names = [self.here.prefix + topic for topic in topics]
            wanted = [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]
            found = consumer.committed(wanted, timeout=SOON_S)
            ends = [consumer.get_watermark_offsets(tp, timeout=SOON_S)[1] for tp in wanted]
            return {(tp.topic, tp.partition): (max(0, tp.offset), end) for tp, end in zip(found, ends, strict=True)}
        finally:
            consumer.close()
