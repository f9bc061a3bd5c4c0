"""A real desk on a free port, in this event loop, over a real broker, and people who sign in there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from argon2 import PasswordHasher

from alerts.desk import DeskConfig, run_desk
from alerts.desk.accounts import Accounts
from alerts.desk.members import Role
from tests.desk.databases import Databases

SECRET = b"a secret of the tests only"
PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""What protects passwords takes a core for a third of a second each time: most tests are about something else."""
ANSWER_S, BEGIN_S, END_S = 60.0, 120.0, 60.0
"""How long a busy machine may take for an answer, and for a desk to begin and to end."""


def accounts_at(kept: Databases) -> Accounts:
    """The accounts of a desk that keeps things there."""
    return Accounts(kept.accounts, SECRET, QUICK)


def link(kept: Databases, who: str = "nurse-1", role: Role = "lead", teams: tuple[str, ...] = ("*",)) -> str:
    """The end of an address that signs this person in once; makes the account if it is not there."""
    with contextlib.closing(accounts_at(kept)) as accounts:
        if who not in {one.id for one in accounts.all()}:
            accounts.put(who, who, role, teams, None, replace=False)
        return f"/#sign-in={accounts.link(who, time.time())}"


@contextlib.asynccontextmanager
async def client(url: str, kept: Databases, **changed: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is signed in as a lead of every team."""
    async with httpx.AsyncClient(base_url=url, **{"timeout": ANSWER_S, **changed}) as made:
        token = (await asyncio.to_thread(link, kept)).partition("=")[2]
        await sign_in(made, token)
        yield made


async def sign_in(made: httpx.AsyncClient, token: str) -> None:
    """Sign in by a link's token, and carry what the page carries."""
    answer = await made.post("/api/sign-in/link", json={"token": token})
    assert answer.status_code == 200, answer.text
    made.headers["X-Homebeat-CSRF"] = (await made.get("/api/desk")).json()["csrf"]


@contextlib.asynccontextmanager
async def desk(bootstrap: str, prefix: str, kept: Databases, **changed: Any) -> AsyncIterator[str]:
    """Gives the page's address once the desk has caught up; stops it after the block."""
    config = made_config(bootstrap, prefix, kept, **changed)
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_desk(config, stop, ready.set_result))
    try:
        await asyncio.wait({running, ready}, timeout=BEGIN_S, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield await asyncio.wait_for(ready, 1)
    finally:
        stop.set()
        await asyncio.wait_for(running, END_S)


def made_config(bootstrap: str, prefix: str, kept: Databases, **changed: Any) -> DeskConfig:
    return DeskConfig(bootstrap, prefix, kept.cache, kept.accounts, SECRET, **{"port": 0, **changed})
