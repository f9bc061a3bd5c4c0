"""The MQTT door against a real Mosquitto: whatever fails, a message is acknowledged only when Kafka has it."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from streams.configuration.environment import load_settings
from streams.gateway.mqtt import ask
from streams.kafka.embedded import EmbeddedBroker
from tests.brokers import HOST, Broker
from tests.engine import test_bad_input as bad
from tests.engine.factories import START_US, panel, reading
from tests.gateway.running import Running, freeze, on_readings, started
from tests.mosquitto import Mosquitto
from tests.worker.live import Deployment, deployment, until

pytestmark = pytest.mark.mqtt
TOPIC = "homebeat/readings/ward-3"
SECRET = "pass:w@rd/1"
IN_URL = "pass%3Aw%40rd%2F1"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def made(embedded_broker: Broker, prefix: str, tmp_path: Path) -> Iterator[Deployment]:
    with deployment(embedded_broker, prefix, tmp_path) as one:
        yield one


def publish(broker: Mosquitto, payloads: list[bytes], login: tuple[str, str] | None = None) -> None:
    """As a device does: returns when the MQTT broker has acknowledged all of them."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    if login:
        client.username_pw_set(*login)
    client.connect(HOST, broker.port)
    client.loop_start()
    try:
        for sent in [client.publish(TOPIC, payload, qos=1) for payload in payloads]:
            sent.wait_for_publish(20)
            assert sent.is_published()
    finally:
        client.disconnect()
        client.loop_stop()


def numbered(begin: int, end: int, patient: str = "p-1") -> list[bytes]:
    return [json.dumps(reading(patient, id=f"r-{number}")).encode() for number in range(begin, end)]


def ids(running: Running, patient: str = "p-1") -> list[str]:
    return [one["id"] for one in on_readings(running, patient)]


def well(running: Running) -> bool:
    return running.process.get("/readyz") == (200, "ready\n")


def test_messages_are_judged_and_published_as_by_http_and_each_is_counted(
    made: Deployment, mosquitto: Mosquitto
) -> None:
    gateway = started(made, mqtt_url=mosquitto.url)
    until(lambda: well(gateway), "it reads from the MQTT broker")
    listed = b"[" + b",".join(numbered(1, 3)) + b"]"
    bundle = b'{"resourceType": "Bundle", "entry": [{"resource": %b}]}' % panel("p-2", "bp", START_US, 120)
    publish(mosquitto, [*numbered(0, 1), listed, bad.sent(unit="furlong"), b"no json", b"", bundle, *numbered(3, 5)])
    until(lambda: gateway.counted("mqtt")["received"] == 9, "all of them are accounted for")
    assert gateway.counted("mqtt") == {"received": 9, "accepted": 6, "rejected": 3, "failed": 0}
    assert ids(gateway) == ["r-0", "r-1", "r-2", "odd", "r-3", "r-4"]
    assert [one["reason"] for one in made.topic("rejects").all_values()] == ["not_json", "not_json"]
    assert gateway.process.metric("homebeat_gateway_mqtt_waiting") == 0
    assert gateway.process.stop() == 0
    started(made, mqtt_url=mosquitto.url)
    publish(mosquitto, numbered(5, 6))
    until(lambda: "r-5" in ids(gateway), "the next gateway goes on")
    assert ids(gateway)[-1:] == ["r-5"], "what was acknowledged came again"


def test_what_kafka_did_not_take_the_mqtt_broker_gives_again(
    mortal_broker: EmbeddedBroker, mortal_made: Deployment, mosquitto: Mosquitto
) -> None:
    """Kafka falls silent, the gateway is killed, and the MQTT broker restarted: nothing is lost."""
    first = started(mortal_made, mqtt_url=mosquitto.url)
    until(lambda: well(first), "it reads from the MQTT broker")
    freeze(mortal_broker)
    publish(mosquitto, numbered(0, 1500))
    until(lambda: first.process.metric("homebeat_gateway_mqtt_waiting") == 1000, "as many are with it as may be")
    first.process.kill()
    mosquitto.stop()
    mosquitto.start()
    freeze(mortal_broker, signal.SIGCONT)
    second = started(mortal_made, mqtt_url=mosquitto.url)
    until(lambda: second.counted("mqtt")["received"] == 1500, "the next one has all of them")
    assert set(ids(second)) == {f"r-{number}" for number in range(1500)}
    until(lambda: second.process.metric("homebeat_gateway_mqtt_waiting") == 0, "nothing waits")


def test_a_lost_mqtt_broker_is_said_and_found_again_and_http_goes_on(made: Deployment, mosquitto: Mosquitto) -> None:
    gateway = started(made, mqtt_url=mosquitto.url)
    until(lambda: well(gateway), "it reads from the MQTT broker")
    mosquitto.stop()
    until(lambda: "MQTT" in gateway.process.get("/readyz")[1], "it says that the MQTT broker is away")
    assert gateway.process.get("/readyz")[0] == 200
    assert gateway.process.metric("homebeat_gateway_mqtt_up") == 0
    assert gateway.post(reading("p-http")).status_code == 202
    mosquitto.start()
    publish(mosquitto, numbered(0, 20))
    until(lambda: well(gateway), "it has found it again")
    until(lambda: len(ids(gateway)) == 20, "what came meanwhile is there")
    assert gateway.process.metric("homebeat_gateway_mqtt_up") == 1


def test_a_broker_that_wants_a_password(made: Deployment, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "gateway", SECRET)
    broker.start()
    wrong, right = (f"mqtt://gateway:{word}@{HOST}:{broker.port}" for word in ("wrong", IN_URL))
    try:
        for url, state in ((wrong, "warn"), (right, "ok"), (f"mqtt://{HOST}:1", "warn")):
            answered = made.homebeat("check", "--json", mqtt_url=url)
            (found,) = [one for one in answered.json["checks"] if one["name"] == "mqtt"]
            assert found["state"] == state, found
            assert IN_URL not in answered.out
            assert "gateway:" not in answered.out
        gateway = started(made, mqtt_url=wrong)
        until(lambda: "does not take us" in gateway.process.get("/readyz")[1], "it says so")
        assert gateway.process.stop() == 0
        gateway = started(made, mqtt_url=right)
        until(lambda: well(gateway), "it is let in")
        publish(broker, numbered(0, 1), ("gateway", SECRET))
        until(lambda: ids(gateway) == ["r-0"], "the reading")
    finally:
        broker.stop()


def test_two_gateways_of_one_name_are_told_to_have_two(made: Deployment, mosquitto: Mosquitto) -> None:
    both = [started(made, mqtt_url=mosquitto.url) for _ in range(2)]
    until(lambda: any("HOMEBEAT_MQTT_CLIENT_ID" in one.process.get("/readyz")[1] for one in both), "one says so", 20)


def certificate(folder: Path) -> tuple[Path, Path]:
    """One that only who is given it trusts, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(*plain))
    return folder / "cert.pem", folder / "key.pem"


def test_the_certificate_of_an_mqtt_broker_is_checked(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    broker = Mosquitto(tmp_path, tls=(cert, key))
    broker.start()
    try:
        url = f"mqtts://{HOST}:{broker.port}"
        assert "certificate verify failed" in ask(load_settings(mqtt_url=url))
        assert ask(load_settings(mqtt_url=url, mqtt_cafile=cert)) == ""
    finally:
        broker.stop()
