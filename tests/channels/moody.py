"""Two receivers with moods, a web server and a mail server: what each tries to do with a message, try after try, is
planned before it comes. What came, when, and what had its effect is remembered."""

import asyncio
import contextlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any, Literal

from aiohttp import web
from aiosmtpd.smtp import SMTP

from alerts.channels.signature import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, verified
from tests.channels.server import serving

Mood = Literal["refuse", "hang", "cut", "slow", "quick"]
"""No, try later; never answers, and nothing is done; done, but nobody hears of it; done, said late; done."""
SLOW_S = 0.8
ANSWERS: frozenset[Mood] = frozenset({"slow", "quick"})


@dataclass(frozen=True)
class Try:
    """name: which event it told, read from what was told; key: by which its receiver knows a repeat; at_s: since
    1970, when all of it was here."""

    name: str
    key: str
    mood: Mood
    at_s: float
    said: bytes


@dataclass
class Moody:
    """plans: the moods for the tries of each event, quick ever after. effects: what was done for the first message
    under each key, by event."""

    plans: dict[str, list[Mood]]
    tries: list[Try] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    forged: int = 0
    address: str = ""
    _keys: set[str] = field(default_factory=set)
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    async def meet(self, name: str, key: str, said: bytes) -> Mood:
        """Note a try, do what has to be done, and answer with what the sender shall see of it, when it shall."""
        plan = self.plans.get(name, [])[self._met(name) :]
        mood: Mood = plan[0] if plan else "quick"
        self.tries.append(Try(name, key, mood, time.time(), said))
        if mood == "hang":
            await self._never.wait()
        elif mood != "refuse" and key not in self._keys:
            self._keys.add(key)
            self.effects[name] += 1
        if mood == "slow":
            await asyncio.sleep(SLOW_S)
        return mood

    def by_name(self) -> dict[str, list[Try]]:
        """The tries of each event, in the order in which they came."""
        found = defaultdict(list)
        for one in self.tries:
            found[one.name].append(one)
        return found

    def _met(self, name: str) -> int:
        return sum(one.name == name for one in self.tries)


@contextlib.asynccontextmanager
async def moody_web(plans: dict[str, list[Mood]], secret: bytes) -> AsyncIterator[Moody]:
    """Takes signed webhooks; `address` is a URL."""
    here = Moody(plans)

    async def take(request: web.Request) -> web.Response:
        body, key = await request.read(), request.headers[KEY_HEADER]
        stamp, signature = request.headers[TIMESTAMP_HEADER], request.headers[SIGNATURE_HEADER]
        here.forged += not verified(secret, key, stamp, signature, body, time.time())
        event = json.loads(body)
        mood = await here.meet(f"{event['alert_id']}:{event['sequence']}", key, body)
        if mood == "cut" and request.transport is not None:
            request.transport.abort()
        return web.Response(status=503 if mood == "refuse" else 200)

    async with serving(take) as here.address:
        yield here


@contextlib.asynccontextmanager
async def moody_mail(plans: dict[str, list[Mood]]) -> AsyncIterator[Moody]:
    """Takes mail whose subject ends with the name of the event; `address` is host:port."""
    here = Moody(plans)

    class Handler:
        async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
            mail = message_from_bytes(envelope.content)
            name = str(mail["Subject"]).split()[-1]
            mood = await here.meet(name, str(mail["Message-ID"]), bytes(mail.get_payload(decode=True)))
            if mood == "cut":
                server.transport.abort()
            return "451 busy, try later" if mood == "refuse" else "250 OK"

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="localhost"), "127.0.0.1", 0)
    here.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield here
    finally:
        server.close()
