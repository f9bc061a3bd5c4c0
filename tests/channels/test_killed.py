"""The notifier is killed again and again while receivers fail, hang, answer slowly, or do their work and do not say so:
every alert reaches both, each has its effect once, and nothing is told again whose outcome is on the log."""

import asyncio
import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alerts.events import AlertEvent
from streams.configuration.settings import Settings
from streams.notifier.dead_letters import WantedAgain, send_again
from tests.brokers import ApacheKafka
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.moody import ANSWERS, Mood, Moody, moody_mail, moody_web
from tests.channels.notifying import POLICY
from tests.channels.waiting import until
from tests.cli.command import Homebeat
from tests.worker.live import Worker

Put = Callable[[], Awaitable[None]]
Over = Callable[[], bool]
Kill = tuple[float, float]
"""Seconds since 1970: between them it died, and receivers met what it had sent until then."""
SEED = int(os.environ.get("HOMEBEAT_TEST_KILLED_SEED") or time.time_ns() % 1_000_000)
SECRET = "a secret of these tests"
ALERTS, STEPS, KILLS = 36, 48, 4
TRIES_OF_A_LIFE, THEN_S = (1, 14), 0.4
"""A life ends some tries after it began, while others are under way. It has 18 messages or more to send."""
PLANS: list[list[Mood]] = [
    ["refuse"], ["cut"], ["slow"], ["cut", "refuse"], ["refuse", "slow"], ["slow"], ["cut", "cut"], ["quick"],
]  # fmt: skip
HANGING: list[list[Mood]] = [["hang"], ["cut", "hang"]]
SEVERITIES = ("advisory", "urgent", "emergency")
TEAMS = """
[mail]
host = "HOST"
port = PORT
sender = "homebeat@example.org"
tls = "none"
[channels]
mail-ann = {kind = "email", to = "ann@example.org", safe = true}
[members.ann]
name = "Ann"
reach = ["mail-ann"]
[teams.cardiology-home]
members = ["ann"]
chain = ["ann"]
"""
DRAIN_S, TURNS = 0.2, 20
"""How long receivers go on with what the dead one has sent, and how often they come to it meanwhile, also where this
process stands still for a while. Shorter than a process takes to begin."""
PATIENCE_S = 5.0
"""A sender asks again after this time without an answer (`WebhookLimits`), also of a receiver that a busy machine held
up. That is no licence: the first answer is not on the log by then, or the repeat comes after it."""
CLOCK_S = 0.002
"""The time of a delivery is cut to the millisecond."""


def steps_of(rng: random.Random) -> list[AlertEvent]:
    """Alerts of some patients, some of them with a second step later on."""
    order = [f"a-{n % ALERTS}" for n in range(STEPS)]
    rng.shuffle(order)
    found: list[AlertEvent] = []
    for alert_id in order:
        sequence = 1 + sum(one.alert_id == alert_id for one in found)
        number = int(alert_id[2:])
        told: dict[str, Any] = {"notify": "first" if sequence == 1 else "worse", "policy": POLICY, "evidence": []}
        told["decided_at"] = datetime.now(UTC).isoformat()  # of what is old, only the newest is told when all is read
        severity, title = SEVERITIES[number % 3], f"Heart rate high {alert_id}:{sequence}"
        found.append(alert(alert_id, sequence, patient=f"p-{number}", severity=severity, title=title, **told))
    return found


def plans_of(rng: random.Random, steps: list[AlertEvent], hanging: list[list[Mood]]) -> dict[str, list[Mood]]:
    """What each event meets. A receiver that hangs takes a slot for long, so few do."""
    plans = hanging + [PLANS[n % len(PLANS)] for n in range(len(steps) - len(hanging))]
    rng.shuffle(plans)
    return {name_of(one): plan for one, plan in zip(steps, plans, strict=True)}


def name_of(one: AlertEvent) -> str:
    return f"{one.alert_id}:{one.sequence}"


def homebeat_of(address: str, prefix: str, folder: Path, web: Moody, mail: Moody) -> Homebeat:
    host, port = mail.address.split(":")
    (folder / "teams.toml").write_text(TEAMS.replace("HOST", host).replace("PORT", port))
    settings = {
        "broker": address, "topic_prefix": prefix, "data_folder": str(folder / "data"), "webhook_secret": SECRET,
        "webhook_urls": web.address, "teams_file": str(folder / "teams.toml"), "partitions": "4",
    }  # fmt: skip
    return Homebeat(folder, settings)


async def live(homebeat: Homebeat, receivers: tuple[Moody, ...], tries: int, then_s: float) -> Kill:
    """One life of a notifier; its end."""
    before = sum(len(one.tries) for one in receivers)
    notifier = Worker(homebeat, "notifier")
    try:
        await until(lambda: sum(len(one.tries) for one in receivers) >= before + tries)
        await asyncio.sleep(then_s)
        assert notifier.process.poll() is None, notifier.log()
    finally:
        begin_s = time.time()
        notifier.kill()
    for _ in range(TURNS):
        await asyncio.sleep(DRAIN_S / TURNS)
    return begin_s, time.time()


def recorded_s(records: list[dict[str, Any]], channel: str) -> dict[str, float]:
    """When the outcome of each event by this channel was put on the log [s]."""
    return {
        f"{one['alert_id']}:{one['sequence']}": datetime.fromisoformat(one["at"]).timestamp()
        for one in records
        if one["channel"] == channel
    }


def held(where: Moody, steps: list[AlertEvent], done: dict[str, float], kills: list[Kill]) -> None:
    """The verdict on one receiver. done: see `recorded_s`."""
    assert where.forged == 0
    assert where.effects == Counter(map(name_of, steps)), "every event has its effect, and once"
    found = where.by_name()
    for name, tries in found.items():
        assert len({(one.key, one.said) for one in tries}) == 1, f"{name}: a repeat is the same message"
        assert tries[-1].mood in ANSWERS, f"{name} was given up"
        assert tries[-1].at_s <= done[name] + CLOCK_S, f"{name} was told after its outcome was on the log"
        for one, again in pairwise(tries):
            died = any(one.at_s <= end_s and begin_s <= again.at_s for begin_s, end_s in kills)
            late = again.at_s - one.at_s >= PATIENCE_S
            assert died or late or one.mood not in ANSWERS, f"{name} was told again after {one}: {again}, {kills}"
    for name in (name_of(one) for one in steps if one.sequence == 2):
        assert found[name][0].at_s >= found[f"{name[:-1]}1"][-1].at_s, f"{name} was told before what was before"
    assert len({tries[0].key for tries in found.values()}) == len(steps), "no two events share a key"


async def tell(
    homebeat: Homebeat, receivers: tuple[Moody, ...], put: Put, rng: random.Random, over: Over
) -> list[Kill]:
    """Several lives of a notifier, with something new before each; when they ended but for the last [s]."""
    kills = []
    for _ in range(KILLS):
        await put()
        kills.append(await live(homebeat, receivers, rng.randint(*TRIES_OF_A_LIFE), rng.uniform(0.0, THEN_S)))
    await put()
    last = Worker(homebeat, "notifier")
    try:
        with contextlib.suppress(TimeoutError):  # the verdict says what is missing
            await until(over, 120)
    finally:
        last.stop()
    return kills


@pytest.mark.kafka
@pytest.mark.slow
async def test_a_notifier_that_is_killed_while_receivers_fail_loses_nothing_and_nothing_has_its_effect_twice(
    kafka_broker: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    print(f"HOMEBEAT_TEST_KILLED_SEED={SEED}")  # noqa: T201 - shown with a failure
    rng, address = random.Random(SEED), kafka_broker.address
    steps = steps_of(rng)
    ends = [len(steps) * n // (KILLS + 1) for n in range(KILLS + 2)]
    batches = iter([steps[begin:end] for begin, end in pairwise(ends)])
    await topics.made(address, prefix)
    async with (
        moody_web(plans_of(rng, steps, HANGING), SECRET.encode()) as web,
        moody_mail(plans_of(rng, steps, [])) as mail,
        topics.watched(address, f"{prefix}deliveries") as records,
    ):
        kills = await tell(
            homebeat_of(address, prefix, tmp_path, web, mail), (web, mail),
            lambda: topics.put(address, f"{prefix}alerts", next(batches)), rng, lambda: len(records) >= 2 * len(steps),
        )  # fmt: skip
    names = {"mail-ann": mail, f"webhook:{web.address.removeprefix('http://')}": web}
    outcomes = Counter((one["channel"], one["outcome"]) for one in records)
    assert outcomes == {(name, "delivered"): len(steps) for name in names}
    for channel, where in names.items():
        held(where, steps, recorded_s(records, channel), kills)
        assert {one.mood for one in where.tries} >= {"refuse", "cut", "slow", "quick"}
    assert {one["member"] for one in records if one["channel"] == "mail-ann"} == {"ann"}
    dead = await send_again(
        Settings(broker=address, topic_prefix=prefix), WantedAgain(frozenset(names)), dry_run=True,
        now=lambda: datetime.now(UTC),
    )  # fmt: skip
    assert (dead.letters, dict(dead.left)) == (0, {}), "what has arrived is no dead letter"
