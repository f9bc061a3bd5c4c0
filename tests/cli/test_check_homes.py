"""`homebeat check` finds patients whose topics were given more partitions, where all numbers agree with each other."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from streams.kafka.topics import COPARTITIONED
from tests.brokers import ApacheKafka
from tests.cli.command import Homebeat
from tests.cli.test_check import mend, states
from tests.engine.factories import profile


@pytest.mark.kafka
def test_patients_whose_topics_were_all_given_more_partitions_are_found(
    kafka_broker: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    homebeat = Homebeat(tmp_path, {"broker": kafka_broker.address, "topic_prefix": prefix})
    documents = b"".join(profile(f"p-{n}") + b"\n" for n in range(20))
    assert homebeat.fed(documents, "profile", "put", "-", partitions="1").code == 0
    assert "patients" not in states(homebeat("check", "--json", partitions="1"))
    grown = [NewPartitions(f"{prefix}{word}", 4) for word in COPARTITIONED]
    admin = AdminClient({"bootstrap.servers": kafka_broker.address})
    for done in admin.create_partitions(grown).values():
        done.result()
    answered = homebeat("check", "--json", partitions="4")
    assert (answered.code, states(answered)["topics"], states(answered)["patients"]) == (1, "ok", "bad")
    assert mend(answered, "patients").startswith("were partitions added? Then start anew under another")
