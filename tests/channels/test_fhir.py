"""FHIR transactions: valid by the library, following the episode, and put under the alert's own id."""

import json
import subprocess
import sys
from typing import Any, get_args

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.channels.fhir import INVALID, FhirChannel, TaskStatus, bundle_of, status_of
from alerts.channels.fhir_check import wrong_in
from alerts.channels.protocol import idempotency_key
from alerts.channels.webhook import WebhookLimits
from alerts.episodes import EVERYBODY, UNANSWERED
from alerts.events import AlertEvent
from tests.channels.events import EVIDENCE, alert
from tests.channels.server import Answer, answering

QUICK = WebhookLimits(attempts=3, timeout_s=3.0, first_wait_s=0.01, longest_wait_s=0.01)
"""Tries are counted, so that an answer of a busy machine must not come too late; one that hangs costs all of it."""
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


def test_all_steps_of_an_episode_are_versions_of_one_issue_and_one_task() -> None:
    """Whoever looks an alert up by its identifier finds it, whatever has happened since."""
    for kind in ("DetectedIssue", "Task"):
        made = [parts(event)[kind] for event in EVENTS[:5]]
        assert {json.dumps([one["id"], one["identifier"]]) for one in made} == {
            '["a-1", [{"system": "https://homebeat.invalid/fhir/alert", "value": "a-1"}]]'
        }
        assert [one["meta"]["source"].rpartition("#")[2] for one in made] == ["1", "2", "3", "4", "5"]


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
    assert task["businessStatus"]["text"] == "opened, rung 2"
    assert parts(alert(rung=EVERYBODY))["Task"]["businessStatus"]["text"] == "opened, everybody"
    assert parts(alert(problem=UNANSWERED, rung=3))["Task"]["businessStatus"]["text"] == "opened, everybody"
    assert parts(EVENTS[1])["Task"]["note"] == [{"text": "nurse-2: seen"}]


def test_the_issue_carries_what_was_measured_against_the_own_band() -> None:
    issue = parts(EVENTS[0])["DetectedIssue"]
    (observation,) = issue["contained"]
    assert observation["valueQuantity"]["value"] == 104.0
    assert observation["referenceRange"][0]["low"] == {"value": 54.0}
    assert issue["evidence"] == [{"detail": [{"reference": f"#{observation['id']}"}]}]


def test_a_level_of_consciousness_is_a_finding_and_no_amount() -> None:
    found = replace(EVIDENCE, vital="consciousness", value=2.0, unit="1", low=None, high=None)
    observation = parts(alert(evidence=[found]))["DetectedIssue"]["contained"][0]
    assert observation["valueCodeableConcept"] == {"text": "Responds to voice"}
    assert "valueQuantity" not in observation
    assert wrong_in(bundle_of(alert(evidence=[found]))) is None


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


ANY_TEXT = st.one_of(st.sampled_from(["", " ", "\x00", "a\nb", "a  b", "</div>", "x" * 2_000]), st.text())
ANY_ID = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)
"""What a patient's id may be (CONTRACT 2)."""


@settings(max_examples=150, deadline=None)
@given(ANY_ID, st.lists(ANY_TEXT, min_size=7, max_size=7), st.sampled_from([None, 0.0, 1e-9, 104.0]))
def test_no_text_of_an_alert_makes_a_bundle_invalid_nor_is_it_lost(
    patient: str, texts: list[str], value: float | None
) -> None:
    title, explanation, by, reason, team, problem, unit = texts
    event = alert(
        patient=patient, title=title, explanation=explanation, by=by, reason=reason, care_team=team,
        problem=problem or "x", evidence=[replace(EVIDENCE, value=value, unit=unit or None)],
    )  # fmt: skip
    made = bundle_of(event)
    assert wrong_in(json.loads(json.dumps(made))) is None
    if title.isprintable() and title.strip():
        assert parts(event)["Task"]["description"] == title.strip()


@pytest.mark.parametrize("patient", ["p/../q", "p-17/_history/1", "p-17?_cascade=delete", "p_17", "#", "x" * 65])
def test_an_id_that_is_none_in_fhir_is_an_identifier_and_no_part_of_an_address(patient: str) -> None:
    for made in (
        parts(alert(patient=patient))["Task"]["for"],
        parts(alert(patient=patient))["DetectedIssue"]["patient"],
    ):
        assert (made["identifier"]["value"], "reference" in made) == (patient, False)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("identifiedPeriod", {"onset_at": "yesterday"}), ("identifiedPeriod", {"onset_at": "2026-01-05T08:00:00"}),
    (".id", {"alert_id": "a_1"}), (".id", {"alert_id": "a" * 65}),
    ("contained.0.code", {"evidence": [replace(EVIDENCE, vital="")]}), ("restriction", {"deadline": "soon"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "changed"), WRONG, ids=lambda one: one if isinstance(one, str) else "")
async def test_an_invalid_bundle_is_a_failure_of_our_own_and_is_never_sent(what: str, changed: dict[str, Any]) -> None:
    event = alert(title="Ann Smith has a fever", **changed)
    async with answering([]) as server:
        channel = FhirChannel(server.url, b"a secret", QUICK, name="ehr")
        outcome = await channel.send(event, idempotency_key(event))
        assert (await channel.send(alert(), "a-1:1")).outcome == "delivered", "the next one goes"
        await channel.close()
    assert (outcome.outcome, outcome.attempts, len(server.requests)) == ("failed", 0, 1)
    assert outcome.detail is not None
    assert outcome.detail.startswith(INVALID)
    assert "Smith" not in outcome.detail
    assert what in outcome.detail


@pytest.mark.parametrize(
    ("place", "value"),
    [("text", None), ("text", ""), ("text", "a\x00b"), ("text", {}), ("coding", []), ("id", "x" * 65), ("id", "a/b"),
     ("reference", "Patient/p/../q"), ("reference", "Patient/p?x=1"), ("reference", "#"), ("reference", 7)],
)  # fmt: skip
def test_what_the_library_lets_pass_is_found_as_well(place: str, value: object) -> None:
    assert wrong_in(bundle_of(alert())) is None
    made = bundle_of(alert())
    issue = made["entry"][0]["resource"]
    {"id": issue, "reference": issue["patient"]}.get(place, issue["code"])[place] = value
    found = wrong_in(made)
    assert found is not None
    assert place in found


def test_a_notifier_without_a_fhir_server_does_not_load_the_library() -> None:
    program = "import sys, streams.notifier.notifier; print([one for one in sys.modules if one.startswith('fhir')])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
