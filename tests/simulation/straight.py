"""Logs without a world around them: what comes from outside, put where an undisturbed worker would put it."""

import random

from streams import control
from streams.configuration.settings import Settings
from streams.control import Origin
from tests.engine.factories import SECRET
from tests.simulation.broker import Broker, Stored
from tests.simulation.lives import Publication, everything


def publications(seed: int, *, partitions: int = 1, wrong_keys: bool = True) -> list[Publication]:
    """What comes from outside. Without wrong keys every reading lies where its patient's others are."""
    rng = random.Random(f"{seed}/straight")
    found = everything(
        rng, patients=4, records=240, people=rng.choice([0, 20]), partitions=partitions, days=rng.random() < 0.5,
        tick_count=20,
    )  # fmt: skip
    return found if wrong_keys else [one for one in found if one.key not in (b"nobody", b"p-other")]


def logs(found: list[Publication], settings: Settings) -> list[list[Stored]]:
    """The log of each partition: readings as they come, documents as control records at their places."""
    broker, topic = Broker(settings.partitions), settings.topic("readings")
    for place, one in enumerate(found):
        if one.topic == "actions" or (one.topic == "profiles" and not one.key):
            continue
        home = one.partition if one.partition is not None else broker.home_of(one.key or b"")
        key, value, headers = one.key, one.value, one.headers
        if one.topic == "profiles":
            document = control.profile((one.key or b"").decode(), one.value, Origin("profiles", home, place))
            key, value, headers = control.signed(document, SECRET)
        broker.append(topic, home, key, value, headers, one.arrived_us // 1000)
    return [broker.log(topic, partition) for partition in range(settings.partitions)]


def settings_for(partitions: int) -> Settings:
    return Settings(partitions=partitions, secret=SECRET.decode(), ticks="off")
