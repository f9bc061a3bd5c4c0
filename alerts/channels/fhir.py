"""FHIR R4: a transaction of a DetectedIssue (what) and a Task (who must act, by when), to the server of the hospital.

Both are put under the alert's own id, so that they follow the episode, and a repeat changes nothing. Every event goes
there, also those that call nobody: a record is not a message.
"""

from typing import Any, Literal

from alerts.channels.webhook import WebhookChannel
from alerts.events import AlertEvent, Evidence
from alerts.language import ENGLISH
from models.vitals import BY_NAME

MIME = "application/fhir+json"
SYSTEM = "https://homebeat.invalid/fhir"
SEVERITY = {"emergency": "high", "urgent": "high", "advisory": "moderate", "info": "low"}
PRIORITY = {"emergency": "stat", "urgent": "urgent", "advisory": "routine", "info": "routine"}
TaskStatus = Literal["requested", "accepted", "on-hold", "completed", "cancelled"]


def bundle_of(event: AlertEvent, language: str = ENGLISH) -> dict[str, Any]:
    """The transaction of one event, as plain JSON values. language: in which the event was told."""
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_entry(_issue(event)), _entry(_task(event))],
    }
    if language != ENGLISH:
        for entry in made["entry"]:
            entry["resource"]["language"] = language
    return made


class FhirChannel(WebhookChannel):
    """Posts transactions to the base address of a FHIR server. Its answer 2xx is for the whole of it."""

    CONTENT_TYPE = MIME

    def __init__(self, *args: Any, language: str = ENGLISH, **options: Any) -> None:
        super().__init__(*args, **options)
        self._language = language

    def body_of(self, event: AlertEvent) -> Any:
        return bundle_of(event, self._language)


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"{SYSTEM}/{url}", "resource": resource, "request": {"method": "PUT", "url": url}}


def _issue(event: AlertEvent) -> dict[str, Any]:
    """What was detected. final: nobody watches it any more."""
    observations = [_observation(event, one, n) for n, one in enumerate(event.evidence, 1)]
    made: dict[str, Any] = {
        "resourceType": "DetectedIssue",
        "id": event.alert_id,
        "identifier": [_identifier(event)],
        "status": "final" if event.state == "resolved" else "preliminary",
        "code": {"coding": [{"system": f"{SYSTEM}/problem", "code": event.problem}], "text": event.title},
        "severity": SEVERITY[event.severity],
        "identifiedPeriod": _period(event),
        "detail": event.explanation,
    }
    if not event.patient.startswith("source:"):
        made["patient"] = {"reference": f"Patient/{event.patient}"}
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
        "subject": {"reference": f"Patient/{event.patient}"},
        "effectiveDateTime": evidence.at,
    }
    if evidence.value is not None:
        made["valueQuantity"] = {"value": evidence.value, "system": "http://unitsofmeasure.org", "code": evidence.unit}
    if evidence.low is not None and evidence.high is not None:
        made["referenceRange"] = [
            {"low": {"value": evidence.low}, "high": {"value": evidence.high}, "text": "own band"}
        ]
    return made


def _task(event: AlertEvent) -> dict[str, Any]:
    """Who must act."""
    made: dict[str, Any] = {
        "resourceType": "Task",
        "id": event.alert_id,
        "identifier": [_identifier(event)],
        "status": status_of(event),
        "intent": "order",
        "priority": PRIORITY[event.severity],
        "description": event.title,
        "focus": {"reference": f"DetectedIssue/{event.alert_id}"},
        "authoredOn": event.onset_at,
        "lastModified": event.decided_at,
        "businessStatus": {"text": f"{event.event}, rung {event.rung + 1}"},
        "owner": {"display": event.care_team or "ops"},
    }
    if not event.patient.startswith("source:"):
        made["for"] = {"reference": f"Patient/{event.patient}"}
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


def _identifier(event: AlertEvent) -> dict[str, str]:
    return {"system": f"{SYSTEM}/alert", "value": f"{event.alert_id}:{event.sequence}"}


def _period(event: AlertEvent) -> dict[str, str]:
    return {"start": event.onset_at} | ({"end": event.event_at} if event.state == "resolved" else {})
