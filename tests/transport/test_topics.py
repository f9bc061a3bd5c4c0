"""The topics of the contract come into being, and a wrong one is named with the way to mend it."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.errors import BrokerUnreachable, PartitionsChanged
from streams.kafka.embedded import free_port
from streams.kafka.topics import PartitionsDiffer, check_partitions, ensure_topics, partition_counts, topics_of
from streams.limits import MIB
from tests.brokers import Broker
from tests.transport.workers import create_topic, producer

KEYED = {"readings", "profiles", "actions", "findings", "alerts", "vitals", "rejects", "deliveries"}


def test_the_names_are_those_of_the_contract() -> None:
    names = {topic.name for topic in topics_of("homebeat.", 4)}
    assert names == {f"homebeat.{word}" for word in KEYED | {"sources", "audit"}}


def test_only_profiles_keep_the_last_value_of_each_key_for_ever() -> None:
    compacted = [topic.name for topic in topics_of("", 4) if topic.cleanup == "compact"]
    assert compacted == ["profiles"]


def test_with_three_copies_two_brokers_must_have_a_record_before_it_counts() -> None:
    readings = topics_of("homebeat.", 4).readings
    assert readings.configs(3)["min.insync.replicas"] == readings.configs(5)["min.insync.replicas"] == "2"
    assert "min.insync.replicas" not in readings.configs(1) | readings.configs(2)


async def test_missing_topics_are_created_and_existing_ones_left_alone(broker: Broker, prefix: str) -> None:
    await create_topic(broker.address, prefix + "readings", 3)
    topics = await ensure_topics(broker.address, prefix, 3, 1)
    assert await ensure_topics(broker.address, prefix, 3, 1) == topics
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    counts = await partition_counts(admin, [topic.name for topic in topics])
    await admin.close()
    assert counts == {topic.name: topic.partitions for topic in topics}
    assert {name for name, count in counts.items() if count == 3} == {prefix + word for word in KEYED}


async def test_the_topic_of_the_pages_is_there_before_anybody_joins_the_group(broker: Broker, prefix: str) -> None:
    changelog = prefix + "homebeat-pages-changelog"
    for _ in range(2):
        await ensure_topics(broker.address, prefix, 3, 1, changelog=changelog)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    counts = await partition_counts(admin, [changelog])
    await admin.close()
    assert counts == {changelog: 3}


async def test_processes_that_start_together_agree_on_the_topics(broker: Broker, prefix: str) -> None:
    made = await asyncio.gather(*(ensure_topics(broker.address, prefix, 6, 1) for _ in range(5)))
    assert all(topics == made[0] for topics in made)


async def test_a_broker_that_does_not_know_the_topics_yet_is_asked_again() -> None:
    """Each question may go to another broker of the cluster, and not all of them know at the same time."""
    topics = topics_of("t.", 2)

    class Admin:
        asked = 0

        async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
            self.asked += 1
            count = 0 if self.asked == 2 else 2
            return [{"topic": name, "partitions": [{"leader": 1}] * count} for name in names]

    admin = Admin()
    assert await partition_counts(admin, ["t.readings"]) == {"t.readings": 2}
    await check_partitions(admin, topics)
    assert admin.asked == 3


async def test_a_partition_without_a_leader_is_still_a_partition() -> None:
    """While a broker is down: to count it out would leave its readings out of the ledger and out of replays."""

    class Admin:
        async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
            return [{"topic": names[0], "partitions": [{"leader": 1}, {"leader": -1}]}]

    assert await partition_counts(Admin(), ["readings", "none"]) == {"readings": 2, "none": 0}


async def test_topics_with_different_partitions_are_named_with_the_way_to_mend_it(broker: Broker, prefix: str) -> None:
    await create_topic(broker.address, prefix + "alerts", 2)
    with pytest.raises(PartitionsDiffer, match=rf"must have 4 partitions, but {prefix}alerts has 2: set .*PARTITIONS"):
        await ensure_topics(broker.address, prefix, 4, 1)


async def test_state_made_for_fewer_partitions_is_refused_with_the_way_out(broker: Broker, prefix: str) -> None:
    """All topics of the contract were given more; the state was not, and its patients have other homes now."""
    changelog = prefix + "homebeat-pages-changelog"
    await create_topic(broker.address, changelog, 2)
    with pytest.raises(PartitionsChanged, match=rf"there are 4 now, and {changelog} has 2.* anew under another"):
        await ensure_topics(broker.address, prefix, 4, 1, changelog=changelog)


async def test_a_broker_that_is_away_is_one_clear_line() -> None:
    address = f"127.0.0.1:{free_port('127.0.0.1')}"
    with pytest.raises(BrokerUnreachable, match=f"cannot reach the broker at {address}") as caught:
        await ensure_topics(address, "homebeat.", 4, 1)
    assert "\n" not in str(caught.value)


async def test_a_record_of_ten_megabytes_is_taken_so_that_it_can_be_rejected(broker: Broker, prefix: str) -> None:
    topics = await ensure_topics(broker.address, prefix, 1, 1)
    async with producer(broker.address) as sender:
        await sender.send_and_wait(topics.readings.name, b"x" * 10 * MIB)
        await sender.send_and_wait(topics.rejects.name, b"y" * 14 * MIB)


async def test_the_broker_gets_the_clean_up_and_sizes_of_the_contract(broker: Broker, prefix: str) -> None:
    topics = await ensure_topics(broker.address, prefix, 1, 1)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    for topic in topics:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
        found = {entry[0]: entry[1] for entry in answer.resources[0][4]}
        assert {key: found[key] for key in topic.configs()} == topic.configs()
    await admin.close()
