"""What the tests of the page stand on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.broker import EmbeddedBroker
from tests.channels import topics
from tests.desk import content
from tests.desk.morning import BANNER, Morning
from tests.desk.running import desk


@pytest.fixture
async def morning(embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Morning]:
    bootstrap = embedded_broker.address
    await topics.made(bootstrap, prefix)
    await topics.put(bootstrap, f"{prefix}vitals", content.vitals())
    async with desk(bootstrap, prefix, tmp_path, banner=BANNER) as url:
        yield Morning(url, tmp_path, bootstrap, prefix)
