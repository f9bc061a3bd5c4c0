"""The worklist and a patient's page cost the same with many alerts and patients as with few.

What is counted are statements, on both databases, and the steps of SQLite's machine: both tell of the desk and not of
how busy the machine is, so they find a query for every row, and an index that is missing, wherever they run. Times are
measured by `homebeat bench desk`.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import event

from alerts.desk import create_app
from alerts.desk.audit import Audit
from alerts.desk.hub import Hub
from alerts.desk.patients import PatientProfile
from alerts.desk.store import Store
from tests.channels.events import alert
from tests.desk.databases import Databases
from tests.desk.running import accounts_at, sign_in
from tests.desk.test_api import HOST, Log
from tests.desk.test_store import summary

ROWS = 60
"""The desk's bound of one answer here: less than there are alerts, so that answers are of one size."""
FEW, MANY = 150, 1_500
STEPS_A_TICK = 20
STATEMENTS_MAX = 16
"""For one answer, whatever it holds."""
PAGES = {
    "/api/alerts?view=open": 14.0,
    "/api/alerts?view=open&team=team-1": 14.0,
    "/api/alerts?view=resolved": 14.0,
    "/api/handover?hours=12": 3.0,
    "/api/alerts/a-000001": 0.5,
    "/api/patients/p-busy": 9.0,
    "/api/patients/p-busy/vitals": 0.5,
    "/api/patients/p-busy/states": 0.5,
    "/api/patients?begins=p-0000": 0.5,
    "/api/patients?begins=": 0.5,
}
"""What is asked, and how many of SQLite's steps one more alert may cost it. The counts of the lists look at each alert
in an index (10 to 13 steps, measured), and a tenth of all alerts are of the busy patient (6). Without an index
it is 16 to 27 on the lists, 10 on the hand-over, 12 to 20 on the patient's page."""


@dataclass
class Work:
    """What was asked of the database. steps: of SQLite's machine, in whole ticks."""

    statements: int = 0
    steps: int = 0
    running: bool = True


@contextlib.contextmanager
def counted(store: Store) -> Iterator[Work]:
    work = Work()

    def heard(*_: Any) -> None:
        work.statements += 1

    def tick() -> int:
        work.steps += STEPS_A_TICK * work.running  # a connection keeps its handler
        return 0

    def lent(connection: Any, *_: Any) -> None:
        if store._engine.dialect.name == "sqlite":
            connection.set_progress_handler(tick, STEPS_A_TICK)

    event.listen(store._engine, "before_cursor_execute", heard)
    event.listen(store._engine, "checkout", lent)
    try:
        yield work
    finally:
        work.running = False
        event.remove(store._engine, "before_cursor_execute", heard)
        event.remove(store._engine, "checkout", lent)


def fill(store: Store, many: int) -> None:
    """So many patients and open alerts, every second one with another problem of its incident, and as many done; one
    patient has a twentieth of them."""
    names = [f"p-{n:06d}" if n % 20 else "p-busy" for n in range(many)]
    store.put_profiles([PatientProfile(name, 1, f"team-{n % 3}", "{}") for n, name in enumerate(names)])
    at = "2026-01-05T{:02d}:{:02d}:{:02d}Z"
    for state, happened, letter in (("open", "opened", "a"), ("resolved", "resolved", "d")):
        by = "nurse-1" if state == "resolved" else None
        told = [
            alert(
                f"{letter}-{n:06d}", patient=names[n - n % 2], severity=("urgent", "advisory", "info")[n % 3], by=by,
                state=state, event=happened, incident=f"{letter}-{n - n % 2:06d}",
                decided_at=at.format(6 + n // 3600, n // 60 % 60, n % 60),
            )
            for n in range(many)
        ]  # fmt: skip
        for begin in range(0, many, 500):
            store.put_events(told[begin : begin + 500])
    store.put_summaries([summary(n, patient="p-busy") for n in range(200)])
    store.put_summaries([summary(0, patient=name) for name in names])


async def cost_of(databases: Databases, many: int) -> dict[str, Work]:
    """What every page asks of a desk that holds so many."""
    store, accounts = Store(databases.cache), accounts_at(databases)
    try:
        fill(store, many)
        app = create_app(store, Log(), Hub(), accounts, Audit(accounts.engine), rows=ROWS)
        accounts.put("Lead", "lead-1", "lead", ["*"], None, replace=True)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST, timeout=120) as client:
            await sign_in(client, accounts.link("lead-1", time.time()))
            found = {}
            for path in PAGES:
                await client.get(path)  # the first of a kind also looks at the schema
                with counted(store) as work:
                    answer = await client.get(path)
                assert answer.status_code == 200, answer.text
                found[path] = work
            return found
    finally:
        store.close()
        accounts.close()


async def test_no_page_costs_more_because_there_are_more_alerts_and_patients(databases: Databases) -> None:
    few, many = await cost_of(databases, FEW), await cost_of(databases, MANY)
    for path, steps in PAGES.items():
        before, after = few[path], many[path]
        assert 0 < after.statements <= STATEMENTS_MAX, f"{path}: {after}"
        assert after.statements == before.statements, f"a query for every row of {path}: {before}, then {after}"
        bound = steps * 2 * (MANY - FEW)  # open and done
        assert after.steps - before.steps <= bound, f"a whole table is read for {path}: {before}, then {after}"
