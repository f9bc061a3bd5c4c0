"""How the gateway connects to an MQTT broker, and whether one answers there."""

import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from streams import limits
from streams.configuration.settings import Settings

PORTS = {"mqtt": 1883, "mqtts": 8883}
FOR_EVER = 0xFFFFFFFF
"""Of a session's expiry: the broker keeps it, and what comes for it, however long we are away."""
ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, and who we are there. tls: the authority that signed its certificate, True for those that
    the system trusts, None for no TLS."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: Path | bool | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_of(settings: Settings) -> Address:
    """The broker that the settings name."""
    parts = urlsplit(settings.mqtt_url.get_secret_value() if settings.mqtt_url else "")
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    tls = (settings.mqtt_cafile or True) if parts.scheme == "mqtts" else None
    return Address(parts.hostname or "", parts.port or PORTS[parts.scheme], user, password, tls)


def client_of(address: Address, client_id: str) -> Client:
    """A client that is not connected yet. We say ourselves when a message is acknowledged."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, manual_ack=True)
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if address.tls is not None:
        authority = None if address.tls is True else str(address.tls)
        client.tls_set_context(ssl.create_default_context(cafile=authority))
    client.reconnect_delay_set(*limits.MQTT_RECONNECT_S)
    return client


def session_properties() -> Properties:
    """A session that the broker keeps, and that gives us no more at once than we have room for."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = FOR_EVER
    properties.ReceiveMaximum = limits.MQTT_WAITING_MAX
    return properties


def ask(settings: Settings) -> str:
    """Why the broker does not take us, in a session of its own that ends with this; empty if it does. Blocks."""
    address, answered, said = address_of(settings), threading.Event(), [f"no answer in {ANSWER_WITHIN_S:g} s"]

    def connected(_: Client, __: Any, ___: ConnectFlags, code: ReasonCode, ____: Properties | None) -> None:
        said[0] = str(code) if code.is_failure else ""
        answered.set()

    client = client_of(address, "")
    client.on_connect = connected
    try:
        client.connect(address.host, address.port, clean_start=True)
        client.loop_start()
        answered.wait(ANSWER_WITHIN_S)
        client.disconnect()
        client.loop_stop()
    except OSError as wrong:
        return str(wrong.strerror or wrong)
    return said[0]
