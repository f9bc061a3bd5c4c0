"""The cluster is given to each test as if it were the first."""

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.cluster import REPLICATION, WHOLE_WITHIN_S, Cluster

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_what_a_test_has_left_is_gone_for_the_next(cluster: Cluster, prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.address})
    left = NewTopic(f"{prefix}left", num_partitions=2, replication_factor=REPLICATION)
    for made in admin.create_topics([left], operation_timeout=WHOLE_WITHIN_S).values():
        made.result()
    cluster.wait_until_known(left.topic)
    cluster.clear()
    assert not {name for name in admin.list_topics().topics if not name.startswith("__")}
