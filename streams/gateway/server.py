"""The gateway running: its doors, Kafka behind them, and one way to stop."""

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import Iterator
from functools import partial

import uvicorn

from streams import limits
from streams.configuration.settings import Settings
from streams.errors import listening_failed
from streams.gateway.admission import Admission
from streams.gateway.app import Doors, create_app
from streams.gateway.audit import Audit
from streams.gateway.connections import Prompt
from streams.gateway.keys import KeyRing
from streams.gateway.producing import Producing
from streams.gateway.profiles import Profiles
from streams.gateway.session import MqttDoor
from streams.kafka.broker_watch import BrokerWatch

log = logging.getLogger(__name__)

BACKLOG = 128


class _Server(uvicorn.Server):
    """uvicorn without hands on the signals: whoever runs us says when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_gateway(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Raises WrongSettings without keys, PortTaken, BrokerUnreachable."""
    ring = KeyRing(settings.gateway_keys)
    with contextlib.closing(_listening(settings.http_host, settings.port_of("gateway"))) as listening:
        async with Producing.started(settings) as producing:
            await _serve(settings, ring, producing, listening, stop)


async def _serve(
    settings: Settings, ring: KeyRing, producing: Producing, listening: socket.socket, stop: asyncio.Event
) -> None:
    watch, audit = BrokerWatch(settings), Audit(partial(producing.confirmed, "audit", None))
    admission = Admission(settings, producing)
    mqtt = MqttDoor(settings, admission) if settings.mqtt_url else None
    ready = partial(_standing, watch, mqtt, stop)
    doors = Doors(ring, admission, Profiles(settings, producing), audit, ready, watch.why_not, stop)
    server = _server(doors)
    serving = asyncio.create_task(server.serve([listening]))
    work = [asyncio.create_task(one) for one in (watch.run(), audit.run(), *((mqtt.run(stop),) if mqtt else ()))]
    asked = asyncio.create_task(stop.wait())
    log.info("the gateway is at http://%s:%d", *listening.getsockname()[:2])
    try:
        done, _ = await asyncio.wait({asked, serving, *work}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {asked}:
            task.result()
    finally:
        stop.set()
        server.should_exit = True
        await asyncio.wait({serving, *work[2:]}, timeout=limits.GATEWAY_STOP_S)
        for task in (asked, serving, *work):
            task.cancel()
        await asyncio.gather(asked, serving, *work, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(audit.drain(last=True), limits.CLOSE_WITHIN_S)


def _standing(watch: BrokerWatch, mqtt: MqttDoor | None, stop: asyncio.Event) -> tuple[bool, str]:
    """For /readyz. Where the MQTT broker alone is away it says so, and HTTP goes on: none should be sent elsewhere."""
    if stop.is_set():
        return False, "stopping"
    if why := watch.why_not():
        return False, why
    why = mqtt.why_not() if mqtt else ""
    return True, f"ready for HTTP; but MQTT: {why}" if why else "ready"


def _server(doors: Doors) -> _Server:
    return _Server(
        uvicorn.Config(
            create_app(doors), http=Prompt, ws="none", lifespan="off",
            log_config=None, access_log=False, server_header=False,
            limit_concurrency=limits.GATEWAY_CONNECTIONS_MAX, timeout_graceful_shutdown=round(limits.GATEWAY_STOP_S),
        )
    )  # fmt: skip


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises PortTaken, Failed."""
    if not _is_loopback(host):
        log.warning("keys and readings come unencrypted to %s: put a proxy that speaks TLS before it", host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as wrong:
        raise listening_failed(wrong, host, port) from None
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else an answer waits for an acknowledgement
    return listening


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
