"""The other sides that `homebeat check` asks: they note what they were asked, and run beside the test."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

Start = Callable[[], Awaitable[tuple[int, Callable[[], Awaitable[None]]]]]


@contextmanager
def _beside(start: Start) -> Iterator[int]:
    """A server on a loop of its own: its port."""
    loop = asyncio.new_event_loop()
    port, end = loop.run_until_complete(start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)  # type: ignore[arg-type]
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def receiver(status: int, body: bytes = b"") -> Iterator[tuple[int, list[str]]]:
    """A web server that gives this answer to whatever it is asked, its port, and the methods that it saw."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.Response(status=status, body=body)

    async def start() -> tuple[int, Callable[[], Awaitable[None]]]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1], runner.cleanup

    with _beside(start) as port:
        yield port, seen


@contextmanager
def mail_server(user: str, password: str) -> Iterator[tuple[int, list[str]]]:
    """A mail server that takes this login, its port, and the commands that it was given."""
    seen: list[str] = []

    class Handler:
        async def handle_NOOP(self, *_: Any) -> str:
            seen.append("NOOP")
            return "250 OK"

        async def handle_MAIL(self, *_: Any) -> str:
            seen.append("MAIL")
            return "250 OK"

    def login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given == LoginPassword(user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    async def start() -> tuple[int, Callable[[], Awaitable[None]]]:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(Handler(), hostname="localhost", authenticator=login, auth_require_tls=False), "127.0.0.1", 0
        )

        async def end() -> None:
            server.close()

        return server.sockets[0].getsockname()[1], end

    with _beside(start) as port:
        yield port, seen
