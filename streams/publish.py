"""Put readings and profiles from a file on their topics: `homebeat send` and `homebeat profile`.

A line is published byte for byte as it stands, under its patient's key. Whether it is a good reading is for the worker
to say (it answers on `rejects`, with the reason); here only what cannot be addressed to a patient is held back.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from models.readings import Refused
from streams.connection import client_options, reach
from streams.errors import Failed
from streams.lines import Line, Readable, line_batches
from streams.settings import Settings

LINE_BYTES_MAX = 1024 * 1024
"""CONTRACT 2's largest document, a profile, and Kafka's own default limit. A larger line is not published."""

IN_FLIGHT_MAX = 10_000
"""Records handed to the client and not yet acknowledged: bounds memory when the broker is slow."""

PROBLEMS_KEPT = 20
"""Problems described one by one; all are counted."""

LINGER_MS = 5
REQUEST_BYTES_MAX = 2 * LINE_BYTES_MAX


class Record(NamedTuple):
    """What goes to Kafka, and the line that it came from. No value means: forget this key."""

    line: int
    key: bytes
    value: bytes | None


class Problem(NamedTuple):
    """A line that was not published, and why."""

    line: int
    detail: str


@dataclass
class Outcome:
    """What became of a file."""

    topic: str
    sent: int = 0
    not_sent: int = 0
    problems: list[Problem] = field(default_factory=list)

    def note(self, problem: Problem) -> None:
        """Count a line that was held back; the first ones are described."""
        self.not_sent += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)


class _Reference(msgspec.Struct):
    reference: str | None = None


class _Addressed(msgspec.Struct):
    resourceType: str | None = None
    patient: str | None = None
    subject: _Reference | None = None


_decode_address = msgspec.json.Decoder(_Addressed).decode


def addressed_reading(line: Line) -> Record | Problem:
    """A reading (its `patient`) or a FHIR Observation (its subject) under its patient's key."""
    if len(line.content) > LINE_BYTES_MAX:
        return Problem(line.number, f"longer than {LINE_BYTES_MAX} bytes")
    try:
        address = _decode_address(line.content)
    except msgspec.ValidationError as wrong:
        return Problem(line.number, f"cannot be addressed to a patient: {wrong}")
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        return Problem(line.number, f"not JSON: {wrong}")
    patient = _patient_of(address)
    if not patient:
        return Problem(line.number, "no patient" if address.resourceType is None else "no subject")
    return Record(line.number, patient.encode(), line.content)


def _patient_of(address: _Addressed) -> str | None:
    if address.resourceType is None:
        return address.patient
    reference = address.subject.reference if address.subject else None
    return reference.removeprefix("Patient/") if reference else None


def addressed_profile(line: Line) -> Record | Problem:
    """A profile that the worker will accept, under its patient's key."""
    from models.profile import parse_profile

    try:
        profile = parse_profile(line.content)
    except Refused as wrong:
        return Problem(line.number, wrong.detail)
    return Record(line.number, profile.patient.encode(), line.content)


def profile_batches(stream: Readable) -> Iterator[list[Line]]:
    """One profile written over many lines, or one a line."""
    start = b""
    while len(start) <= LINE_BYTES_MAX and (chunk := stream.read1(LINE_BYTES_MAX)):
        start += chunk
    if len(start) <= LINE_BYTES_MAX and _is_json(start):
        yield [Line(1, start)]
        return
    yield from line_batches(_Resumed(start, stream), LINE_BYTES_MAX)


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
    except (msgspec.DecodeError, UnicodeDecodeError):
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
        async with _producer(settings) as producer:
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                await _send(producer, batch, flight, outcome)
                progress(outcome)
            await _settle(flight, outcome, leave=0)
    except KafkaError as wrong:
        raise Failed(f"the broker did not take the record ({wrong!r}); {outcome.sent} were published") from None
    return outcome


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
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    await reach(settings)
    producer = AIOKafkaProducer(
        **client_options(settings), enable_idempotence=True, linger_ms=LINGER_MS, max_request_size=REQUEST_BYTES_MAX
    )
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()
