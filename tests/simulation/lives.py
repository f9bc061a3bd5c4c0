"""What comes from outside in one schedule: patients' days, devices with their faults, documents, poison and repeats.

Each patient lives through blocks of a few readings; each block may overlap others by readings that come late. What
comes of it is one list of publications in the order of arrival, cut from one seed.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.times import US_PER_S
from streams import control
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SECRET, START_US, panel, profile, reading
from tests.engine.histories import BAD, LATE_US, LEVELS, SLOW

DENSE = ("heart_rate", "spo2", "respiratory_rate", "glucose")
LATENESS_US = 60 * US_PER_S
TOO_LARGE = 66_000


@dataclass(frozen=True)
class Publication:
    """One record that arrives on a topic (its name without prefix) at a log time; partition None: by its key."""

    arrived_us: int
    topic: str
    key: bytes | None
    value: bytes | None
    headers: control.Headers = ()
    partition: int | None = None


class Life:
    """One patient: `publications` grows with every block. `pace`: how much the pauses are shortened (live ticks)."""

    def __init__(self, rng: random.Random, name: str, *, days: bool) -> None:
        self.rng, self.name, self.days = rng, name, days
        self.now_us = START_US + rng.randrange(0, 600) * US_PER_S
        self.version = 0
        self.publications: list[Publication] = []
        self._device = f"urn:dev:{name}"

    def live(self, records: int) -> None:
        """Blocks until there are about that many publications."""
        if self.rng.random() < 0.4:
            self._dense()  # before anybody has said who this is
        if self.rng.random() < 0.9:
            self._put_profile()
        blocks = self._blocks()
        while len(self.publications) < records:
            self.rng.choice(blocks)()

    def _blocks(self) -> list[Callable[[], None]]:
        often = [self._dense, self._dense, self._days if self.days else self._dense, self._spot]
        once = [
            self._late, self._clock_jumps, self._series, self._steps, self._panel, self._again, self._bad,
            self._wrong_key, self._profile_changes, self._poison, self._forged, self._backfill,
        ]  # fmt: skip
        return [*often, *often, *often, *once, self._forget] if self.rng.random() < 0.3 else [*often, *often, *once]

    # --- publishing

    def _publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: control.Headers = (), late_us: int = 0
    ) -> None:
        self.publications.append(Publication(self.now_us + late_us, topic, key, value, headers))

    def _read(self, code: str, value: object, *, at_us: int | None = None, late_us: int = 0, **fields: Any) -> None:
        """A reading, measured now and arriving `late_us` later."""
        at = self.now_us if at_us is None else at_us
        fields.setdefault("id", f"{self.name}/{code}/{at}/{len(self.publications)}")
        made = reading(self.name, code, value, at, **fields)
        self._publish("readings", self.name.encode(), json.dumps(made).encode(), late_us=late_us)

    def _put_profile(self, **fields: Any) -> None:
        self.version += 1
        fields = {"care_team": f"team-{self.rng.randint(1, 2)}"} | fields
        self._document(profile(self.name, version=self.version, **fields))

    def _document(self, document: bytes | None) -> None:
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            self._publish("profiles", self.name.encode(), document)

    def _shuffled_us(self) -> int:
        return self.rng.randrange(LATENESS_US) if self.rng.random() < 0.3 else 0

    def _pause(self) -> None:
        longest = 3 * HOUR_US if self.days else 10 * MINUTE_US
        self.now_us += self.rng.randrange(US_PER_S, longest)

    # --- blocks

    def _dense(self) -> None:
        """A worn sensor: every few seconds or minutes, now and then far from normal."""
        code = self.rng.choice(DENSE)
        level, every_us = self.rng.choice(LEVELS[code]), self.rng.choice([20, 60, 60, 300]) * US_PER_S
        for n in range(self.rng.randint(3, 14)):
            self._read(code, level + n % 3 * 0.5, device=self._device, late_us=self._shuffled_us())
            self.now_us += every_us
        self._pause()

    def _days(self) -> None:
        """One measurement a day, and at the end perhaps some that deviate."""
        code = self.rng.choice(SLOW)
        usual, odd = LEVELS[code][0], self.rng.choice(LEVELS[code])
        values = [usual + n % 3 * 0.4 for n in range(self.rng.randint(4, 9))] + [odd] * self.rng.choice([0, 2, 3, 5])
        for value in values:
            self._read(code, value)
            self.now_us += DAY_US

    def _spot(self) -> None:
        code = self.rng.choice(sorted(LEVELS))
        context = self.rng.choice([None, {"activity": "exercise"}, {"activity": "rest"}])
        self._read(code, self.rng.choice(LEVELS[code]), context=context, quality=self.rng.choice([None, 0.5]))
        self._pause()

    def _late(self) -> None:
        code, late_us = self.rng.choice(["heart_rate", "spo2", "systolic_bp"]), self.rng.choice(LATE_US)
        for _ in range(self.rng.randint(1, 4)):
            self._read(code, self.rng.choice(LEVELS[code]), at_us=self.now_us - late_us)
            self.now_us += self.rng.choice([0, 90]) * US_PER_S

    def _backfill(self) -> None:
        """A device was away for hours and sends all of it at once, in or out of order."""
        code, hours = self.rng.choice(DENSE), self.rng.randint(2, 6)
        level = self.rng.choice(LEVELS[code])
        times = [self.now_us - n * 15 * MINUTE_US for n in range(hours * 2)]
        for at in self.rng.choice([sorted(times), times, self.rng.sample(times, len(times))]):
            self._read(code, level, at_us=at, device=self._device)

    def _clock_jumps(self) -> None:
        """A device whose clock runs ahead, back, or stands."""
        ahead = self.rng.choice([100, 299, 301, 86_400, -30, -4000, -(10**9)]) * US_PER_S
        stands = self.rng.random() < 0.3
        for n in range(self.rng.randint(1, 5)):
            at = self.now_us + ahead - (n * 60 * US_PER_S if stands else 0)
            self._read("heart_rate", self.rng.choice([75, 190]), at_us=at, device=self._device + "-b")
            self.now_us += 60 * US_PER_S

    def _series(self) -> None:
        samples = [self.rng.choice([None, 71, 72.5, 29, 141]) for _ in range(self.rng.randint(1, 40))]
        period = self.rng.choice([1, 15, 60])
        at = self.now_us - (len(samples) - 1) * period * US_PER_S
        self._read("heart_rate", None, at_us=at, values=samples, period=period)

    def _steps(self) -> None:
        self._read("steps", self.rng.choice([0, 40]), unit="{steps}")
        self._read("heart_rate", self.rng.choice([150, 185]))

    def _panel(self) -> None:
        high = self.rng.choice([120, 68, 190, 400])
        body = panel(self.name, f"{self.name}-panel-{len(self.publications)}", self.now_us, high)
        self._publish("readings", self.name.encode(), body)

    def _again(self) -> None:
        """Readings of before once more, as they were or under another id."""
        before = [p for p in self.publications if p.topic == "readings" and p.value and p.value.endswith(b'Z"}')]
        for one in self.rng.sample(before[-40:], min(len(before), self.rng.randint(1, 6))):
            fields = json.loads(one.value or b"")
            if self.rng.random() < 0.4:
                fields["id"] = f"{self.name}-again-{len(self.publications)}"
            self._publish("readings", one.key, json.dumps(fields).encode())

    def _bad(self) -> None:
        body = json.dumps(reading(self.name, at_us=self.now_us))
        odd = [body[:-9], body.replace("72.0", "true"), body.replace("72.0", "9999"), body.replace("/min", "furlong")]
        value = self.rng.choice([*BAD, None, *(text.encode() for text in odd)])
        key = self.rng.choice([self.name.encode(), self.name.encode(), b"nobody", None])
        self._publish("readings", key, value)

    def _poison(self) -> None:
        """What no honest client sends."""
        kind = self.rng.randrange(4)
        if kind == 0:
            large = reading(self.name, at_us=self.now_us, id="x" * TOO_LARGE)
            self._publish("readings", self.name.encode(), json.dumps(large).encode())
        elif kind == 1:
            self._publish("profiles", self.name.encode(), self.rng.choice([b"{", b'{"patient": "p"}', b"\xff"]))
        elif kind == 2:
            self._publish("actions", self.name.encode(), self.rng.choice([b"", b"{", b'{"type": "resolve"}']))
        else:
            self._publish("readings", self.name.encode(), b"{}", [(control.TYPE_HEADER, b"nonsense")])

    def _forged(self) -> None:
        """Control records signed with a guess."""
        kind = self.rng.choice([
            control.profile(self.name, None), control.tick(self.now_us + DAY_US),
            control.profile(self.name, profile(self.name, version=99)),
        ])  # fmt: skip
        self._publish("readings", *control.signed(kind, b"a guess"))

    def _wrong_key(self) -> None:
        made = reading(self.name, "spo2", self.rng.choice(LEVELS["spo2"]), self.now_us, id=f"wrong-{self.now_us}")
        self._publish("readings", self.rng.choice([None, b"nobody", b"p-other"]), json.dumps(made).encode())

    def _profile_changes(self) -> None:
        fields: dict[str, Any] = self.rng.choice([
            {}, {"monitoring": False}, {"withheld": ["heart_rate"]}, {"withheld": ["spo2", "body_weight"]},
            {"targets": [{"vital": "spo2", "low": 84, "author": "dr-4"}]}, {"timezone": "Europe/London"},
            {"usual": {"resting_heart_rate": 80}, "conditions": [{"code": "heart_failure"}]},
            {"devices": [{"device": self._device, "since": "2026-01-04"}]},
        ])  # fmt: skip
        if self.rng.random() < 0.2:
            self.version -= 1  # a version that is known already
        self._put_profile(**fields)
        if "monitoring" in fields or "withheld" in fields:
            self.now_us += 10 * MINUTE_US
            self._put_profile()

    def _forget(self) -> None:
        self._document(None)
        self.version = 0
        self.now_us += 5 * MINUTE_US
        self._put_profile()


def crowd(rng: random.Random, people: int) -> list[Publication]:
    """Others, of whom little is heard: they fill pages."""
    made = []
    for n in range(people):
        name, at = f"other-{n}", START_US + rng.randrange(0, 7200) * US_PER_S
        made.append(Publication(at, "profiles", name.encode(), profile(name)))
        for k in range(rng.choice([0, 0, 1, 2])):
            later = at + (k + 1) * 1800 * US_PER_S
            body = reading(name, "spo2", rng.choice(LEVELS["spo2"]), later)
            made.append(Publication(later, "readings", name.encode(), json.dumps(body).encode()))
    return made


def ticks(rng: random.Random, until_us: int, count: int, partitions: int) -> list[Publication]:
    """The passing of time, as a replay's feeder writes it: the same time to each partition, some of it twice."""
    made = []
    for at in sorted(rng.randrange(START_US, until_us + 1) // (10 * US_PER_S) * (10 * US_PER_S) for _ in range(count)):
        key, value, headers = control.signed(control.tick(at), SECRET)
        for partition in range(partitions):
            made += [Publication(at, "readings", key, value, headers, partition)] * rng.choice([1, 1, 1, 2])
    return made


def everything(
    rng: random.Random, *, patients: int, records: int, people: int, partitions: int, days: bool, tick_count: int
) -> list[Publication]:
    """Publications of one schedule, in the order in which they arrive."""
    lives = [Life(rng, f"p-{n}", days=days) for n in range(patients)]
    for life in lives:
        life.live(records // patients)
    found = [publication for life in lives for publication in life.publications] + crowd(rng, people)
    last = max(publication.arrived_us for publication in found)
    found += ticks(rng, last + 26 * HOUR_US, tick_count, partitions)
    found.sort(key=lambda publication: publication.arrived_us)
    return found
