"""What the next shift must know: what is open, what is snoozed until when, what others have in hand, what was done."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from alerts.desk.members import Scope
from alerts.desk.rows import standing_of_row
from alerts.desk.schema import STANDINGS
from alerts.desk.store import Store
from alerts.desk.wanted import within
from alerts.desk.worklist import Standing

PART_MAX = 300
PARTS = ("open", "snoozed", "in_hand", "done")


@dataclass(frozen=True)
class Part:
    """Alerts in the order in which they are told, and if there are more."""

    alerts: list[Standing]
    more: bool


def handover(store: Store, scope: Scope, since_s: float, most: int = PART_MAX) -> dict[str, Part]:
    """The four PARTS, each with at most `most` alerts. Blocks. since_s: of what is done."""
    table = STANDINGS.c
    mine = within(scope, table.team)
    urgent = (table.rank.desc(), table.waiting_since_s.asc())
    snoozed = table.until_s.is_not(None)
    asked: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
        "open": ((table.view == "open",), urgent),
        "snoozed": ((table.view == "acknowledged", snoozed), (table.until_s.asc(),)),
        "in_hand": ((table.view == "acknowledged", ~snoozed), (table.rank.desc(), table.decided_s.desc())),
        "done": ((table.view == "resolved", table.decided_s >= since_s), (table.decided_s.desc(),)),
    }
    parts = {}
    with store.reading() as connection:
        for name, (where, order) in asked.items():
            query = select(STANDINGS).where(*where, *mine).order_by(*order).limit(most + 1)
            rows = [standing_of_row(row) for row in connection.execute(query).mappings()]
            parts[name] = Part(rows[:most], len(rows) > most)
    return parts
