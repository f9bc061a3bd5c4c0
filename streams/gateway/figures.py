"""What operators see of the gateway at `/metrics`, beside what every process shows.

What came is counted together with what became of it, so at any moment received = accepted + rejected + failed.
"""

from collections.abc import Iterable
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

from streams.gateway.admission import Answer
from streams.serving.metrics import LATENCY_BUCKETS_S

Door = Literal["http", "mqtt"]

received = Counter("homebeat_gateway_received", "Records that came: accepted + rejected + failed.", ["door"])
accepted = Counter("homebeat_gateway_accepted", "Records that are on `readings` and can be read.", ["door"])
rejected = Counter("homebeat_gateway_rejected", "Records refused, by reason (see `rejects`).", ["door", "reason"])
failed = Counter("homebeat_gateway_failed", "Records that Kafka did not take: their sender was told.", ["door"])
profiles = Counter("homebeat_gateway_profiles", "Profiles put or withdrawn, by what became of it.", ["outcome"])
refused = Counter("homebeat_gateway_refused", "Requests refused as a whole, by status.", ["status"])
unauthorised = Counter("homebeat_gateway_unauthorised", "Requests without a key that opens, by why.", ["why"])
seconds = Histogram("homebeat_gateway_seconds", "From a request of readings to its answer.", buckets=LATENCY_BUCKETS_S)
under_way = Gauge("homebeat_gateway_requests", "Requests that are read or wait for Kafka.")
mqtt_up = Gauge("homebeat_gateway_mqtt_up", "Whether the MQTT broker gives us what it gets.", ["broker"])
mqtt_retries = Counter("homebeat_gateway_mqtt_retries", "Times that Kafka did not take what came by MQTT.")
mqtt_waiting = Gauge("homebeat_gateway_mqtt_waiting", "Messages of MQTT that are with us, and not in Kafka yet.")


def count(door: Door, answers: Iterable[Answer]) -> None:
    """Count records and what became of them, all at once."""
    for one in answers:
        received.labels(door).inc()
        if one.status == "rejected":
            rejected.labels(door, one.reason).inc()
        else:
            (accepted if one.status == "accepted" else failed).labels(door).inc()
