"""Readings at a steady rate from a process of its own, until its standard input ends.

`python -m tests.faults.load BROKERS PREFIX RATE SEED`. Prints what it has sent so far, a line now and then, and at the
end `{"sent", "seconds", "failed"}`. Sent without loss or repetition: an idempotent producer that never gives up, and
another for what it keeps.

Time in the readings runs faster than the clock until it has caught up, so that episodes of many minutes come and go
in seconds. One patient in ten is unwell twice. Probes are new patients, each with one emergency: their alerts say how
long anybody waited. Now and then comes what is not a reading, a reading again, or a profile.
"""

import json
import random
import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from confluent_kafka import Message, Producer

from models.times import rfc3339

PATIENTS = 1000
BACKLOG_S, CATCH_UP_S = 2700.0, 18.0
"""Readings begin that long ago, within the live horizon of every vital here, and are of now after that time."""
BURST_S = 0.02
PROBE_EVERY_S = 0.1
TELL_EVERY_S = 0.1
FLUSH_WITHIN_S = 120.0
ODD_ONE_IN = 1000
PRODUCER = {
    "enable.idempotence": True, "partitioner": "murmur2_random", "linger.ms": 100, "batch.size": 256 * 1024,
    "message.timeout.ms": 0, "queue.buffering.max.messages": 4_000_000, "queue.buffering.max.kbytes": 2_000_000,
    "delivery.report.only.error": True,
}  # fmt: skip


@dataclass
class Load:
    """What is sent where. `sent` counts the records that are readings, or pretend to be."""

    producer: Producer
    prefix: str
    rng: random.Random
    sent: int = 0
    probes: int = 0
    at_us: int = 0
    refused: list[Message] = field(default_factory=list)
    """What its producer has given back."""

    def put(self, key: str, value: str, topic: str = "readings") -> None:
        """One record; waits while the buffer is full."""
        while True:
            try:
                self.producer.produce(self.prefix + topic, value, key, on_delivery=self._refused)
                return
            except BufferError:
                self.producer.poll(BURST_S)

    def _refused(self, _: object, message: Message) -> None:
        self.refused.append(message)

    def finish(
        self, another: Callable[[], Producer], within_s: float = FLUSH_WITHIN_S, again_within_s: float = FLUSH_WITHIN_S
    ) -> int:
        """Wait until all of it has been sent, what the first producer could not send by another; how many are left.

        Seen once in some dozens of outages of all brokers: librdkafka's idempotent producer sent nothing any more when
        they were back. It may have sent what it gives back, which is then in the log twice.
        """
        if self.producer.flush(within_s):
            self.producer.purge()
            self.producer.flush(within_s)
        given_back, self.refused, self.producer = self.refused, [], another()
        for message in given_back:
            self.producer.produce(message.topic() or "", message.value(), message.key(), on_delivery=self._refused)
        return self.producer.flush(again_within_s) + len(self.refused)

    def burst(self, count: int, now_us: int, behind_s: float) -> None:
        """That many readings, each of another patient, all measured `behind_s` ago."""
        self.at_us = max(self.at_us + 1000, now_us - round(behind_s * 1e6))
        at, minute = rfc3339(self.at_us), (BACKLOG_S - behind_s) / 60
        for number in range(self.sent, self.sent + count):
            patient = number % PATIENTS
            self.put(f"p-{patient}", _reading(number, patient, minute, at, self.rng))
        self.sent += count
        if self.rng.random() < count / ODD_ONE_IN:
            self._odd(at)

    def _odd(self, at: str) -> None:
        """No reading at all, one that comes twice, and a new version of a profile."""
        number, patient = self.sent, self.rng.randrange(PATIENTS)
        again = _reading(number, patient, 0.0, at, self.rng).replace('"id":"r-', '"id":"twice-', 1)
        for value in ("this is not JSON", again, again):
            self.put(f"p-{patient}", value)
        self.sent += 3
        monitoring = self.rng.random() < 0.9
        document = {"patient": f"p-{patient}", "version": number, "consent": {"monitoring": monitoring}}
        self.put(f"p-{patient}", json.dumps(document), "profiles")

    def probe(self, now_us: int) -> None:
        """A new patient whose saturation is far too low now."""
        name, at = f"probe-{self.probes}", rfc3339(now_us)
        self.put(name, f'{{"id":"1","patient":"{name}","code":"59408-5","value":70,"unit":"%","at":"{at}"}}')
        self.probes += 1
        self.sent += 1


def _reading(number: int, patient: int, minute: float, at: str, rng: random.Random) -> str:
    """A saturation or a heart rate, by turns: one patient in ten is unwell, recovers, and is worse again."""
    device = f'"patient":"p-{patient}","device":"watch-{patient}","at":"{at}"'
    if number // PATIENTS % 2:
        return f'{{"id":"r-{number}",{device},"code":"8867-4","unit":"/min","value":{rng.randint(62, 78)}}}'
    since = minute + patient % 70 / 10
    low = 82 if 10 < since < 17 else 78 if 30 < since < 37 else 97
    value = low if patient % 10 == 0 else 97 + rng.random() * 2
    return f'{{"id":"r-{number}",{device},"code":"59408-5","unit":"%","value":{value:.1f}}}'


def _bursts(rate: float) -> Iterator[tuple[int, float]]:
    """How many readings are due and how much time has passed, again and again, until standard input ends."""
    began, done = time.monotonic(), 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        passed = time.monotonic() - began
        due = min(round(passed * rate) - done, PATIENTS)
        done += due
        yield due, passed
        if due < PATIENTS:
            time.sleep(BURST_S)


def producer_to(brokers: str) -> Producer:
    return Producer(PRODUCER | {"bootstrap.servers": brokers})


def run(brokers: str, prefix: str, rate: float, seed: int) -> tuple[int, int]:
    """Send until standard input ends: how many were sent, how many could not be."""
    load = Load(producer_to(brokers), prefix, random.Random(seed))
    told_s = probed_s = 0.0
    for due, passed_s in _bursts(rate):
        now_us = time.time_ns() // 1000
        load.burst(due, now_us, BACKLOG_S * max(0.0, 1 - passed_s / CATCH_UP_S))
        if passed_s >= probed_s:
            load.probe(now_us)
            probed_s += PROBE_EVERY_S
        load.producer.poll(0)
        if passed_s >= told_s:
            _say(load.sent)
            told_s = passed_s + TELL_EVERY_S
    return load.sent, load.finish(lambda: producer_to(brokers))


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - this is how a child answers


if __name__ == "__main__":
    began_s = time.monotonic()
    sent, failed = run(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
    _say({"sent": sent, "seconds": round(time.monotonic() - began_s, 1), "failed": failed})
