"""Runs one schedule: starts workers, publishes what comes, lets things go wrong, waits until all is done."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec
from faust.types import TP

from models.times import US_PER_S, rfc3339
from streams.configuration.settings import Settings
from streams.kafka.topics import changelog_topic
from tests.engine.factories import HOUR_US, MINUTE_US, START_US
from tests.simulation.broker import Broker, Stored
from tests.simulation.group import Group
from tests.simulation.loop import WORLD, Process, VirtualLoop
from tests.simulation.network import CALM, Network
from tests.simulation.schedule import Ambush, Schedule, Trouble
from tests.simulation.worker import Site, Worker

RESTART_S = (0.5, 4.0)
"""A worker that died is started again by whatever watches over it."""
CALM_AFTER_S = 25.0
"""By then the slowest request has arrived, and every worker that was told to stop has."""
DONE_WITHIN_S = 900.0
"""Virtual time that one worker in calm weather gets to finish what is left."""
INPUTS = ("readings", "profiles", "actions")


class NeverDone(Exception):
    """One worker without any trouble did not come to the end of the logs."""


@dataclass
class Outcome:
    """What lies on the broker in the end, and what failed on the way. generations: how often the group has formed."""

    settings: Settings
    broker: Broker
    seconds: float
    generations: int
    failures: list[BaseException] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)

    def topic(self, name: str) -> list[Stored]:
        return self.broker.topic(self.settings.topic(name))


class World:
    """One schedule on its way."""

    def __init__(self, plan: Schedule) -> None:
        self.plan = plan
        self.loop = VirtualLoop(random.Random(f"{plan.seed}/loop"))  # type: ignore[abstract]
        self.rng = random.Random(f"{plan.seed}/world")
        self.broker = Broker(plan.settings.partitions)
        network = Network(self.loop, random.Random(f"{plan.seed}/network"), plan.weather)
        group = Group(self.loop, random.Random(f"{plan.seed}/group"), plan.settings.partitions)
        self.site = Site(self.loop, self.broker, network, group, random.Random(f"{plan.seed}/site"), self._now_ms)
        self.workers: list[Worker] = []
        self.failures: list[BaseException] = []
        self.changelog = changelog_topic(plan.settings)
        self._pages_seen = self._started = 0
        self._ambushes = list(plan.ambushes)
        self._ending = False
        self._log_now_us = START_US

    def _now_ms(self) -> int:
        return self._log_now_us // 1000

    def run(self) -> Outcome:
        try:
            self.loop.run_until_complete(self._run())
            ended_s, generations = self.loop.time(), self.site.group.generation
            return Outcome(self.plan.settings, self.broker, ended_s, generations, self.failures, self.loop.broken)
        finally:
            self.loop.close()

    async def _run(self) -> None:
        """First with everything that goes wrong; then one worker, in calm weather, to the end."""
        if self.plan.nurse:
            self.broker.watchers.append(self._nurse)
        self.broker.watchers.append(self._ambush)
        for _ in range(self.plan.workers):
            self._start(self.plan.settings)
        feed, trouble = self.loop.spawn(None, self._feed()), self.loop.spawn(None, self._troubles())
        watch = self.loop.spawn(None, self._look_after_group())
        await asyncio.sleep(self.plan.ends_s)
        await asyncio.gather(feed, trouble)
        await self._end_of_trouble()
        finisher = self._start(self.plan.settings)
        await self._until_done()
        finisher.stopping.set()
        await self._until(lambda: finisher not in self.workers, "the last worker stops")
        watch.cancel()

    async def _end_of_trouble(self) -> None:
        self._ending = True
        for worker in list(self.workers):
            if worker.process.paused or self.rng.random() < 0.5:
                self._kill(worker)
            else:
                worker.stopping.set()
        self.broker.watchers.clear()
        self.site.network.weather = CALM
        await asyncio.sleep(CALM_AFTER_S)
        for worker in list(self.workers):
            self._kill(worker)

    async def _until_done(self) -> None:
        await self._until(self._all_committed, "everything is decided and committed")

    async def _until(self, condition: Any, what: str) -> None:
        end = self.loop.time() + DONE_WITHIN_S
        while not condition():
            if self.loop.time() > end:
                raise NeverDone(f"not within {DONE_WITHIN_S:g} s of calm: {what}; failures {self.failures!r}")
            await asyncio.sleep(0.5)

    def _all_committed(self) -> bool:
        offsets = self.site.group.offsets
        ends = {
            (self.plan.settings.topic(name), partition): len(self.broker.log(self.plan.settings.topic(name), partition))
            for name in INPUTS
            for partition in range(self.broker.partitions)
        }
        return all(offsets.get(tp, 0) == end for tp, end in ends.items())  # type: ignore[call-overload]

    async def _look_after_group(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self.site.group.look()

    # --- workers

    def _start(self, settings: Settings) -> Worker:
        self._started += 1
        process = Process(f"worker-{self._started}")
        worker = Worker(self.site, settings, process, self.plan.commit_s)
        self.workers.append(worker)
        task = self.loop.spawn(process, worker.run())
        task.add_done_callback(lambda done: self._ended(worker, done))
        return worker

    def _ended(self, worker: Worker, done: "asyncio.Task[None]") -> None:
        """It stopped by itself, in order or because something failed; a failed one is started again."""
        failure = done.exception() or worker.failure
        if failure is not None:
            self.failures.append(failure)
        self.loop.kill(worker.process)
        self.workers.remove(worker)
        if not self._ending or failure is not None:
            self._start_later()

    def _kill(self, worker: Worker) -> None:
        self.loop.kill(worker.process)
        self.workers.remove(worker)

    def _start_later(self) -> None:
        self.loop.spawn(None, self._restart(self.rng.uniform(*RESTART_S)))

    async def _restart(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self._ending or not self.workers:
            self._start(self.plan.settings)

    # --- what comes from outside

    async def _feed(self) -> None:
        for at, one in self.plan.feed:
            await asyncio.sleep(max(0.0, at - self.loop.time()))
            self._log_now_us = max(self._log_now_us, one.arrived_us)
            partition = one.partition
            if partition is None:
                partition = self.rng.randrange(self.broker.partitions) if one.key is None else self._home(one.key)
            name = self.plan.settings.topic(one.topic)
            self.broker.append(name, partition, one.key, one.value, one.headers, one.arrived_us // 1000)

    def _home(self, key: bytes) -> int:
        """Some clients hash keys in a way of their own."""
        if self.rng.random() < 0.03:
            return self.rng.randrange(self.broker.partitions)
        return self.broker.home_of(key)

    def _nurse(self, record: Stored) -> None:
        """Somebody who looks at alerts, and sometimes does something about one."""
        if record.topic == self.plan.settings.topic("alerts") and self.rng.random() < self.plan.nurse:
            self.loop.spawn(None, self._act(json.loads(record.value or b""), self.rng.uniform(0.1, 15.0)))

    async def _act(self, alert: dict[str, Any], after_s: float) -> None:
        await asyncio.sleep(after_s)
        if self._ending:
            return
        until = self._log_now_us + self.rng.choice([10 * MINUTE_US, 3 * HOUR_US, 25 * HOUR_US])
        made = {
            "action_id": f"act-{self.rng.randrange(200)}", "alert_id": alert["alert_id"], "patient": alert["patient"],
            "at": rfc3339(self._log_now_us), "by": "nurse-2",
            "type": self.rng.choice(["acknowledge", "snooze", "snooze", "resolve", "new_normal", "assign", "comment"]),
            "until": rfc3339(until // US_PER_S * US_PER_S), "to": "nurse-7", "reason": "known",
        }  # fmt: skip
        key = alert["patient"].encode()
        for _ in range(self.rng.choice([1, 1, 2])):
            self.broker.append(
                self.plan.settings.topic("actions"), self.broker.home_of(key), key, msgspec.json.encode(made), (),
                self._log_now_us // 1000,
            )  # fmt: skip

    # --- what goes wrong

    async def _troubles(self) -> None:
        for trouble in self.plan.troubles:
            await asyncio.sleep(max(0.0, trouble.at_s - self.loop.time()))
            if trouble.kind == "start":
                self._start(self.plan.settings)
            elif trouble.kind in ("blackout", "moved"):
                self._blackout()
                if trouble.kind == "moved":
                    self._move_offsets()
            elif self.workers:
                self._befalls(self.rng.choice(self.workers), trouble)

    def _befalls(self, worker: Worker, trouble: Trouble) -> None:
        if trouble.kind == "kill":
            self._kill(worker)
            self._start_later()
        elif trouble.kind == "stop":
            worker.stopping.set()
        elif trouble.kind == "pause":
            self.loop.pause(worker.process)
            self.loop.spawn(None, self._wakes(worker, trouble.seconds))
        else:
            self.site.network.cut(worker.process, trouble.seconds)

    async def _wakes(self, worker: Worker, after_s: float, blackout_s: float | None = None) -> None:
        await asyncio.sleep(after_s)
        if not worker.process.dead:
            self.loop.resume(worker.process)
        if blackout_s is not None:
            await asyncio.sleep(blackout_s)
            self._blackout()

    def _blackout(self) -> None:
        if not self._ending:
            for worker in list(self.workers):
                self._kill(worker)
                self._start_later()

    def _move_offsets(self) -> None:
        """As if all but the last record had been decided: one more always comes, a tick if nothing else."""
        name = self.plan.settings.topic("readings")
        logs = {TP(name, number): self.broker.log(name, number) for number in range(self.broker.partitions)}
        self.site.group.offsets.update({tp: len(log) - 1 for tp, log in logs.items() if log})

    def _ambush(self, record: Stored) -> None:
        """A page has reached the changelog: perhaps the worker that wrote it gets no further."""
        if record.topic != self.changelog:
            return
        self._pages_seen += 1
        begins = (record.key or b"").endswith(b"/sources")
        for ambush in [one for one in self._ambushes if one.page <= self._pages_seen]:
            if ambush.kind == "kill" or begins:
                self._ambushes.remove(ambush)
                self.loop.call_soon(self._strike, ambush, record.partition, context=WORLD)

    def _strike(self, ambush: Ambush, partition: int) -> None:
        """Whoever holds the partition."""
        for worker in [worker for worker in self.workers if partition in worker.keeper.partitions]:
            if ambush.kind == "kill":
                self._kill(worker)
                self._start_later()
            elif not worker.process.paused:
                self.loop.pause(worker.process)
                self.loop.spawn(None, self._wakes(worker, ambush.seconds, ambush.blackout_s))
                if len(self.workers) == 1:
                    self._start(self.plan.settings)  # somebody must take over
