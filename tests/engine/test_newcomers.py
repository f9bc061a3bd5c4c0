"""A device that is new is named beside what it measures: another scale's 2 kg more need not be 2 kg gained."""

from collections.abc import Sequence

import pytest

from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, HOUR_US, Log, one_by_one, run
from tests.engine.known import someone

NEW = (
    "a new device since 5 February 2026 at 08:00 UTC, which may read differently: "
    'what is usual was learned with another ("New normal" has it learned anew)'
)
"""31 days after the first."""


def weighed(devices: Sequence[str | None], log: Log | None = None, jump: float = 2.0) -> Log:
    """A weight a day, by these scales; from the 32nd day on by so much more."""
    log = log or someone("heart_failure")
    for day, device in enumerate(devices):
        log.read(code="body_weight", value=80 + day % 3 * 0.3 + (jump if day > 30 else 0), device=device)
        log.wait(DAY_US)
    log.tick()
    return log


def said(log: Log) -> set[bool]:
    """Of alerts about the weight: whether they say that its device is new."""
    alerts = [a for a in run(log).alerts if a.category == "clinical" and a.event == "opened"]
    assert alerts, "there is something to say it of"
    return {any("new device" in m for m in a.evidence[0].modifiers) for a in alerts}


@pytest.mark.parametrize(
    ("devices", "wanted"),
    [
        (["scale-1"] * 31 + ["scale-2"] * 4, {True}),
        (["scale-1"] * 35, {False}),
        (["scale-1", "scale-2"] + ["scale-1"] * 33, {False}),
        ([None] * 31 + ["scale-2"] * 4, {False}),
    ],
    ids=["another one", "the same", "both for a month", "one that has a name now"],
)
def test_a_new_scale_is_named_beside_what_it_says(devices: Sequence[str | None], wanted: set[bool]) -> None:
    assert said(weighed(devices)) == wanted


def test_it_is_said_in_the_words_of_the_alert_and_at_the_first_reading() -> None:
    log = someone()
    for at in range(32):
        device = "cuff-1" if at < 31 else "cuff-2"
        log.read(code="systolic_bp", value=120 + at % 3 if at < 31 else 190, device=device)
        log.wait(DAY_US if at < 31 else HOUR_US)
        if at == 31:
            log.read(code="systolic_bp", value=191, device=device)
    log.tick()
    alert = next(a for a in run(log).alerts if a.problem == "systolic_bp.high")
    assert NEW in alert.evidence[0].modifiers
    assert NEW in alert.explanation


def test_it_is_news_for_a_month() -> None:
    log = weighed(["scale-1"] * 31 + ["scale-2"] * 31, jump=0.0)
    for _ in range(3):
        log.read(code="body_weight", value=83.0, device="scale-2")
        log.wait(DAY_US)
        log.tick()
    assert said(log) == {False}


def test_it_does_not_matter_how_the_log_is_cut_with_more_devices_than_are_watched() -> None:
    """Devices come and go within a stretch; what is said is how they stood at each alert."""
    log = someone("heart_failure")
    for day in range(60):
        for _ in range(2):  # the second at the very same second
            heavier = 2.5 if day % 7 > 4 else 0
            log.read(
                code="body_weight", value=80 + heavier + day % 2 * 0.2, device=f"scale-{day // 4}", id=f"{len(log)}"
            )
        log.wait(DAY_US)
        log.tick()
    whole = run(log).lines()
    assert sum("new device" in line for line in whole["alerts"]) > 3
    assert run(log, one_by_one(log)).lines() == whole


def test_it_is_known_after_a_restart() -> None:
    log = weighed(["scale-1"] * 31 + ["scale-2"] * 4)
    told, cut, state = run(log), len(log) - 4, PartitionState()
    before = run(Log(log.records[:cut]), state=state)
    again = run(log, state=restored(pack_dirty(state, 0).pages, 0), begin=cut)
    assert before.lines()["alerts"] + again.lines()["alerts"] == told.lines()["alerts"]


def test_new_normal_has_the_level_learned_with_the_new_device_as_the_alert_says() -> None:
    """What a rule of a condition counts a rise from stays what was measured."""
    log = weighed(["scale-1"] * 31 + ["scale-2"] * 4, jump=4.0)
    (alert,) = {a.alert_id for a in run(log).alerts if a.problem == "body_weight.high"}
    log.act(alert, "new_normal", reason="compared with the old scale, which reads 4 kg less")
    for day in range(25):
        log.read(code="body_weight", value=84 + day % 3 * 0.3, device="scale-2")
        log.wait(DAY_US)
    log.tick()
    first, *_, last = (a for a in run(log).alerts if a.problem == "body_weight.high")
    assert (first.kind, last.event, last.by) == ("deviation", "resolved", None)
    levels = [one.evidence[0].expected for one in (first, last)]
    assert [round(level) for level in levels if level is not None] == [80, 84]
