"""Hypothesis strategies for logs of several patients: all that may come, in any order, and something to alert on.

A history is made of blocks, a few records each. Time only moves between records, so a block says what somebody lives
through; several blocks overlap by their late and out-of-order readings.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from models.times import US_PER_S, rfc3339
from streams import control
from streams.engine.state import PATIENTS_PER_PAGE, PartitionState
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, Log, panel, profile, reading, run

PATIENTS = ("p-1", "p-2", "p-3")
LEVELS = {
    "heart_rate": (72, 28, 38, 140, 190),
    "spo2": (97, 90, 86, 82, 78),
    "respiratory_rate": (15, 30, 4),
    "glucose": (110, 60, 50, 40, 420),
    "systolic_bp": (125, 68, 88, 190, 225),
    "body_temperature": (36.8, 34.5, 39.5, 41.5),
    "body_weight": (71, 84),
    "resting_heart_rate": (58, 90, 135),
}
SLOW = ("body_weight", "resting_heart_rate", "systolic_bp")
PAUSES_US = (10 * US_PER_S, 5 * MINUTE_US, 20 * MINUTE_US, 3 * HOUR_US, 30 * HOUR_US)
LATE_US = (20 * US_PER_S, 5 * MINUTE_US, 40 * MINUTE_US, 2 * HOUR_US, 9 * HOUR_US, 3 * DAY_US)
BAD = (b"", b"no", b"[]", b'{"id": 1}', b'{"resourceType": "Observation"}', b"\xff")
ACTIONS = ("acknowledge", "snooze", "snooze", "resolve", "new_normal", "assign", "comment")


@dataclass
class History:
    """A log in the making. `expected`: readings that an outsider would count on it."""

    draw: st.DrawFn = field(repr=False)
    log: Log = field(default_factory=Log, repr=False)
    expected: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    alerts: list[tuple[str, str]] = field(default_factory=list)
    _state: PartitionState = field(default_factory=PartitionState)
    _done: int = 0

    def any_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def read(self, patient: str, code: str, value: object, **fields: Any) -> None:
        """A reading; a repeat only by chance."""
        at = fields.setdefault("at_us", self.log.now_us)
        fields.setdefault("id", f"{patient}/{code}/{at}/{len(self.log)}")
        self.log.read(patient=patient, code=code, value=value, **fields)
        self.expected += 1

    def somebody(self) -> str:
        return self.draw(st.sampled_from(PATIENTS))

    def open_alerts(self) -> list[tuple[str, str]]:
        """(patient, id) of all alerts so far."""
        told = run(self.log, state=self._state, begin=self._done)
        self._done = len(self.log)
        self.alerts += [(a.patient, a.alert_id) for a in told.alerts if a.event == "opened"]
        return self.alerts

    def _dense(self) -> None:
        """Readings every few seconds or minutes, of one or two people in turn."""
        people = self.draw(st.lists(st.sampled_from(PATIENTS), min_size=1, max_size=2, unique=True))
        code = self.any_of("heart_rate", "spo2", "respiratory_rate", "glucose")
        level, every_us = self.any_of(*LEVELS[code]), self.any_of(20 * US_PER_S, MINUTE_US, 5 * MINUTE_US)
        for n in range(self.draw(st.integers(2, 14))):
            for patient in people:
                self.read(patient, code, level + n % 3 * 0.5, device="d-1")
            self.log.wait(every_us)

    def _device(self) -> None:
        """A device that sends for a while, perhaps by a wrong clock, and then for a long time does not."""
        patient, device = self.somebody(), self.any_of("d-1", "d-2", "urn:dev:watch-9")
        wrong_us = self.any_of(0, 0, -2 * DAY_US, -HOUR_US, DAY_US)
        every_us = self.any_of(2 * MINUTE_US, HOUR_US)
        for n in range(self.draw(st.integers(1, 9))):
            self.read(patient, "heart_rate", 70 + n % 4, device=device, at_us=self.log.now_us + wrong_us)
            self.log.wait(every_us)
        for _ in range(self.any_of(0, 3)):
            self.log.wait(14 * HOUR_US)
            self.log.tick()

    def _days(self) -> None:
        """One measurement a day, and at the end perhaps some that deviate."""
        patient, code = self.somebody(), self.any_of(*SLOW)
        usual, odd = LEVELS[code][0], self.any_of(*LEVELS[code])
        values = [usual + n % 3 * 0.4 for n in range(self.draw(st.integers(4, 8)))] + [odd] * self.any_of(0, 2, 3, 5)
        for value in values:
            self.read(patient, code, value)
            self.log.wait(DAY_US)

    def _spot(self) -> None:
        code = self.any_of(*LEVELS)
        context = self.any_of(None, {"activity": "exercise"}, {"activity": "rest"})
        self.read(self.somebody(), code, self.any_of(*LEVELS[code]), context=context, quality=self.any_of(None, 0.5))

    def _late(self) -> None:
        code, late_us = self.any_of("heart_rate", "spo2", "systolic_bp"), self.any_of(*LATE_US)
        patient, level = self.somebody(), self.any_of(*LEVELS[code])
        for n in range(self.draw(st.integers(1, 4))):
            self.read(patient, code, level, at_us=self.log.now_us - late_us + n * self.any_of(0, 90) * US_PER_S)

    def _early(self) -> None:
        """Measured by a clock that is fast, or arrived with an older time stamp than what came before."""
        ahead_us = self.any_of(100, 299, 301, -30, -4000) * US_PER_S
        at = self.log.now_us + max(ahead_us, 0)
        self.read(self.somebody(), "heart_rate", 75, at_us=at, arrived_us=self.log.now_us + min(ahead_us, 0))

    def _series(self) -> None:
        samples = self.draw(st.lists(st.sampled_from([None, 71, 72.5, 29, 141]), min_size=1, max_size=40))
        period = self.any_of(1, 15, 60, 600)
        at = self.log.now_us - round((len(samples) - 1) * period * US_PER_S) + self.any_of(0, 0, 200 * US_PER_S)
        self.read(self.somebody(), "heart_rate", None, at_us=at, values=samples, period=period)

    def _faulty(self) -> None:
        """A sensor that stands still, that spikes, that is at its end, or that counts steps; perhaps two of them."""
        patient, code = self.somebody(), self.any_of("heart_rate", "heart_rate", "glucose")
        usual, device = LEVELS[code][0], self.any_of("d-1", "d-2")
        values = self.any_of([usual] * 35, [usual, usual + 110] * 6, [{"glucose": 40}.get(code, 30)] * 14, [usual])
        for value in values * self.any_of(1, 3):
            if self.any_of(True, False, False, False):
                self.read(patient, "steps", usual, device=device, unit="{steps}")
            self.read(patient, code, value, device=device, context=self.any_of(None, {"activity": "active"}))
            self.log.wait(MINUTE_US)
        for n in range(self.any_of(0, 12)):
            self.read(patient, code, usual + n, device=self.any_of(device, device, "d-1"))
            self.log.wait(MINUTE_US)

    def _two(self) -> None:
        """Two devices of one vital by turns, which may not agree."""
        patient, code = self.somebody(), self.any_of("spo2", "glucose", "heart_rate", "systolic_bp")
        levels = {device: self.any_of(*LEVELS[code]) for device in ("d-1", "d-2")}
        for _ in range(self.draw(st.integers(2, 12))):
            device = self.any_of("d-1", "d-2")
            self.read(patient, code, levels[device], device=device)
            self.log.wait(self.any_of(US_PER_S, MINUTE_US, 5 * MINUTE_US))

    def _steps(self) -> None:
        patient = self.somebody()
        self.read(patient, "steps", self.any_of(0, 40), unit="{steps}")
        self.read(patient, "heart_rate", self.any_of(150, 185))

    def _words(self) -> None:
        self.read(self.somebody(), "consciousness", self.any_of("A", "C", "U", "X"))

    def _panel(self) -> None:
        patient, high = self.somebody(), self.any_of(120, 68, 190, 400)
        self.log.add(patient.encode(), panel(patient, f"panel-{len(self.log)}", self.log.now_us, high))
        self.expected += 2

    def _again(self) -> None:
        """Readings of before once more, as they were or under a new id."""
        before = [r for r in self.log.records if not r.headers and r.value and r.value.endswith(b'Z"}')]
        for record in self.draw(st.lists(st.sampled_from(before), max_size=6)) if before else ():
            fields = json.loads(record.value or b"")
            if record.key == str(fields.get("patient")).encode():
                new_id = self.any_of(fields["id"], f"again-{len(self.log)}")
                self.log.add(record.key, json.dumps(fields | {"id": new_id}).encode())
                self.expected += 1

    def _bad(self) -> None:
        patient = self.any_of(*PATIENTS, "nobody")
        body = json.dumps(reading(patient, at_us=self.log.now_us))
        odd = [body[:-9], body.replace("72.0", "true"), body.replace("72.0", "9999"), body.replace("/min", "furlong")]
        self.log.add(patient.encode(), self.any_of(*BAD, None, *(text.encode() for text in odd)))
        self.expected += 1

    def _wrong_key(self) -> None:
        made = reading(self.somebody(), at_us=self.log.now_us, id=f"wrong-{len(self.log)}")
        key = self.any_of(None, b"nobody", *(p.encode() for p in PATIENTS if p != made["patient"]))
        self.log.add(key, json.dumps(made).encode())

    def _profile(self) -> None:
        patient = self.somebody()
        version = self.versions.get(patient, 0) + self.any_of(1, 1, 1, 0, -1)
        self.versions[patient] = max(version, self.versions.get(patient, 0))
        fields = self.any_of(
            {}, {"monitoring": False}, {"withheld": ["heart_rate"]}, {"withheld": ["spo2", "body_weight"]},
            {"targets": [{"vital": "spo2", "low": 84, "author": "dr-4"}]}, {"timezone": "Europe/London"},
            {"usual": {"resting_heart_rate": 80}, "care_team": "team-2", "conditions": [{"code": "heart_failure"}]},
            {"devices": [{"device": "d-1", "since": "2026-01-04"}]},
            {"devices": [{"device": "d-2", "until": "2026-01-06"}]},
        )  # fmt: skip
        self.log.profile(patient, version=max(version, 0), **fields)

    def _forget(self) -> None:
        patient = self.somebody()
        self.log.forget(patient)
        self.versions.pop(patient, None)

    def _tick(self) -> None:
        self.log.tick(self.log.now_us - self.any_of(0, 0, 0, 3 * HOUR_US))

    def _wait(self) -> None:
        """Time passes; ticks may say so."""
        pause_us = self.any_of(*PAUSES_US)
        for _ in range(self.any_of(1, 3)):
            self.log.wait(pause_us)
            self.log.tick()

    def _forged(self) -> None:
        kind = self.any_of(
            control.profile("p-1", None), control.tick(self.log.now_us + DAY_US), control.profile("p-2", profile("p-2"))
        )
        self.log.control(kind, b"a guess")
        self.expected += 1

    def _act(self) -> None:
        alerts = self.open_alerts()
        patient, alert_id = self.draw(st.sampled_from(alerts[-3:])) if alerts else ("p-1", "a-none")
        until = rfc3339(self.log.now_us + self.any_of(10 * MINUTE_US, 3 * HOUR_US, 25 * HOUR_US))
        fields: dict[str, Any] = {"until": until, "reason": "known", "to": "nurse-7"}
        number = self.any_of(len(self.log), len(self.log), 0)
        self.log.act(alert_id, self.any_of(*ACTIONS), patient, action_id=f"act-{number}", **fields)

    def blocks(self) -> list[Callable[[], None]]:
        often = [self._dense, self._days, self._spot, self._late, self._wait, self._series, self._act]
        return [
            *often, *often, self._device, self._device, self._faulty, self._faulty, self._two, self._early,
            self._steps, self._words, self._panel, self._again, self._again, self._bad,
            self._wrong_key, self._profile, self._profile, self._profile, self._forget, self._tick, self._forged,
        ]  # fmt: skip


@st.composite
def histories(draw: st.DrawFn, blocks: int = 20) -> History:
    """Three people with and without profiles, and what happens to them."""
    history = History(draw)
    for patient in PATIENTS:
        if draw(st.integers(0, 9)):
            history.log.profile(patient)
            history.versions[patient] = 1
    for _ in range(draw(st.integers(1, blocks))):
        draw(st.sampled_from(history.blocks()))()
    if not len(history.log):
        history.log.tick()
    return history


def crowd(log: Log, size: int = PATIENTS_PER_PAGE - 2) -> Log:
    """The same log after `size` other people have joined: the patients of a history then lie on two pages."""
    full = Log(partition=log.partition)
    for n in range(size):
        full.profile(f"other-{n}")
    full.records += log.records
    full.now_us = log.now_us
    return full
