"""What the next shift must know: what is open, what is snoozed until when, what others have in hand, what was done."""

from typing import Any

from sqlalchemy import select

from alerts.desk.members import Scope
from alerts.desk.schema import STANDINGS
from alerts.desk.store import Store, standing_of_row
from alerts.desk.wanted import within

PART_MAX = 300
PARTS = ("open", "snoozed", "in_hand", "done")


def handover(store: Store, scope: Scope, since_s: float) -> dict[str, Any]:
    """The four parts, each with at most PART_MAX alerts, and if there are more. Blocks. since_s: of what is done."""
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
    now_s = store.log_time_s
    parts: dict[str, Any] = {}
    with store.reading() as connection:
        for name, (where, order) in asked.items():
            query = select(STANDINGS).where(*where, *mine).order_by(*order).limit(PART_MAX + 1)
            rows = [standing_of_row(row) for row in connection.execute(query).mappings()]
            parts[name] = [row.shown(now_s) for row in rows[:PART_MAX]]
            parts[f"{name}_more"] = len(rows) > PART_MAX
    return parts
