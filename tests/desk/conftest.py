"""What the tests of the page stand on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.broker import EmbeddedBroker
from tests.channels import topics
from tests.desk import content
from tests.desk.databases import Databases, in_folder
from tests.desk.morning import BANNER, Morning
from tests.desk.running import desk


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    """Each database in turn: a test that asks for it is a promise on both."""
    if request.param == "sqlite":
        return in_folder(tmp_path)
    address = request.getfixturevalue("postgres_server").schema()
    return Databases(address, address)


@pytest.fixture
async def morning(embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Morning]:
    bootstrap = embedded_broker.address
    await topics.made(bootstrap, prefix)
    await topics.put(bootstrap, f"{prefix}vitals", content.vitals())
    kept = in_folder(tmp_path)
    async with desk(bootstrap, prefix, kept, banner=BANNER) as url:
        yield Morning(url, kept, bootstrap, prefix)
