"""A desk for tests without a browser: two teams, a patient and an alert of each, and what its audit has heard."""

import json
import time
from typing import Any

import httpx
from sqlalchemy import select

from alerts.desk import create_app
from alerts.desk.audit import Audit
from alerts.desk.hub import Hub
from alerts.desk.members import Role
from alerts.desk.patients import PatientProfile
from alerts.desk.register import AUDIT
from alerts.desk.store import Store
from tests.channels.events import alert
from tests.desk.databases import Databases
from tests.desk.running import PASSWORD, accounts_at, sign_in
from tests.desk.test_api import HOST, Log
from tests.desk.test_store import summary

NOW_S = 1_700_000_000.0


class Ward:
    """A desk with two teams, and everything that its audit has heard."""

    def __init__(self, kept: Databases) -> None:
        self.store = Store(kept.cache)
        self.accounts = accounts_at(kept)
        self.log = Log()
        self.app = create_app(self.store, self.log, Hub(), self.accounts, Audit(self.accounts.engine))
        self.store.put_profiles([PatientProfile("p-1", 1, "cardiology", "{}"), PatientProfile("p-2", 1, "lungs", "{}")])
        self.store.put_events([alert("a-1", patient="p-1"), alert("a-2", patient="p-2", care_team="lungs")])
        self.store.put_summaries([summary(0, patient="p-1"), summary(0, patient="p-2")])

    def close(self) -> None:
        self.store.close()
        self.accounts.close()

    def audited(self, what: str) -> list[dict[str, Any]]:
        with self.accounts.engine.connect() as connection:
            bodies = connection.execute(select(AUDIT.c.body).order_by(AUDIT.c.number)).scalars()
            return [event for body in bodies if (event := json.loads(body))["what"] == what]

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=HOST)

    async def signed_in(self, made: httpx.AsyncClient, role: Role = "nurse") -> None:
        self.accounts.put("Nurse", "nurse-1", role, ["cardiology"], PASSWORD, replace=True)
        token = self.accounts.link("nurse-1", time.time())
        await sign_in(made, token)
