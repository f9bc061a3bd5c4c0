"""The load of the benches goes on for ever, says nothing twice, and lets time pass in order."""

import itertools
import json

import pytest

from streams.benching import load, workload
from streams.control import TYPE_HEADER

PARTITIONS = [0, 1, 2]


def test_readings_go_on_over_laps_without_repeating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LAP", 50)
    records = [record for _, record in itertools.islice(load._records(PARTITIONS, 10), 170)]
    ids = [json.loads(value or b"")["id"] for _, value, *_ in records]
    assert ids == [f"r-{number:09d}" for number in range(10, 180)]
    assert [record[2] for record in records] == sorted(record[2] for record in records)


def test_every_partition_is_told_the_time_before_what_comes_then() -> None:
    first = 3 * workload.PATIENTS  # fifteen seconds after the beginning: the grid has steps of ten
    given = load._with_ticks(load._records(PARTITIONS, first), PARTITIONS, b"a secret of the bench")
    some = list(itertools.islice(given, 3 * workload.PATIENTS))
    told: dict[int, int] = {}
    for partition, (_, _, at_ms, headers) in some:
        if dict(headers).get(TYPE_HEADER) == b"tick":
            told[partition] = at_ms
        else:
            assert told[partition] == at_ms // load.TICK_MS * load.TICK_MS
    assert len({at_ms for _, (_, _, at_ms, headers) in some if headers}) == 2
