"""`/metrics`, `/healthz` and `/readyz` for a process that has no web server of its own.

`/healthz` says whether the process is alive: when it is not, an orchestrator should restart it. `/readyz` says whether
it has its partitions and state: when it has not, it should be left alone and given time.
"""

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from streams.errors import listening_failed
from streams.serving import metrics

log = logging.getLogger(__name__)

SHUTDOWN_S = 1.0

Answer = Callable[[], tuple[bool, str]]
"""Whether it is so, and a sentence that says why (or why not)."""


def _always() -> tuple[bool, str]:
    return True, "alive"


class HealthServer:
    """Serve the three pages while the context lasts.

    host, port: where to listen, port 0 for any free one (`port` then says which). ready, alive: called per request,
    must not block. Raises PortTaken on entry when another process listens there.
    """

    def __init__(self, host: str, port: int, ready: Answer, alive: Answer = _always) -> None:
        self.host = host
        self.port = port
        self._ready = ready
        self._alive = alive
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as wrong:
            await self._runner.cleanup()
            raise listening_failed(wrong, self.host, self.port) from None
        self.port = self._runner.addresses[0][1]
        log.info("metrics and health at %s", self.url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/metrics", _metrics)
        application.router.add_get("/healthz", _page(self._alive))
        application.router.add_get("/readyz", _page(self._ready))
        return application


async def _metrics(_: web.Request) -> web.Response:
    body, content_type = metrics.exposition()
    return web.Response(body=body, headers={"Content-Type": content_type})


def _page(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def page(_: web.Request) -> web.Response:
        good, sentence = answer()
        return web.Response(text=sentence + "\n", status=200 if good else 503)

    return page
