"""Hours and days of a patient, as a device sends them."""

from typing import Any

from alerts.policy import PolicySettings
from models.times import US_PER_S
from streams.engine.step import EngineSettings
from tests.engine.factories import DAY_US, SECRET, Log

CALMED = EngineSettings(SECRET, policy=PolicySettings().unescalated)
"""What is well again is resolved after a while of calm."""


def stream(log: Log, code: str, value: float, minutes: float, every_s: int = 60, **fields: Any) -> None:
    """Readings at an even pace."""
    for _ in range(round(minutes * 60 / every_s)):
        log.read(code=code, value=value, device="d-1", **fields)
        log.wait(every_s * US_PER_S)


def watched() -> Log:
    log = Log()
    log.profile()
    return log


def daily(log: Log, code: str, values: list[float], **fields: Any) -> None:
    """One spot reading a day."""
    for value in values:
        log.read(code=code, value=value, **fields)
        log.wait(DAY_US)
