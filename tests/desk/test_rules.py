"""The Prometheus rules of deploy/: of what workers, notifiers and desks serve, by names that go wrong silently."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.core import Metric

from alerts.desk.audit import Audit
from alerts.desk.figures import Figures, Followed, Status
from alerts.desk.hub import Hub
from streams.serving import metrics
from tests.desk.ward import Ward

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
BY_PROMETHEUS = {"instance", "job", "le"}


@pytest.fixture
def served(ward: Ward) -> dict[str, set[str]]:
    """The labels of all that a worker, a notifier or a desk serves, by the name in Prometheus."""
    feed = SimpleNamespace(topic="homebeat.alerts", ready=True, connected=True, records=0, unreadable=0, lag=0)
    audit, status = Audit(ward.accounts.engine), Status([cast(Followed, feed)])
    desk = Figures(ward.store, Hub(), status, audit).registry.collect()
    assert metrics.readings_received is not None
    return dict(named for family in (*REGISTRY.collect(), *desk) for named in _names(family))


def _names(family: Metric) -> Iterator[tuple[str, set[str]]]:
    collector = REGISTRY._names_to_collectors.get(family.name)
    labels = {*getattr(collector, "_labelnames", ()), *(name for one in family.samples for name in one.labels)}
    ending = {"counter": "_total", "histogram": "_bucket"}.get(family.type, "")
    yield family.name + ending, labels | BY_PROMETHEUS


def test_the_rules_watch_metrics_that_homebeat_serves_by_labels_that_they_have(served: dict[str, set[str]]) -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.rules.yml").read_text())
    texts = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert any("homebeat_desk_" in text for text in texts), "else nobody hears of a desk"
    for text in texts:
        wanted = set(re.findall(r"homebeat_[a-z_]+", text))
        assert wanted <= served.keys(), text
        by = {name.strip() for group in re.findall(r"by \(([^)]*)\)", text) for name in group.split(",")}
        chosen = set(re.findall(r"([a-z_]+) *(?:=~|!~|!=|=) *\"", text)) - {"job"}
        assert by | chosen <= set.union(BY_PROMETHEUS, *(served[name] for name in wanted)), text


def test_what_does_not_get_into_the_log_and_who_does_not_hear_is_told_by_the_rules() -> None:
    text = (DEPLOY / "alerts.rules.yml").read_text()
    for lag in ("consumer_lag", "control_lag", "notifier_lag", "desk_lag", "broker_up"):
        assert f"homebeat_{lag}" in text
        assert f"homebeat_{lag}" in (DEPLOY / "README.md").read_text()
