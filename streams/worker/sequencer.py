"""Profiles and actions into the one log: checked, signed, and published on `readings` under the patient's key.

From the offset they get there they act. Sequencing may repeat after a crash: each carries the place it comes from, and
the engine does nothing twice. Nor does it go back, so the records of one patient must get into the log in their order:
one batch of them is under way at a time (`Publisher.controls`).
"""

import base64
import time
from collections.abc import Callable

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from alerts.events import Action
from models import mending
from models.profile import parse_profile
from models.readings import Reason, Refused, Reject
from models.times import rfc3339
from streams import control
from streams.configuration.settings import Settings
from streams.control import ControlRecord, Origin
from streams.worker.keeper import Keeper
from streams.worker.publisher import Publisher, Sent, settled
from streams.worker.topic_lives import Lives


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Sequencer:
    """Sequences for one worker. now_ms: the clock by which the same worker writes ticks; lives: of the topics that
    records come on (None: they have one each)."""

    def __init__(
        self, settings: Settings, publisher: Publisher, keeper: Keeper, now_ms: Callable[[], int] = _wall_ms,
        lives: Lives | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._publisher, self._keeper, self._now_ms = settings, publisher, keeper, now_ms
        self._lives = lives

    async def profiles(self, records: list[ConsumerRecord]) -> None:
        """Versions of profiles, or null: forget the patient. Returns when the broker has all of them in the log."""
        await self._sequence(records, "profiles", _profile)

    async def actions(self, records: list[ConsumerRecord]) -> None:
        """Actions. Whether one is allowed is for the engine to say, which knows the state of the alert."""
        await self._sequence(records, "actions", _action)

    async def _sequence(
        self, records: list[ConsumerRecord], word: str, checked: Callable[[ConsumerRecord, Origin], ControlRecord]
    ) -> None:
        """All of them, in their order: were a later one of a patient in the log and an earlier one not, the earlier one
        would be taken for a repeat when it is sequenced again."""
        good: list[tuple[ConsumerRecord, ControlRecord]] = []
        refused: list[Sent] = []
        begin = await self._begin(word, records)
        for record in records:
            try:
                good.append((record, checked(record, Origin(word, record.partition, begin + record.offset))))
            except Refused as error:
                refused.append(await self._publisher.reject(_dead_letter(record, error)))
        await settled(refused)
        await self._publisher.controls([(one, self._arrival_ms(record)) for record, one in good])

    async def _begin(self, word: str, records: list[ConsumerRecord]) -> int:
        """Where the life of their topic begins, which is added to their offsets; they are of one partition."""
        if self._lives is None:
            return 0
        first, last = records[0], records[-1]
        return await self._lives.begin(word, first.partition, first.offset, last.offset + 1)

    def _arrival_ms(self, record: ConsumerRecord) -> int:
        """When it arrived; in log time where something else than the wall clock makes time pass (the demo).

        Never later than now: the time stamp is of whoever published it, and a desk or gateway whose clock is ahead
        would take the patient's clock with it. What waits for an answer would be overdue at once, and from then on
        nothing would become due until the ticks have caught up.
        """
        arrived: int = record.timestamp
        if self._settings.ticks == "on":
            return min(arrived, self._now_ms())
        now = self._keeper.now_us(record.partition)
        return arrived if now is None else min(arrived, now // 1000)


def _profile(record: ConsumerRecord, origin: Origin) -> ControlRecord:
    patient = parse_profile(record.value).patient if record.value is not None else _patient(record.key)
    return control.profile(patient, record.value, origin)


def _action(record: ConsumerRecord, origin: Origin) -> ControlRecord:
    """An action that has the right shape."""
    try:
        patient = Action.model_validate_json(record.value or b"").patient
    except ValidationError as error:
        raise Refused(Reason.BAD_ACTION, mending.of_document(error, "an action")) from error
    return control.action(patient, record.value or b"", origin)


def _patient(key: bytes | None) -> str:
    """The patient that a key names."""
    if not key:
        raise Refused(Reason.BAD_PROFILE, "the record has neither value nor key: whom is it about?")
    return key.decode(errors="backslashreplace")


def _dead_letter(record: ConsumerRecord, refused: Refused) -> Reject:
    """A dead letter that names the topic it came on."""
    return Reject(
        reason=refused.reason, detail=refused.detail, topic=record.topic, partition=record.partition,
        offset=record.offset, key=None if record.key is None else record.key.decode(errors="backslashreplace"),
        value_base64=base64.b64encode(record.value or b"").decode(), source=None,
        arrived_at=rfc3339(record.timestamp * 1000),
    )  # fmt: skip
