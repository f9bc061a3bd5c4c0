"""Profiles and actions into the one log: checked, signed, and published on `readings` under the patient's key.

From the offset they get there they act. Sequencing may repeat after a crash: versions and action ids make it harmless.
"""

import base64

from faust.types import EventT
from pydantic import ValidationError

from alerts.events import Action
from models.profile import parse_profile
from models.readings import Reason, Refused, Reject
from models.times import rfc3339
from streams import control
from streams.keeper import Keeper
from streams.publisher import Publisher, settled
from streams.settings import Settings


class Sequencer:
    """Sequences for one worker."""

    def __init__(self, settings: Settings, publisher: Publisher, keeper: Keeper) -> None:
        self._settings, self._publisher, self._keeper = settings, publisher, keeper

    async def profile(self, event: EventT[bytes]) -> None:
        """One version of a profile, or null: forget the patient."""
        key, value = event.message.key, event.message.value
        try:
            patient = parse_profile(value).patient if value is not None else _patient(key, Reason.BAD_PROFILE)
        except Refused as refused:
            await self._refuse(event, refused)
            return
        await self._sequence(event, control.profile(patient, value))

    async def action(self, event: EventT[bytes]) -> None:
        """One action. Whether it is allowed is for the engine to say, which knows the state of the alert."""
        try:
            patient = _action_patient(event.message.value)
        except Refused as refused:
            await self._refuse(event, refused)
            return
        await self._sequence(event, control.action(patient, event.message.value or b""))

    async def _sequence(self, event: EventT[bytes], record: control.ControlRecord) -> None:
        await settled([await self._publisher.control(record, timestamp_ms=self._arrival_ms(event))])

    def _arrival_ms(self, event: EventT[bytes]) -> int:
        """When it arrived; in log time where something else than the wall clock makes time pass (the demo)."""
        arrived = round(event.message.timestamp * 1000)
        if self._settings.ticks == "on":
            return arrived
        now = self._keeper.now_us(event.message.partition)
        return arrived if now is None else min(arrived, now // 1000)

    async def _refuse(self, event: EventT[bytes], refused: Refused) -> None:
        """A dead letter that names the topic it came on."""
        message = event.message
        reject = Reject(
            reason=refused.reason, detail=refused.detail, topic=message.topic, partition=message.partition,
            offset=message.offset, key=None if message.key is None else message.key.decode(errors="backslashreplace"),
            value_base64=base64.b64encode(message.value or b"").decode(), source=None,
            arrived_at=rfc3339(round(message.timestamp * 1000) * 1000),
        )  # fmt: skip
        await settled([await self._publisher.reject(reject)])


def _patient(key: bytes | None, reason: Reason) -> str:
    """The patient that a key names."""
    if not key:
        raise Refused(reason, "the record has neither value nor key: whom is it about?")
    return key.decode(errors="backslashreplace")


def _action_patient(value: bytes | None) -> str:
    """The patient of an action that has the right shape."""
    try:
        return Action.model_validate_json(value or b"").patient
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(Reason.BAD_ACTION, f"{where}: {first['msg']}" if where else first["msg"]) from error
