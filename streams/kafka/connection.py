"""How any client of ours connects to Kafka, and whether anybody answers there."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams import limits
from streams.configuration.settings import Settings
from streams.errors import BrokerUnreachable

CLIENT_ID = "homebeat"


def client_options(settings: Settings) -> dict[str, Any]:
    """The keyword arguments that aiokafka's producer, consumer and admin client share.

    Raises OSError (ssl.SSLError) when the file of the authority is not a certificate.
    """
    servers = settings.broker.split(",")
    return {"bootstrap_servers": servers, "client_id": CLIENT_ID, **security_options(settings)}


def producer_options(settings: Settings, within_s: float) -> dict[str, Any]:
    """Of a producer whose records are there, on all copies, when it says so; within_s: how long it tries one batch."""
    return {
        "acks": "all", "linger_ms": limits.PRODUCER_LINGER_MS, "max_batch_size": limits.PRODUCER_BATCH_BYTES,
        "max_request_size": limits.PRODUCER_REQUEST_BYTES_MAX, "request_timeout_ms": round(within_s * 1000),
        "retry_backoff_ms": round(limits.PUBLISH_RETRY_EVERY_S * 1000),
        "metadata_max_age_ms": limits.METADATA_AGE_MAX_MS, **client_options(settings),
    }  # fmt: skip


def security_options(settings: Settings) -> dict[str, Any]:
    """Of these, what TLS and SASL need, for clients that are told the servers otherwise."""
    options: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.security_protocol.endswith("SSL"):
        cafile = str(settings.ssl_cafile) if settings.ssl_cafile else None
        options["ssl_context"] = ssl.create_default_context(cafile=cafile)
    if settings.security_protocol.startswith("SASL") and settings.sasl_password is not None:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


@contextlib.asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client that is connected, or BrokerUnreachable within `broker_timeout_s`."""
    client = AIOKafkaAdminClient(**client_options(settings))
    try:
        await _connected(client, settings)
        yield client
    finally:
        await client.close()


async def reach(settings: Settings) -> None:
    """Return when a broker answers; else raise BrokerUnreachable within `broker_timeout_s`."""
    async with admin_client(settings):
        pass


async def _connected(client: AIOKafkaAdminClient, settings: Settings) -> None:
    with _last_word() as words:
        try:
            async with asyncio.timeout(settings.broker_timeout_s):
                await client.start()
        except TimeoutError:
            raise BrokerUnreachable(settings.broker, f"no answer in {settings.broker_timeout_s:g} s") from None
        except (KafkaError, OSError) as wrong:
            raise BrokerUnreachable(settings.broker, _cause(words, wrong)) from None


def _cause(words: list[str], wrong: Exception) -> str:
    return words[-1].rpartition('": ')[2] if words else str(wrong)


@contextlib.contextmanager
def _last_word() -> Iterator[list[str]]:
    """Catch what the client logs about a failed connection: its exception says only that it failed.

    A refused login is told apart from a broker that is away only in there.
    """
    logger = logging.getLogger("aiokafka")
    words: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: words.append(record.getMessage())  # type: ignore[method-assign]
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield words
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
