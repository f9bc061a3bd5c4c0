"""Somebody who wears a watch and steps on a scale, or does not; and what is told of the devices."""

from typing import Any

from alerts.sources import SourceChange
from models.times import from_us
from streams import control
from tests.engine.factories import HOUR_US, MINUTE_US, Log, Told

WATCH, SCALE = "urn:dev:watch-9", "urn:dev:scale-2"
TEN_MINUTES_US = 10 * MINUTE_US


def watched(**fields: Any) -> Log:
    log = Log()
    log.profile(**fields)
    return log


def worn(log: Log, hours: float, device: str = WATCH, codes: tuple[str, ...] = ("heart_rate",), **fields: Any) -> None:
    """The watch sends every ten minutes, and time passes."""
    for _ in range(round(hours * 6)):
        for code in codes:
            log.read(code=code, value={"heart_rate": 72.0, "spo2": 97.0}[code], device=device, **fields)
        log.wait(TEN_MINUTES_US)
        log.tick()


def off(log: Log, hours: float) -> None:
    """Nothing comes, and time passes."""
    for _ in range(round(hours * 6)):
        log.wait(TEN_MINUTES_US)
        log.tick()


def daily(log: Log, days: int, every: int = 1) -> None:
    """Somebody steps on the scale in the morning."""
    for day in range(days):
        if day % every == 0:
            log.read(code="body_weight", value=70.0 + day % 3 * 0.2, device=SCALE)
        for _ in range(4):
            log.wait(6 * HOUR_US)
            log.tick()


def technical(told: Told) -> list[tuple[str, str]]:
    return [(alert.problem, alert.event) for alert in told.alerts if alert.category == "technical"]


def jumped(log: Log, hours: float, back_us: int) -> None:
    """The watch sends with a clock that is so far behind; ahead, if it is less than 0."""
    for _ in range(round(hours * 6)):
        log.read(device=WATCH, at_us=log.now_us - back_us)
        log.wait(TEN_MINUTES_US)
        log.tick()


def change(state: str, at_us: int) -> control.ControlRecord:
    return control.source(SourceChange(source="urn:dev:watch", state=state, since=from_us(at_us), at=from_us(at_us)))  # type: ignore[arg-type]
