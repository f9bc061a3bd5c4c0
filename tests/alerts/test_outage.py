"""Devices of one patient that fall silent together: on the worklist each, one message, one telephone call."""

import pytest

from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us
from tests.alerts.test_policy import POLICY, said


def away(*missed_h: float, ended_h: tuple[float, ...] = (0.0, 1.0, 20.0), kind: str = "silence") -> Life:
    """Devices whose data ended at these hours, and that were missed at those."""
    one = Life(policy=POLICY)
    for n, (at, ended) in enumerate(zip(missed_h, ended_h, strict=False)):
        one.raised(60 * at, kind, "advisory", onset=60 * ended, problem=f"{kind}.device-{n}")  # type: ignore[arg-type]
    return one


def test_who_goes_away_with_three_devices_is_one_message() -> None:
    one = away(36, 40, 60)
    assert [(event.event, event.notify) for event in one.told] == [
        ("opened", "first"),
        ("opened", None),
        ("opened", None),
    ]
    assert [said(event, "outage") for event in one.told] == [None, "deferred", "deferred"]
    assert one.told[1].until == rfc3339(us(60 * (40 + 72)))
    assert one.told[1].deadline == rfc3339(us(60 * (40 + 72) + DAY_MIN)), "the time to answer begins with the message"


def test_nor_is_there_a_message_for_each_that_is_back() -> None:
    one = away(36, 40, 60)
    for n in range(3):
        one.cleared(60 * 70 + n, "silence", problem=f"silence.device-{n}")
    assert [event.notify for event in one.told[3:]] == ["resolved", None, None]


def test_what_still_stands_and_nobody_has_taken_up_is_told() -> None:
    """The patient is back with the watch, and the oximeter stays silent."""
    one = away(36, 40)
    one.acted(60 * 37, "acknowledge", one.told[0].alert_id)
    one.cleared(60 * 45, "silence", problem="silence.device-0")
    assert one.tick(60 * 111.9) == []
    assert one.tick(60 * 112) == [("updated", "open")]
    assert (one.told[-1].alert_id, one.told[-1].notify) == (one.told[1].alert_id, "first")


def test_what_was_taken_up_on_the_worklist_is_not() -> None:
    one = away(36, 40)
    one.acted(60 * 41, "acknowledge", one.told[1].alert_id)
    before = len(one.told)
    one.tick(60 * 112)
    assert not [event for event in one.told[before:] if event.alert_id == one.told[1].alert_id]


@pytest.mark.parametrize("ended_h", [(0.0, 25.0), (25.0, 0.0)])
def test_what_fell_silent_on_another_day_is_another_matter(ended_h: tuple[float, ...]) -> None:
    assert [event.notify for event in away(36, 40, ended_h=ended_h).told] == ["first", "first"]


def test_so_is_what_began_when_the_other_was_over() -> None:
    one = away(36)
    one.cleared(60 * 37, "silence", problem="silence.device-0")
    one.raised(60 * 40, "silence", "advisory", onset=60.0, problem="silence.device-1")
    assert one.told[-1].notify == "first"


def test_a_wrong_sensor_and_an_urgent_problem_wait_for_no_silence() -> None:
    assert [event.notify for event in away(36, 40, kind="sensor").told] == ["first", "first"]
    one = away(36)
    one.raised(60 * 40, "silence", "urgent", onset=60.0, problem="silence.device-1")
    one.raised(60 * 41, "limit", "advisory", onset=60.0)
    assert [event.notify for event in one.told[1:]] == ["first", "first"]
