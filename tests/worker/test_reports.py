"""Minutes of sources on the wire."""

import json

from alerts.sources import example_at
from streams.engine.tallies import COLUMNS, Report, Tally
from streams.sources.reports import decoded, encoded
from tests.engine.factories import MINUTE_US, START_US


def report() -> Report:
    counts = [7, 3, 2, 1] + [0] * (len(COLUMNS) - 4)
    counts[COLUMNS.index("unknown_code")], counts[COLUMNS.index("bad_value")], counts[-1] = 2, 1, 4
    example = example_at("unknown_code", "code 'HR' names no vital", 1, 17, START_US)
    watch = Tally(counts, START_US + 1, START_US + 2, example, 12, 61_500_000)
    tallies = {"watch": watch, "back": Tally([0] * (len(COLUMNS) - 1) + [5])}
    return Report(1, START_US, START_US + MINUTE_US, tallies, {"hub": START_US}, {"watch": START_US + 5})


def test_a_report_comes_back_as_it_went() -> None:
    assert decoded(encoded(report())) == report()


def test_a_report_can_be_read_by_people() -> None:
    read = json.loads(encoded(report()))
    watch = read["sources"]["watch"]
    assert (read["partition"], read["since"], read["through"]) == (1, "2026-01-05T08:00:00Z", "2026-01-05T08:01:00Z")
    assert (watch["received"], watch["decided"], watch["duplicate"], watch["withheld"]) == (13, 7, 2, 1)
    assert watch["rejected"] == {"unknown_code": 2, "bad_value": 1}
    assert watch["last"] == "2026-01-05T08:00:00.000002Z"
    assert read["quiet"] == {"hub": "2026-01-05T08:00:00Z"}


def test_a_minute_in_which_nothing_came_is_told_too() -> None:
    empty = Report(0, START_US, START_US + MINUTE_US, {}, {}, {})
    assert decoded(encoded(empty)) == empty
