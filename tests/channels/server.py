"""A real web server on this machine that answers as it is told to, one answer after the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """status 0: never answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Scripted:
    """Where the server is, and what it was asked, in order."""

    url: str = ""
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def answering(answers: Iterable[Answer]) -> AsyncIterator[Scripted]:
    """Gives the answers in order, then 200 for ever."""
    script, scripted = iter(answers), Scripted()

    async def answer(request: web.Request) -> web.Response:
        scripted.requests.append((dict(request.headers), await request.read()))
        given = next(script, Answer())
        if given.status == 0:
            await scripted.released.wait()
        return web.Response(status=given.status or 200, headers=given.headers, text=given.body)

    async with serving(answer) as url:
        scripted.url = url
        yield scripted
        scripted.released.set()


@contextlib.asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Every request goes to `handler`; gives the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with running(app) as url:
        yield url


@contextlib.asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[str]:
    """Serve this application on a free port; gives the address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
