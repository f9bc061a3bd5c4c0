"""What must hold in the end: what lies on the topics is what one uninterrupted step over the same log tells.

The reference is the real engine over each partition's log in one piece: no checkpoint, no crash, no redelivery.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

import msgspec
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaTimeoutError

from alerts.events import AlertEvent
from models.times import US_PER_S
from streams import control
from streams.configuration.settings import Settings
from streams.engine.pages import Counted, counts, restored
from streams.engine.state import PartitionState
from streams.engine.step import Effects, EngineSettings, step
from streams.kafka.slices import slice_of
from streams.kafka.topics import changelog_topic
from streams.worker.balance import _keep_furthest
from tests.engine.factories import HOUR_US, MINUTE_US, Log
from tests.engine.histories import LEVELS
from tests.simulation.broker import Stored
from tests.simulation.world import Outcome

SHOWN = 3
"""Differences of one kind that are told."""
CODA_PATIENTS = 4
CRASHED = "failed of itself:"
"""How a problem begins that is no difference on the topics, but an exception that is not Kafka's."""


@dataclass
class Reference:
    """What the uninterrupted run over one partition told, and what it remembers."""

    effects: Effects
    state: PartitionState


def engine_settings(settings: Settings) -> EngineSettings:
    """As the keeper makes them."""
    return EngineSettings(
        settings.secret.get_secret_value().encode(), round(settings.clock_tolerance_s * US_PER_S),
        settings.unknown_patients == "monitor", policy=settings.policy,
    )  # fmt: skip


def reference(settings: Settings, partition: int, log: list[Stored]) -> Reference:
    """One step over the log in one piece."""
    state = PartitionState()
    records = slice_of(settings.topic("readings"), partition, log, settings.partitions)
    return Reference(step(state, records, engine_settings(settings)), state)


def judge(outcome: Outcome) -> list[str]:
    """Everything that does not hold; empty when all is well."""
    settings, readings = outcome.settings, outcome.settings.topic("readings")
    wanted = [
        reference(settings, partition, outcome.broker.log(readings, partition))
        for partition in range(settings.partitions)
    ]
    pages = final_pages(outcome)
    return [
        *_said("alerts", outcome.topic("alerts"), [a for one in wanted for a in one.effects.alerts]),
        *_steps_of_episodes(outcome.topic("alerts")),
        *_said("findings", outcome.topic("findings"), [f for one in wanted for f in one.effects.findings]),
        *_said("vitals", outcome.topic("vitals"), [s for one in wanted for s in one.effects.summaries]),
        *_rejected(outcome, wanted),
        *_rekeyed(outcome, wanted),
        *_sequenced(outcome),
        *_balance(outcome, wanted, pages),
        *_remembered(outcome, wanted, pages),
        *_failures(outcome),
    ]


def final_pages(outcome: Outcome) -> dict[bytes, bytes]:
    """The pages that whoever comes next would restore."""
    pages: dict[bytes, bytes] = {}
    for record in outcome.broker.topic(changelog_topic(outcome.settings)):
        _keep_furthest(pages, record.key or b"", record.value)
    return pages


def _differ(what: str, found: Iterable[bytes], wanted: Iterable[bytes]) -> list[str]:
    """The same records, in whatever order and however often."""
    ours, theirs = set(found), set(wanted)
    lost, strange = sorted(theirs - ours), sorted(ours - theirs)
    return [f"{what}: {len(lost)} lost, such as {one!r:.600}" for one in lost[:SHOWN]] + [
        f"{what}: {len(strange)} that differ, such as {one!r:.600}" for one in strange[:SHOWN]
    ]


def _said(topic: str, found: list[Stored], wanted: Iterable[msgspec.Struct]) -> list[str]:
    return _differ(topic, (record.value or b"" for record in found), map(msgspec.json.encode, wanted))


def _steps_of_episodes(found: list[Stored]) -> list[str]:
    """(alert_id, sequence) means one thing, and sequences run from 1 without a gap."""
    steps: dict[tuple[str, int], bytes] = {}
    problems = []
    for record in found:
        event = msgspec.json.decode(record.value or b"", type=AlertEvent)
        if steps.setdefault((event.alert_id, event.sequence), record.value or b"") != record.value:
            problems.append(f"alerts: {event.alert_id} says two things as {event.sequence}")
    for alert_id, keys in groupby(sorted(steps), key=lambda step: step[0]):
        sequences = [sequence for _, sequence in keys]
        if sequences != list(range(1, len(sequences) + 1)):
            problems.append(f"alerts: {alert_id} has the sequences {sequences}")
    return problems


def _rejected(outcome: Outcome, wanted: list[Reference]) -> list[str]:
    """Dead letters of readings are the reference's; of documents there is one answer for each record."""
    readings = outcome.settings.topic("readings")
    ours = [record.value or b"" for record in outcome.topic("rejects")]
    of_readings = [value for value in ours if json.loads(value)["topic"] == readings]
    rejects = (msgspec.json.encode(reject) for one in wanted for reject in one.effects.rejects)
    by_place: dict[tuple[str, int, int], bytes] = {}
    problems = _differ("rejects", of_readings, rejects)
    for value in ours:
        fields = json.loads(value)
        place = fields["topic"], fields["partition"], fields["offset"]
        if fields["topic"] != readings and by_place.setdefault(place, value) != value:
            problems.append(f"rejects: two answers to {place}")
    return problems


def _rekeyed(outcome: Outcome, wanted: list[Reference]) -> list[str]:
    """What came under a wrong key lies in the log under the right one as well."""
    readings = outcome.settings.topic("readings")
    there = {(record.key, record.value) for record in outcome.topic("readings")}
    problems = []
    for partition, one in enumerate(wanted):
        log = outcome.broker.log(readings, partition)
        lost = [i for i, key in one.effects.rekeyed if (key, log[i].value) not in there]
        problems += [f"readings: {partition}/{i} was not published under its own key" for i in lost[:SHOWN]]
    return problems


def _sequenced(outcome: Outcome) -> list[str]:
    """Every profile and action is in the log of readings, or among the dead letters."""
    controls = {(r.key, r.value) for r in outcome.topic("readings") if control.is_control(r.headers)}
    answered = {(f["topic"], f["partition"], f["offset"]) for f in map(_json, outcome.topic("rejects"))}
    problems = []
    for name in ("profiles", "actions"):
        for record in outcome.topic(name):
            place = record.topic, record.partition, record.offset
            if (record.key, record.value) not in controls and place not in answered:
                problems.append(f"{name}: {place} was neither sequenced nor answered")
    return problems[:SHOWN]


def _json(record: Stored) -> dict[str, object]:
    found: dict[str, object] = json.loads(record.value or b"")
    return found


def _balance(outcome: Outcome, wanted: list[Reference], pages: dict[bytes, bytes]) -> list[str]:
    """received = decided + rejected + duplicate + withheld, as the pages say, as the reference says, as we count."""
    problems = []
    found = counts(pages)
    for partition, one in enumerate(wanted):
        ours = found.get(partition, Counted(0, [0, 0, 0, 0]))
        theirs = Counted(one.effects.received, one.effects.outcomes.tolist())
        if ours != theirs:
            problems.append(f"balance of {partition}: the pages say {ours}, the reference {theirs}")
        if ours.received != sum(ours.outcomes):
            problems.append(f"balance of {partition}: {ours} does not balance")
    return problems


def _remembered(outcome: Outcome, wanted: list[Reference], pages: dict[bytes, bytes]) -> list[str]:
    """Whoever restores the pages goes on exactly as the reference does: what comes next is told in the same bytes."""
    problems = []
    for partition, one in enumerate(wanted):
        log = outcome.broker.log(outcome.settings.topic("readings"), partition)
        coda = _coda(log, list(one.state.slot_of)[:CODA_PATIENTS])
        records = slice_of(outcome.settings.topic("readings"), partition, coda, outcome.settings.partitions)
        ours, theirs = (
            step(state, records, engine_settings(outcome.settings)) for state in (restored(pages, partition), one.state)
        )
        if (ours.received, ours.outcomes.tolist()) != (theirs.received, theirs.outcomes.tolist()):
            problems.append(f"afterwards {partition} counts {ours.outcomes}, the reference {theirs.outcomes}")
        for name in ("alerts", "findings", "summaries", "rejects"):
            pair = [[msgspec.json.encode(record) for record in getattr(effects, name)] for effects in (ours, theirs)]
            if pair[0] != pair[1]:
                problems += _differ(f"{name} afterwards, partition {partition}", *pair) or [f"{name}: another order"]
    return problems


def _coda(log: list[Stored], patients: list[str]) -> list[Stored]:
    """Readings that make everything show that is remembered of these patients."""
    tail = Log(now_us=max((record.timestamp for record in log), default=0) * 1000 + HOUR_US)
    for step_, pick in enumerate((0, 1, 1, 0)):
        for patient in patients:
            for code, levels in LEVELS.items():
                tail.read(patient=patient, code=code, value=levels[pick], id=f"coda-{patient}-{code}-{step_}")
        tail.wait(40 * MINUTE_US)
    tail.tick()
    begin, topic = len(log), log[0].topic if log else "readings"
    return [
        ConsumerRecord(topic, 0, begin + i, r.arrived_us // 1000, 0, r.key, r.value, None, 0, 0, tuple(r.headers))
        for i, r in enumerate(tail.records)
    ]


def _failures(outcome: Outcome) -> list[str]:
    """A worker may stop because the broker does not answer; anything else is a bug. So is what no task caught."""
    known: Callable[[BaseException], bool] = lambda failure: isinstance(failure, KafkaTimeoutError)  # noqa: E731
    bugs = [f"{CRASHED} {failure!r}" for failure in outcome.failures if not known(failure)]
    return bugs + [f"{CRASHED} {context}" for context in outcome.broken if "exception in" in str(context).lower()]


__all__ = ["Reference", "engine_settings", "final_pages", "judge", "reference"]
