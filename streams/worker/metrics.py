"""What a worker's figures at `/metrics` say: of each step, and of what stands on its partitions."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import product

from alerts.events import AlertEvent
from models.times import US_PER_S, to_us
from models.vitals import BY_NAME
from streams.engine import standing
from streams.engine.links import DEVICES_PER_ROW_MAX
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import Effects
from streams.serving import metrics

log = logging.getLogger(__name__)

_COUNTERS = {
    Outcome.DECIDED: metrics.readings_decided,
    Outcome.DUPLICATE: metrics.readings_duplicate,
    Outcome.WITHHELD: metrics.readings_withheld,
}


def count(effects: Effects) -> None:
    """One step."""
    for outcome, counter in _COUNTERS.items():
        counter.inc(int(effects.outcomes[outcome]))
    metrics.readings_received.inc(effects.received)
    metrics.readings_rekeyed.inc(len(effects.rekeyed))
    metrics.readings_late.inc(effects.late)
    if effects.unwatched:
        metrics.readings_unwatched.inc(effects.unwatched)
        log.warning(
            "%d readings of devices that are not watched for silence: a vital of one patient comes from more than "
            "%d, or too many of a patient's clocks are wrong; end in the profile the devices that were given back",
            effects.unwatched, DEVICES_PER_ROW_MAX,
        )  # fmt: skip
    for reason, n in effects.rejected.items():
        metrics.readings_rejected.labels(reason.value).inc(n)
    for (kind, outcome_name), n in effects.controls.items():
        metrics.control_records.labels(kind, outcome_name).inc(n)
    for finding in effects.findings:
        metrics.findings.labels(finding.kind, finding.severity).inc()
    for event in effects.alerts:
        metrics.alerts.labels(event.event, event.severity, event.category).inc()


def told(event: AlertEvent) -> None:
    """An alert is on its topic, in the time of the wall clock. About the past, how long that took means nothing."""
    if not event.retrospective and event.by is None:
        waited = time.time() - to_us(datetime.fromisoformat(event.arrived_at)) / US_PER_S
        metrics.reading_to_alert_seconds.observe(max(0.0, waited))


def stand(states: Sequence[PartitionState]) -> None:
    """What stands now, over all partitions of ours."""
    metrics.state_patients.set(sum(state.patient_count for state in states))
    metrics.alerts_open.set(sum(standing.open_alerts(state) for state in states))
    rows = [standing.rows_of(state) for state in states]
    by_state = list(map(standing.patients_by_state, states, rows))
    for word in standing.WORDS:
        metrics.patients_by_state.labels(word).set(sum(counted[word] for counted in by_state))
    vitals = list(map(standing.vitals_by_state, states, rows))
    for vital, word in product(BY_NAME, standing.WORDS):
        metrics.vitals_by_state.labels(vital, word).set(sum(counted[vital][word] for counted in vitals))
