"""Names of devices, of which a publisher may write anything: what comes of them is bounded and can be told."""

import warnings

import pytest

from streams.engine.devices import tidied
from tests.engine.factories import DAY_US, MINUTE_US, Log, run

ODD = ["urn:dev:" + "x" * 60_000, "urn:dev:a\r\nBcc: somebody", "urn:dev:\x00\x1b[2J", "urn:dev:a\u2028b"]


@pytest.mark.parametrize("name", ODD)
def test_an_alert_about_a_device_is_of_usual_size_and_of_one_line(name: str) -> None:
    log = Log()
    log.profile()
    for _ in range(30):
        log.read(code="heart_rate", value=72.0, device=name)
        log.wait(MINUTE_US)
    log.wait(4 * DAY_US)
    log.tick()
    (silent,) = (alert for alert in run(log).alerts if alert.event == "opened" and alert.kind == "silence")
    missing = " (heart rate)" if len(tidied(name)) < 80 else ""
    assert silent.title == f"No data from {tidied(name)}{missing}"
    assert len(silent.title.splitlines()) == 1
    assert len(silent.title) < 150
    assert len(silent.problem) < 150


def test_devices_with_long_names_stay_apart() -> None:
    one, other = (tidied("x" * 500 + last) for last in "ab")
    assert one != other
    assert len(one) == len(other) == 128


def test_a_device_with_a_space_in_its_name_is_the_one_that_the_profile_names() -> None:
    """What it sent before the patient had it is no reading of theirs."""
    log = Log()
    log.profile(devices=[{"device": "my watch", "since": "2026-01-05"}])
    log.read(code="heart_rate", value=72.0, device="my watch")
    log.read(code="heart_rate", value=72.0, device="my watch", at_us=log.now_us - 30 * DAY_US)
    told = run(log)
    assert told.controls == {("profile", "applied"): 1}
    assert [reject.reason for reject in told.rejects] == ["clock_fault"]


@pytest.mark.parametrize("value", [1e308, -1e308])
def test_a_number_beyond_all_measure_is_implausible_and_no_warning(value: float) -> None:
    log = Log()
    log.profile()
    log.read(code="glucose", value=value, unit="mmol/L")
    log.read(code="heart_rate", value=None, values=[70.0, value], period=60.0, unit="/s")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [reject.reason for reject in run(log).rejects] == ["implausible", "implausible"]
