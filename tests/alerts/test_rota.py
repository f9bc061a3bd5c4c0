"""Who is on call, and when nobody is there, against the rule by hand, for any rota and any absence."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from alerts.teams.cover import Hole, holes
from alerts.teams.rota import changes, on_call
from alerts.teams.settings import DAYS, Directory, Member, Override, Rota, Shift, Span, Team

BEGIN = datetime(2025, 3, 27, tzinfo=UTC)
"""Within a week clocks change in Europe; in three weeks, all turns that a test makes have passed."""
hours = st.sampled_from([time(0), time(1, 30), time(7), time(8), time(20), time(23, 59)])
shifts = st.builds(
    Shift, begin=hours, end=hours, days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
    members=st.sampled_from([("ann",), ("ann", "bob"), ("cas", "dee", "eve")]), turn_days=st.integers(1, 9),
)  # fmt: skip
rotas = st.builds(Rota, shifts=st.lists(shifts, min_size=1, max_size=3))
teams = st.sampled_from([
    Team(members=("ann",), chain=("ann",), timezone=zone)
    for zone in ("UTC", "Europe/London", "America/New_York", "Asia/Kolkata")
])  # fmt: skip
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


absences = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "cas"]), instants, st.integers(1, 200)), max_size=3
)  # fmt: skip


@given(teams, rotas, absences, instants, st.integers(1, 3))
@example(LONDON, NIGHTS, [], datetime(2025, 4, 1, tzinfo=UTC), 2)
@example(LONDON, WEEKLY, [("ann", datetime(2025, 4, 8, tzinfo=UTC), 48)], datetime(2025, 4, 7, tzinfo=UTC), 3)
def test_there_is_a_hole_exactly_when_nobody_is_there(
    team: Team, rota: Rota, gone: list[tuple[str, datetime, int]], begin: datetime, days: int
) -> None:
    away = [(who, Span(begin=first, end=first + timedelta(hours=hours))) for who, first, hours in gone]
    directory = directory_of(team.model_copy(update={"rotas": {"calls": rota}}), away)
    found = list(holes(directory, directory.teams["home"], "calls", begin, days))
    ends = [begin, *(edge for hole in found for edge in (hole.begin, hole.end)), begin + timedelta(days=days)]
    assert ends == sorted(ends)
    assert all(one.end < other.begin or one.away != other.away for one, other in pairwise(found)), "one is told as one"
    for at in (begin + timedelta(seconds=1801 * n) for n in range(48 * days)):
        assert hole_at(found, at) == missing_by_hand(team, rota, away, at)


def directory_of(team: Team, away: list[tuple[str, Span]]) -> Directory:
    members = {
        who: Member(name=who, reach=("page",), away=tuple(span for name, span in away if name == who))
        for who in ("ann", "bob", "cas", "dee", "eve")
    }
    return Directory.model_construct(
        members=members, teams={"home": team}, channels={}
    )  # a zone is looked up among all: 10 ms


def hole_at(found: list[Hole], at: datetime) -> tuple[str, ...] | None:
    return next((one.away for one in found if one.begin <= at < one.end), None)


def missing_by_hand(team: Team, rota: Rota, away: list[tuple[str, Span]], at: datetime) -> tuple[str, ...] | None:
    who = by_hand(team, rota, at)
    if who is None:
        return ()
    return (who,) if any(name == who and span.begin <= at < span.end for name, span in away) else None


def last_of(at: datetime, until: datetime) -> tuple[int, ...]:
    return (max(int((until - at).total_seconds()) - 1, 0),)
