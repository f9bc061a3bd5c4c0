"""What a chart calls a gap."""

from alerts.desk.chart import Window, gap_s

DAY_S, MINUTE_S = 86_400.0, 60.0


def sittings(days: int) -> list[Window]:
    """Three readings minutes apart, once a day."""
    starts = [day * DAY_S + sitting * 30 * MINUTE_S for day in range(days) for sitting in range(3)]
    return [Window(at, 1800.0, 1, 120.0, 120.0, 120.0, 120.0, 110.0, 130.0, "normal") for at in starts]


def test_the_night_between_two_sittings_is_no_gap() -> None:
    assert gap_s(sittings(5)) < DAY_S / 2
    assert gap_s(sittings(5), cadence_s=DAY_S) > DAY_S


def test_a_missing_week_is_a_gap_all_the_same() -> None:
    assert gap_s(sittings(5), cadence_s=DAY_S) < 7 * DAY_S
