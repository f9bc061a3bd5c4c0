"""Logs: one line a record on stderr, for people or for machines, without the chatter of libraries."""

import json
import logging

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
