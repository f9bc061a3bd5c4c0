"""FHIR R4: a transaction of a DetectedIssue (what) and a Task (who must act, by when), to the server of the hospital.

Both are put under the alert's own id, which is their identifier too, so that they follow the episode: the server keeps
each step as a version (`meta.versionId`), and `meta.source` says which one it is. A repeat changes nothing, and two
that are under way at once make no second resource, as an update on a search (`PUT Task?identifier=...`) could. Every
event goes there, also those that call nobody: a record is not a message.

Each transaction is validated before it is sent (`fhir_check`). So that no text of an alert can make one invalid, words
are freed of what FHIR forbids, what is empty is left out, and an id that FHIR has no room for is an identifier.
"""

import asyncio
import logging
from typing import Any, Literal

import msgspec

from alerts.channels.fhir_check import FORBIDDEN, ID, wrong_in
from alerts.channels.protocol import Outcome
from alerts.channels.webhook import WebhookChannel
from alerts.events import AlertEvent, Evidence
from alerts.language import ENGLISH
from alerts.sources import PATIENT_PREFIX
from alerts.unanswered import asks_everybody
from models.vitals import BY_NAME
from models.wording import level_of

log = logging.getLogger(__name__)

MIME = "application/fhir+json"
SYSTEM = "https://homebeat.invalid/fhir"
UCUM = "http://unitsofmeasure.org"
SEVERITY = {"emergency": "high", "urgent": "high", "advisory": "moderate", "info": "low"}
PRIORITY = {"emergency": "stat", "urgent": "urgent", "advisory": "routine", "info": "routine"}
TaskStatus = Literal["requested", "accepted", "on-hold", "completed", "cancelled"]
INVALID = "not sent: no valid FHIR"
"""A failure of homebeat's own, as the detail of its Delivery begins."""


def bundle_of(event: AlertEvent, language: str = ENGLISH) -> dict[str, Any]:
    """The transaction of one event, as plain JSON values. language: in which the event was told."""
    resources = [_issue(event), _task(event)]
    if language != ENGLISH:
        resources = [{**one, "language": language} for one in resources]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_full(_entry(one)) for one in resources],
    }


class FhirChannel(WebhookChannel):
    """Posts transactions to the base address of a FHIR server. Its answer 2xx is for the whole of it."""

    CONTENT_TYPE = MIME

    def __init__(self, *args: Any, language: str = ENGLISH, **options: Any) -> None:
        super().__init__(*args, **options)
        self._language = language

    def body_of(self, event: AlertEvent) -> Any:
        return bundle_of(event, self._language)

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        """Validate what would be sent, to the byte, and send it. An invalid one is a failure, without a try."""
        body = msgspec.json.encode(self.body_of(event))
        wrong = await asyncio.to_thread(wrong_in, msgspec.json.decode(body))
        if wrong is not None:
            log.error("channel %s: alert %s is not sent, its bundle is no valid FHIR: %s", self.name, key, wrong)
            return Outcome("failed", 0, f"{INVALID}: {wrong}")
        return await self.deliver(body, key)


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"{SYSTEM}/{url}", "resource": resource, "request": {"method": "PUT", "url": url}}


def _words(text: str) -> str:
    """The text as a FHIR string, which has no control characters but tabs and ends of lines; "" if nothing is left."""
    return FORBIDDEN.sub(" ", text).strip()


def _full(value: Any) -> Any:
    """The same without what is empty: FHIR knows no null, no empty text and no empty list."""
    if isinstance(value, dict):
        kept = {name: _full(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, "", [], {})}
    if isinstance(value, list):
        return [inner for inner in map(_full, value) if inner not in (None, "", [], {})]
    return _words(value) if isinstance(value, str) else value


def _patient(event: AlertEvent) -> dict[str, Any] | None:
    """Whom it is about; None for a source. An id that is none in FHIR would point elsewhere as part of an address."""
    if event.patient.startswith(PATIENT_PREFIX):
        return None
    if ID.fullmatch(event.patient):
        return {"reference": f"Patient/{event.patient}"}
    return {"type": "Patient", "identifier": {"system": f"{SYSTEM}/patient", "value": event.patient}}


def _code(code: str | None) -> str | None:
    """The code without what FHIR forbids in one: white space at its ends, or more than one in a row."""
    return " ".join(_words(code).split()) if code else None


def _issue(event: AlertEvent) -> dict[str, Any]:
    """What was detected. final: nobody watches it any more."""
    observations = [_observation(event, one, n) for n, one in enumerate(event.evidence, 1)]
    made: dict[str, Any] = {
        "resourceType": "DetectedIssue",
        "id": event.alert_id,
        "meta": {"source": f"{SYSTEM}/alert/{event.alert_id}#{event.sequence}"},
        "identifier": [{"system": f"{SYSTEM}/alert", "value": event.alert_id}],
        "status": "final" if event.state == "resolved" else "preliminary",
        "code": {"coding": [{"system": f"{SYSTEM}/problem", "code": _code(event.problem)}], "text": event.title},
        "severity": SEVERITY[event.severity],
        "identifiedPeriod": _period(event),
        "detail": event.explanation,
        "patient": _patient(event),
    }
    if observations:
        made["contained"] = observations
        made["evidence"] = [{"detail": [{"reference": f"#{one['id']}"}]} for one in observations]
    return made


def _observation(event: AlertEvent, evidence: Evidence, number: int) -> dict[str, Any]:
    vital = BY_NAME.get(evidence.vital)
    coding = [{"system": "http://loinc.org", "code": vital.loinc[0]}] if vital and vital.loinc else []
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "id": f"obs-{number}",
        "status": "final",
        "code": {"coding": coding, "text": vital.label if vital else evidence.vital}
        if coding
        else {"text": evidence.vital},
        "subject": _patient(event),
        "effectiveDateTime": evidence.at,
    }
    if evidence.value is not None and vital and vital.categorical:
        made["valueCodeableConcept"] = {"text": str(level_of(evidence.value))}
    elif evidence.value is not None:
        unit = {"system": UCUM, "code": _code(evidence.unit)} if evidence.unit else {}
        made["valueQuantity"] = {"value": evidence.value, **unit}
    if evidence.low is not None and evidence.high is not None:
        made["referenceRange"] = [
            {"low": {"value": evidence.low}, "high": {"value": evidence.high}, "text": "own band"}
        ]
    return made


def _task(event: AlertEvent) -> dict[str, Any]:
    """Who must act."""
    asked = "everybody" if asks_everybody(event) else f"rung {event.rung + 1}"
    made: dict[str, Any] = {
        "resourceType": "Task",
        "id": event.alert_id,
        "meta": {"source": f"{SYSTEM}/alert/{event.alert_id}#{event.sequence}"},
        "identifier": [{"system": f"{SYSTEM}/alert", "value": event.alert_id}],
        "status": status_of(event),
        "intent": "order",
        "priority": PRIORITY[event.severity],
        "description": event.title,
        "focus": {"reference": f"DetectedIssue/{event.alert_id}"},
        "authoredOn": event.onset_at,
        "lastModified": event.decided_at,
        "businessStatus": {"text": f"{event.event}, {asked}"},
        "owner": {"display": event.care_team or "ops"},
        "for": _patient(event),
    }
    if event.deadline:
        made["restriction"] = {"period": {"end": event.deadline}}
    if event.by or event.reason:
        made["note"] = [{"text": ": ".join(filter(None, (event.by, event.reason)))}]
    return made


def status_of(event: AlertEvent) -> TaskStatus:
    """The Task follows the episode."""
    if event.event == "expired":
        return "cancelled"
    match event.state:
        case "acknowledged":
            return "accepted"
        case "snoozed":
            return "on-hold"
        case "resolved":
            return "completed"
    return "requested"


def _period(event: AlertEvent) -> dict[str, str]:
    return {"start": event.onset_at} | ({"end": event.event_at} if event.state == "resolved" else {})
