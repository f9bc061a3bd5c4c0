"""How fast the desk answers when it holds much: the worklist, and the page of a patient with 90 days of ten vitals.

Everything is asked over HTTP from a server in this process, whole answers, as the page asks: what it needs at once is
asked at once. Browsers draw besides. The cache is filled as the feeds fill it, in batches of the same size. A page
that answers later than it may is a failure of the bench.
"""

import asyncio
import contextlib
import itertools
import math
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn

from alerts.desk import DeskError, NotPublished, create_app
from alerts.desk.accounts import Accounts
from alerts.desk.audit import Audit
from alerts.desk.feed import FETCH_RECORDS
from alerts.desk.hub import Hub
from alerts.desk.server import bound
from alerts.desk.store import Store
from alerts.events import Action
from streams.benching.ward import DAY_S, DAYS, DENSE, NOW_S, Ward
from streams.errors import Failed
from streams.serving.process import bulk_collector

HOST = "127.0.0.1"
ROUNDS = 20
WHO = "bench"
WITHIN_MS: Mapping[str, float] = {"worklist": 300.0, "worklist_of_a_team": 300.0, "patient_page": 500.0}
"""Within which 95 of 100 answers are whole, promised for 5,000 open alerts and 100,000 patients: a nurse who waits
longer than for any other page goes back to the telephone. The patient page may take longer, it draws 90 days. Nothing
is promised of the hand-over, which is opened twice a day."""


def measure(
    ward: Ward, database: str | None, rounds: int = ROUNDS, within_ms: Mapping[str, float] = WITHIN_MS
) -> dict[str, Any]:
    """Figures of a desk over this ward, and what they say of the bounds. database: PostgreSQL in which tables of ours
    may be made anew, or a file of SQLite that goes away. Raises Failed when it cannot be used."""
    with tempfile.TemporaryDirectory(prefix="homebeat-bench-") as folder:
        kept = f"sqlite:///{Path(folder) / 'desk.sqlite'}"
        accounts_url = f"sqlite:///{Path(folder) / 'accounts.sqlite'}"
        try:
            with (
                contextlib.closing(Store(database or kept)) as store,
                contextlib.closing(Accounts(accounts_url, secrets.token_bytes(32))) as accounts,
            ):
                filled = fill(store, ward)
                with bulk_collector():  # as `homebeat desk` has it
                    asked = asyncio.run(_asked(store, accounts, ward, rounds))
        except DeskError as wrong:
            raise Failed(str(wrong)) from None
    backend = "postgresql" if database else "sqlite"
    figures = {"database": backend, "patients": ward.patients, "open_alerts": ward.alerts, **filled, **asked}
    return figures | judged(figures, within_ms)


def judged(figures: Mapping[str, Any], within_ms: Mapping[str, float]) -> dict[str, Any]:
    """Of each page in words whether it was in time, and one sentence about those that were not, or None."""
    took_ms = {page: figures[f"{page}_ms_p95"] for page in within_ms}
    late = [page for page, allowed_ms in within_ms.items() if took_ms[page] >= allowed_ms]
    said = {
        page: f"{'FAILED' if page in late else 'passed'}: p95 {took_ms[page]:g} ms, to be under {allowed_ms:g} ms"
        for page, allowed_ms in within_ms.items()
    }
    failure = "; ".join(f"{page.replace('_', ' ')} {said[page]}" for page in late)
    return {"desk_in_time": said, "desk_failure": f"the desk is too slow: {failure}" if late else None}


def fill(store: Store, ward: Ward) -> dict[str, Any]:
    """Put the ward into the store; how fast that went [records a second]."""
    parts: dict[str, tuple[Callable[[Sequence[Any]], Any], Iterable[Any]]] = {
        "profiles": (store.put_profiles, ward.profiles()),
        "alert_events": (store.put_events, ward.events()),
        "windows": (store.put_summaries, ward.windows()),
    }
    figures: dict[str, Any] = {}
    for name, (put, records) in parts.items():
        count, spent_s = 0, 0.0
        while batch := list(itertools.islice(records, FETCH_RECORDS)):
            began = time.perf_counter()
            put(batch)
            spent_s += time.perf_counter() - began
            count += len(batch)
        figures |= {name: count, f"{name}_taken_in_per_s": round(count / spent_s)}
    return figures


async def _asked(store: Store, accounts: Accounts, ward: Ward, rounds: int) -> dict[str, Any]:
    async with _client(store, accounts) as client:
        patients = [ward.patient(number % ward.followed) for number in range(rounds)]
        last = [f"a-open-{number % ward.followed:06d}" for number in range(rounds)]
        pages: dict[str, list[Callable[[], Awaitable[int]]]] = {
            "worklist": [lambda: _worklist(client)] * rounds,
            "worklist_of_a_team": [lambda: _worklist(client, team="team-03")] * rounds,
            "patient_page": [
                partial(_patient_page, client, patient, alert) for patient, alert in zip(patients, last, strict=True)
            ],
            "handover": [lambda: _whole(client, "/api/handover?hours=12")] * rounds,
        }
        figures: dict[str, Any] = {}
        for name, asks in pages.items():
            figures |= await _timed(name, asks)
        return figures


async def _timed(name: str, asks: Sequence[Callable[[], Awaitable[int]]]) -> dict[str, Any]:
    """Milliseconds from the first question to the last byte, and how many bytes that were."""
    took, sizes = [], []
    for ask in asks:
        began = time.perf_counter()
        sizes.append(await ask())
        took.append((time.perf_counter() - began) * 1000)
    return {
        f"{name}_ms_p50": round(statistics.median(took), 1),
        f"{name}_ms_p95": round(of_hundred(95, took), 1),
        f"{name}_ms_max": round(max(took), 1),
        f"{name}_bytes": max(sizes),
    }


def of_hundred(percent: int, took: Sequence[float]) -> float:
    """The shortest of these times within which at least so many of a hundred were answered (nearest rank)."""
    return sorted(took)[math.ceil(percent * len(took) / 100) - 1]


async def _worklist(client: aiohttp.ClientSession, **wanted: str) -> int:
    return await _whole(client, "/api/alerts", view="open", **wanted)


async def _patient_page(client: aiohttp.ClientSession, patient: str, alert: str) -> int:
    """Everything that the page asks when an alert about one vital is opened on 90 days."""

    async def charts() -> int:
        span = {"since": _instant(NOW_S - DAYS * DAY_S), "until": _instant(NOW_S)}
        asked = [_whole(client, f"/api/patients/{patient}/vitals", without=DENSE[0], **span)]
        asked.append(_whole(client, f"/api/patients/{patient}/vitals", vital=DENSE[0], points="1000", **span))
        probed = await _whole(client, f"/api/patients/{patient}/reach", vital=DENSE[0], **span)
        return probed + sum(await asyncio.gather(*asked))

    others = [f"/api/alerts/{alert}", f"/api/patients/{patient}/states", f"/api/patients/{patient}"]
    return sum(await asyncio.gather(charts(), *(_whole(client, path) for path in others)))


async def _whole(client: aiohttp.ClientSession, path: str, **query: str) -> int:
    async with client.get(path, params=query) as answer:
        body = await answer.read()
        if answer.status != 200:
            raise Failed(f"the desk answered {answer.status} to {path}: {body[:200]!r}")
        return len(body)


def _instant(at_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


@contextlib.asynccontextmanager
async def _client(store: Store, accounts: Accounts) -> AsyncIterator[aiohttp.ClientSession]:
    """A desk that serves on a free port, and a lead of every team who has signed in there."""
    app = create_app(store, _refused, Hub(), accounts, Audit(accounts.engine))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="warning", access_log=False))
    with contextlib.closing(bound(HOST, 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        accounts.put(WHO, WHO, "lead", ["*"], None, replace=True)
        base = f"http://{HOST}:{listening.getsockname()[1]}"
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(base, cookie_jar=jar, timeout=aiohttp.ClientTimeout(120)) as client:
            async with client.post("/api/sign-in/link", json={"token": accounts.link(WHO, time.time())}) as answer:
                if answer.status != 200:
                    raise Failed(f"the desk let nobody in: {await answer.text()}")
            try:
                yield client
            finally:
                server.should_exit = True
                await client.close()
                await serving


async def _refused(_: Action) -> None:
    raise NotPublished("a bench has no stream")
