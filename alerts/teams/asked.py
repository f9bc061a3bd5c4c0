"""From team, rung and severity to the people who are asked now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.policy.settings import OPS
from alerts.teams.rota import clocks_change, on_call
from alerts.teams.settings import EVERYBODY, ROLE, Directory, Team
from models.findings import Severity

WAITS: frozenset[Severity] = frozenset({"advisory", "info"})
"""What quiet hours hold back."""


@dataclass(frozen=True)
class Person:
    """Somebody to ask. instead_of: whose stand-in; reach: names of channels, the first one that works."""

    member: str
    reach: tuple[str, ...]
    instead_of: str | None = None


@dataclass(frozen=True)
class Asked:
    """people: in order, each once; not_before: when quiet hours are over, or were; why: what led to them, for the
    record."""

    people: tuple[Person, ...]
    why: str
    not_before: datetime | None = None


def ask(
    directory: Directory, team_name: str | None, rung: int, severity: Severity, at: datetime,
    decided: datetime | None = None,
) -> Asked:  # fmt: skip
    """Whom to ask. Never nobody: a rung that nobody stands on asks the whole team, and a team that is not known, ops.

    decided: when what it is about came, if that was before `at`: what came in quiet hours belongs to their end also
    when they are over by now.

    A rung beyond the chain is its end: everybody of the team, and ops. What quiet hours hold back is asked of those who
    are there when they are over: whoever was on call at night goes home then.
    """
    name = team_name if team_name in directory.teams else OPS
    team = directory.teams.get(name)
    if team is None:
        return Asked(_people(directory, sorted(directory.members), at), f"there is no team {team_name} and no ops")
    not_before, then = _when(team, severity, at, decided)
    if rung >= len(team.chain):
        found = [*team.members, *(directory.teams[OPS].members if OPS in directory.teams else ())]
        return Asked(_people(directory, found, then), f"{name}, end of the chain: everybody, and ops", not_before)
    found, why = on_rung(directory, team, team.chain[rung], then)
    people = _people(directory, found or list(team.members), then)
    said = f"{name}, rung {rung + 1} of {len(team.chain)}: {why}" + ("" if found else ", nobody, so everybody")
    unknown = "" if team_name == name else f"{team_name or 'no team'} is not known: "
    return Asked(people, unknown + said, not_before)


def given(
    directory: Directory, team_name: str | None, member: str, severity: Severity, at: datetime,
    decided: datetime | None = None,
) -> Asked:  # fmt: skip
    """Whoever was asked by name, or who stands in for them; in quiet hours as `ask`."""
    team = directory.teams.get(team_name or OPS) or directory.teams.get(OPS)
    not_before, then = _when(team, severity, at, decided) if team is not None else (None, at)
    return Asked(_people(directory, [member], then), f"assigned to {member}", not_before)


def _when(team: Team, severity: Severity, at: datetime, decided: datetime | None) -> tuple[datetime | None, datetime]:
    """The end of the quiet hours that hold it back, if they do, and the instant at which people are looked up."""
    not_before = quiet_until(team, severity, at) or (decided and quiet_until(team, severity, decided))
    return not_before, max(at.astimezone(UTC), not_before.astimezone(UTC)) if not_before else at


def on_rung(directory: Directory, team: Team, rung: str, at: datetime) -> tuple[list[str], str]:
    """Who stands there now, the rota or the role looked up, whether or not they are away; and in words."""
    if rung in team.rotas:
        member = on_call(team, team.rotas[rung], at)
        return [member] if member else [], f"on call by {rung}"
    if rung.startswith(ROLE):
        role = rung.removeprefix(ROLE)
        return [one for one in team.members if role in directory.members[one].roles], f"every {role}"
    return ([*team.members], EVERYBODY) if rung == EVERYBODY else ([rung], f"named: {rung}")


def _people(directory: Directory, members: list[str], at: datetime) -> tuple[Person, ...]:
    found: dict[str, Person] = {}
    for member in members:
        stands = present(directory, member, at)
        instead_of = None if stands == member else member
        found.setdefault(stands, Person(stands, directory.members[stands].reach, instead_of))
    return tuple(found.values())


def present(directory: Directory, member: str, at: datetime) -> str:
    """The member, or the first stand-in in a row who is there; if all are away, the member after all."""
    seen, one = [member], member
    while is_away(directory, one, at):
        following = directory.members[one].stand_in
        if following is None or following in seen:
            return member
        seen.append(following)
        one = following
    return one


def is_away(directory: Directory, member: str, at: datetime) -> bool:
    """Whether the member has said so."""
    return any(span.holds(at) for span in directory.members[member].away)


def quiet_until(team: Team, severity: Severity, at: datetime) -> datetime | None:
    """When the quiet hours that hold now are over, for what they hold back; else None."""
    hours = team.quiet_hours
    if hours is None or severity not in WAITS:
        return None
    local = at.astimezone(team.zone)
    now, past_midnight = local.time(), hours.end <= hours.begin
    quiet = (now >= hours.begin or now < hours.end) if past_midnight else hours.begin <= now < hours.end
    if not quiet:
        return None
    day = local.date() + timedelta(days=1 if past_midnight and now >= hours.begin else 0)
    # on a night that has an hour twice, the end that lies ahead
    return _shown(datetime.combine(day, hours.end, team.zone).replace(fold=local.fold), team.zone)


def _shown(wanted: datetime, zone: ZoneInfo) -> datetime:
    """When the clock on the wall shows this time, or, where it skips it in spring, when it shows more for the first
    time: quiet hours are over then, and who called the skipped time by the old clock would come up to an hour late."""
    ahead = wanted.astimezone(UTC)
    if ahead.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return wanted
    days = (ahead.date(), ahead.date() - timedelta(days=1))
    changed = [at for day in days if (at := clocks_change(zone, day)) is not None and at <= ahead]
    return max(changed).astimezone(zone)
