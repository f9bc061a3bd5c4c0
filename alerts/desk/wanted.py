"""What a member wants to see of a list, and what they may see of it, as SQL."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Table, and_, false, or_

from alerts.desk.members import Scope

Whose = Literal["mine", "unowned"]


@dataclass(frozen=True)
class Wanted:
    """Filters of the worklist; None does not narrow. patient: how the id begins; member: who says `mine`."""

    severities: tuple[str, ...] = ()
    category: str | None = None
    team: str | None = None
    patient: str | None = None
    whose: Whose | None = None
    member: str | None = None
    overdue: bool = False
    rule: str | None = None

    def clauses(self, table: Table, log_time_s: float | None) -> list[ColumnElement[bool]]:
        columns = table.c
        asked: list[tuple[object, ColumnElement[bool]]] = [
            (self.severities, columns.severity.in_(self.severities)),
            (self.category, columns.category == self.category),
            (self.team, columns.team == self.team),
            (self.patient, beginning(columns.patient, self.patient or "")),
            (self.whose == "mine", columns.owner == self.member),
            (self.whose == "unowned", columns.owner.is_(None)),
            (self.rule, columns.rule == self.rule),
            (self.overdue, columns.due_s < (log_time_s or 0.0)),
        ]
        return [clause for wanted, clause in asked if wanted]


ANY = Wanted()
LAST = "\U0010ffff"
"""Sorts after every character that an id can have."""


def beginning(column: Column[Any], begins: str) -> ColumnElement[bool]:
    """Whether a name begins so, large and small letters being different: a stretch of the column's index."""
    return and_(column >= begins, column < begins + LAST)


def within(scope: Scope, team: Column[Any]) -> list[ColumnElement[bool]]:
    """What a scope may see, by its column of teams."""
    if scope.teams is None:
        return []
    own = team.in_(sorted(scope.teams)) if scope.teams else false()
    return [or_(own, team.is_(None)) if scope.without_team else and_(own)]
