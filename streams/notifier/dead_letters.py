"""Dead letters of channels: found on `deliveries`, and put back on `alerts` for the notifier to send again.

An event goes back as it came, to its own partition, with a header that says which channels are asked, and for the
how manieth time: so the log decides. What is on it as delivered is not sent again, nor is an asking that has an outcome
already. Everybody else who reads `alerts` knows the event, and passes over it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from alerts.channels.again import needless
from alerts.channels.post import Letter
from alerts.channels.protocol import printable
from alerts.events import AlertEvent, AuditEvent, Delivery
from alerts.teams import Person
from models.times import rfc3339, to_us
from streams.configuration.settings import Settings
from streams.errors import Failed
from streams.kafka.whole import records
from streams.notifier.lookback import event_of
from streams.publish import producing
from streams.redrive import who

AGAIN_HEADER = "homebeat-again"
DEAD_MAX = 100_000
"""Dead letters that one run looks at, about 1 KB each. More: a channel was away for long, and --since narrows it."""
EVENTS_MAX = 5_000
"""Events that one run sends again: as many as may wait for a channel, so that none gives way. More: run it again."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One channel that is asked to tell an event again. again: the how manieth time, from 1. seen: the offset up to
    which whoever asks had read the partition, and found nothing by which nobody needs it."""

    channel: str
    again: int
    seen: Annotated[int, msgspec.Meta(ge=0)] = 0
    member: str | None = None
    instead_of: str | None = None
    why: str | None = None
    members: list[str] = []

    @property
    def letter(self) -> Letter:
        """As the notifier sends it: by this channel, and no other way."""
        person = Person(self.member, (self.channel,), self.instead_of) if self.member else None
        others = (Person(one, (self.channel,)) for one in self.members if one != self.member)
        also = tuple(Letter(self.channel, one, self.why, again=self.again) for one in others)
        return Letter(self.channel, person, self.why, again=self.again, also=also)


def asks_of(record: ConsumerRecord) -> list[Ask] | None:
    """Who is asked by a record of `alerts`; None for an event that has just come."""
    raw = next((value for name, value in record.headers or () if name == AGAIN_HEADER), None)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=list[Ask])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []


@dataclass(frozen=True, slots=True)
class WantedAgain:
    """Which dead letters. channels: of these; because: part of the failure's cause; since, until: when it failed."""

    channels: frozenset[str]
    because: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    patient: str | None = None

    def takes(self, letter: Delivery) -> bool:
        """Whether it is one of them."""
        at = datetime.fromisoformat(letter.at)
        return (
            letter.channel in self.channels
            and (self.because is None or self.because.lower() in (letter.detail or "").lower())
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and (self.patient is None or letter.patient == self.patient)
        )

    def as_json(self) -> dict[str, Any]:
        """For the audit: what was asked for."""
        return {
            "channels": sorted(self.channels), "because": self.because, "patient": self.patient,
            "since": self.since and rfc3339(to_us(self.since)), "until": self.until and rfc3339(to_us(self.until)),
        }  # fmt: skip


@dataclass(slots=True)
class Resent:
    """What was asked, or would be. left: letters that nobody needs any more, or that cannot be sent, by why."""

    letters: int = 0
    by_channel: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """The figures of `--json`."""
        counts = {"by_channel": self.by_channel, "by_reason": self.by_reason, "left": self.left}
        return {"letters": self.letters, **{name: dict(sorted(one.items())) for name, one in counts.items()}}


@dataclass(slots=True)
class _Dead:
    """The newest failure of each alert and channel, unless something newer got through. channels: all used."""

    failed: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    told: dict[tuple[str, str], int] = field(default_factory=dict)
    channels: set[str] = field(default_factory=set)

    def take(self, one: Delivery) -> None:
        place = (one.alert_id, one.channel)
        self.channels.add(one.channel)
        if one.outcome == "delivered":
            for key in (place, *((one.alert_id, f"member {member}") for member in one.whom)):
                self.told[key] = max(one.sequence, self.told.get(key, 0))
            return
        known = self.failed.get(place)
        if known is None or (known.sequence, known.again) <= (one.sequence, one.again):
            self.failed[place] = one

    def check(self, wanted: WantedAgain) -> None:
        """Raise Failed for a channel that nothing went by, while something went by others: its name is misspelt."""
        if self.channels and (unknown := sorted(wanted.channels - self.channels)):
            known = ", ".join(map(printable, sorted(self.channels)))
            raise Failed(f"nothing ever went by a channel {printable(', '.join(unknown))}: there are {known}")

    def why_not(self, one: Delivery) -> str | None:
        """Why it is no dead letter any more; None if it is one."""
        if self.told.get((one.alert_id, one.channel), 0) >= one.sequence:
            return "got through since"
        whom = [(one.alert_id, f"member {member}") for member in one.whom]
        if whom and all(self.told.get(key, 0) >= one.sequence for key in whom):
            return "the same person was told another way"
        return None


async def send_again(settings: Settings, wanted: WantedAgain, *, dry_run: bool, now: Callable[[], datetime]) -> Resent:
    """Ask the notifier for what is wanted, as far as somebody still needs it. Raises BrokerUnreachable, Failed."""
    done = Resent()
    back = [one async for one in _back(settings, await _dead(settings, wanted, done), done)]
    if dry_run or not back:
        return done
    try:
        async with producing(settings) as producer:
            for record, asks in back:
                headers = [(AGAIN_HEADER, msgspec.json.encode(asks))]
                await producer.send_and_wait(
                    settings.topic("alerts"), record.value, record.key, partition=record.partition, headers=headers
                )
            detail = {"wanted": wanted.as_json(), **done.as_json()}
            audit = AuditEvent(at=rfc3339(to_us(now())), by=who(), what="redrive", detail=detail)
            await producer.send_and_wait(settings.topic("audit"), msgspec.json.encode(audit))
    except KafkaError as wrong:
        raise Failed(f"the broker did not take a record ({wrong!r}); what went before it is sent again") from None
    return done


async def _dead(settings: Settings, wanted: WantedAgain, done: Resent) -> dict[str, list[Delivery]]:
    """The dead letters that are wanted, by alert."""
    dead = _Dead()
    async for record in records(settings, "deliveries"):
        try:
            dead.take(msgspec.json.decode(record.value or b"", type=Delivery))
        except msgspec.DecodeError:
            done.left["no delivery of ours"] += 1
        if len(dead.failed) > DEAD_MAX:
            raise Failed(f"more than {DEAD_MAX:,} alerts did not get through: mend the channel, and wait for its end")
    dead.check(wanted)
    found: dict[str, list[Delivery]] = {}
    for one in filter(wanted.takes, dead.failed.values()):
        if (why := dead.why_not(one)) is not None:
            done.left[why] += 1
        else:
            found.setdefault(one.alert_id, []).append(one)
    return found


async def _back(
    settings: Settings, dead: dict[str, list[Delivery]], done: Resent
) -> AsyncIterator[tuple[ConsumerRecord, list[Ask]]]:
    """The records of these letters as they came, and who is asked to send each."""
    newest: dict[str, AlertEvent] = {}
    steps: dict[tuple[str, int], tuple[ConsumerRecord, AlertEvent]] = {}
    seen: dict[int, int] = {}
    wanted = {(one.alert_id, one.sequence) for letters in dead.values() for one in letters}
    async for record in records(settings, "alerts") if dead else _nothing():
        seen[record.partition] = record.offset + 1
        event = event_of(record.value)
        if event is None or event.alert_id not in dead:
            continue
        if event.sequence >= (newest[event.alert_id].sequence if event.alert_id in newest else 0):
            newest[event.alert_id] = event
        if (event.alert_id, event.sequence) in wanted:
            steps[event.alert_id, event.sequence] = (record, event)
    asks: dict[tuple[str, int], list[Ask]] = {}
    for one in (letter for letters in dead.values() for letter in letters):
        place = (one.alert_id, one.sequence)
        why = needless(steps[place][1], newest[one.alert_id]) if place in steps else "its event is gone from the log"
        if why is None and (place in asks or len(asks) < EVENTS_MAX):
            asks.setdefault(place, []).append(_ask(one, seen[steps[place][0].partition], done))
        else:
            done.left[why or f"beyond the {EVENTS_MAX:,} of one run: run it again"] += 1
    for place, asked in asks.items():
        yield steps[place][0], asked


def _ask(one: Delivery, seen: int, done: Resent) -> Ask:
    done.letters += 1
    done.by_channel[one.channel] += 1
    done.by_reason[printable(one.detail or "no cause was said")] += 1
    return Ask(
        channel=one.channel, again=one.again + 1, seen=seen, member=one.member, instead_of=one.instead_of, why=one.why,
        members=one.whom,
    )  # fmt: skip


async def _nothing() -> AsyncIterator[ConsumerRecord]:
    none: list[ConsumerRecord] = []
    for one in none:
        yield one
