"""The desk running: four feeds from Kafka, the audit back to it, the web server, and one way to stop."""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI

from alerts.desk.accounts import Accounts
from alerts.desk.app import create_app
from alerts.desk.audit import Audit
from alerts.desk.config import DeskConfig, DeskError, PortTaken
from alerts.desk.feed import Feed, alert_event, patient_profile, vital_summary
from alerts.desk.figures import Status
from alerts.desk.hub import Hub
from alerts.desk.keeping import Keeping
from alerts.desk.minutes import TAIL, Minutes, told_minute
from alerts.desk.moving import Moves
from alerts.desk.publish import ActionPublisher, AuditPublisher
from alerts.desk.store import Store

log = logging.getLogger(__name__)

BACKLOG = 128
GRACE_S = 3
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Server(uvicorn.Server):
    """uvicorn without hands on the signals: whoever runs us says when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_desk(config: DeskConfig, stop: asyncio.Event, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until `stop`. `on_ready` gets the page's address once the topics are caught up with.

    Raises PortTaken when another process listens there, DeskError when the database cannot be opened.
    """
    listening = bound(config.host, config.port)
    with contextlib.closing(listening):
        accounts = await asyncio.to_thread(Accounts, config.accounts_url, config.secret)
        with contextlib.closing(accounts):
            store = await asyncio.to_thread(Store, config.database_url, config.keep_days, config.keep_windows)
            with contextlib.closing(store):
                await _serve(config, store, accounts, listening, stop, on_ready)


async def _serve(
    config: DeskConfig,
    store: Store,
    accounts: Accounts,
    listening: socket.socket,
    stop: asyncio.Event,
    on_ready: Callable[[str], None] | None,
) -> None:
    hub = Hub()
    minutes = Minutes(store, config.still_after_s)
    feeds = _feeds(config, store, hub, minutes)
    keeping = Keeping({"the desk's database": store.beat, "the database of the desk's accounts": accounts.beat})
    status = Status(feeds, minutes, keeping)
    publish = ActionPublisher(config.topic("actions"), config.client)
    audit, auditing = Audit(accounts.engine), AuditPublisher(config.topic("audit"), config.client)
    server = _server(create_app(store, publish, hub, accounts, audit, status, **_bounds(config)))
    serving = asyncio.create_task(server.serve([listening]))
    running = (*(feed.run() for feed in feeds), audit.run(auditing), keeping.run())
    work = [asyncio.create_task(one) for one in running]
    announcing = asyncio.create_task(_announce(server, status, _address(config.host, listening), on_ready))
    asked = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({asked, serving, *work}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {asked}:
            task.result()
    finally:
        hub.close()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=2 * GRACE_S)
        await _ended(asked, serving, announcing, *work)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(audit.drain(auditing), GRACE_S)
        await publish.close()
        await auditing.close()


def _feeds(config: DeskConfig, store: Store, hub: Hub, minutes: Minutes) -> tuple[Feed[Any, Any], ...]:
    """A feed for each topic, so that a long history of vitals does not hold up an alert. Vitals wait for the profiles:
    what somebody has withdrawn is not shown first and taken out later."""

    def moved(moves: Moves) -> None:
        hub.tell(moves.alerts, moves.patients, moves.former)

    topic, client = config.topic, config.client
    profiles = Feed(topic("profiles"), client, patient_profile, store.put_profiles, moved)
    return (
        profiles,
        Feed(topic("alerts"), client, alert_event, store.put_events, lambda ids: hub.tell(alerts=ids)),
        Feed(topic("vitals"), client, vital_summary, store.put_summaries, lambda ids: hub.tell(patients=ids), profiles),
        Feed(topic("sources"), client, told_minute, minutes.take, lambda _: None, tail=TAIL),
    )


def _bounds(config: DeskConfig) -> dict[str, Any]:
    return {
        "banner": config.banner,
        "points": config.chart_points,
        "rows": config.worklist_rows,
        "hosts": _hosts(config),
        "link_key": config.link_key,
        "language": config.language,
        "off": config.off,
        "directory": config.directory,
    }


def _server(app: FastAPI) -> _Server:
    return _Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S))


async def _ended(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _announce(server: _Server, status: Status, address: str, on_ready: Callable[[str], None] | None) -> None:
    log.info("the desk is at %s", address)
    while not (server.started and status.ready):
        await asyncio.sleep(0.05)
    if on_ready is not None:
        on_ready(address)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises PortTaken, or DeskError with one line.

    Answers go out at once, in the connections that come of it too: otherwise the last packet of each waits 40 ms for
    the browser's acknowledgement of those before it. asyncio sees to that only for sockets that it has made itself.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from None
        raise DeskError(f"cannot listen at {host}:{port} ({error.strerror or error})") from None
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _address(host: str, listening: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listening.getsockname()[1]}"


def _hosts(config: DeskConfig) -> tuple[str, ...]:
    """On the loopback only its own names are answered to; elsewhere those that are configured, or any."""
    if config.allowed_hosts:
        return config.allowed_hosts
    with contextlib.suppress(ValueError):
        return (*LOOPBACK, config.host) if ipaddress.ip_address(config.host).is_loopback else ()
    return LOOPBACK if config.host == "localhost" else ()
