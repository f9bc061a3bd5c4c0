"""Who is on call, against the rule by hand, for any rota; and that between two changes it is one person."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from alerts.teams.rota import changes, on_call
from alerts.teams.settings import DAYS, Override, Rota, Shift, Team

BEGIN = datetime(2025, 3, 27, tzinfo=UTC)
"""Within a week clocks change in Europe; in three weeks, all turns that a test makes have passed."""
hours = st.sampled_from([time(0), time(1, 30), time(7), time(8), time(20), time(23, 59)])
shifts = st.builds(
    Shift, begin=hours, end=hours, days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
    members=st.sampled_from([("ann",), ("ann", "bob"), ("cas", "dee", "eve")]), turn_days=st.integers(1, 9),
)  # fmt: skip
rotas = st.builds(Rota, shifts=st.lists(shifts, min_size=1, max_size=3))
teams = st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kolkata"]).map(
    lambda zone: Team(members=("ann",), chain=("ann",), timezone=zone)
)
instants = st.integers(0, 21 * 86_400).map(lambda seconds: BEGIN + timedelta(seconds=seconds))
WEEKLY = Rota(shifts=(Shift(members=("ann", "bob", "cas")),))
NIGHTS = Rota(shifts=(Shift(begin=time(20), end=time(8), days=("fri",), members=("ann",)),))
LONDON = Team(members=("ann",), chain=("ann",), timezone="Europe/London")


def by_hand(team: Team, rota: Rota, at: datetime) -> str | None:
    """The first shift of which a day lies around that time on the clock of the wall."""
    wall = at.astimezone(team.zone).replace(tzinfo=None)
    for shift in rota.shifts:
        for day in (wall.date() - timedelta(days=1), wall.date()):
            begins = datetime.combine(day, shift.begin)
            ends = datetime.combine(day + timedelta(days=shift.end <= shift.begin), shift.end)
            if DAYS[day.weekday()] in shift.days and begins <= wall < ends:
                turns = (day - date(2024, 1, 1)).days // shift.turn_days
                return shift.members[turns % len(shift.members)]
    return None


@given(teams, rotas, instants)
@example(LONDON, WEEKLY, datetime(2025, 4, 6, 22, 59, 59, tzinfo=UTC))
@example(LONDON, WEEKLY, datetime(2025, 4, 6, 23, tzinfo=UTC))
@example(LONDON, NIGHTS, datetime(2025, 4, 5, 3, tzinfo=UTC))
@example(LONDON, NIGHTS, datetime(2025, 4, 4, 3, tzinfo=UTC))
def test_who_is_on_call_is_whose_turn_it_is_in_the_first_shift_that_holds(team: Team, rota: Rota, at: datetime) -> None:
    assert on_call(team, rota, at) == by_hand(team, rota, at)


def test_a_week_ends_on_monday_at_midnight_by_the_clock_of_the_team() -> None:
    monday = datetime(2025, 4, 7, tzinfo=LONDON.zone)
    turns = [on_call(LONDON, WEEKLY, monday + timedelta(days=days)) for days in (-7, -1, 0, 6, 7, 14, 21)]
    assert turns == ["cas", "cas", "ann", "ann", "bob", "cas", "ann"]


@given(teams, rotas, instants, st.lists(instants, min_size=2, max_size=4, unique=True), st.integers(1, 60))
def test_between_two_changes_it_is_one_person(
    team: Team, rota: Rota, begin: datetime, taken_over: list[datetime], hours: int
) -> None:
    spans = zip(sorted(taken_over)[::2], sorted(taken_over)[1::2], strict=False)
    overrides = tuple(Override(begin=first, end=last, member="eve") for first, last in spans)
    rota, end = rota.model_copy(update={"overrides": overrides}), begin + timedelta(hours=hours)
    found = changes(team, rota, begin, end)
    assert all(begin < at < end for at in found)
    for at, until in pairwise([begin, *sorted(found), end]):
        seconds = range(0, int((until - at).total_seconds()), 1799)
        assert len({on_call(team, rota, at + timedelta(seconds=s)) for s in (*seconds, *last_of(at, until))}) == 1


def last_of(at: datetime, until: datetime) -> tuple[int, ...]:
    return (max(int((until - at).total_seconds()) - 1, 0),)
