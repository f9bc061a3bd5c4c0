"""The page's time goes on while nothing is said, and a log on which nobody decides any more never looks calm."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from alerts.desk.minutes import Minute, Minutes, told_minute
from alerts.desk.store import Store
from alerts.desk.worklist import instant
from streams.kafka.embedded import EmbeddedBroker
from tests.channels import topics
from tests.channels.events import alert
from tests.desk import content
from tests.desk.browser import page
from tests.desk.databases import in_folder
from tests.desk.morning import Morning, morning_at
from tests.desk.running import link


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(in_folder(tmp_path).cache)
    yield made
    made.close()


def minute(partition: int, through: str) -> bytes:
    """As a worker writes it, of a minute in which nothing came."""
    since = "2026-01-19T07:00:00Z"
    return json.dumps({"partition": partition, "since": since, "through": through, "sources": {}}).encode()


def test_time_goes_on_and_never_back(store: Store) -> None:
    minutes = Minutes(store, None)
    minutes.take([told_minute(b"", minute(0, "2026-01-19T08:10:00Z"))])
    minutes.take([told_minute(b"", minute(1, "2026-01-19T08:09:00Z"))])
    assert instant(store.log_time_s) == "2026-01-19T08:10:00Z"


def test_a_decision_by_a_clock_that_is_ahead_makes_nobody_elses_alert_overdue(store: Store) -> None:
    """A publisher's clock was 50 minutes ahead: from its first alert on, every page told of that hour."""
    due = alert("a-1", decided_at="2026-01-19T08:00:00Z", deadline="2026-01-19T08:20:00Z")
    store.put_events([due, alert("a-2", patient="p-2", decided_at="2026-01-19T08:50:00Z")])
    Minutes(store, None).take([told_minute(b"", minute(0, "2026-01-19T08:00:00Z"))])
    assert store.counts()["overdue"] == 0
    assert instant(store.log_time_s) == "2026-01-19T08:03:00Z"
    store.put_events([alert("a-3", patient="p-3", decided_at="2026-01-19T08:00:40Z")])
    Minutes(store, None).take([told_minute(b"", minute(0, "2026-01-19T08:25:00Z"))])
    assert instant(store.log_time_s) == "2026-01-19T08:28:00Z"
    assert store.counts()["overdue"] == 1, "its time has come"


def test_where_no_minutes_are_told_time_goes_on_with_the_decisions(store: Store) -> None:
    store.put_events([alert("a-1", decided_at="2026-01-19T08:50:00Z")])
    assert instant(store.log_time_s) == "2026-01-19T08:50:00Z"


def test_one_partition_that_stands_still_is_enough_and_where_a_feeder_writes_time_none_is(store: Store) -> None:
    now = [0.0]
    watched, fed = (Minutes(store, after, lambda: now[0]) for after in (180.0, None))
    now[0] = 181.0
    assert watched.still, "no worker was ever heard of"
    for partition in (0, 1):
        watched.take([Minute(partition, "2026-01-19T08:10:00Z")])
    assert not watched.still
    now[0] = 362.0
    watched.take([Minute(0, "2026-01-19T08:13:00Z")])
    assert watched.still, "the patients of the other are watched by nobody"
    watched.take([Minute(1, "2026-01-19T08:13:00Z")])
    assert (watched.still, fed.still) == (False, False)


@pytest.mark.parametrize("value", [b"{", b"{}", b'{"partition": 0, "through": "soon"}', b"null"])
def test_what_is_no_minute_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        told_minute(b"", value)


@pytest.mark.browser
async def test_what_is_late_is_late_in_a_quiet_hour_too(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    async with page() as opened:
        await morning.enter(opened)
        await expect(opened.locator("#alerts .due")).to_have_text("Answer within 45 min")
        later = minute(0, "2026-01-19T08:55:00Z")
        await topics.put(morning.bootstrap, f"{morning.prefix}sources", [later])
        await expect(opened.locator("#log-time")).to_contain_text("08:55")
        await expect(opened.locator("#alerts .due")).to_have_text("Overdue by 10 min")
        await expect(opened.locator("#alerts .when")).to_contain_text("3 h 30 min ago")


@pytest.mark.browser
async def test_a_page_on_which_nobody_decides_says_so(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    broker = embedded_broker.address
    async with morning_at(broker, prefix, in_folder(tmp_path), still_after_s=2.0) as morning, page() as opened:
        await opened.goto(morning.url + link(morning.kept))
        await expect(opened.locator("#link")).to_have_text("Standing still")
        await expect(opened.locator("#trouble")).to_contain_text("Alerts may be missing")
