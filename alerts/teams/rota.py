"""Who is on call at an instant. Wall-clock times of the team's zone: a shift that ends at 07:00 ends at 07:00 also on
the night on which the clocks change, so that night is an hour shorter or longer for whoever has it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.teams.settings import DAYS, Rota, Shift, Team

EPOCH = date(2024, 1, 1)
"""A Monday: turns are counted from it."""
DAY_S = 86_400


def on_call(team: Team, rota: Rota, at: datetime) -> str | None:
    """Who is on call, or None if nobody is. An override counts before the rota, the last one named first."""
    for override in reversed(rota.overrides):
        if override.holds(at):
            return override.member
    local = at.astimezone(team.zone)
    for shift in rota.shifts:
        if (day := _begun(shift, local)) is not None:
            return shift.members[(day - EPOCH).days // shift.turn_days % len(shift.members)]
    return None


def _begun(shift: Shift, local: datetime) -> date | None:
    """The day on which the shift that holds then began; None if it does not hold."""
    now, today = local.time(), local.date()
    past_midnight = shift.end <= shift.begin
    if now >= shift.begin and (past_midnight or now < shift.end) and _on(shift, today):
        return today
    yesterday = today - timedelta(days=1)
    return yesterday if past_midnight and now < shift.end and _on(shift, yesterday) else None


def _on(shift: Shift, day: date) -> bool:
    return DAYS[day.weekday()] in shift.days


def changes(team: Team, rota: Rota, begin: datetime, end: datetime) -> set[datetime]:
    """Every instant between the two at which somebody else may be on call, in UTC: in between it is the same all the
    time. Edges of shifts and overrides, both times when the clock shows one twice, and the changes of clocks, which
    may begin or cut off a shift."""
    first, days = begin.astimezone(team.zone).date() - timedelta(days=1), (end - begin).days + 4
    edges = {edge for shift in rota.shifts for edge in (shift.begin, shift.end)}
    found = {
        datetime.combine(first + timedelta(days=day), edge, team.zone).replace(fold=fold).astimezone(UTC)
        for day in range(days)
        for edge in edges
        for fold in (0, 1)
    }
    found |= {edge.astimezone(UTC) for one in rota.overrides for edge in (one.begin, one.end)}
    found |= {at for day in range(days) if (at := clocks_change(team.zone, first + timedelta(days=day)))}
    return {at for at in found if begin < at < end}


def clocks_change(zone: ZoneInfo, day: date) -> datetime | None:
    """The second on which the clocks change that day, in UTC; None on most days."""
    low = datetime.combine(day, time(0), UTC)
    before, seconds = low.astimezone(zone).utcoffset(), DAY_S
    if before == (low + timedelta(seconds=DAY_S)).astimezone(zone).utcoffset():
        return None
    while seconds > 1:  # it lies within (low, low + seconds]
        half = seconds // 2
        if (low + timedelta(seconds=half)).astimezone(zone).utcoffset() == before:
            low, seconds = low + timedelta(seconds=half), seconds - half
        else:
            seconds = half
    return low + timedelta(seconds=1)
