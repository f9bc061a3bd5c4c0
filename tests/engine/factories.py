"""Logs for tests: records as they lie on one partition of `readings`, and what a step over them told."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from alerts.events import AlertEvent
from alerts.policy import PolicySettings
from models.findings import Finding
from models.readings import Reject, VitalSummary
from models.times import US_PER_S, rfc3339
from streams import control
from streams.control import Origin
from streams.engine.log import LogSlice
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import Effects, EngineSettings, step

SECRET = b"a secret that only tests use"
START_US = 1_767_600_000 * US_PER_S
"""2026-01-05T08:00:00Z, on the grid of every window."""
SUMMARY_FIELDS = {
    "patient", "vital", "start", "period_s", "n", "mean", "min", "max", "expected", "low", "high", "state",
}  # fmt: skip
"""Of a VitalSummary (CONTRACT 2)."""
SETTINGS = EngineSettings(SECRET, policy=PolicySettings(calm_us=0).unescalated)
"""What is well again is resolved at once, and nobody has to answer: stories about that have settings of their own."""
MINUTE_US, HOUR_US, DAY_US = 60 * US_PER_S, 3600 * US_PER_S, 86_400 * US_PER_S
UNITS = {
    "steps": "{steps}",
    "peak_flow": "L/min",
    "heart_rate": "/min",
    "respiratory_rate": "/min",
    "spo2": "%",
    "body_temperature": "Cel",
    "glucose": "mg/dL",
    "systolic_bp": "mm[Hg]",
    "diastolic_bp": "mm[Hg]",
    "body_weight": "kg",
    "resting_heart_rate": "/min",
    "qtc": "ms",
}


@dataclass(frozen=True)
class Record:
    """One record of the log; its offset is its place there."""

    key: bytes | None
    value: bytes | None
    arrived_us: int
    headers: control.Headers = ()


def reading(
    patient: str = "p-1", code: str = "heart_rate", value: object = 72.0, at_us: int = START_US, **fields: Any
) -> dict[str, Any]:
    """A reading that is decided, with an id that is its own; a field given as None is left out."""
    made = {
        "id": f"{patient}/{code}/{at_us}",
        "patient": patient,
        "code": code,
        "value": value,
        "unit": UNITS.get(code),
        "at": rfc3339(at_us),
    } | fields
    return {name: value for name, value in made.items() if value is not None}


def profile(patient: str = "p-1", version: int = 1, monitoring: bool = True, **fields: Any) -> bytes:
    """A profile as it is published; `withheld` are vitals without consent."""
    consent = {"monitoring": monitoring, "withheld_vitals": fields.pop("withheld", [])}
    return json.dumps({"patient": patient, "version": version, "consent": consent} | fields).encode()


def action(alert_id: str, type: str = "acknowledge", patient: str = "p-1", **fields: Any) -> dict[str, Any]:
    """What a nurse did."""
    made = {
        "action_id": f"{type}-{alert_id}",
        "alert_id": alert_id,
        "patient": patient,
        "at": rfc3339(START_US),
        "by": "nurse-2",
        "type": type,
    }
    return made | fields


def panel(patient: str, id: str, at_us: int, systolic: float, diastolic: float = 80) -> bytes:
    """A blood pressure as FHIR: two readings in one record."""
    components = [
        {"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
         "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}}
        for code, value in (("8480-6", systolic), ("8462-4", diastolic))
    ]  # fmt: skip
    body = {
        "resourceType": "Observation", "status": "final", "id": id, "component": components,
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": rfc3339(at_us),
    }  # fmt: skip
    return json.dumps(body).encode()


@dataclass
class Log:
    """A log that grows. `now_us` is the arrival of what is added next."""

    records: list[Record] = field(default_factory=list)
    now_us: int = START_US
    partition: int = 0

    def __len__(self) -> int:
        return len(self.records)

    def add(self, key: bytes | None, value: bytes | None, headers: control.Headers = (), at: int | None = None) -> int:
        """One record as it is; its offset."""
        self.records.append(Record(key, value, self.now_us if at is None else at, headers))
        return len(self.records) - 1

    def read(self, *, key: bytes | None = None, arrived_us: int | None = None, **fields: Any) -> int:
        """A reading, measured and arrived now unless it says otherwise."""
        made = reading(**{"at_us": self.now_us} | fields)
        return self.add(key or made["patient"].encode(), json.dumps(made).encode(), at=arrived_us)

    def control(self, record: control.ControlRecord, secret: bytes = SECRET) -> int:
        return self.add(*control.signed(record, secret))

    def profile(self, patient: str = "p-1", origin: Origin | None = None, **fields: Any) -> int:
        return self.control(control.profile(patient, profile(patient, **fields), origin))

    def forget(self, patient: str = "p-1", origin: Origin | None = None) -> int:
        return self.control(control.profile(patient, None, origin))

    def act(
        self, alert_id: str, type: str = "acknowledge", patient: str = "p-1", origin: Origin | None = None,
        **fields: Any,
    ) -> int:  # fmt: skip
        document = json.dumps(action(alert_id, type, patient, **fields)).encode()
        return self.control(control.action(patient, document, origin))

    def again(self, offset: int) -> int:
        """A record of before once more, byte for byte, as anyone who may publish could: it arrives now."""
        before = self.records[offset]
        return self.add(before.key, before.value, before.headers)

    def tick(self, at_us: int | None = None) -> int:
        return self.control(control.tick(self.now_us if at_us is None else at_us))

    def wait(self, us: int) -> None:
        """Time passes; nobody notices before the next record."""
        self.now_us += us

    def slice(self, begin: int = 0, end: int | None = None) -> LogSlice:
        """Records begin..end as the engine gets them."""
        part = self.records[begin:end]
        headers = [record.headers for record in part]
        return LogSlice(
            topic="readings",
            partition=self.partition,
            offset=np.arange(begin, begin + len(part)),
            arrived_us=np.array([record.arrived_us for record in part], np.int64),
            key=[record.key for record in part],
            value=[record.value for record in part],
            headers=headers if any(headers) else None,
        )

    def of(self, *patients: str) -> "Log":
        """The records of these patients, and the ticks."""
        keys = {None, *(patient.encode() for patient in patients)}
        return Log([record for record in self.records if record.key in keys], self.now_us, self.partition)


@dataclass
class Told:
    """What steps told, one after the other."""

    alerts: list[AlertEvent] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    summaries: list[VitalSummary] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rekeyed: list[tuple[int, bytes]] = field(default_factory=list)
    received: int = 0
    outcomes: list[int] = field(default_factory=lambda: [0] * len(Outcome))
    rejected: Counter[str] = field(default_factory=Counter)
    controls: Counter[tuple[str, str]] = field(default_factory=Counter)
    late: int = 0

    def take(self, effects: Effects, begin: int) -> None:
        self.alerts += effects.alerts
        self.findings += effects.findings
        self.summaries += effects.summaries
        self.rejects += effects.rejects
        self.rekeyed += [(begin + index, key) for index, key in effects.rekeyed]
        self.received += effects.received
        self.outcomes = [a + int(b) for a, b in zip(self.outcomes, effects.outcomes, strict=True)]
        self.rejected.update({reason.value: n for reason, n in effects.rejected.items()})
        self.controls.update(effects.controls)
        self.late += effects.late

    def lines(self) -> dict[str, list[str]]:
        """Every record as JSON, in order, by what it is."""
        kinds: dict[str, Sequence[msgspec.Struct]] = {
            "alerts": self.alerts,
            "findings": self.findings,
            "summaries": self.summaries,
            "rejects": self.rejects,
        }
        return {kind: [msgspec.json.encode(record).decode() for record in records] for kind, records in kinds.items()}

    def of(self, outcome: Outcome) -> int:
        return self.outcomes[outcome]

    def events(self) -> list[tuple[str, str]]:
        """(problem, event) of every alert event."""
        return [(alert.problem, alert.event) for alert in self.alerts]

    def reasons(self) -> list[str]:
        return [reject.reason.value for reject in self.rejects]


def run(
    log: Log,
    cuts: Iterable[int] = (),
    state: PartitionState | None = None,
    begin: int = 0,
    settings: EngineSettings = SETTINGS,
) -> Told:
    """Step over the log from `begin`, cut before each of these offsets."""
    told, state = Told(), PartitionState() if state is None else state
    edges = sorted({begin, len(log), *(cut for cut in cuts if begin < cut < len(log))})
    for first, last in pairwise(edges):
        told.take(step(state, log.slice(first, last), settings), first)
    return told


def one_by_one(log: Log) -> range:
    """Cuts that leave each record alone."""
    return range(len(log))
