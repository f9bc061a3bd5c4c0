"""Alerts about devices and systems: told in words of their own, and never counted as something about a patient."""

from typing import get_args

from alerts import ledger
from alerts.episodes import Episode
from alerts.ledger import TECHNICAL, Cleared, Raised, When
from models.findings import Kind, Rule
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
    opened = ledger.on_raised(episodes, raised(), WHEN)
    assert opened is not None
    assert (opened.category, opened.evidence, opened.explanation) == ("technical", [], "nothing for an hour")
    cleared = Cleared("source.quiet", "source", START_US + HOUR_US, None, "it flows again", "an hour without a reading")
    resolved = ledger.on_cleared(episodes, cleared, WHEN)
    assert resolved is not None
    assert (resolved.sequence, resolved.state, resolved.reason) == (2, "resolved", "it flows again")
    assert resolved.explanation == "an hour without a reading"


def test_only_kinds_about_devices_and_systems_are_technical() -> None:
    assert set(get_args(Kind)) - TECHNICAL == {
        "limit", "deviation", "drift", "change_index", "condition", "early_warning",
    }  # fmt: skip
