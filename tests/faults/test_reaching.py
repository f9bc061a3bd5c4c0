"""Nobody answers a hundred emergencies, while worker and notifier are killed again and again: each reaches the next
person, and in the end everybody, in time. Real processes, a real Kafka, real receivers; `tests/alerts/test_reaching.py`
plays two hundred runs of it in virtual time."""

import random
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.brokers import ApacheKafka
from tests.engine.factories import profile
from tests.faults.phones import SECRET, pagers, teams_file, told
from tests.worker.live import Deployment, Worker, deployment, until

PATIENTS, BEGIN_WITHIN_S, ANSWER_S, RUNGS = 100, 20.0, 60.0, 2
LIVES_S, BACK_S = (12.0, 35.0), (0.5, 4.0)
IN_TIME_S = 55.0
"""After a deadline: a worker and a notifier that died at the worst moment, 10 s each until the group lets others have
their partitions, and their start. Less than the next person's turn. Measured: 10 s at most, also with ten processes at
work on two processors, so that other tests may run meanwhile."""


class Mortal:
    """A process that is killed at random moments of its work, and started again soon after, as an orchestrator does."""

    def __init__(self, here: Deployment, command: str, rng: random.Random) -> None:
        self.kills, self._here, self._command, self._rng = 0, here, command, rng
        self.begin()

    def begin(self) -> None:
        self._process: Worker | None = self._here.begin(self._command)
        self._next_s: float | None = None

    def turn(self) -> None:
        """What is due now: its death, or its return."""
        if self._next_s is None:
            if self._process is not None and self._process.ready():
                self._next_s = time.monotonic() + self._rng.uniform(*LIVES_S)
            return
        if time.monotonic() < self._next_s:
            return
        if self._process is None:
            self.begin()
            return
        self._process.kill()
        self._process, self.kills = None, self.kills + 1
        self._next_s = time.monotonic() + self._rng.uniform(*BACK_S)


def enrol(here: Deployment, people: list[str]) -> None:
    for patient in people:
        here.put("profiles", patient.encode(), profile(patient, care_team="home"))
    here.settle()
    profiles = here.topic("readings")
    until(lambda: len({one.key() for one in profiles.look() if one.key()}) == len(people), "all profiles")


def opened_s(here: Deployment) -> dict[str, float]:
    """When each patient's emergency was decided [s]."""
    events = (e for e in here.topic("alerts").all_values() if e["problem"] == "spo2.low" and e["sequence"] == 1)
    return {one["patient"]: datetime.fromisoformat(one["decided_at"]).timestamp() for one in events}


def in_time(reached: dict[str, float], opened: dict[str, float], due_s: float, name: str) -> None:
    late = sorted(reached[patient] - began - due_s for patient, began in opened.items())
    assert late[0] >= 0, f"{name} was told before their turn"
    assert late[-1] <= IN_TIME_S, f"{name} was told {late[-3:]} s late"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_unanswered_emergencies_reach_everybody_in_time_while_worker_and_notifier_are_killed(
    kafka_broker: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    rng = random.Random(f"reaching/{prefix}")
    people = [f"p-{n}" for n in range(PATIENTS)]
    settings = {"answer_emergency_min": "1", "rungs": str(RUNGS), "webhook_secret": SECRET, "notifier": "off"}
    with pagers() as phones, deployment(kafka_broker, prefix, tmp_path, **settings) as here:
        here.homebeat.settings["teams_file"] = str(teams_file(tmp_path, phones))
        first = here.start()
        enrol(here, people)
        first.kill()
        mortals = [Mortal(here, command, rng) for command in ("worker", "notifier")]
        begins = sorted((time.monotonic() + rng.uniform(0.0, BEGIN_WITHIN_S), patient) for patient in people)

        def all_told() -> bool:
            for one in mortals:
                one.turn()
            while begins and begins[0][0] <= time.monotonic():
                here.read(begins.pop(0)[1], code="spo2", value=70.0 + rng.randrange(8))
            return not begins and all(len(told(phone, "alarm", RUNGS)) == PATIENTS for phone in phones.values())

        until(all_told, "everybody is told that nobody answers", BEGIN_WITHIN_S + ANSWER_S * RUNGS + 3 * IN_TIME_S)
        opened = opened_s(here)
        assert set(opened) == set(people)
        for rung, name in enumerate(("ann", "bob")):
            in_time(told(phones[name], "alert", rung), opened, ANSWER_S * rung, name)
        for name, phone in phones.items():
            in_time(told(phone, "alarm", RUNGS), opened, ANSWER_S * RUNGS, name)
            assert phone.forged == 0
            assert all(len(set(bodies)) == 1 for bodies in list(phone.pages.values())), "one key, one effect"
        assert told(phones["bob"], "alert", 0) == {}, "nobody is asked before their turn"
        assert min(one.kills for one in mortals) >= 3, "too little went wrong to show anything"
