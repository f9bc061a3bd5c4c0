"""Who is on call at an instant. Wall-clock times of the team's zone: a shift that ends at 07:00 ends at 07:00 also on
the night on which the clocks change, so that night is an hour shorter or longer for whoever has it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from alerts.teams.settings import DAYS, Rota, Shift, Team

EPOCH = date(2024, 1, 1)
"""A Monday: turns are counted from it."""
LOOK_EVERY = timedelta(minutes=15)
"""Steps in which gaps are looked for: shifts begin and end at times that people remember."""


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


def gaps(team: Team, rota: Rota, begin: datetime, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Times without anybody on call, from `begin` on."""
    at, end = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0), begin + timedelta(days=days)
    since: datetime | None = None
    while at < end:
        if on_call(team, rota, at) is None:
            since = since or at
        elif since is not None:
            yield since, at
            since = None
        at += LOOK_EVERY
    if since is not None:
        yield since, at
