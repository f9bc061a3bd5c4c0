"""FHIR transactions: valid by the library, following the episode, and put under the alert's own id."""

import json
from typing import Any, get_args

import pytest
from fhir.resources.R4B.bundle import Bundle

from alerts.channels.fhir import FhirChannel, TaskStatus, bundle_of, status_of
from alerts.channels.protocol import idempotency_key
from alerts.channels.webhook import WebhookLimits
from alerts.events import AlertEvent
from tests.channels.events import EVIDENCE, alert
from tests.channels.server import Answer, answering

QUICK = WebhookLimits(attempts=3, timeout_s=0.5, first_wait_s=0.01, longest_wait_s=0.01)
EVENTS = [
    alert(evidence=[EVIDENCE], deadline="2026-01-05T09:00:00Z", rung=1),
    alert(sequence=2, event="acknowledged", state="acknowledged", by="nurse-2", reason="seen"),
    alert(sequence=3, event="snoozed", state="snoozed"),
    alert(sequence=4, event="resolved", state="resolved", evidence=[]),
    alert(sequence=5, event="expired", state="resolved", severity="emergency"),
    alert(patient="source:urn:dev:watch", care_team=None, category="technical", kind="source", evidence=[]),
]


def parts(event: AlertEvent) -> dict[str, Any]:
    return {one["resource"]["resourceType"]: one["resource"] for one in bundle_of(event)["entry"]}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.event}-{event.sequence}")
def test_every_bundle_is_valid_and_put_under_the_alerts_id(event: AlertEvent) -> None:
    made = bundle_of(event)
    assert Bundle.model_validate_json(json.dumps(made)).type == "transaction"
    assert [(one["request"]["method"], one["request"]["url"]) for one in made["entry"]] == [
        ("PUT", f"DetectedIssue/{event.alert_id}"), ("PUT", f"Task/{event.alert_id}"),
    ]  # fmt: skip


def test_a_record_says_in_which_language_it_is_when_that_is_not_english() -> None:
    made = bundle_of(EVENTS[0], "de")
    assert Bundle.model_validate_json(json.dumps(made)).type == "transaction"
    assert {one["resource"]["language"] for one in made["entry"]} == {"de"}
    assert all("language" not in one["resource"] for one in bundle_of(EVENTS[0])["entry"])


def test_the_task_follows_the_episode() -> None:
    assert [status_of(event) for event in EVENTS[:5]] == list(get_args(TaskStatus))
    task = parts(EVENTS[0])["Task"]
    assert task["restriction"]["period"]["end"] == "2026-01-05T09:00:00Z"
    assert (task["owner"]["display"], task["for"]["reference"]) == ("cardiology-home", "Patient/p-17")
    assert parts(EVENTS[1])["Task"]["note"] == [{"text": "nurse-2: seen"}]


def test_the_issue_carries_what_was_measured_against_the_own_band() -> None:
    issue = parts(EVENTS[0])["DetectedIssue"]
    (observation,) = issue["contained"]
    assert observation["valueQuantity"]["value"] == 104.0
    assert observation["referenceRange"][0]["low"] == {"value": 54.0}
    assert issue["evidence"] == [{"detail": [{"reference": f"#{observation['id']}"}]}]


def test_a_source_is_nobody() -> None:
    assert "patient" not in parts(EVENTS[-1])["DetectedIssue"]
    assert "for" not in parts(EVENTS[-1])["Task"]


async def test_a_server_that_fails_and_answers_late_gets_the_same_transaction_again() -> None:
    async with answering([Answer(503), Answer(0)]) as server:
        channel = FhirChannel(server.url, b"a secret", QUICK, name="ehr")
        outcome = await channel.send(EVENTS[0], idempotency_key(EVENTS[0]))
        await channel.close()
    assert (outcome.outcome, outcome.attempts) == ("delivered", 3)
    assert {headers["Content-Type"] for headers, _ in server.requests} == {"application/fhir+json"}
    assert len({body for _, body in server.requests}) == 1
