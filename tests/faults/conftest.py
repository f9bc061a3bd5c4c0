"""The cluster, one for the session, and a fresh scene for each round."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, running_cluster
from tests.faults.scene import ROUNDS, SEED, Scene


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """Three brokers; every fault gives them back whole."""
    with running_cluster() as made:
        yield made


@pytest.fixture
def named() -> int:
    """How many of the workers keep a name; a test that is about names says how many."""
    return 0


@pytest.fixture(params=range(ROUNDS), ids=lambda number: f"round{number + 1}")
def scene(request: pytest.FixtureRequest, cluster: Cluster, prefix: str, tmp_path: Path, named: int) -> Iterator[Scene]:
    """Three workers that are starting, with a seed of its own for each round."""
    seed = SEED + request.param
    print(f"HOMEBEAT_TEST_FAULT_SEED={seed}")  # noqa: T201 - shown with a failure
    cluster.detour.restore()
    cluster.revive(*(number for number, node in cluster.nodes.items() if node.process is None))
    cluster.clear()
    made = Scene(cluster, prefix, tmp_path, seed, named)
    try:
        yield made
    finally:
        made.close()
        if report := os.environ.get("HOMEBEAT_TEST_FAULT_LOGS"):
            made.save_logs(Path(report) / f"{request.node.name}-{seed}")
