"""Who sits at the desk, and what they may: roles, teams, and whose patients they see. Pure.

| role | may |
|---|---|
| viewer | look at the patients of their teams |
| nurse | also act: acknowledge, snooze, assign, resolve, comment, new normal |
| lead | also see what alerts cost the team, and alerts that belong to no team |
| admin | all of it, for every team; and let people in, or no longer |

The seam for other ways of signing in: `create_app(..., member=...)` takes any FastAPI dependency that answers with a
Member, and `Accounts.begin` starts a session for whoever another provider (OIDC) has proven to be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "nurse", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
EVERY_TEAM = "*"


@dataclass(frozen=True)
class Member:
    """A person of the care team, proven. session: of their sign-in, for the audit; csrf: what their page must send."""

    id: str
    name: str
    role: Role
    teams: frozenset[str]
    session: str = ""
    csrf: str = ""

    @property
    def may_act(self) -> bool:
        return self.role != "viewer"

    @property
    def may_lead(self) -> bool:
        return self.role in ("lead", "admin")

    @property
    def may_admit(self) -> bool:
        return self.role == "admin"

    @property
    def scope(self) -> "Scope":
        """Whose alerts and patients they see."""
        if self.role == "admin" or EVERY_TEAM in self.teams:
            return EVERYTHING
        return Scope(self.teams, without_team=self.may_lead)


@dataclass(frozen=True)
class Scope:
    """Teams that may be seen. teams: None for all of them; without_team: also what no team answers for."""

    teams: frozenset[str] | None
    without_team: bool = True

    def sees(self, team: str | None) -> bool:
        if self.teams is None:
            return True
        return self.without_team if team is None else team in self.teams


EVERYTHING = Scope(None)


def teams_of(names: Iterable[str]) -> frozenset[str]:
    """The teams of an account. ValueError for a name that could not be one."""
    teams = frozenset(names)
    if not all(0 < len(name) <= 128 and name.isprintable() for name in teams):
        raise ValueError("a team's name has 1 to 128 printable characters")
    return teams
