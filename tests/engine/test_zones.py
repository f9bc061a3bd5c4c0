"""Local time of patients, also on the days on which the clocks change, in whatever order one asks."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.profile import parse_profile
from models.times import US_PER_DAY, to_us
from streams.engine.state import PartitionState
from streams.engine.zones import local_offset_us
from tests.models.splits import cuts

CHANGES = {
    "Europe/London": [(2026, 3, 29, 1, 0), (2026, 10, 25, 1, 0)],
    "America/New_York": [(2026, 3, 8, 7, 0), (2026, 11, 1, 6, 0)],
    "Australia/Lord_Howe": [(2026, 4, 4, 15, 0), (2026, 10, 3, 15, 30)],
    "Pacific/Chatham": [(2026, 4, 4, 14, 0), (2026, 9, 26, 14, 0)],
    "Asia/Kathmandu": [(2026, 1, 5, 18, 15)],
    "America/St_Johns": [(2010, 3, 14, 3, 31), (2010, 11, 7, 2, 31)],
    "UTC": [(2026, 1, 5, 0, 0)],
}
"""Moments (UTC) at which the offset changes, or the local day begins. Half an hour at Lord Howe; three quarters of
an hour off the hour in Chatham and Kathmandu; at a minute past midnight in St John's, until 2011."""
MINUTE_US = 60_000_000


def state_of(*zones: str | None) -> PartitionState:
    state = PartitionState()
    for k, zone in enumerate(zones):
        move(state, state.add_patient(f"p-{k}"), zone, 1)
    return state


def move(state: PartitionState, slot: int, zone: str | None, version: int) -> None:
    """A profile that says where the patient lives."""
    fields = {"patient": f"p-{slot}", "version": version, "consent": {"monitoring": True}}
    document = json.dumps(fields | ({"timezone": zone} if zone else {})).encode()
    state.put_profile(slot, parse_profile(document), document)


def offset_us(zone: str, at: int) -> int:
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).utcoffset()
    return (local or timedelta()) // timedelta(microseconds=1)


def ask(state: PartitionState, slots: list[int], times: list[int]) -> list[int]:
    return [int(v) for v in local_offset_us(state, np.array(slots, np.int64), np.array(times, np.int64))]


near = st.one_of(
    st.sampled_from([-2 * US_PER_DAY, -US_PER_DAY, -MINUTE_US, -1, 0, 1, MINUTE_US, US_PER_DAY]),
    st.integers(-20 * MINUTE_US, 20 * MINUTE_US),
    st.integers(-2 * US_PER_DAY, 2 * US_PER_DAY),
)


@settings(max_examples=120)
@given(st.data())
def test_local_time_is_that_of_the_time_zone_in_whatever_order_one_asks(data: st.DataObject) -> None:
    zones = data.draw(st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=3))
    asked = []
    for slot, distance in data.draw(st.lists(st.tuples(st.integers(0, len(zones) - 1), near), max_size=20)):
        change = data.draw(st.sampled_from(CHANGES[zones[slot]]))
        asked.append((slot, to_us(datetime(*change, tzinfo=UTC)) + distance))
    state, got = state_of(*zones), []
    for part in data.draw(cuts(len(asked))):
        got += ask(state, [slot for slot, _ in asked[part]], [at for _, at in asked[part]])
    assert got == [offset_us(zones[slot], at) for slot, at in asked]


@pytest.mark.parametrize(
    ("zone", "change"),
    [(z, c) for z, changes in CHANGES.items() for c in changes if z not in ("UTC", "Asia/Kathmandu")],
)
def test_the_offset_changes_at_the_very_moment(zone: str, change: tuple[int, int, int, int, int]) -> None:
    at = to_us(datetime(*change, tzinfo=UTC))
    assert offset_us(zone, at - 1) != offset_us(zone, at)
    for order in ([at - 1, at], [at, at - 1]):
        state = state_of(zone)
        assert [ask(state, [0], [one])[0] for one in order] == [offset_us(zone, one) for one in order]


def test_a_patient_who_does_not_say_where_lives_in_utc() -> None:
    state = state_of(None)
    unknown = state.add_unknown("p-1")
    assert ask(state, [0, unknown], [to_us(datetime(2026, 7, 1, tzinfo=UTC))] * 2) == [0, 0]


def test_a_patient_who_moves_lives_by_the_new_clock_at_once() -> None:
    state, at = state_of("Europe/London"), to_us(datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert ask(state, [0], [at]) == [60 * MINUTE_US]
    move(state, 0, "Asia/Kathmandu", 2)
    assert ask(state, [0], [at]) == [345 * MINUTE_US]


def test_an_ordinary_day_is_looked_up_once() -> None:
    state, day = state_of("Europe/London"), to_us(datetime(2026, 7, 1, tzinfo=UTC))
    ask(state, [0], [day + 5])
    one = state.patients[0]
    assert (one["zone_from"], one["zone_until"]) == (day, day + US_PER_DAY)
