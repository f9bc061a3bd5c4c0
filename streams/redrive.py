"""Dead letters back on their own topics, as they came and as of when they came.

A reading that was refused because its patient was not known, or its mapping was wrong, is decided after the cause has
been mended. It keeps its arrival, so it gives the decision it would have given then: what is old by now revises the
record and pages nobody. Nothing is signed here: a forged control record comes back as what it is, a reading that cannot
be read, or not at all. What an earlier run has put back stays there, unless it was refused again: that long after, what
is known of duplicates may have passed, and it would count twice. The audit says what was put back.
"""

import base64
import binascii
import contextlib
import getpass
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from xxhash import xxh3_128_digest

from alerts.events import AuditEvent
from models.readings import Reason, Reject
from models.times import rfc3339, to_us
from streams.configuration.settings import Settings
from streams.engine.decode import device_of
from streams.engine.sources import REDRIVEN_HEADER, SOURCE_HEADER, source_of
from streams.errors import Failed
from streams.kafka.whole import records
from streams.publish import IN_FLIGHT_MAX, producing, subject_of

LETTERS_MAX = 5_000_000
"""Dead letters of one run, 16 bytes each to know them again. More: narrow it down with --since and --until."""
BACK_TO = ("readings", "profiles", "actions")
PUT_BACK = "put back by an earlier run, and not refused since: --again puts it back all the same"
SEQUENCED = (Reason.BAD_PROFILE, Reason.BAD_ACTION)
_decode = msgspec.json.Decoder(Reject).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters; what is empty or None does not narrow. since, until: their arrival, until not included."""

    reasons: frozenset[Reason] = frozenset()
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    patient: str | None = None

    def takes(self, letter: Reject, arrived: datetime) -> bool:
        """Whether it is one of them."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.source is None or self.source in (letter.source, source_of(letter.source or "")))
            and (self.since is None or arrived >= self.since)
            and (self.until is None or arrived < self.until)
            and (self.patient is None or self.patient in (letter.key, subject_of(_bytes(letter))))
        )

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Self:
        """What `as_json` says. Raises KeyError, TypeError, ValueError for anything else."""
        since, until = (told[name] and datetime.fromisoformat(told[name]) for name in ("since", "until"))
        return cls(frozenset(map(Reason, told["reasons"])), told["source"], since, until, told["patient"])

    def as_json(self) -> dict[str, Any]:
        """For the audit: what was asked for."""
        return {
            "reasons": sorted(self.reasons), "source": self.source, "patient": self.patient,
            "since": self.since and rfc3339(to_us(self.since)), "until": self.until and rfc3339(to_us(self.until)),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run that has put back what it was asked for: wanted, of the letters before `ends`, by partition of rejects, and
    up to `at_ms`: a topic that was made anew counts from 0 again."""

    wanted: Wanted
    ends: dict[int, int]
    at_ms: int

    def put_back(self, letter: Reject, arrived: datetime, record: ConsumerRecord) -> bool:
        """Whether it was among them."""
        before = record.offset < self.ends.get(record.partition, 0) and record.timestamp <= self.at_ms
        return before and self.wanted.takes(letter, arrived)


@dataclass(slots=True)
class Redriven:
    """What was done, or would be. left: letters that do not go back, by why; ends: up to where rejects were read, by
    partition."""

    letters: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    by_topic: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    ends: dict[int, int] = field(default_factory=dict)

    def count(self, letter: Reject, topic: str) -> None:
        self.letters += 1
        self.by_reason[letter.reason] += 1
        self.by_source[source_of(letter.source or "")] += 1
        self.by_topic[topic] += 1

    def as_json(self) -> dict[str, Any]:
        """The figures of `--json`."""
        counts = {"by_reason": self.by_reason, "by_source": self.by_source, "by_topic": self.by_topic}
        figures = {name: dict(sorted(counter.items())) for name, counter in counts.items()}
        return {"letters": self.letters, **figures, "left": dict(sorted(self.left.items()))}


@dataclass(frozen=True, slots=True)
class _Back:
    """A dead letter as it goes back."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


async def redrive(
    settings: Settings, wanted: Wanted, *, dry_run: bool, now: Callable[[], datetime], again: bool = False
) -> Redriven:
    """Put back what is wanted of the letters that are there now, each once; again: also what an earlier run has put
    back. Raises BrokerUnreachable, Failed."""
    done = Redriven()
    try:
        before = [] if again else await _earlier(settings)
        if dry_run:
            async for _ in _letters(settings, wanted, before, done):
                pass
            return done
        async with producing(settings) as producer:
            flight: deque[Any] = deque()
            async for back in _letters(settings, wanted, before, done):
                flight.append(await _sent(producer, settings, back))
                while len(flight) > IN_FLIGHT_MAX:
                    await flight.popleft()
            for sending in flight:
                await sending
            await producer.send_and_wait(settings.topic("audit"), _audit(wanted, done, now()))
    except KafkaError as wrong:
        raise Failed(
            f"the broker did not take a record ({wrong!r}); what went before it is back on its topic"
        ) from None
    return done


def _audit(wanted: Wanted, done: Redriven, now: datetime) -> bytes:
    detail = {"wanted": wanted.as_json(), **done.as_json(), "ends": done.ends}
    return msgspec.json.encode(AuditEvent(at=rfc3339(to_us(now)), by=who(), what="redrive", detail=detail))


def who() -> str:
    """The user of this machine: the command has no other sign-in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user entry
        return "unknown"


async def _sent(producer: AIOKafkaProducer, settings: Settings, back: _Back) -> Any:
    return await producer.send(
        settings.topic(back.topic), back.value, key=back.key, headers=back.headers, timestamp_ms=back.timestamp_ms
    )


async def _earlier(settings: Settings) -> list[Earlier]:
    """The runs that the audit tells of."""
    found = list[Earlier]()
    async for record in records(settings, "audit"):
        with contextlib.suppress(msgspec.DecodeError, LookupError, TypeError, ValueError, AttributeError):
            told = msgspec.json.decode(record.value or b"", type=AuditEvent)
            if told.what == "redrive":
                ends = {int(number): int(end) for number, end in told.detail["ends"].items()}
                at_ms = to_us(datetime.fromisoformat(told.at)) // 1000
                found.append(Earlier(Wanted.of_json(told.detail["wanted"]), ends, at_ms))
    return found


async def _letters(
    settings: Settings, wanted: Wanted, before: Sequence[Earlier], done: Redriven
) -> AsyncIterator[_Back]:
    """What goes back, in the order of the rejects topic. The same record refused again is the same letter."""
    seen: set[bytes] = set()
    async for record in records(settings, "rejects"):
        done.ends[record.partition] = record.offset + 1
        letter = _readable(record.value, done)
        if letter is None or not wanted.takes(letter, arrived := datetime.fromisoformat(letter.arrived_at)):
            continue
        back = _back(settings, letter, done)
        if back is None:
            continue
        if any(run.put_back(letter, arrived, record) for run in before):
            done.left[PUT_BACK] += 1
            continue
        digest = xxh3_128_digest(b"%b\0%b\0%b" % (back.topic.encode(), back.key or b"", back.value))
        if digest in seen:
            continue
        if len(seen) >= LETTERS_MAX:
            raise Failed(f"more than {LETTERS_MAX:,} dead letters: narrow them down with --since and --until")
        seen.add(digest)
        done.count(letter, back.topic)
        yield back


def _readable(raw: bytes | None, done: Redriven) -> Reject | None:
    try:
        letter = _decode(raw or b"")
        datetime.fromisoformat(letter.arrived_at)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        done.left["no dead letter of ours"] += 1
        return None
    return letter


def _bytes(letter: Reject) -> bytes:
    """The record as it came; b"" if it cannot be had."""
    try:
        return base64.b64decode(letter.value_base64, validate=True)
    except binascii.Error:
        return b""


def _back(settings: Settings, letter: Reject, done: Redriven) -> _Back | None:
    """A letter as it goes back; None, and counted why, if it cannot."""
    topic, value = letter.topic.removeprefix(settings.topic_prefix), _bytes(letter)
    if topic not in BACK_TO or settings.topic(topic) != letter.topic:
        done.left["from a topic that is not ours"] += 1
    elif not value:
        done.left["without bytes"] += 1
    elif topic == "readings" and letter.reason in SEQUENCED:
        done.left["control record: publish it on its own topic, so that it is checked and signed anew"] += 1
    else:
        place = f"{letter.topic}/{letter.partition}/{letter.offset}"
        headers = [(REDRIVEN_HEADER, place.encode())]
        if topic == "readings" and letter.source and letter.source != device_of(value):
            headers.append((SOURCE_HEADER, letter.source.encode()))
        arrived_ms = to_us(datetime.fromisoformat(letter.arrived_at)) // 1000
        return _Back(topic, _key(letter, value), value, headers, arrived_ms)
    return None


def _key(letter: Reject, value: bytes) -> bytes | None:
    """The patient of the record; the key that it came with if that cannot be read."""
    patient = subject_of(value) or letter.key
    return patient.encode() if patient else None
