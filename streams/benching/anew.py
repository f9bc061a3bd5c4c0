"""A bench on a Kafka that stays: what an earlier one left there goes first."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from streams.configuration.settings import Settings
from streams.kafka.connection import admin_client

PAUSE_S = 0.02
WITHIN_S = 120.0


async def forget(settings: Settings) -> None:
    """Delete every topic whose name begins with the prefix of these settings, and wait until they are gone."""
    async with admin_client(settings) as admin:
        old = [name for name in await admin.list_topics() if name.startswith(settings.topic_prefix)]
        if old:
            await admin.delete_topics(old)
            await _gone(admin, old)


async def _gone(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while set(names) & set(await admin.list_topics()):
            await asyncio.sleep(PAUSE_S)
