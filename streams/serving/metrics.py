"""The figures every process serves at `/metrics`, under the names of CONTRACT 3.

One registry for the process: prometheus_client's own, which also carries the process, platform and garbage collector
figures. A counter is declared without `_total`; prometheus_client adds it. Counters start anew with the process, as
Prometheus expects; the durable balance of readings lives in the state pages (`homebeat check --ledger`).

Label values come from closed sets (reasons, severities, states, partition numbers, configured channels), never from a
patient or a device: that bounds the number of series, and no id of a patient leaves by this door.
"""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from models.readings import Reason

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What every Prometheus reads; our names need nothing that later versions of the format added."""

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""5 ms to 5 minutes: the p99 aims (100 ms, 500 ms) and the deadline of an emergency (300 s) are bucket edges."""

STEP_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CHECKPOINT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# `_created` doubles the series, and the text format has no use for them.
disable_created_metrics()  # type: ignore[no-untyped-call]

readings_received = Counter("homebeat_readings_received", "Readings taken from the topic, each counted once.")
readings_decided = Counter("homebeat_readings_decided", "Readings that took part in decisions about their patient.")
readings_rejected = Counter("homebeat_readings_rejected", "Readings refused, by reason (see `rejects`).", ["reason"])
readings_duplicate = Counter("homebeat_readings_duplicate", "Readings that were known already.")
readings_withheld = Counter("homebeat_readings_withheld", "Readings not looked at, because consent does not allow it.")
readings_rekeyed = Counter("homebeat_readings_rekeyed", "Readings published again under their patient's key.")
readings_unwatched = Counter(
    "homebeat_readings_unwatched",
    "Readings of more devices of one vital than are watched for silence. They are decided all the same.",
)
readings_late = Counter("homebeat_readings_late", "Readings older than the live horizon of their vital (backfill).")

control_records = Counter(
    "homebeat_control_records", "Control records met in the log, by type and what became of them.", ["type", "outcome"]
)

reading_to_alert_seconds = Histogram(
    "homebeat_reading_to_alert_seconds",
    "From the arrival of a reading in Kafka to its alert being published.",
    buckets=LATENCY_BUCKETS_S,
)
engine_step_seconds = Histogram(
    "homebeat_engine_step_seconds", "One engine step over one chunk of records.", buckets=STEP_BUCKETS_S
)

alerts = Counter("homebeat_alerts", "Alert events published.", ["event", "severity", "category"])
alerts_open = Gauge("homebeat_alerts_open", "Episodes that are not resolved, on this process's partitions.")
findings = Counter("homebeat_findings", "Findings of the detectors.", ["kind", "severity"])
deliveries = Counter("homebeat_deliveries", "Messages to people and systems, by channel.", ["channel", "outcome"])

checkpoint_seconds = Histogram(
    "homebeat_checkpoint_seconds", "Writing the changed state pages, until acknowledged.", buckets=CHECKPOINT_BUCKETS_S
)
checkpoint_bytes = Counter("homebeat_checkpoint_bytes", "Bytes of state pages written at checkpoints.")
checkpoints_overdue = Counter(
    "homebeat_checkpoints_overdue", "Partitions written whole because their oldest work had waited too long."
)
state_patients = Gauge("homebeat_state_patients", "Patients held in this process's state pages.")
consumer_lag = Gauge("homebeat_consumer_lag", "Records behind the end of the partition.", ["partition"])
control_lag = Gauge(
    "homebeat_control_lag", "Profiles and actions that are not in the log of readings yet.", ["topic", "partition"]
)
notifier_lag = Gauge(
    "homebeat_notifier_lag",
    "Alert events that the notifier has not settled: not told, nor found needless.",
    ["partition"],
)
patients_by_state = Gauge(
    "homebeat_patients_by_state",
    "Patients by state (normal, deviating, unknown, withheld). Unknown is never counted as normal.",
    ["state"],
)

partitions_behind = Gauge("homebeat_partitions_behind", "Partitions of ours with more records waiting than is usual.")
broker_up = Gauge("homebeat_broker_up", "Whether a broker answers this process: 1 or 0.")
worker_restarts = Counter(
    "homebeat_worker_restarts", "Fresh starts inside the process after trouble with Kafka, by error.", ["error"]
)
partitions_lost = Counter(
    "homebeat_partitions_lost", "Partitions given to others while this worker was paused or cut off; their state went."
)
pages_overwritten = Counter(
    "homebeat_pages_overwritten", "Partitions of ours in which another worker wrote pages late; ours went on top again."
)
vitals_by_state = Gauge(
    "homebeat_vitals_by_state",
    "Vitals of patients by state. Unknown: too little data, or too old. Withheld: no consent.",
    ["vital", "state"],
)

log_ahead_seconds = Gauge(
    "homebeat_log_ahead_seconds",
    "How far the time of our partitions is ahead of this machine's clock: till then nothing becomes due in them.",
)
sources = Gauge(
    "homebeat_sources",
    "Sources that flow, are quiet, or fail (which a flowing one may), at the worker that watches over them.",
    ["state"],
)
source_ahead_seconds = Gauge(
    "homebeat_source_ahead_seconds",
    "How far the clock of the source that is furthest ahead is ahead of ours: its patients' alerts escalate that late.",
)
sources_over = Counter(
    "homebeat_sources_over", "Readings counted under `other`, because their partition has too many sources."
)

for _reason in Reason:  # from zero, so that the first reject is already a rise
    readings_rejected.labels(_reason.value)


def exposition() -> tuple[bytes, str]:
    """All figures of this process in Prometheus text format, and the content type to serve them with."""
    return generate_latest(REGISTRY), CONTENT_TYPE
