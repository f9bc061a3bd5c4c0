"""One seed becomes one schedule: settings, what is published when, the weather, and what goes wrong."""

import random
from dataclasses import dataclass

from streams.configuration.settings import Settings
from tests.engine.factories import SECRET
from tests.simulation.lives import Publication, everything
from tests.simulation.network import Weather

FEED_S = 40.0
"""Virtual time in which everything is published, where log time is not virtual time."""


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong. kind: kill, stop, pause, cut, start, blackout (all are killed), moved (all are killed,
    and the group's offsets are set to the ends before they are back)."""

    at_s: float
    kind: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Ambush:
    """What goes wrong in the middle of a checkpoint: when the n-th page of all reaches the changelog. A pause strikes
    the first checkpoint after it right at its beginning, so that most of its pages come late.

    blackout_s: a paused worker has that long after it wakes before all are killed: what it wrote late is restored.
    """

    page: int
    kind: str
    seconds: float
    blackout_s: float | None


@dataclass(frozen=True)
class Schedule:
    """All choices of one seed that are not made on the way. `feed`: (virtual time [s], publication)."""

    seed: int
    settings: Settings
    workers: int
    commit_s: float
    weather: Weather
    feed: list[tuple[float, Publication]]
    troubles: list[Trouble]
    ambushes: list[Ambush]
    nurse: float

    @property
    def ends_s(self) -> float:
        """When nothing more comes from outside, and nothing more goes wrong."""
        last = max([at for at, _ in self.feed] + [trouble.at_s + trouble.seconds for trouble in self.troubles])
        return last + 5.0


def schedule(seed: int) -> Schedule:
    """The schedule of a seed: always the same."""
    rng = random.Random(f"{seed}/schedule")
    partitions = rng.choice([1, 1, 2, 3])
    days = rng.random() < 0.6
    published = everything(
        random.Random(f"{seed}/lives"), patients=rng.randint(1, 5), records=rng.choice([50, 100, 150, 240]),
        people=rng.choice([0, 0, 0, 18, 40]), partitions=partitions, days=days, tick_count=rng.randint(0, 25),
    )  # fmt: skip
    feed = _timed(rng, published)
    return Schedule(
        seed=seed, settings=_settings(rng, partitions), workers=rng.randint(1, 3),
        commit_s=rng.choice([0.3, 1.0, 3.0]), weather=_weather(rng), feed=feed, troubles=_troubles(rng),
        ambushes=_ambushes(rng),
        nurse=rng.choice([0.0, 0.3, 0.8]),
    )  # fmt: skip


def _settings(rng: random.Random, partitions: int) -> Settings:
    made = Settings(
        partitions=partitions, secret=SECRET.decode(), ticks="off",
        checkpoint_s=rng.choice([0.3, 1.0, 3.0, 10.0]), chunk_records=rng.choice([1, 6, 12, 20, 40, 200]),
        unknown_patients=rng.choice(["reject", "reject", "reject", "monitor"]), standby_replicas=rng.choice([0, 1]),
    )  # fmt: skip
    # far below what is allowed, for pages that are far smaller: checkpoints in parts
    return made.model_copy(update={"checkpoint_bytes": rng.choice([1, 4000, made.checkpoint_bytes])})


def _weather(rng: random.Random) -> Weather:
    bad = rng.choice([0.0, 0.01, 0.05, 0.3])
    return Weather(
        latency_s=rng.choice([0.002, 0.02, 0.2]), slow=rng.choice([0.0, 0.02, 0.1]),
        slow_s=rng.choice([1.0, 4.0, 10.0]), request_lost=bad * rng.random(), answer_lost=bad * rng.random(),
    )  # fmt: skip


def _timed(rng: random.Random, published: list[Publication]) -> list[tuple[float, Publication]]:
    """Virtual times in the order of arrival: evenly, or in bursts."""
    burst = rng.random()
    times = sorted(rng.uniform(0, FEED_S) if rng.random() > burst else FEED_S / 4 * rng.randrange(5) for _ in published)
    return list(zip(times, published, strict=True))


def _troubles(rng: random.Random) -> list[Trouble]:
    kinds = ["kill", "kill", "kill", "stop", "pause", "pause", "cut", "start", "blackout", "moved"]
    made = []
    for _ in range(rng.choice([0, 1, 2, 4, 7])):
        kind = rng.choice(kinds)
        seconds = rng.choice([1.0, 5.0, 12.0, 25.0]) if kind in ("pause", "cut") else 0.0
        made.append(Trouble(rng.uniform(2, FEED_S + 10), kind, seconds))
    return sorted(made, key=lambda trouble: trouble.at_s)


def _ambushes(rng: random.Random) -> list[Ambush]:
    made = []
    for _ in range(rng.choice([0, 1, 2, 3, 4])):
        if rng.random() < 0.6:
            made.append(Ambush(rng.randint(2, 60), "kill", 0.0, None))
        else:  # longer than the group waits for it, so that somebody else goes on with its partitions meanwhile
            blackout_s = rng.uniform(0.05, 1.0) if rng.random() < 0.8 else None
            made.append(Ambush(rng.randint(2, 15), "pause", rng.choice([14.0, 17.0, 20.0]), blackout_s))
    return made
