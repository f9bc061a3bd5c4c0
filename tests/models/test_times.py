"""Times as integers: nothing is lost on the way in or out."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.times import US_PER_DAY, US_PER_S, from_us, rfc3339, to_us

zones = st.timezones() | st.just(timezone(timedelta(hours=5.75)))
moments = st.builds(
    lambda us, zone: (datetime(1970, 1, 2, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(zone),
    st.integers(0, 200 * 366 * US_PER_DAY),
    zones,
)


@given(moments)
def test_a_time_in_any_zone_comes_back_to_the_microsecond(at: datetime) -> None:
    assert from_us(to_us(at)) == at.astimezone(UTC)


@given(st.integers(0, 200 * 366 * US_PER_DAY))
def test_the_wire_form_is_the_same_instant(us: int) -> None:
    text = rfc3339(us)
    assert text.endswith("Z")
    assert to_us(datetime.fromisoformat(text)) == us


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (US_PER_DAY - 1, "1970-01-01T23:59:59.999999Z"),
        (1000, "1970-01-01T00:00:00.001Z"),
        (1_767_600_000 * US_PER_S, "2026-01-05T08:00:00Z"),
    ],
)
def test_the_wire_form_has_no_more_decimals_than_needed(us: int, text: str) -> None:
    assert rfc3339(us) == text


def test_the_hour_that_comes_twice_keeps_its_two_instants() -> None:
    first = datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/London"))
    assert to_us(first.replace(fold=1)) - to_us(first) == 3600 * US_PER_S


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        to_us(datetime(2026, 1, 5))  # noqa: DTZ001  # the mistake is the point
