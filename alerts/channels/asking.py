"""Whether the other side of a channel answers, asked without telling anybody of an alert."""

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import aiosmtplib

from alerts.channels.email import MailServer

ANSWER_WITHIN_S = 5.0
METADATA_BYTES_MAX = 8 * 1024 * 1024
"""Of a server's CapabilityStatement: those of large servers are some megabytes."""
R4 = "4.0"
"""What `fhirVersion` of FHIR R4 begins with; R4B, 4.3, has the same DetectedIssue and Task."""
R4B = "4.3"


@dataclass(frozen=True)
class Answer:
    """well: it would take a message, as far as can be seen; said: in words, without any secret of the address."""

    well: bool
    said: str


def shown(url: str) -> str:
    """The host of an address. Its path is often a password."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def ask_webhook(url: str, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """Asked with OPTIONS: to post would tell somebody of an alert that is none."""
    return await _asked("OPTIONS", url, _is_there, within_s)


async def ask_fhir(url: str, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """Asked for its CapabilityStatement, which every FHIR server has (`/metadata`)."""
    return await _asked("GET", f"{url.rstrip('/')}/metadata", _is_fhir, within_s)


async def _asked(method: str, url: str, judged: Callable[[int, Any], Answer], within_s: float) -> Answer:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=within_s)) as session,
            session.request(
                method, url, allow_redirects=False, headers={"Accept": "application/fhir+json, */*;q=0.1"}
            ) as answered,
        ):
            return judged(answered.status, await _document(answered) if method == "GET" else None)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as wrong:
        return Answer(False, f"{shown(url)} does not answer ({type(wrong).__name__})")


async def _document(answered: aiohttp.ClientResponse) -> Any:
    """Its JSON, whatever type it says it has; None for what is no JSON, or longer than we read."""
    body = bytearray()
    async for part in answered.content.iter_chunked(64 * 1024):
        body += part
        if len(body) > METADATA_BYTES_MAX:
            return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _is_there(status: int, _: Any) -> Answer:
    """Any answer of the receiver itself will do: 404 and 405 are how many answer to OPTIONS, and 501."""
    if status in (401, 403):
        return Answer(False, f"does not let us in (HTTP {status})")
    if status >= 500 and status != 501:
        return Answer(False, f"answers HTTP {status}")
    return Answer(True, f"answers (HTTP {status})")


def _is_fhir(status: int, document: Any) -> Answer:
    if not 200 <= status < 300:
        return Answer(False, f"answers HTTP {status} to /metadata")
    if not isinstance(document, dict) or document.get("resourceType") != "CapabilityStatement":
        return Answer(False, "is no FHIR server: /metadata is no CapabilityStatement")
    version = str(document.get("fhirVersion", "?"))
    if not version.startswith((R4, R4B)):
        return Answer(False, f"speaks FHIR {version[:20]}, and not R4")
    return Answer(True, f"answers, and speaks FHIR {version[:20]}")


async def ask_mail(server: MailServer, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """As far as one can go without a message: EHLO, TLS and login as configured, NOOP."""
    smtp = aiosmtplib.SMTP(
        hostname=server.host, port=server.port, username=server.username, password=server.password,
        use_tls=server.tls == "tls", start_tls=server.tls == "starttls", timeout=within_s,
        tls_context=ssl.create_default_context() if server.tls != "none" else None,
    )  # fmt: skip
    place = f"{server.host}:{server.port}"
    try:
        async with asyncio.timeout(within_s), smtp:
            await smtp.noop()
    except aiosmtplib.SMTPAuthenticationError as wrong:
        return Answer(False, f"{place} refuses the login of {server.username} (SMTP {wrong.code})")
    except aiosmtplib.SMTPResponseException as wrong:
        return Answer(False, f"{place} answers SMTP {wrong.code}")
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as wrong:
        return Answer(False, f"{place} does not answer as it should ({type(wrong).__name__})")
    login = f", and takes the login of {server.username}" if server.username else ""
    return Answer(True, f"{place} answers{login}")
