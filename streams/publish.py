"""Put readings and profiles from a file on their topics: `homebeat send` and `homebeat profile`.

A line is published byte for byte as it stands, under its patient's key. Whether it is a good reading is for the worker
to say (it answers on `rejects`, with the reason); here only what cannot be addressed to a patient is held back.
"""

import asyncio
import contextlib
import logging
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from models import mending
from models.readings import ID_PATTERN, Refused
from streams import limits
from streams.configuration.settings import Settings
from streams.errors import Failed
from streams.kafka.connection import admin_client, client_options
from streams.kafka.topics import check_partitions, create_missing, topics_of
from streams.lines import Line, Readable, line_batches

log = logging.getLogger(__name__)

READING_LINE_BYTES_MAX = limits.READINGS_MESSAGE_BYTES_MAX - 4 * limits.KIB
"""What the topic takes, less room for key and framing. Between the 64 KiB of the contract and this, a line is published
and the worker answers `too_large` with the bytes; above it, the line is held back here."""

IN_FLIGHT_MAX = 10_000
"""Records handed to the client and not yet acknowledged: bounds memory when the broker is slow."""

PROBLEMS_KEPT = 20
"""Problems described one by one; all are counted."""

UNKNOWN_TOLD = 20
"""Codes told one by one to people, the commonest; all are counted."""

PLACE = re.compile(r"\[\d+\]")
"""Where in a list of one profile, which says nothing about a file of them."""

LINGER_MS = 5


class Record(NamedTuple):
    """What goes to Kafka, and the line that it came from. No value means: forget this key. unknown: what in it the
    evidence does not know, by place and code."""

    line: int
    key: bytes
    value: bytes | None
    unknown: tuple[str, ...] = ()


class Problem(NamedTuple):
    """A line that was not published, and why."""

    line: int
    detail: str


@dataclass
class Outcome:
    """What became of a file. cut_short: why the rest of it could not be read; unknown: what the evidence does not know,
    and in how many records."""

    topic: str
    sent: int = 0
    not_sent: int = 0
    cut_short: str | None = None
    problems: list[Problem] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def note(self, problem: Problem) -> None:
        """Count a line that was held back; the first ones are described."""
        self.not_sent += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)


class _Identifier(msgspec.Struct):
    value: str | None = None


class _Reference(msgspec.Struct):
    reference: str | None = None
    identifier: _Identifier | None = None


class _Addressed(msgspec.Struct):
    resourceType: str | None = None
    patient: str | None = None
    subject: _Reference | None = None


_decode_address = msgspec.json.Decoder(_Addressed).decode


def addressed_reading(line: Line) -> Record | Problem:
    """A reading (its `patient`) or a FHIR Observation (its subject) under its patient's key."""
    if len(line.content) > READING_LINE_BYTES_MAX:
        return Problem(line.number, f"longer than {READING_LINE_BYTES_MAX} bytes")
    try:
        address = _decode_address(line.content)
    except msgspec.ValidationError as wrong:
        return Problem(line.number, f"cannot be addressed to a patient: {wrong}")
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        return Problem(line.number, mending.of_bytes(line.content, wrong))
    except RecursionError:
        return Problem(line.number, "nested too deeply")
    patient = _patient_of(address)
    if not patient:
        return Problem(line.number, "no patient" if address.resourceType is None else "no subject")
    return Record(line.number, patient.encode(), line.content)


def _patient_of(address: _Addressed) -> str | None:
    """The key. A FHIR subject is read as `models.fhir` does; should they differ, the worker puts it under its key."""
    if address.resourceType is None:
        return address.patient
    subject = address.subject or _Reference()
    if subject.reference:
        path, _, _ = subject.reference.partition("/_history/")
        return path.rpartition("Patient/")[2]
    return subject.identifier.value if subject.identifier else None


def subject_of(content: bytes) -> str | None:
    """The patient of a reading or of a FHIR Observation; None if it cannot be read."""
    try:
        return _patient_of(_decode_address(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def addressed_profile(line: Line) -> Record | Problem:
    """A profile that the worker will accept, under its patient's key."""
    from models.profile import parse_profile, unrecognised

    try:
        profile = parse_profile(line.content)
    except Refused as wrong:
        return Problem(line.number, wrong.detail)
    unknown = sorted({PLACE.sub("", found) for found in unrecognised(profile)})
    return Record(line.number, profile.patient.encode(), line.content, tuple(unknown))


def forgotten(line: Line) -> Record | Problem:
    """The record that withdraws the profile of the patient whose id the line is."""
    if not re.fullmatch(ID_PATTERN, line.content.decode("utf-8", "replace")):
        return Problem(line.number, "a patient's id is printable ASCII without spaces, 128 characters at most")
    return Record(line.number, line.content, None)


def profile_batches(stream: Readable) -> Iterator[list[Line]]:
    """One profile written over many lines, or one a line."""
    start = b""
    while len(start) <= limits.PROFILE_BYTES_MAX and (chunk := stream.read1(limits.PROFILE_BYTES_MAX)):
        start += chunk
    if len(start) <= limits.PROFILE_BYTES_MAX and _is_json(start):
        yield [Line(1, start)]
        return
    yield from line_batches(_Resumed(start, stream), limits.PROFILE_BYTES_MAX)


class _Resumed:
    """What was read ahead, then the rest of the stream."""

    def __init__(self, start: bytes, stream: Readable) -> None:
        self._start = start
        self._stream = stream

    def read1(self, size: int, /) -> bytes:
        start, self._start = self._start, b""
        return start or self._stream.read1(size)


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


async def publish(
    settings: Settings,
    topic: str,
    batches: Iterator[list[Record | Problem]],
    progress: Callable[[Outcome], None],
) -> Outcome:
    """Publish all records and wait until Kafka has acknowledged each; lines with a problem are counted, not sent.

    topic: the full name. batches: may block, is drawn from in a thread. progress: called after each batch.
    Raises BrokerUnreachable, or Failed when the broker stops accepting (what was acknowledged stays published).
    """
    outcome = Outcome(topic)
    flight: deque[tuple[int, asyncio.Future[object]]] = deque()
    try:
        async with producing(settings) as producer:
            while (batch := await _next(batches, outcome)) is not None:
                await _send(producer, batch, flight, outcome)
                progress(outcome)
            await _settle(flight, outcome, leave=0)
    except KafkaError as wrong:
        raise Failed(f"the broker did not take the record ({wrong!r}); {outcome.sent} were published") from None
    return outcome


async def _next(batches: Iterator[list[Record | Problem]], outcome: Outcome) -> list[Record | Problem] | None:
    """The next batch, None at the end, which may come early: a file can turn out to be damaged further down."""
    try:
        return await asyncio.to_thread(next, batches, None)
    except Failed as wrong:
        outcome.cut_short = str(wrong)
        return None


async def _send(
    producer: AIOKafkaProducer,
    batch: list[Record | Problem],
    flight: deque[tuple[int, "asyncio.Future[object]"]],
    outcome: Outcome,
) -> None:
    for record in batch:
        if isinstance(record, Problem):
            outcome.note(record)
            continue
        try:
            flight.append((record.line, await producer.send(outcome.topic, record.value, record.key)))
            outcome.unknown.update(record.unknown)
        except MessageSizeTooLargeError:
            outcome.note(Problem(record.line, "larger than the broker takes"))
    await _settle(flight, outcome, leave=IN_FLIGHT_MAX)


async def _settle(flight: deque[tuple[int, "asyncio.Future[object]"]], outcome: Outcome, leave: int) -> None:
    """Wait for the oldest records in flight until at most `leave` are left."""
    while len(flight) > leave or (flight and flight[0][1].done()):
        line, acknowledged = flight.popleft()
        try:
            await acknowledged
            outcome.sent += 1
        except MessageSizeTooLargeError:
            outcome.note(Problem(line, "larger than the broker takes"))


@contextlib.asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of ours, and the topics there to write to. Raises BrokerUnreachable."""
    await topics_ready(settings)
    producer = await _started(settings)
    try:
        yield producer
    finally:
        await producer.stop()


async def _started(settings: Settings) -> AIOKafkaProducer:
    """A producer that waits for all copies and is idempotent, where the broker knows how (the embedded one does not).

    Without it a retry may publish twice; the engine counts the second as a duplicate.
    """
    for idempotent in (True, False):
        producer = AIOKafkaProducer(
            **client_options(settings),
            acks="all",
            enable_idempotence=idempotent,
            linger_ms=LINGER_MS,
            max_request_size=limits.PRODUCER_REQUEST_BYTES_MAX,
        )
        try:
            await producer.start()
        except KafkaError as wrong:
            await producer.stop()
            if not idempotent:
                raise
            log.debug("no idempotent producer here: %r", wrong)
        else:
            return producer
    raise Failed("no producer could be started")


async def topics_ready(settings: Settings) -> None:
    """Make what is missing: a broker that makes topics by itself gives them its own number of partitions."""
    topics = topics_of(settings.topic_prefix, settings.partitions)
    async with admin_client(settings) as admin:
        await create_missing(admin, topics, settings.replication)
        await check_partitions(admin, topics)
