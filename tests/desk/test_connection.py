"""How soon the page knows, and what it says when it cannot know, in a real browser."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from playwright.async_api import Error, Page, Route, expect

from alerts.desk import hub
from alerts.events import AlertEvent
from streams.kafka.embedded import EmbeddedBroker, free_port
from tests.brokers import HOST, Broker
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.waiting import WITHIN_S, until_answer
from tests.desk import content
from tests.desk.browser import page
from tests.desk.databases import in_folder
from tests.desk.morning import Morning, named
from tests.desk.running import client, desk, link

pytestmark = pytest.mark.browser

ALERTS = 5
SEEN_WITHIN_S = 1.0
BACK_WITHIN_MS = 60_000
PRESSES = 4
SEEN = """() => {
    globalThis.seenAt = {};
    new MutationObserver(() => {
      const shown = document.querySelectorAll('#alerts .patient');
      for (const one of shown) globalThis.seenAt[one.textContent] ??= Date.now();
    }).observe(document.querySelector('#alerts'), {childList: true, subtree: true}); }"""


@pytest.mark.alone
async def test_an_alert_is_on_the_page_within_a_second_of_its_event(
    broker: Broker, prefix: str, tmp_path: Path
) -> None:
    """Half of them, so that a busy machine's worst moment decides nothing; both ends look at the same clock."""
    await topics.made(broker.address, prefix)
    kept = in_folder(tmp_path)
    async with desk(broker.address, prefix, kept) as url, page() as opened:
        morning = Morning(url, kept, broker.address, prefix)
        await morning.enter(opened)
        await opened.evaluate(SEEN)
        took_s = await shown_after(opened, morning, [alert(f"a-{n}", patient=f"p-{n}") for n in range(ALERTS)])
    assert statistics.median(took_s) < SEEN_WITHIN_S, took_s


async def shown_after(opened: Page, morning: Morning, events: list[AlertEvent]) -> list[float]:
    """From handing each event to Kafka until it stands on the list [s], one after the other."""
    took_s = []
    producer = AIOKafkaProducer(bootstrap_servers=morning.bootstrap)
    await producer.start()
    try:
        await producer.partitions_for(f"{morning.prefix}alerts")
        for event in events:
            began_s = time.time()
            await producer.send_and_wait(f"{morning.prefix}alerts", msgspec.json.encode(event), event.patient.encode())
            found = await opened.wait_for_function("patient => globalThis.seenAt[patient]", arg=event.patient)
            took_s.append(float(await found.json_value()) / 1000 - began_s)
    finally:
        await producer.stop()
    return took_s


@asynccontextmanager
async def late(
    opened: Page, what: str, more: Callable[[Any], None] = lambda body: None
) -> AsyncIterator[asyncio.Future[None]]:
    """The next answer to this question is as old as its asking, and comes after the block. more: changes it; gives the
    word that it was asked, or why the desk had no answer."""
    asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over, done = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        try:
            body = await (await route.fetch(max_retries=3)).json()
            more(body)
        except (Error, LookupError, ValueError) as problem:
            asked.set_exception(problem)
            return
        asked.set_result(None)
        await over.wait()
        await route.fulfill(json=body)
        done.set()

    await opened.route(what, hold, times=1)
    yield asked
    over.set()
    await asyncio.wait_for(done.wait(), WITHIN_S)


async def press_until(opened: Page, key: str, asked: asyncio.Future[None]) -> None:
    """Press it again while nothing comes of it, as a person does."""
    for _ in range(PRESSES):
        await opened.keyboard.press(key)
        await asyncio.wait({asked}, timeout=WITHIN_S / PRESSES)
        if asked.done():
            return asked.result()
    raise TimeoutError(f"pressed {PRESSES} times, and the page did not ask: {await opened.content()}")


def with_one_more(body: Any) -> None:
    """By which it is seen that the answer has come."""
    body["alerts"].append({**body["alerts"][0], "alert_id": "a-seen", "title": "Seen when the answer came"})


async def test_an_answer_that_is_older_than_the_news_undoes_nothing(morning: Morning) -> None:
    """What has come while it was on its way stays, and who has gone to another team stays away."""
    known, news = content.heart_alert(), alert("a-2", patient="p-2", title="Glucose low for this patient")
    moves = alert("a-3", severity="advisory", patient="p-3", title="Weight up", care_team="cardiology-home")
    profile = {"patient": "p-3", "version": 1, "care_team": "lungs-home", "consent": {"monitoring": True}}
    await morning.put(known, moves)
    async with page() as opened:
        await morning.enter(opened, role="nurse", teams=("cardiology-home",))
        await expect(named(opened, moves.title)).to_be_visible()
        async with late(opened, "**/api/alerts?*", with_one_more) as asked:
            await press_until(opened, "1", asked)
            await morning.put(news)
            await topics.put(morning.bootstrap, f"{morning.prefix}profiles", [json.dumps(profile).encode()])
            await expect(named(opened, news.title)).to_be_visible()
            await expect(named(opened, moves.title)).to_have_count(0)
        await expect(named(opened, "Seen when the answer came")).to_be_visible()
        assert set(await opened.locator("#alerts .patient").all_inner_texts()) == {known.patient, news.patient}


async def test_an_older_answer_about_the_chosen_alert_does_not_stay(morning: Morning) -> None:
    event = content.heart_alert()
    await morning.put(event)
    async with page() as opened:
        await morning.enter(opened)
        steps = opened.get_by_role("region", name="History").locator("li")
        async with late(opened, f"**/api/alerts/{event.alert_id}") as asked:
            await named(opened, event.title).click()
            await asyncio.wait_for(asked, WITHIN_S)
            await morning.put(content.heart_alert(2, event="acknowledged", state="acknowledged", by="nurse-1"))
            await expect(steps).to_have_count(2)
        await opened.evaluate("fetch('/api/desk').then((answer) => answer.json())")  # what came before it is shown
        await expect(steps).to_have_count(2)


async def test_an_alert_that_an_answer_shows_before_the_stream_does_is_said_all_the_same(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "GATHER_S", 5.0)
    event = content.heart_alert()
    async with page() as opened, client(morning.url, morning.kept) as desk_itself:

        async def known() -> bool:
            return bool((await desk_itself.get("/api/alerts")).json()["alerts"])

        await morning.enter(opened)
        await morning.put(event)
        await until_answer(known)
        await opened.keyboard.press("1")
        await expect(named(opened, event.title)).to_be_visible()
        await expect(opened.locator("#say")).to_have_text(f"New urgent alert: {event.title}, patient {event.patient}")


async def test_a_desk_that_went_away_is_said_and_what_came_meanwhile_is_shown_when_it_is_back(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    await topics.made(embedded_broker.address, prefix)
    kept, port = in_folder(tmp_path), free_port(HOST)
    known, missed = content.heart_alert(), alert("a-2", patient="p-2", title="Glucose low for this patient")
    async with page(lost=True) as opened:
        async with desk(embedded_broker.address, prefix, kept, port=port) as url:
            morning = Morning(url, kept, embedded_broker.address, prefix)
            await morning.put(known)
            await morning.enter(opened)
            await named(opened, known.title).click()
        await expect(opened.locator("#link")).to_have_text("Reconnecting")
        await expect(opened.locator("#trouble")).to_have_text("The desk does not answer. What you see may be old.")
        await expect(named(opened, known.title)).to_be_visible()
        await opened.locator("#detail").get_by_role("button", name="Acknowledge: ").click()
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#act-problem")).to_have_text("The desk does not answer.")
        await opened.get_by_role("button", name="Cancel").click()
        await morning.put(missed, content.heart_alert(2, event="acknowledged", state="acknowledged", by="nurse-9"))
        async with desk(embedded_broker.address, prefix, kept, port=port):
            await expect(named(opened, missed.title)).to_be_visible(timeout=BACK_WITHIN_MS)
            await expect(named(opened, known.title)).to_have_count(0)
            await expect(opened.locator("#link")).to_have_text("Live")
            await expect(opened.locator("#trouble")).to_be_hidden()
            await expect(opened.locator("#detail .state").first).to_contain_text("Acknowledged by nurse-9")


async def test_a_stream_that_was_lost_is_said_and_the_page_catches_up(prefix: str, tmp_path: Path) -> None:
    broker, kept = EmbeddedBroker(), in_folder(tmp_path)
    await broker.start()
    try:
        await topics.made(broker.address, prefix)
        async with desk(broker.address, prefix, kept) as url, page() as opened:
            morning = Morning(url, kept, broker.address, prefix)
            await opened.goto(url + link(kept))
            await expect(opened.locator("#link")).to_have_text("Live")
            broker.stop()
            await expect(opened.locator("#link")).to_have_text("Stream lost", timeout=BACK_WITHIN_MS)
            await expect(opened.locator("#trouble")).to_contain_text("What you see may be old")
            await broker.start()
            await topics.made(broker.address, prefix)
            await morning.put(content.heart_alert())
            await expect(named(opened, content.heart_alert().title)).to_be_visible(timeout=BACK_WITHIN_MS)
            await expect(opened.locator("#link")).to_have_text("Live", timeout=BACK_WITHIN_MS)
            await expect(opened.locator("#trouble")).to_be_hidden()
    finally:
        broker.stop()
