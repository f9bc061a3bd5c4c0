"""Who stands on a team's chain, and times at which a rung of it has nobody who is there. Found from the edges of rotas
and absences, so to the second, also on the nights on which clocks change. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from alerts.policy.settings import OPS
from alerts.teams.asked import is_away, on_rung, present
from alerts.teams.rota import changes
from alerts.teams.settings import EVERYBODY, ROLE, Directory, Team


@dataclass(frozen=True)
class Hole:
    """From an instant to another, in UTC. away: who stands there and is away, without a stand-in who is not; empty:
    nobody is named at all."""

    begin: datetime
    end: datetime
    away: tuple[str, ...] = ()


def holes(directory: Directory, team: Team, rung: str, begin: datetime, days: int) -> Iterator[Hole]:
    """In order, from `begin` on, for so many days; what is next to each other for the same reason is one."""
    first, end = begin.astimezone(UTC), begin.astimezone(UTC) + timedelta(days=days)
    last: Hole | None = None
    edges = sorted({first, *_edges(directory, team, rung, first, end)})
    for at, until in zip(edges, [*edges[1:], end], strict=True):
        missing = _missing(directory, team, rung, at)
        if last is not None and missing == last.away and last.end == at:
            last = replace(last, end=until)
            continue
        if last is not None:
            yield last
        last = None if missing is None else Hole(at, until, missing)
    if last is not None:
        yield last


def _edges(directory: Directory, team: Team, rung: str, begin: datetime, end: datetime) -> set[datetime]:
    found = changes(team, team.rotas[rung], begin, end) if rung in team.rotas else set()
    spans = [span for member in directory.members.values() for span in member.away]
    away = {edge.astimezone(UTC) for span in spans for edge in (span.begin, span.end)}
    return found | {edge for edge in away if begin < edge < end}


def _missing(directory: Directory, team: Team, rung: str, at: datetime) -> tuple[str, ...] | None:
    """Whoever stands there and cannot be asked; empty: nobody stands there; None: somebody can be asked."""
    members, _ = on_rung(directory, team, rung, at)
    if any(not is_away(directory, present(directory, one, at), at) for one in members):
        return None
    return tuple(members)


def on_chain(directory: Directory, team: Team) -> frozenset[str]:
    """Whoever may be asked on a rung, at whatever time, and whoever would be asked in their stead."""
    found, following = set[str](), [one for rung in team.chain for one in _ever_on(directory, team, rung)]
    while following:
        one = following.pop()
        stand_in = directory.members[one].stand_in
        if stand_in is not None and stand_in not in found:
            following.append(stand_in)
        found.add(one)
    return frozenset(found)


def of_team(directory: Directory, team_name: str | None) -> frozenset[str]:
    """Everybody who may answer for a team: its members, and whoever is on its chain. For a team that is not in the
    file, as for none, ops answers."""
    team = directory.teams.get(team_name or OPS) or directory.teams.get(OPS)
    return frozenset() if team is None else on_chain(directory, team) | frozenset(team.members)


def _ever_on(directory: Directory, team: Team, rung: str) -> set[str]:
    if rung in team.rotas:
        rota = team.rotas[rung]
        return {one for shift in rota.shifts for one in shift.members} | {one.member for one in rota.overrides}
    if rung.startswith(ROLE):
        return {one for one in team.members if rung.removeprefix(ROLE) in directory.members[one].roles}
    return set(team.members) if rung == EVERYBODY else {rung}
