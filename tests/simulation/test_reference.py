"""The reference that schedules are held against does not itself depend on what must not matter."""

import dataclasses
import random
from collections.abc import Iterable

import msgspec
import pytest

from models.times import US_PER_S
from streams.engine.rings import HOURS
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import Effects, step
from streams.kafka.slices import slice_of
from tests.engine.factories import MINUTE_US, Log, run
from tests.simulation.broker import Stored
from tests.simulation.judge import engine_settings, reference
from tests.simulation.straight import logs, publications, settings_for

SEEDS = range(12)
TOLD = ("alerts", "findings", "summaries", "rejects")


def lines(effects: Iterable[Effects], *names: str) -> list[bytes]:
    return [msgspec.json.encode(record) for one in effects for name in names for record in getattr(one, name)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_cut_into_batches_changes_nothing(seed: int) -> None:
    settings, rng = settings_for(1), random.Random(seed)
    (log,) = logs(publications(seed), settings)
    state, pieces, begin = PartitionState(), [], 0
    while begin < len(log):
        end = begin + rng.choice([1, 2, 7, 30, 200])
        records = slice_of(settings.topic("readings"), 0, log[begin:end], 1)
        pieces.append(step(state, records, engine_settings(settings)))
        begin = end
    whole = reference(settings, 0, log).effects
    for name in TOLD:
        assert lines(pieces, name) == lines([whole], name)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_number_of_partitions_changes_nothing_for_a_patient(seed: int) -> None:
    told = []
    for partitions in (1, 3):
        settings = settings_for(partitions)
        found = publications(seed, partitions=partitions, wrong_keys=False)
        parts = [reference(settings, p, log).effects for p, log in enumerate(logs(found, settings))]
        told.append(sorted(lines(parts, "alerts", "findings", "summaries")))
    assert told[0]
    assert told[0] == told[1]


HOUR_MS = 3_600_000


def twice(log: list[Stored]) -> list[Stored]:
    """Every reading said again at once."""
    doubled = [again for record in log for again in ([record] if record.headers else [record, record])]
    return [dataclasses.replace(record, offset=offset) for offset, record in enumerate(doubled)]


def within_the_window(log: list[Stored]) -> list[Stored]:
    """Without what is said again so late that it may not be known any more: doubling uses up places in the ring."""
    first: dict[bytes, int] = {}
    kept = [r for r in log if r.headers or r.timestamp - first.setdefault(_said(r), r.timestamp) < HOURS * HOUR_MS]
    return [dataclasses.replace(record, offset=offset) for offset, record in enumerate(kept)]


def _said(record: Stored) -> bytes:
    """What a reading says, whatever it is called."""
    value = record.value or b""
    return value.partition(b'"patient"')[2] or value


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reading_that_is_said_twice_is_decided_once(seed: int) -> None:
    """Found without the reference: here what counts as a duplicate is the law, not the code. (A reading with a wrong
    clock is refused as often as it is said, so the alert about the device's clock may come sooner.)"""
    settings = settings_for(1)
    (log,) = logs(publications(seed), settings)
    log = within_the_window(log)
    once, again = (reference(settings, 0, one).effects for one in (log, twice(log)))
    for effects in (once, again):
        effects.alerts = [alert for alert in effects.alerts if alert.category == "clinical"]
        effects.findings = [finding for finding in effects.findings if finding.kind != "sensor"]
    for name in ("alerts", "findings", "summaries"):
        assert lines([again], name) == lines([once], name)
    decided, duplicate = Outcome.DECIDED, Outcome.DUPLICATE
    assert again.outcomes[decided] == once.outcomes[decided] > 0
    assert again.outcomes[duplicate] == 2 * once.outcomes[duplicate] + once.outcomes[decided]


@pytest.mark.parametrize("seed", SEEDS)
def test_readings_shuffled_within_the_lateness_bound_end_in_the_same_episodes(seed: int) -> None:
    """Runs of low, high and usual values, a minute apart, each arriving up to a minute late."""
    rng = random.Random(seed)
    values = [level for _ in range(12) for level in [rng.choice([72, 28, 190, 135])] * rng.randint(3, 40)]
    late = [(n, n * MINUTE_US + rng.randrange(59 * US_PER_S)) for n in range(len(values))]
    found = []
    for arrivals in (late, [(n, n * MINUTE_US) for n in range(len(values))]):
        log = Log()
        log.profile()
        begin = log.now_us
        for n, arrived in sorted(arrivals, key=lambda one: one[1]):
            log.now_us = begin + arrived
            log.read(code="heart_rate", value=values[n], at_us=begin + n * MINUTE_US)
        opened = [alert for alert in run(log).alerts if alert.event == "opened"]
        found.append({(alert.alert_id, alert.problem) for alert in opened})
    assert found[0] == found[1]
    assert found[0]
