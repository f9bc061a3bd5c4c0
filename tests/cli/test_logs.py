"""Logs: one line a record on stderr, for people or for machines, without the chatter of libraries."""

import json
import logging
import time
from collections import Counter

import pytest

from streams.serving.logs import configure_logging


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("streams.worker.worker").exception("could not write the page of %s", "partition 3")
    logging.getLogger("streams.worker.worker").debug("not at this level")
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record["level"] == "error"
    assert record["logger"] == "streams.worker.worker"
    assert record["message"] == "could not write the page of partition 3"
    assert "ValueError" in record["exception"]
    assert record["time"].endswith("Z")


def test_text_logs_begin_with_time_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "text")
    logging.getLogger("streams.worker.worker").info("joined")
    time, level, rest = capsys.readouterr().err.rstrip().split(" ", 2)
    assert (time[-1], level, rest) == ("Z", "info", "streams.worker.worker: joined")


@pytest.mark.parametrize(("level", "libraries", "heard"), [("info", True, 1), ("info", False, 0), ("debug", False, 2)])
def test_libraries_are_heard_from_warning_on(
    capsys: pytest.CaptureFixture[str], level: str, libraries: bool, heard: int
) -> None:
    configure_logging(level, "text", libraries=libraries)
    logging.getLogger("aiokafka").error("Unable connect")
    logging.getLogger("aiokafka").info("Discovered coordinator")
    assert len(capsys.readouterr().err.splitlines()) == heard


def test_what_a_library_says_again_and_again_is_passed_on_once_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a topic that was not there yet ten lines a second came."""
    configure_logging("info", "text")
    clock_s = 0.0
    monkeypatch.setattr(time, "time", lambda: clock_s)
    monkeypatch.setattr(time, "time_ns", lambda: round(clock_s * 1e9))
    library, own = logging.getLogger("aiokafka.cluster"), logging.getLogger("streams.worker.worker")
    for tenth in range(1210):
        clock_s = 1_700_000_000 + tenth / 10
        library.error("Topic %s not found in cluster metadata", "homebeat.alerts")
        if tenth % 500 == 0:
            library.error("Topic %s not found in cluster metadata", "homebeat.deliveries")
            own.warning("still waiting")
    lines = capsys.readouterr().err.splitlines()
    said = Counter(line.rpartition(": ")[2] for line in lines)
    assert said["Topic homebeat.alerts not found in cluster metadata"] == 3
    assert said["Topic homebeat.deliveries not found in cluster metadata"] == 2, "at 0, 50 (again) and 100 s"
    assert said["still waiting"] == 3, "what is ours is never left out"


def test_with_debug_no_library_quotes_a_record_or_a_login(capsys: pytest.CaptureFixture[str]) -> None:
    """Kafka's client logged every reading, every profile and the password of SASL."""
    configure_logging("debug", "json")
    for library in (
        "aiokafka.conn",
        "aiokafka.producer.producer",
        "sse_starlette.sse",
        "apprise",
        "faust",
        "any.other",
    ):
        logging.getLogger(library).debug("Sending (key=%r value=%r)", b"p-17", b"of a patient")
        logging.getLogger(library).info("joined")
    for own in ("streams.worker.worker", "alerts.desk.feed", "models.units", "homebeat"):
        logging.getLogger(own).debug("heard")
    said = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert said == 6 * ["joined"] + 4 * ["heard"]
    configure_logging("info", "text")
    logging.getLogger("streams.worker.worker").debug("not at this level")
    assert capsys.readouterr().err == ""


def test_with_debug_everything_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", "text")
    for _ in range(3):
        logging.getLogger("aiokafka.cluster").error("Topic not found")
    assert len(capsys.readouterr().err.splitlines()) == 3
