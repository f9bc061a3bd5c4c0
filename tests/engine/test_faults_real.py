"""What the sensor-fault detector makes of the bundled real people (sources and licences: streams/demo/data/NOTICE.md).

It leaves good data alone, and finds faults that are put into them. The figures of the whole sets are in the evidence.
"""

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from math import nan
from pathlib import Path

import numpy as np
import pytest

import streams.demo
from models.detectors.sensor import STATE, Fault, Watch
from models.vitals import CODE_TO_VITAL

DATA = Path(streams.demo.__file__).parent / "data" / "readings.jsonl.gz"
HEART = CODE_TO_VITAL["heart_rate"]
One = tuple[int, float, int, bool, float]


@cache
def real() -> dict[tuple[str, int], list[One]]:
    """Single readings by patient and vital, in the order of their times."""
    found: dict[tuple[str, int], list[One]] = defaultdict(list)
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        for line in map(json.loads, file):
            if "value" in line:
                at_s = int(datetime.fromisoformat(line["at"]).timestamp())
                moving = line.get("context", {}).get("activity") == "active"
                value = float(np.float32(line["value"]))
                found[line["patient"], CODE_TO_VITAL[line["code"]]].append((at_s, value, 7, not moving, nan))
    return {key: sorted(readings) for key, readings in found.items()}


def judged(vital: int, readings: Sequence[One]) -> tuple[list[Fault], int]:
    """The fault of each, and how often people are told."""
    watch = Watch.of_row(vital, np.zeros(1, STATE)[0], None)
    said = [watch.take(*one) for one in readings]
    return [fault for fault, _ in said], sum(told is True for _, told in said)


def minutes() -> list[list[One]]:
    """The heart rates of those who have one a minute."""
    return [readings for (_, vital), readings in real().items() if vital == HEART and len(readings) > 10_000]


def test_of_real_readings_one_in_a_thousand_is_called_faulty_and_nobody_is_told_of_a_device_that_works() -> None:
    faults, told, count = 0, 0, 0
    for (_, vital), readings in real().items():
        found, times = judged(vital, readings)
        faults, told, count = faults + sum(map(bool, found)), told + times, count + len(found)
    assert count > 150_000
    assert faults < count / 1000
    assert told == 0


@pytest.mark.parametrize(
    ("fault", "length", "least"), [(Fault.FLAT, 120, 0.95), (Fault.JUMP, 1, 0.95), (Fault.EDGE, 30, 0.95)]
)
def test_faults_put_into_real_minutes_are_found(fault: Fault, length: int, least: float) -> None:
    chosen, found, tried = random.Random(5), 0, 0
    for readings in minutes():
        for _ in range(25):
            first = chosen.randrange(100, len(readings) - 300)
            part = readings[first - 60 : first + 180]
            if part[-1][0] - part[0][0] > 300 * 60:
                continue
            spoilt = list(part)
            for k in range(60, 60 + length):
                value = {Fault.FLAT: part[60][1], Fault.EDGE: 30.0}.get(fault, part[60][1] + 80)
                spoilt[k] = (part[k][0], value, *part[k][2:])
            tried += 1
            found += fault in judged(HEART, spoilt)[0][60 : 60 + length]
    assert tried >= 50
    assert found >= least * tried
