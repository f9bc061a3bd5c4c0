"""People with a known condition, and what the care team is told of them."""

from datetime import date, timedelta
from typing import Any

from tests.engine.factories import DAY_US, MINUTE_US, Log, run

FIRST_DAY = date(2026, 1, 5)
"""Of `START_US`."""


def someone(*conditions: str, **fields: Any) -> Log:
    log = Log()
    log.profile(conditions=[{"code": code} for code in conditions], **fields)
    return log


def course(condition: str, anchor: str, days: int) -> dict[str, str]:
    """Counted from so many days before the first."""
    return {"condition": condition, "anchor": anchor, "date": str(FIRST_DAY - timedelta(days=days))}


def dose(drug: str, days: int) -> dict[str, str]:
    return {"code": drug, "start": str(FIRST_DAY - timedelta(days=days))}


def daily(log: Log, code: str, values: list[float]) -> None:
    for value in values:
        log.read(code=code, value=value)
        log.wait(DAY_US)


def told(log: Log) -> list[tuple[str, str, str, str]]:
    return [(a.event, a.kind, a.problem, a.severity) for a in run(log).alerts if a.category == "clinical"]


def decompensating(log: Log, *codes: str) -> Log:
    """Three quiet weeks, then two in which these vitals move slowly."""
    level = {"body_weight": 80.0, "resting_heart_rate": 62.0, "respiratory_rate": 15.0}
    for day in range(36):
        rise = max(0.0, (day - 21) / 14)
        for code, value in level.items():
            moved = {"body_weight": 2.4, "resting_heart_rate": 12.0, "respiratory_rate": 2.5}[code] * rise
            log.read(code=code, value=round(value + (moved if code in codes else 0) + day % 3 * 0.2, 1))
            log.wait(MINUTE_US)
        log.wait(DAY_US - 3 * MINUTE_US)
    return log


def alternating(log: Log, days: int, *readings: tuple[str, float, float]) -> None:
    """So many days of these vitals: level, and by how much it alternates."""
    for day in range(days):
        for code, level, scatter in readings:
            log.read(code=code, value=round(level + scatter * (-1) ** day, 2))
            log.wait(MINUTE_US)
        log.wait(DAY_US - len(readings) * MINUTE_US)


def recovering(*days: float, condition: str = "postop_major_abdominal", warm: float = 0.0) -> Log:
    """Three weeks before an operation, and one resting heart rate a day after it. warm: degrees a beat above 65."""
    surgery = (FIRST_DAY + timedelta(days=21)).isoformat()
    course = {"condition": condition, "anchor": "surgery", "date": surgery}
    log = someone(trajectories=[course], consent={"monitoring": True})
    alternating(log, 21, ("resting_heart_rate", 62.0, 0.5), ("steps", 6000.0, 200.0))
    for value in days:
        log.read(code="resting_heart_rate", value=value)
        log.read(code="body_temperature", value=round(36.5 + warm * (value - 65), 2))
        log.wait(DAY_US)
    log.tick()
    return log
