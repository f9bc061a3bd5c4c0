"""Alerts about devices and systems: told in words of their own, and never counted as something about a patient."""

from typing import get_args

import pytest

from alerts import ledger, technical
from alerts.episodes import Episode
from alerts.policy import When
from alerts.raised import TECHNICAL, Cleared, Raised
from models.findings import Kind, Rule
from models.vitals import VITALS
from tests.engine.factories import HOUR_US, START_US

WHEN = When("source:clinic", None, START_US, START_US)


def raised(said: str = "nothing for an hour") -> Raised:
    return Raised(
        problem="source.quiet", vital="", title="clinic is quiet", kind="source", rank=2,
        rule=Rule("quiet_source", "1", "DESIGN"), onset_us=START_US - HOUR_US, event_us=START_US, retrospective=False,
        evidence=None, population=False, said=said,
    )  # fmt: skip


def test_what_no_measurement_explains_is_told_in_its_own_words() -> None:
    episodes: list[Episode] = []
    (opened,) = ledger.on_raised(episodes, raised(), WHEN)
    assert (opened.category, opened.evidence, opened.explanation) == ("technical", [], "nothing for an hour")
    cleared = Cleared("source.quiet", "source", START_US + HOUR_US, None, "it flows again", "an hour without a reading")
    (resolved,) = ledger.on_cleared(episodes, cleared, WHEN)
    assert (resolved.sequence, resolved.state, resolved.reason) == (2, "resolved", "it flows again")
    assert resolved.explanation == "an hour without a reading"


def test_only_kinds_about_devices_and_systems_are_technical() -> None:
    assert set(get_args(Kind)) - TECHNICAL == {
        "limit", "deviation", "drift", "change_index", "condition", "early_warning",
    }  # fmt: skip


def test_a_silent_device_is_told_with_since_when_what_is_usual_and_what_to_do() -> None:
    assert technical.device_silent("watch-9", START_US, 9 * 3600, 13.5 * 3600) == (
        "Nothing has come from watch-9 since 5 January 2026 at 08:00 UTC. The longest usual pause of late was 9 hours; "
        "13.5 hours were waited for. Check that it is worn and charged, and that its phone or hub is switched on and "
        "connected."
    )
    unknown = technical.device_silent("", START_US, None, 36 * 3600)
    assert "a device without a name" in unknown
    assert "It is not yet known how often it usually sends: 36 hours were waited for." in unknown


def test_one_silent_vital_is_told_as_such() -> None:
    said = technical.vital_silent("spo2", "watch-9", START_US, 600, 4 * 3600)
    assert said.startswith("No oxygen saturation has come from watch-9 since 5 January 2026 at 08:00 UTC, although the")
    assert "the longest usual pause of late was 10 minutes; 4 hours were waited for" in said.lower()


@pytest.mark.parametrize("fault", ["stuck", "behind", "ahead", "lost"])
def test_a_wrong_clock_is_told_with_both_times_and_what_to_do(fault: technical.Fault) -> None:
    said = technical.clock_wrong("watch-9", fault, START_US, START_US + 3 * HOUR_US)
    assert "5 January 2026 at 08:00 UTC" in said
    assert "5 January 2026 at 11:00 UTC" in said
    assert said.endswith("Set its date, time and time zone anew.")


def test_every_vital_can_be_named_in_a_title() -> None:
    titles = [technical.vital_title(vital.name) for vital in VITALS]
    assert len(set(titles)) == len(VITALS)
