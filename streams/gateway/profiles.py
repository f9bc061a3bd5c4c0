"""One profile put or withdrawn. It is on the audit before it is on `profiles`: none changes without a record of who."""

import msgspec

from models.profile import parse_profile, unrecognised
from models.readings import Reason, Refused, are_ids
from streams.configuration.settings import Settings
from streams.engine.decode import Refusal
from streams.engine.problems import of_patient
from streams.gateway.admission import dead_letter
from streams.gateway.audit import event
from streams.gateway.keys import Sender
from streams.gateway.producing import Producing

NO_ID = "a patient's id is printable ASCII without spaces, 128 characters at most"


class Profiles:
    """For the HTTP door."""

    def __init__(self, settings: Settings, producing: Producing) -> None:
        self._topic = settings.topic("profiles")
        self._producing = producing

    async def put(self, patient: str, document: bytes, sender: Sender) -> list[str]:
        """Publish a version. Returns what in it the evidence does not know, so that it has no effect.

        Raises Refused, with the document on `rejects`; NotTaken.
        """
        try:
            profile = parse_profile(document)
            _check(patient, profile.patient)
        except Refused as refused:
            await self._refuse(patient, document, refused, sender)
            raise
        await self._recorded(sender, "gateway.profile_put", patient=patient, version=profile.version)
        await self._producing.confirmed("profiles", patient, document)
        return unrecognised(profile)

    async def forget(self, patient: str, sender: Sender) -> None:
        """Withdraw the profile. Raises Refused, NotTaken."""
        _check(patient, patient)
        await self._recorded(sender, "gateway.profile_forgotten", patient=patient)
        await self._producing.confirmed("profiles", patient, None)

    async def _recorded(self, sender: Sender, what: str, **detail: object) -> None:
        await self._producing.confirmed("audit", None, event(sender.name, what, **detail))

    async def _refuse(self, patient: str, document: bytes, refused: Refused, sender: Sender) -> None:
        key = patient if are_ids([patient]) else None
        letter = dead_letter(self._topic, document, Refusal(0, refused.reason, refused.detail), sender.name, key)
        await self._producing.confirmed("rejects", key, msgspec.json.encode(letter))


def _check(addressed: str, named: str) -> None:
    """Raises Refused when this cannot be the profile of the patient in the address."""
    if not are_ids([addressed]):
        raise Refused(Reason.BAD_PROFILE, NO_ID)
    if named != addressed:
        detail = f"the address names patient {addressed}, the profile {named}: they have to be the same"
        raise Refused(Reason.BAD_PROFILE, detail)
    if detail := of_patient(addressed):
        raise Refused(Reason.BAD_PROFILE, detail)
