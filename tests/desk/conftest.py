"""What the tests of the page stand on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from streams.kafka.embedded import EmbeddedBroker
from tests.desk import browser
from tests.desk.databases import Databases, in_folder
from tests.desk.morning import BANNER, Morning, morning_at
from tests.desk.ward import Ward


@pytest.fixture(scope="session", autouse=True)
def last_page() -> Iterator[None]:
    """The browser of this process, if a test had one begun, goes with the last of them."""
    yield
    browser.end()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    """Each database in turn: a test that asks for it is a promise on both."""
    if request.param == "sqlite":
        return in_folder(tmp_path)
    address = request.getfixturevalue("postgres_server").schema()
    return Databases(address, address)


@pytest.fixture
async def morning(embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Morning]:
    async with morning_at(embedded_broker.address, prefix, in_folder(tmp_path), banner=BANNER) as made:
        yield made


@pytest.fixture
def ward(databases: Databases) -> Iterator[Ward]:
    made = Ward(databases)
    yield made
    made.close()


@pytest.fixture
async def client(ward: Ward) -> AsyncIterator[httpx.AsyncClient]:
    """Of somebody who has not signed in."""
    async with ward.client() as made:
        yield made
