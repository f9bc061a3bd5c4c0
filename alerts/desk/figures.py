"""What operators see of the desk: whether it is ready and connected, and its figures for Prometheus."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.desk.audit import Audit
from alerts.desk.hub import Hub
from alerts.desk.keeping import Keeping
from alerts.desk.minutes import Minutes
from alerts.desk.store import Store
from alerts.desk.waits import BUCKETS_S, Waits, overdue, waits
from models.findings import SEVERITIES


class Followed(Protocol):
    """What is shown of a feed."""

    topic: str
    ready: bool
    connected: bool
    records: int
    unreadable: int
    lag: int


class Status:
    """Whether the desk can be trusted to be complete and up to date. minutes: what workers tell of time, None if
    nothing is heard of it; keeping: whether the databases take anything, None if nobody looks."""

    def __init__(
        self, feeds: Sequence[Followed] = (), minutes: Minutes | None = None, keeping: Keeping | None = None
    ) -> None:
        self.feeds = feeds
        self._minutes, self._keeping = minutes, keeping

    @property
    def ready(self) -> bool:
        """Everything that was on the topics at the start has been taken in, and what comes is kept."""
        return self.keeping and all(feed.ready for feed in self.feeds)

    @property
    def keeping(self) -> bool:
        """The databases take what is written."""
        return not self._unkept

    @property
    def databases(self) -> dict[str, bool]:
        """Which of them do."""
        return self._keeping.up if self._keeping else {}

    @property
    def connected(self) -> bool:
        """The broker answers: what is shown is not merely what was."""
        return all(feed.connected for feed in self.feeds)

    @property
    def still(self) -> bool:
        """Nobody decides any more, about some patients or all: what is shown is not up to date."""
        return self._minutes is not None and self._minutes.still

    @property
    def sentence(self) -> str:
        missing = [feed.topic for feed in self.feeds if not feed.ready]
        reading = f"still reading {', '.join(missing)}" if missing else ""
        return "; ".join(filter(None, (self._unkept, reading))) or "ready"

    @property
    def _unkept(self) -> str:
        return self._keeping.why_not if self._keeping else ""


class Figures(Collector):
    """The desk's figures in a registry of their own: in the demo, other parts share the process."""

    def __init__(self, store: Store, hub: Hub, status: Status, audit: Audit) -> None:
        self._store, self._hub, self._status, self._audit = store, hub, status, audit
        self.registry = CollectorRegistry()
        self.actions = Counter(
            "homebeat_desk_actions", "Actions taken at the desk.", ["type", "outcome"], registry=self.registry
        )
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def collect(self) -> Iterator[Metric]:
        yield _gauge("homebeat_desk_pages", "Pages that listen.", [((), len(self._hub))])
        yield _gauge("homebeat_desk_audit_waiting", "Audit records not on their topic.", [((), self._audit.waiting)])
        refused = CounterMetricFamily(
            "homebeat_desk_refused", "Requests refused, as the audit keeps them.", labels=["kept"]
        )
        for kept, many in self._audit.refusals.items():
            refused.add_metric([kept], many)
        yield refused
        counts = [((view,), count) for view, count in self._store.counts().items()]
        yield _gauge("homebeat_desk_alerts", "Alerts by the list they are on.", counts, ["list"])
        if self._status.ready:  # before, they would grow as the log is read, as if all that happened now
            yield from _answers(self._store)
        feeds = self._status.feeds
        lag = [((feed.topic,), feed.lag) for feed in feeds]
        yield _gauge("homebeat_desk_lag", "Records not yet taken in.", lag, ["topic"])
        connected = [((feed.topic,), int(feed.connected)) for feed in feeds]
        up = [((), int(self._status.connected))]
        yield _gauge("homebeat_broker_up", "Whether a broker answers this process: 1 or 0.", up)
        yield _gauge("homebeat_desk_connected", "Whether the broker answers.", connected, ["topic"])
        databases = [((what,), int(up)) for what, up in self._status.databases.items()]
        yield _gauge(
            "homebeat_desk_database_up", "Whether a database of the desk takes anything.", databases, ["database"]
        )
        records = CounterMetricFamily(
            "homebeat_desk_records", "Records taken from a topic.", labels=["topic", "outcome"]
        )
        for feed in feeds:
            records.add_metric([feed.topic, "read"], feed.records - feed.unreadable)
            records.add_metric([feed.topic, "unreadable"], feed.unreadable)
        yield records


def _answers(store: Store) -> Iterator[Metric]:
    """How long alerts wait for a person; every severity from the beginning, so that a rate can be told."""
    taken = HistogramMetricFamily(
        "homebeat_desk_acknowledge_seconds",
        "From when an alert was told until a person took it up, by its severity then.",
        labels=["severity"],
    )
    known = waits(store)
    for severity in SEVERITIES:
        one = known.get(severity, Waits())
        bounds = zip((*map(str, BUCKETS_S), "+Inf"), (*one.within, one.answered), strict=True)
        taken.add_metric([severity], [(bound, float(many)) for bound, many in bounds], one.total_s)
    yield taken
    late = overdue(store)
    counts = [((severity,), late.get(severity, 0)) for severity in SEVERITIES]
    yield _gauge("homebeat_desk_overdue", "Open alerts that wait longer than they should.", counts, ["severity"])


def _gauge(name: str, help_text: str, values: Iterable[tuple[Any, float]], labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for label_values, value in values:
        family.add_metric(list(label_values), value)
    return family
