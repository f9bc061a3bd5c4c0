"""All of a load is sent, whatever its brokers went through: a round counts what homebeat loses, not its client."""

import random

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.brokers import HOST, ApacheKafka, free_ports
from tests.faults.load import Load, producer_to
from tests.worker.live import Topic

pytestmark = pytest.mark.kafka
READINGS = 3


def test_what_a_producer_cannot_send_goes_by_another(kafka_broker: ApacheKafka, prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_broker.address})
    for made in admin.create_topics([NewTopic(f"{prefix}readings", 1, 1)], operation_timeout=10).values():
        made.result()
    load = Load(producer_to(f"{HOST}:{free_ports(1)[0]}"), prefix, random.Random(1))
    for number in range(READINGS):
        load.put(f"p-{number}", str(number))
    assert load.finish(lambda: producer_to(kafka_broker.address), within_s=2.0) == 0
    topic = Topic(kafka_broker.address, f"{prefix}readings")
    assert [(record.key(), record.value()) for record in topic.all()] == [
        (f"p-{number}".encode(), str(number).encode()) for number in range(READINGS)
    ]
    topic.close()


def test_what_cannot_be_sent_at_all_is_counted() -> None:
    nobody = f"{HOST}:{free_ports(1)[0]}"
    load = Load(producer_to(nobody), "t.", random.Random(1))
    load.put("p-1", "1")
    assert load.finish(lambda: producer_to(nobody), within_s=0.2, again_within_s=0.2) == 1
