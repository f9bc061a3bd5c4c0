"""`homebeat demo`: the whole system on this machine, fed with bundled real data in fast time.

A broker (memory only), a worker with the notifier, the desk, and a receiver of webhooks; then a feeder replays 90 days
of 28 people. Time is simulated: the feeder writes the ticks, and every record carries its simulated arrival.
"""

import asyncio
import contextlib
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from alerts.channels.receiver import RECEIVED, create_receiver
from alerts.desk.accounts import Accounts
from alerts.desk.members import EVERY_TEAM
from streams.configuration.environment import load_settings
from streams.configuration.settings import DEFAULT_PORTS, Settings
from streams.demo import bundled
from streams.demo.children import Child, environment
from streams.demo.feeder import FeedResult, feed
from streams.errors import PortTaken
from streams.kafka.embedded import BrokerPortTaken, EmbeddedBroker, free_port
from streams.kafka.topics import ensure_topics
from streams.serving.process import run_async

BANNER = (
    "Software to be validated before clinical use. Demo: real people from public research sets, replayed in fast time."
)
FEED_S = 150.0
"""How long the replay takes when nothing says how long the demo may run."""
RESERVE_S = 12.0
"""Of `--for`, kept for the last decisions to arrive and for everything to stop."""
SETTLE_S = 20.0
TIME_TO_ANSWER = {f"answer_{severity}_min": "10080" for severity in ("emergency", "urgent", "advisory")}
"""A week for whoever looks on: it passes in twelve seconds. With the usual minutes every alert would go through all of
its rungs before anybody could read it (3.7 messages for an alert; so it is 2.8)."""
POLL_S = 0.25
HOST = "127.0.0.1"
DEMO_USER = "demo"
LINK_S = 12 * 3600.0
"""The demo's link is good for as long as anybody may sit before it; it signs in once."""


@dataclass
class Demo:
    """What is running, and how to ask it."""

    settings: Settings
    worker: Child
    desk: Child
    receiver: web.Application
    http: aiohttp.ClientSession
    secret: str

    async def figures(self) -> dict[str, int]:
        """What has been decided so far, from the worker, the desk and the receiver."""
        counted = await self._worker_figures()
        counted["alerts"] = await self._desk_alerts()
        counted["delivered"] = self.receiver[RECEIVED].unique
        return counted

    async def _worker_figures(self) -> dict[str, int]:
        async with self.http.get(f"{self.worker.url}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        totals: dict[str, float] = {}
        for family in families:
            for sample in family.samples:
                totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
                if sample.labels.get("type") == "profile" and sample.labels.get("outcome") == "applied":
                    totals["profiles"] = sample.value
        return {name: int(totals.get(metric, 0)) for name, metric in _METRICS.items()}

    async def _desk_alerts(self) -> int:
        async with self.http.get(f"{self.desk.url}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        samples = [one for family in families for one in family.samples if one.name == "homebeat_desk_alerts"]
        return sum(int(one.value) for one in samples if one.labels["list"] != "overdue")

    def sign_in_link(self) -> str:
        """A page that signs in once, as the demo's own lead of every team."""
        accounts = Accounts(self.settings.desk_accounts, self.settings.desk_key)
        with contextlib.closing(accounts):
            accounts.put("Demo", DEMO_USER, "admin", [EVERY_TEAM], None, replace=True)
            return f"{self.desk.url}/#sign-in={accounts.link(DEMO_USER, time.time(), LINK_S)}"

    def check(self) -> None:
        """Raise Failed if a process has ended."""
        self.worker.check()
        self.desk.check()


_METRICS = {
    "readings": "homebeat_readings_received_total",
    "decided": "homebeat_readings_decided_total",
    "rejected": "homebeat_readings_rejected_total",
    "duplicates": "homebeat_readings_duplicate_total",
    "withheld": "homebeat_readings_withheld_total",
    "profiles": "profiles",
}


def run_demo(*, for_s: float | None, port: int | None, as_json: bool) -> dict[str, Any]:
    """Run the demo until `for_s` is over or a signal comes; the figures for `--json`."""
    result: dict[str, Any] = {}
    console = Console(stderr=True, quiet=as_json and not sys.stderr.isatty())

    async def main(stop: asyncio.Event) -> None:
        result.update(await _demo(stop, time.monotonic(), for_s, port, console))

    run_async(main)
    return result


async def _demo(
    stop: asyncio.Event, began: float, for_s: float | None, port: int | None, console: Console
) -> dict[str, Any]:
    """Everything up, fed, settled, told, and down again."""
    ending = asyncio.get_running_loop().call_later(for_s, stop.set) if for_s is not None else None
    async with _running(port) as demo:
        console.print(f"[bold]{BANNER}[/bold]\nThe broker keeps everything in memory: it is gone when the demo stops.")
        link = await asyncio.to_thread(demo.sign_in_link)
        console.print(f"The desk, signed in once by this link:\n{link}", soft_wrap=True, highlight=False)
        console.print(f"The desk: {demo.desk.url}   webhooks received: {demo.settings.webhook_urls[0]}")
        left = FEED_S if for_s is None else max(5.0, for_s - (time.monotonic() - began) - RESERVE_S)
        fed = await _feed(demo, stop, left, console)
        figures = await _settled(demo, fed, stop)
        if for_s is None and not stop.is_set():
            _tell(console, demo, figures, "The replay is over; the desk stays up. Ctrl-C stops everything.")
            await _until(demo, stop)
            figures = await demo.figures()
        folder = demo.settings.data_folder
    if ending is not None:
        ending.cancel()
    _tell(console, demo, figures, f"Stopped. Logs and the desk's database: {folder}")
    del figures["profiles"]
    return {**figures, "seconds": round(time.monotonic() - began, 1), "data_folder": str(folder)}


@contextlib.asynccontextmanager
async def _running(port: int | None) -> AsyncIterator[Demo]:
    """Start everything, in the order in which it is needed; stop it in the other."""
    desk_port = _asked_port(port) if port else _preferred_port()
    folder = _fresh_folder()
    secret = secrets.token_hex(16)
    async with contextlib.AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedBroker())
        http = await stack.enter_async_context(aiohttp.ClientSession())
        own = load_settings(broker=broker.address, secret=secret, data_folder=folder)
        receiver = create_receiver(own.webhook_key)
        url = await _serve_receiver(stack, receiver)
        given = environment(
            broker=broker.address, secret=secret, data_folder=str(folder), ticks="off", webhook_urls=url,
            desk_banner=BANNER, checkpoint_s="2", **TIME_TO_ANSWER,
        )  # fmt: skip
        settings = load_settings(broker=broker.address, secret=secret, data_folder=folder, webhook_urls=url)
        await ensure_topics(settings.broker, settings.topic_prefix, settings.partitions, settings.replication)
        worker, desk = Child("worker", free_port(HOST), folder, given), Child("desk", desk_port, folder, given)
        for child in (worker, desk):
            stack.callback(child.stop)
            child.start()
        await asyncio.gather(worker.ready(http), desk.ready(http))
        yield Demo(settings, worker, desk, receiver, http, secret)


def _asked_port(port: int) -> int:
    """The port that the person asked for, or PortTaken."""
    try:
        return free_port(HOST, port)
    except BrokerPortTaken:
        raise PortTaken(HOST, port) from None


def _preferred_port() -> int:
    """The desk's usual port, or any free one."""
    try:
        return free_port(HOST, DEFAULT_PORTS["desk"])
    except BrokerPortTaken:
        return free_port(HOST)


def _fresh_folder() -> Path:
    """The demo's own folder, empty: the desk of another run would show what this one never decided."""
    folder = load_settings().data_folder / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


async def _serve_receiver(stack: contextlib.AsyncExitStack, receiver: web.Application) -> str:
    """Where webhooks are received."""
    runner = web.AppRunner(receiver, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, 0).start()
    return f"http://{HOST}:{runner.addresses[0][1]}/alerts"


async def _feed(demo: Demo, stop: asyncio.Event, seconds: float, console: Console) -> FeedResult:
    """Replay the bundled data, with a display of how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("replaying", total=seconds, said="")
        started = time.monotonic()

        def show(fed: FeedResult) -> None:
            day = (fed.simulated_to or "")[:10]
            progress.update(task, completed=time.monotonic() - started, said=f"{day}  {fed.readings:,} readings")

        feeding = feed(
            demo.settings.broker, demo.settings.topic_prefix, demo.secret.encode(), bundled(), seconds=seconds,
            stop=stop, ready=_profiles_known(demo), on_progress=show,
        )  # fmt: skip
        return await feeding


async def _profiles_known(demo: Demo) -> None:
    """Readings must not come before the profiles of their patients have been sequenced."""
    lines = sum(1 for line in bundled().profiles.read_bytes().splitlines() if line.strip())
    while (await demo.figures())["profiles"] < lines:
        demo.check()
        await asyncio.sleep(POLL_S)


async def _settled(demo: Demo, fed: FeedResult, stop: asyncio.Event) -> dict[str, int]:
    """The figures when everything fed has been decided and told, or when that takes too long."""
    until = time.monotonic() + SETTLE_S
    last: dict[str, int] = {}
    while True:
        demo.check()
        figures = await demo.figures()
        done = figures["readings"] >= fed.readings and figures == last
        if done or time.monotonic() > until:
            return figures
        last = figures
        await asyncio.sleep(2 * POLL_S)


async def _until(demo: Demo, stop: asyncio.Event) -> None:
    """Until asked to stop, or a process ends."""
    while not stop.is_set():
        demo.check()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)


def _tell(console: Console, demo: Demo, figures: dict[str, int], last: str) -> None:
    """What was decided, in words."""
    console.print(
        f"{figures['readings']:,} readings: {figures['decided']:,} decided, {figures['rejected']:,} rejected, "
        f"{figures['duplicates']:,} duplicates, {figures['withheld']:,} withheld. "
        f"{figures['alerts']:,} alerts on the desk, {figures['delivered']:,} messages to the webhook.\n{last}"
    )
