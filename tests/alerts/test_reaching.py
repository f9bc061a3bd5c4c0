"""An emergency that nobody acknowledges reaches the next person in time: 200 runs, and in half of them worker and
notifier are killed at random moments.

In virtual time, with the real engine, pages, policy, post and bookkeeping of what was told; only Kafka and the people
are made up. A killed worker loses its state since the last checkpoint and tells again what it had told; a killed
notifier has sent without recording, or recorded without committing. Receivers keep each idempotency key's effect once.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from alerts.channels.post import Letter, Post
from alerts.channels.progress import Progress, Told
from alerts.channels.protocol import Outcome, idempotency_key
from alerts.events import AlertEvent
from alerts.teams import read_directory
from models.times import US_PER_S, from_us, to_us
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings, step
from streams.notifier.configuration import silent_because
from streams.notifier.deliveries import delivery_id_of
from tests.engine.factories import SECRET, START_US, Log

RUNS, KILLED_RUNS = 200, 100
TICK_S, LASTS_S, RESTART_S = 20, 19 * 60, (1, 20)
IN_TIME_S = TICK_S + 2 * RESTART_S[1] + 5
"""After its deadline an escalation waits for a tick, and at worst for a worker and for a notifier that come back."""
TEAMS = """
[channels]
%s
[teams.home]
members = ["ann", "bob", "cas"]
chain = ["ann", "bob", "cas"]
[teams.ops]
members = ["dee"]
chain = ["dee"]
"""
PEOPLE = ("ann", "bob", "cas", "dee")
DIRECTORY = read_directory(
    TEAMS % "\n".join(f'{one} = {{kind = "email", to = "{one}@x"}}' for one in PEOPLE)
    + '[mail]\nhost = "x"\nsender = "x"\n'
    + "".join(f'[members.{one}]\nname = "{one}"\nreach = ["{one}"]\n' for one in PEOPLE)
)
ENGINE = EngineSettings(SECRET)


@dataclass
class Inbox:
    """A person's phone: each key's effect once, and when it came [s]."""

    name: str
    seen: dict[str, int] = field(default_factory=dict)
    knocks: Counter[str] = field(default_factory=Counter)

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        raise NotImplementedError("the run delivers by itself")

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Run:
    """One seed: a log that grows, a worker, a notifier, and what befalls them."""

    seed: int
    killed: bool
    alerts: list[AlertEvent] = field(default_factory=list)
    recorded: dict[str, str] = field(default_factory=dict)
    committed: int = 0
    kills: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(f"reach/{self.seed}")
        self.log = self._written()
        self.pages: dict[bytes, bytes] = {}
        self.certified, self.state, self.done = -1, PartitionState(), 0
        self.inboxes = {name: Inbox(name) for name in PEOPLE}
        self.post = Post([], [], self.inboxes, DIRECTORY)
        self.worker_back = self.notifier_back = 0
        self._begin_notifier()

    def _written(self) -> Log:
        log = Log()
        log.profile(care_team="home")
        log.read(code="spo2", value=97.0)
        begins = self.rng.randrange(2, 60)
        for second in range(1, LASTS_S):
            log.now_us = START_US + second * US_PER_S
            if second == begins:
                log.read(code="spo2", value=70.0 + self.rng.randrange(8))
            elif self.rng.random() < 0.01:
                log.read(code="heart_rate", value=70 + self.rng.randrange(9))
            if second % TICK_S == 0:
                log.tick()
        return log

    def run(self) -> None:
        for second in range(LASTS_S):
            if second >= self.worker_back:
                self._work(second)
            if second >= self.notifier_back:
                self._notify(second)

    def _dies(self, chance: float) -> bool:
        dies = self.killed and self.rng.random() < chance
        self.kills += dies
        return dies

    # --- the worker

    def _work(self, second: int) -> None:
        end = self.done
        while end < len(self.log) and self.log.records[end].arrived_us <= START_US + second * US_PER_S:
            end += 1
        if end > self.done:
            told = step(self.state, self.log.slice(self.done, end), ENGINE).alerts
            self.done = end
            sent = self.rng.randrange(len(told) + 1) if told and self._dies(0.5) else None
            self.alerts += told[:sent]
            if sent is not None:
                self._worker_killed(second)
                return
        if self.rng.random() < 0.1:
            checkpoint = pack_dirty(self.state, 0)
            self.pages |= checkpoint.pages
            self.certified = checkpoint.certified
        if self._dies(0.004):
            self._worker_killed(second)

    def _worker_killed(self, second: int) -> None:
        self.state, self.done = restored(dict(self.pages), 0), self.certified + 1
        self.worker_back = second + self.rng.randint(*RESTART_S)

    # --- the notifier

    def _begin_notifier(self) -> None:
        self.told, self.progress, self.read = Told(10_000), Progress[str](), self.committed
        for known, outcome in self.recorded.items():
            self.told.recorded(known, failed=outcome == "failed")

    def _notify(self, second: int) -> None:
        while self.read < len(self.alerts):
            offset, event = self.read, self.alerts[self.read]
            now = from_us(START_US + second * US_PER_S)
            letters = self.post.letters(event, silent_because(event) is not None, now)
            letters = [one for one in letters if delivery_id_of(one.channel, event) not in self.told]
            self.progress.took("alerts", offset, len(letters))
            self.read += 1
            for letter in letters:
                if not self._delivered(letter, event, offset, second):
                    self._notifier_killed(second)
                    return
        if self._dies(0.004):
            self._notifier_killed(second)
            return
        self.committed = self.progress.committable().get("alerts", self.committed)

    def _delivered(self, letter: Letter, event: AlertEvent, offset: int, second: int) -> bool:
        """Sent and recorded; False if the notifier died on the way, before or after either."""
        known = delivery_id_of(letter.channel, event)
        if self._dies(0.1):
            return False
        inbox = self.inboxes[letter.channel]
        inbox.seen.setdefault(idempotency_key(event), second)
        inbox.knocks[idempotency_key(event)] += 1
        if self._dies(0.2):
            return False
        self.recorded[known] = "delivered"
        self.told.recorded(known)
        self.progress.done("alerts", offset)
        return not self._dies(0.1)

    def _notifier_killed(self, second: int) -> None:
        self.notifier_back = second + self.rng.randint(*RESTART_S)
        self._begin_notifier()

    # --- what must hold

    def opened_s(self) -> int:
        (first,) = {event.decided_at for event in self.alerts if event.problem == "spo2.low" and event.sequence == 1}
        return (to_us(datetime.fromisoformat(first)) - START_US) // US_PER_S

    def reached(self, kind: str, rung: int) -> dict[str, int]:
        """Who got the message of a rung, and when [s]."""
        keys = {
            idempotency_key(event)
            for event in self.alerts
            if event.notify is not None and event.rung == rung and (event.kind == "delivery") == (kind == "alarm")
            and event.sequence <= rung + 1
        }  # fmt: skip
        return {name: min(inbox.seen[k] for k in keys & inbox.seen.keys()) for name, inbox in self.inboxes.items()
                if keys & inbox.seen.keys()}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_unanswered_emergency_reaches_the_next_person_in_time_in_every_run() -> None:
    kills, repeats = 0, 0
    for seed in range(RUNS):
        run = Run(seed, killed=seed < KILLED_RUNS)
        run.run()
        began = run.opened_s()
        late_s = IN_TIME_S if run.killed else TICK_S
        for rung, name in enumerate(PEOPLE[:3]):
            reached = run.reached("alert", rung)
            due = began + 5 * 60 * rung
            assert set(reached) == {name}, f"seed {seed}, rung {rung}: {reached}"
            assert reached[name] <= due + late_s * (rung + 1), f"seed {seed}, rung {rung}: {reached[name] - due} s late"
        alarm = run.reached("alarm", 3)
        assert set(alarm) == set(PEOPLE), f"seed {seed}: the end of the chain reached {sorted(alarm)}"
        assert all(outcome == "delivered" for outcome in run.recorded.values())
        kills += run.kills
        repeats += sum(n - 1 for inbox in run.inboxes.values() for n in inbox.knocks.values())
        if not run.killed:
            assert run.kills == 0
            assert all(n == 1 for inbox in run.inboxes.values() for n in inbox.knocks.values())
    assert kills > 5 * KILLED_RUNS, "too little went wrong to show anything"
    assert repeats > KILLED_RUNS / 4, "nothing was sent twice: no receiver had to keep a key's effect to once"
