"""Where alerts are posted to: remembers every body that came under each idempotency key, and when
the first one came."""

import asyncio
import threading
import time
from collections import defaultdict
from concurrent.futures import Future

from aiohttp import web

from alerts.channels.signature import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, verified
from tests.channels.server import serving

WITHIN_S = 10.0


class Pager:
    """A web server in a thread of its own: `start` gives its address, `pages` what was posted, key by key."""

    def __init__(self, secret: bytes) -> None:
        self.pages: dict[str, list[bytes]] = defaultdict(list)
        self.first_s: dict[str, float] = {}
        self.forged = 0
        self._secret = secret
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._address: Future[str] = Future()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)

    def start(self) -> str:
        self._thread.start()
        return self._address.result(WITHIN_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(WITHIN_S)

    async def _serve(self) -> None:
        async with serving(self._take) as address:
            self._address.set_result(address)
            await self._stopped.wait()

    async def _take(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response()  # somebody asks whether anybody is here
        body, key = await request.read(), request.headers[KEY_HEADER]
        stamp, signature = request.headers[TIMESTAMP_HEADER], request.headers[SIGNATURE_HEADER]
        if verified(self._secret, key, stamp, signature, body, time.time()):
            self.first_s.setdefault(key, time.time())
            self.pages[key].append(body)
        else:
            self.forged += 1
        return web.Response()
