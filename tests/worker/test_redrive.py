"""`homebeat redrive`: what was refused is decided after the cause is mended, and what is old pages nobody."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from models.readings import Reason, Reject
from models.times import rfc3339
from streams import control
from streams.commands.redriving import REASONS
from streams.redrive import Earlier, Wanted
from tests.brokers import Broker
from tests.cli.command import Result
from tests.engine.factories import HOUR_US, profile
from tests.worker.live import Deployment, deployment, until


@pytest.fixture
def here(broker: Broker, prefix: str, tmp_path: Path) -> Iterator[Deployment]:
    with deployment(broker, prefix, tmp_path) as made:
        yield made


def refused(here: Deployment, count: int) -> list[dict[str, Any]]:
    here.settle()
    return until(lambda: (found := here.topic("rejects").values()) and len(found) >= count and found, "dead letters")  # type: ignore[no-any-return]


def redriven(here: Deployment, *options: str) -> dict[str, Any]:
    done: Result = here.homebeat("redrive", "--json", *options)
    assert done.code == 0, done.err
    return done.json


def back(here: Deployment) -> list[Any]:
    return [r for r in here.topic("readings").all() if dict(r.headers() or []).get("homebeat-redriven")]


def test_a_redriven_reading_gives_the_decision_it_would_have_given(here: Deployment) -> None:
    worker = here.start()
    now = time.time_ns() // 1000
    old = here.read(
        "p-1", code="spo2", value=70.0, device="hub-1", at_us=now - 9 * HOUR_US, timestamp=(now - 9 * HOUR_US) // 1000
    )
    fresh = here.read("p-2", code="spo2", value=70.0, device="hub-2")
    letters = refused(here, 2)
    assert {letter["reason"] for letter in letters} == {"unknown_patient"}
    dry = redriven(here, "--dry-run", "--reason", "unknown_patient")
    assert dry == {
        "dry_run": True, "letters": 2, "by_reason": {"unknown_patient": 2}, "by_source": {"hub": 2},
        "by_topic": {"readings": 2}, "left": {},
    }  # fmt: skip
    assert back(here) == []
    here.enrol("p-1")
    here.enrol("p-2")
    assert redriven(here, "--reason", "unknown_patient")["letters"] == 2
    until(lambda: worker.metric("homebeat_readings_decided_total") == 2, "both are decided")
    for record, sent in zip(sorted(back(here), key=lambda r: r.key()), (old, fresh), strict=True):
        assert json.loads(record.value()) == sent
        letter = next(one for one in letters if one["key"].encode() == record.key())
        assert rfc3339(record.timestamp()[1] * 1000) == letter["arrived_at"]
        place = f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
        assert dict(record.headers())["homebeat-redriven"].decode() == place
    assert here.told("p-2")["retrospective"] is False, "it has just arrived"
    assert all(alert["retrospective"] for alert in here.alerts("p-1"))
    (audit,) = here.topic("audit").all_values()
    assert (audit["what"], audit["detail"]["letters"]) == ("redrive", 2)
    assert audit["by"]
    once_more = redriven(here, "--dry-run")
    assert (once_more["letters"], list(once_more["left"].values())) == (0, [2]), "what is back is not put back again"
    assert redriven(here, "--dry-run", "--again")["letters"] == 2


def test_what_is_asked_for_goes_back_and_nothing_else(here: Deployment) -> None:
    here.start()
    here.enrol("p-1")
    now = time.time_ns() // 1000
    for n, hours in enumerate((1, 2, 3)):
        at = now - hours * HOUR_US
        here.read("p-1", code="nonsense", device=f"hub-{n}", at_us=at, timestamp=at // 1000, id=f"bad-{n}")
    here.read("p-1", unit="furlong", device="watch-1", id="unit")
    refused(here, 4)
    moment = rfc3339(now - 2 * HOUR_US - HOUR_US // 2)
    assert redriven(here, "--dry-run", "--since", moment)["letters"] == 3
    assert redriven(here, "--dry-run", "--until", moment)["letters"] == 1
    assert redriven(here, "--dry-run", "--source", "hub")["by_reason"] == {"unknown_code": 3}
    assert redriven(here, "--dry-run", "--source", "hub-1")["letters"] == 1
    assert redriven(here, "--dry-run", "--reason", "unknown_unit", "--reason", "not_json")["letters"] == 1
    assert redriven(here, "--dry-run", "--patient", "p-2")["letters"] == 0
    assert redriven(here, "--reason", "unknown_unit")["by_topic"] == {"readings": 1}
    refused(here, 5)
    assert redriven(here, "--dry-run", "--reason", "unknown_unit")["letters"] == 1, "refused again is the same letter"
    assert redriven(here, "--dry-run")["letters"] == 4, "what the first run was not asked for has not been put back"


def test_a_forged_control_record_is_never_signed_by_us(here: Deployment) -> None:
    here.start()
    for key, value, headers in (
        control.signed(control.profile("p-1", profile()), b"a guess at the secret"),
        control.signed(control.tick(time.time_ns() // 1000), b"a guess at the secret"),
    ):
        here.put("readings", key, value, headers=headers, partition=0)
    here.put("profiles", b"p-2", b'{"patient": "p-2"}')
    here.put("rejects", None, b'{"what": "is this"}')
    refused(here, 4)
    done = redriven(here)
    assert done["by_topic"] == {"profiles": 1, "readings": 1}
    assert {why.split(":")[0]: n for why, n in done["left"].items()} == {
        "control record": 1, "no dead letter of ours": 1,
    }  # fmt: skip
    again = redriven(here, "--dry-run")["left"]
    assert {why: again.get(why) for why in done["left"]} == done["left"], "what cannot go back never went"
    (record,) = until(lambda: back(here), "the tick that nobody can read")
    assert [name for name, _ in record.headers()] == ["homebeat-redriven"]
    refused(here, 6)
    values = [base64.b64decode(one.get("value_base64", "")) for one in here.topic("rejects").all_values()]
    assert values.count(record.value()) == 2, "it is refused once more"
    assert here.alerts() == []


def test_letters_of_a_topic_that_was_made_anew_have_not_been_put_back() -> None:
    run = Earlier(Wanted(reasons=frozenset({Reason.NOT_JSON})), {0: 10}, at_ms=5000)

    def back(reason: Reason, offset: int, timestamp: int) -> bool:
        at = datetime(2026, 1, 5, tzinfo=UTC)
        letter = Reject(
            reason=reason, detail="", topic="homebeat.readings", partition=0, offset=1, key=None, value_base64="",
            source=None, arrived_at=at.isoformat(),
        )  # fmt: skip
        return run.put_back(letter, at, ConsumerRecord("r", 0, offset, timestamp, 0, None, b"", None, 0, 0, ()))

    assert back(Reason.NOT_JSON, 9, 5000)
    assert not back(Reason.NOT_JSON, 10, 5000), "refused after it"
    assert not back(Reason.NOT_JSON, 9, 5001), "on a topic made anew"
    assert not back(Reason.BAD_SHAPE, 9, 5000), "not asked for"


def test_every_reason_can_be_asked_for() -> None:
    assert set(REASONS) == {reason.value for reason in Reason}


def test_bad_usage_is_one_clear_line(here: Deployment) -> None:
    for options in (["--reason", "because"], ["--since", "yesterday"], ["--since", "2026-01-02T00:00:00"],
                    ["--since", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"], ["file"]):  # fmt: skip
        done = here.homebeat("redrive", *options)
        assert done.code == 2, options
        assert done.complaint
