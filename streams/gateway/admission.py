"""Records onto the topics, and an answer for each: accepted, rejected, or failed.

Accepted is what Kafka has acknowledged, and nothing else. What is rejected is on a topic too, for whoever looks after
it: if it names its patient, on `readings`, where the worker refuses it in its turn; else on `rejects`.
"""

import asyncio
import base64
import time
from collections.abc import Sequence
from typing import Literal

import msgspec

from models.readings import Reason, Refused, Reject
from models.times import rfc3339
from streams import limits
from streams.configuration.settings import Settings
from streams.engine.decode import Refusal
from streams.engine.sources import SOURCE_HEADER
from streams.gateway.judging import Judged, judge, told
from streams.gateway.producing import LOST, Producing, Sent, ended, is_there

NOWHERE = -1
"""Partition and offset of what never lay on a topic."""
NOT_TAKEN = "Kafka did not acknowledge it in time: send it again"
_encode = msgspec.json.Encoder().encode


class Part(msgspec.Struct):
    """A part of a record that cannot be decided, beside others that can: of a FHIR panel."""

    reason: Reason
    detail: str


class Answer(msgspec.Struct, omit_defaults=True):
    """What became of one record; index: its place in the request. detail: how to mend it; parts: those refused of a
    record that is accepted."""

    index: int
    status: Literal["accepted", "rejected", "failed"]
    reason: Reason | None = None
    detail: str = ""
    parts: list[Part] = []


class Admission:
    """For both doors."""

    def __init__(self, settings: Settings, producing: Producing) -> None:
        self._readings = settings.topic("readings")
        self._producing = producing

    async def admit(self, records: Sequence[bytes], source: str | None) -> list[Answer]:
        """Send the records on their way in their order, and wait for Kafka, GATEWAY_KAFKA_WITHIN_S at most.

        source: what they say of where they come from. An answer for each; it counts nothing.
        """
        judged, sent = list[Judged](), list[Sent]()
        try:
            async with asyncio.timeout(limits.GATEWAY_KAFKA_WITHIN_S):
                for begin in range(0, len(records), limits.GATEWAY_JUDGED_TOGETHER):
                    some = judge(records[begin : begin + limits.GATEWAY_JUDGED_TOGETHER])
                    judged += some
                    for one in some:
                        sent.append(await self._send(one, source))
                    await asyncio.sleep(0)
                await ended(sent)
        except LOST:
            pass  # whatever Kafka has not acknowledged by now is answered as failed
        there = [*map(is_there, sent), *[False] * (len(records) - len(sent))]
        return [_answer(i, judged[i]) if there[i] else not_taken(i) for i in range(len(records))]

    async def refuse(self, body: bytes, refused: Refused, source: str | None) -> list[Answer]:
        """The answer for a body in which no record can be told; as much of it as a reading may have is on `rejects`."""
        kept, more = body[: limits.GATEWAY_LETTER_BYTES_MAX], len(body) - limits.GATEWAY_LETTER_BYTES_MAX
        detail = refused.detail + (f" (the last {more} bytes of it are not kept)" if more > 0 else "")
        one = Judged(kept, refused=[Refusal(0, refused.reason, detail)])
        sent = list[Sent]()
        try:
            async with asyncio.timeout(limits.GATEWAY_KAFKA_WITHIN_S):
                sent.append(await self._send(one, source))
                await ended(sent)
        except LOST:
            pass
        return [_answer(0, one) if sent and is_there(sent[0]) else not_taken(0)]

    async def _send(self, one: Judged, source: str | None) -> Sent:
        """To its patient's partition, with no header but the source: no record of ours comes in by this door."""
        if one.patient is None:
            return await self._producing.send("rejects", None, _encode(self._letter(one, source)))
        headers = [] if source is None else [(SOURCE_HEADER, source.encode())]
        return await self._producing.send("readings", one.patient, one.raw, headers)

    def _letter(self, one: Judged, source: str | None) -> Reject:
        return dead_letter(self._readings, one.raw, one.refused[0], source)


def dead_letter(topic: str, raw: bytes, refusal: Refusal, source: str | None, key: str | None = None) -> Reject:
    """Of what never came onto the topic that it was meant for."""
    return Reject(
        reason=refusal.reason, detail=told(refusal), topic=topic, partition=NOWHERE, offset=NOWHERE, key=key,
        value_base64=base64.b64encode(raw).decode(), source=source or refusal.source,
        arrived_at=rfc3339(time.time_ns() // 1000),
    )  # fmt: skip


def not_taken(index: int) -> Answer:
    """Kafka has not said that it has the record."""
    return Answer(index, "failed", detail=NOT_TAKEN)


def _answer(index: int, one: Judged) -> Answer:
    if one.taken:
        return Answer(index, "accepted", parts=[Part(part.reason, told(part)) for part in one.refused])
    return Answer(index, "rejected", one.refused[0].reason, told(one.refused[0]))
