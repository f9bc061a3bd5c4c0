"""Mail handed to a real SMTP server that accepts, refuses, fails, or hangs."""

import asyncio
import contextlib
import html
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from msgspec.structs import replace

from alerts.channels.email import EmailChannel, MailServer
from alerts.channels.protocol import idempotency_key
from alerts.channels.retrying import Backoff
from tests.channels.events import EVIDENCE, alert

QUICK = Backoff(0.01, 0.01, random.Random(1))
PATIENCE_S, SHORT_S = 20.0, 3.0
"""Tries are counted here, and a busy machine answers late. The shorter one is spent, on a server that hangs."""


@dataclass
class Inbox:
    """A mail server. script: answers to DATA in order, then 250 for ever; "" hangs."""

    script: list[str] = field(default_factory=list)
    port: int = 0
    mails: list[Message] = field(default_factory=list)
    tries: int = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.tries += 1
        answer = self.script.pop(0) if self.script else "250 OK"
        if answer.startswith("2") or answer == "":
            self.mails.append(message_from_bytes(envelope.content))  # a hanging one has had its effect
        if answer == "":
            await asyncio.Event().wait()
        return answer

    async def handle_RCPT(self, _s: Any, _session: Any, envelope: Any, address: str, _o: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@contextlib.asynccontextmanager
async def inbox(*script: str) -> AsyncIterator[Inbox]:
    box = Inbox(list(script))
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box, hostname="localhost"), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


def channel(box: Inbox, to: str = "ann@example.org", timeout_s: float = PATIENCE_S, **changed: Any) -> EmailChannel:
    server = MailServer("127.0.0.1", box.port, "homebeat@example.org", tls="none", timeout_s=timeout_s, attempts=3)
    return EmailChannel("mail-ann", server, to, QUICK, **changed)


async def sent(one: EmailChannel, **changed: Any) -> tuple[str, int]:
    event = alert(notify="first", **changed)
    outcome = await one.send(event, idempotency_key(event))
    return outcome.outcome, outcome.attempts


def text(mail: Message, kind: str = "text/plain") -> str:
    part = next(one for one in mail.walk() if one.get_content_type() == kind)
    return bytes(part.get_payload(decode=True)).decode()


def pictures(mail: Message) -> dict[str, bytes]:
    """The pictures in a mail, by their names."""
    found = [one for one in mail.walk() if one.get_content_type() == "image/png"]
    return {str(one["Content-ID"]): bytes(one.get_payload(decode=True)) for one in found}


async def test_a_mail_says_what_a_nurse_needs_and_how_to_take_it() -> None:
    async with inbox() as box:
        one = channel(box, safe=True, desk="https://desk/", link_of=lambda event: f"https://desk/a/{event.alert_id}")
        assert await sent(one, deadline="2026-01-05T09:00:00Z") == ("delivered", 1)
    (mail,) = box.mails
    assert mail["Subject"] == "[urgent] New: Heart rate high for this patient"
    for words in ("p-17", "https://desk/a/a-1", "answer by 5 January 2026 at 09:00 UTC"):
        assert words in text(mail)


async def test_a_channel_that_is_not_marked_safe_carries_nothing_of_the_patient() -> None:
    async with inbox() as box:
        await sent(channel(box, desk="https://desk/"), reason="ask Mr Jones", explanation="104 /min")
    (mail,) = box.mails
    for words in ("p-17", "eart rate", "Jones", "104", "metoprolol"):
        assert words not in mail.as_string() + text(mail)
    assert mail["Subject"] == "[urgent] New: clinical alert"


async def test_a_title_of_several_lines_gets_through() -> None:
    """A header has one, and a mail that cannot be made is nobody's."""
    async with inbox() as box:
        assert await sent(channel(box, safe=True), title="No data from a\r\nBcc: x") == ("delivered", 1)
    assert box.mails[0]["Subject"] == "[urgent] New: No data from a Bcc: x"


async def test_what_may_work_later_is_tried_again_and_is_the_same_mail() -> None:
    async with inbox("451 busy", "") as box:
        assert await sent(channel(box, timeout_s=SHORT_S)) == ("delivered", 3)
    assert box.tries == 3
    assert len({mail["Message-ID"] for mail in box.mails}) == 1, "handed in twice, it is one message to its reader"


@pytest.mark.parametrize("script", [["554 not here"]])
async def test_what_will_never_work_fails_at_once(script: list[str]) -> None:
    async with inbox(*script) as box:
        assert await sent(channel(box)) == ("failed", 1)
        assert await sent(channel(box, "nobody@example.org")) == ("failed", 1)


async def test_a_server_that_is_away_fails_after_bounded_tries() -> None:
    async with inbox() as box:
        pass
    assert await sent(channel(box)) == ("failed", 3)


async def test_a_mail_shows_each_value_against_the_own_band_and_nothing_is_fetched_for_it() -> None:
    hostile = '<img src="https://evil/x">&"'
    async with inbox() as box:
        one = channel(box, safe=True, link_of=lambda _: "https://desk/a/token?x=1&y=2")
        event = {"evidence": [EVIDENCE, replace(EVIDENCE, vital="spo2", low=None)], "explanation": hostile}
        assert await sent(one, **event) == ("delivered", 1)
    (mail,) = box.mails
    page, shown = text(mail, "text/html"), pictures(mail)
    ((name, png),) = shown.items()
    assert f'src="cid:{name.strip("<>")}"' in page
    assert "Heart rate: 104 /min, own band 54.0 /min to 72 /min" in page
    assert page.count("<img") == 1
    assert html.escape(hostile) in page
    assert page.count("<a href=") == page.count('<a href="https://desk/a/token?x=1&amp;y=2">') == 1
    assert hostile in text(mail)
    assert png.startswith(b"\x89PNG")


async def test_a_mail_of_a_german_deployment_is_german_and_says_so() -> None:
    told = {"title": "Herzfrequenz für diese Person zu hoch", "explanation": "Gemessen: 104 /min."}
    async with inbox() as box:
        one = channel(box, safe=True, link_of=lambda _: "https://desk/a/x", language="de")
        assert await sent(one, **told, evidence=[EVIDENCE], deadline="2026-01-05T09:00:00Z") == ("delivered", 1)
    (mail,) = box.mails
    assert mail["Content-Language"] == "de"
    subject = str(make_header(decode_header(mail["Subject"])))
    assert subject == "[dringend] Neu: Herzfrequenz für diese Person zu hoch"
    plain, page = text(mail), text(mail, "text/html")
    for words in (
        "Dringlichkeit: dringend", "Ich übernehme: https://desk/a/x",
        "Bitte bis zum 5. Januar 2026, 09:00 Uhr (UTC) antworten",
    ):  # fmt: skip
        assert words in plain
    assert '<html lang="de">' in page
    assert "Herzfrequenz: 104 /min, eigener Bereich 54,0 /min bis 72 /min" in page
    assert {one.get_content_charset() for one in mail.walk() if one.get_content_maintype() == "text"} == {"utf-8"}


async def test_what_is_not_safe_is_german_too_and_still_says_nothing() -> None:
    async with inbox() as box:
        await sent(channel(box, language="de"))
    (mail,) = box.mails
    assert str(make_header(decode_header(mail["Subject"]))) == "[dringend] Neu: klinische Meldung"


async def test_what_is_not_safe_carries_no_picture_either() -> None:
    async with inbox() as box:
        assert await sent(channel(box)) == ("delivered", 1)
    (mail,) = box.mails
    assert (mail.get_content_type(), pictures(mail)) == ("text/plain", {})
