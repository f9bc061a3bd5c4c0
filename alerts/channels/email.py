"""E-mail by SMTP. The Message-ID follows from the idempotency key: a try that had its effect although its answer was
lost is the same message again, and mail systems show one that they know once."""

import asyncio
import hashlib
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Literal

import aiosmtplib

from alerts.channels.letter import Letter, letter_of
from alerts.channels.message import message_of
from alerts.channels.protocol import Clock, Outcome
from alerts.channels.retrying import Backoff
from alerts.events import AlertEvent
from alerts.language import ENGLISH

LinkOf = Callable[[AlertEvent], str | None]
PERMANENT = 500
"""SMTP answers from here on will not change by trying again."""


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. tls: from the start, by STARTTLS, or none (on this machine only)."""

    host: str
    port: int
    sender: str
    tls: Literal["tls", "starttls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    timeout_s: float = 10.0
    attempts: int = 4


class EmailChannel:
    """Mail to one address."""

    def __init__(
        self,
        name: str,
        server: MailServer,
        to: str,
        backoff: Backoff,
        *,
        safe: bool = False,
        desk: str | None = None,
        link_of: LinkOf = lambda _: None,
        language: str = ENGLISH,
        now: Clock = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._server, self._to, self._backoff, self._safe, self._desk = server, to, backoff, safe, desk
        self._link_of, self._language, self._now, self._sleep = link_of, language, now, sleep

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        """Hand it in, again while that may help."""
        mail, detail = self._mail(event, key), "not tried"
        for attempt in range(1, self._server.attempts + 1):
            try:
                await self._hand_in(mail)
                return Outcome("delivered", attempt, "accepted by the mail server")
            except aiosmtplib.SMTPResponseException as error:
                detail = f"SMTP {error.code}: {error.message}"
                if error.code >= PERMANENT:
                    return Outcome("failed", attempt, detail)
            except aiosmtplib.SMTPRecipientsRefused as error:
                detail = f"refused for {len(error.recipients)}: {[one.code for one in error.recipients]}"
                if all(one.code >= PERMANENT for one in error.recipients):
                    return Outcome("failed", attempt, detail)
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                detail = f"no answer: {type(error).__name__}"
            if attempt < self._server.attempts:
                await self._sleep(self._backoff.wait_s(attempt, None))
        return Outcome("failed", self._server.attempts, f"{detail}, after {self._server.attempts} tries")

    async def close(self) -> None:
        """Each message has a connection of its own: nothing is held."""

    async def _hand_in(self, mail: EmailMessage) -> None:
        one = self._server
        async with asyncio.timeout(one.timeout_s):
            await aiosmtplib.send(
                mail, hostname=one.host, port=one.port, username=one.username, password=one.password,
                use_tls=one.tls == "tls", start_tls=one.tls == "starttls", timeout=one.timeout_s,
                tls_context=ssl.create_default_context() if one.tls != "none" else None,
            )  # fmt: skip

    def _mail(self, event: AlertEvent, key: str) -> EmailMessage:
        link = self._link_of(event)
        said = message_of(event, safe=self._safe, desk=self._desk, link=link, language=self._language)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._server.sender, self._to, said.subject
        mail["Date"] = formatdate(self._now())
        digest = hashlib.sha256(f"{key}\n{self._to}".encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{digest}@homebeat.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(said.text)
        links = [one for one in (link, self._desk) if one]
        name = f"{digest}@homebeat.invalid"
        letter = letter_of(event, said.text, name, links, self._language) if self._safe else None
        if letter is not None:
            _illustrate(mail, letter)
        if self._language != ENGLISH:
            mail["Content-Language"] = self._language  # of the whole: what is in it already keeps its own headers
        return mail


def _illustrate(mail: EmailMessage, letter: Letter) -> None:
    """The same as HTML, with its pictures in the mail; who reads plain text has all the words."""
    mail.add_alternative(letter.html, subtype="html")
    page = mail.get_payload()[1]  # type: ignore[index]
    for name, png in letter.pictures.items():
        page.add_related(png, "image", "png", cid=f"<{name}>", disposition="inline")  # type: ignore[union-attr]
