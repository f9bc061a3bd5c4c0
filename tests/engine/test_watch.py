"""The watch over sources: an outage is one alert, a night is none, and what we do not know we do not say."""

from collections.abc import Callable

import pytest

from alerts.sources import SourceChange, example_at
from models.readings import Reason
from models.times import US_PER_DAY, to_us
from streams.engine.tallies import AT_REASON, COLUMNS, Report, Tally
from streams.sources.flow import PATIENTS_MIN, WATCHED_MAX, Flows, Seen
from streams.sources.refusals import Refusals
from streams.sources.watch import Watch
from tests.engine.factories import HOUR_US, MINUTE_US, START_US

MIDNIGHT = START_US - 8 * HOUR_US
Came = dict[str, Tally]


def tally(at_us: int, received: int = 10, rejected: int = 0, patients: int = 50) -> Tally:
    """So many readings at one moment."""
    counts = [0] * len(COLUMNS)
    counts[0], counts[1] = received - rejected, rejected
    counts[AT_REASON[Reason.UNKNOWN_CODE]] = rejected
    example = example_at("unknown_code", "no vital", 0, 17, at_us) if rejected else None
    return Tally(counts, at_us, at_us, example, patients)


def told(
    minutes: int, came: Callable[[int], Came], watch: Watch | None = None, begin_us: int = MIDNIGHT, partition: int = 0
) -> list[tuple[str, str, int, int]]:
    """(source, state, since, at), in minutes from the beginning, of what changes; `came` says what a minute brings."""
    watch = Watch(1) if watch is None else watch
    changes: list[SourceChange] = []
    for n in range(minutes):
        since = begin_us + n * MINUTE_US
        changes += watch.take(Report(partition, since, since + MINUTE_US, came(n), {}, {}))
    return [(c.source, c.state, *((to_us(us) - begin_us) / MINUTE_US for us in (c.since, c.at))) for c in changes]  # type: ignore[misc]


def steady(*names: str, out: range = range(0), every: int = 1, **fields: int) -> Callable[[int], Came]:
    """Readings in the middle of every minute, but not during an outage of all of them."""

    def came(n: int) -> Came:
        at = MIDNIGHT + n * MINUTE_US + MINUTE_US // 2
        return {} if n in out or n % every else {name: tally(at, **fields) for name in names}

    return came


def both(*parts: Callable[[int], Came]) -> Callable[[int], Came]:
    return lambda n: {name: one for part in parts for name, one in part(n).items()}


DAY = 24 * 60


def test_a_days_outage_of_one_integration_is_one_change_and_one_back() -> None:
    found = told(4 * DAY, both(steady("dead", out=range(2 * DAY, 3 * DAY)), steady("alive")))
    assert found == [("dead", "quiet", 2 * DAY - 0.5, 2 * DAY + 10), ("dead", "flowing", 2 * DAY - 0.5, 3 * DAY + 1)]


def test_everything_quiet_at_once_is_one_change_for_all() -> None:
    found = told(3 * DAY, steady("a", "b", "c", out=range(2 * DAY, 2 * DAY + 300)))
    assert [(name, state) for name, state, *_ in found] == [("ingest", "quiet"), ("ingest", "flowing")]


def test_who_stays_away_after_an_outage_of_all_is_named() -> None:
    out = range(2 * DAY, 2 * DAY + 300)
    found = told(3 * DAY, both(steady("a", "b", out=out), steady("c", out=range(2 * DAY, 3 * DAY))))
    assert [(name, state) for name, state, *_ in found] == [
        ("ingest", "quiet"), ("ingest", "flowing"), ("c", "quiet"),
    ]  # fmt: skip
    assert found[-1][2] == 2 * DAY - 0.5, "it is quiet since its own last reading"


def test_one_or_two_patients_are_not_a_source() -> None:
    for patients, quiet in ((PATIENTS_MIN - 1, 0), (PATIENTS_MIN, 1)):
        source = steady("few", out=range(DAY, 3 * DAY), patients=patients)
        assert len(told(2 * DAY, both(source, steady("alive")))) == quiet


def nightly(n: int) -> Came:
    """Day by day from 06:00 to 22:00, every ten minutes, as people who are awake measure."""
    hour = n // 60 % 24
    return steady("people", every=10)(n) if 6 <= hour < 22 else {}


def test_nights_are_learned_and_told_no_more() -> None:
    found = told(14 * DAY, both(nightly, steady("alive")))
    assert [at // DAY for *_, at in found if at > 4 * DAY] == [], f"{found}"
    missing = told(14 * DAY, both(lambda n: {} if n > 13 * DAY else nightly(n), steady("alive")))
    assert [(name, state) for name, state, *_ in missing][-1:] == [("people", "quiet")]
    *_, at = missing[-1]
    assert 13 * DAY + 6 * 60 < at < 13 * DAY + 9 * 60, "the morning after, it is missed"


def test_an_outage_does_not_teach_that_outages_are_usual() -> None:
    outages = [*range(2 * DAY, 3 * DAY), *range(4 * DAY, 5 * DAY)]
    found = told(6 * DAY, both(lambda n: {} if n in set(outages) else steady("dead")(n), steady("alive")))
    assert [state for _, state, *_ in found] == ["quiet", "flowing", "quiet", "flowing"]
    waited = [at - since for _, state, since, at in found if state == "quiet"]
    assert waited[1] < 120


def test_a_single_straggler_is_no_flow() -> None:
    straggler = {DAY + 200: {"dead": tally(MIDNIGHT + (DAY + 200) * MINUTE_US + 1, received=1)}}
    came = both(steady("dead", out=range(DAY, 2 * DAY)), steady("alive"), lambda n: straggler.get(n, {}))
    assert [state for _, state, *_ in told(2 * DAY, came)] == ["quiet"]


def test_a_worker_that_is_away_is_not_a_quiet_source() -> None:
    watch = Watch(2)
    assert told(DAY, both(steady("a"), steady("b")), watch) == []
    assert watch.done_us < MIDNIGHT, "the other partition has told nothing yet"
    late = tally(MIDNIGHT + MINUTE_US // 2)
    late.last_us = MIDNIGHT + DAY * MINUTE_US
    report = Report(1, MIDNIGHT, MIDNIGHT + DAY * MINUTE_US, {"c": late}, {}, {})
    assert watch.take(report) == [], "nor is one whose readings waited for the worker"
    assert watch.done_us == MIDNIGHT + DAY * MINUTE_US


def test_partitions_do_not_matter() -> None:
    came = both(
        steady("dead", out=range(DAY, DAY + 300)), steady("alive"),
        lambda n: steady("sick", rejected=10 if n > DAY else 0)(n),
    )  # fmt: skip
    alone = told(2 * DAY, came)
    assert {state for _, state, *_ in alone} == {"quiet", "flowing", "failing"}
    watch, changes = Watch(3), []
    for n in range(2 * DAY):
        since = MIDNIGHT + n * MINUTE_US
        for partition in range(3):
            part = came(n) if n % 3 == partition else {}
            changes += watch.take(Report(partition, since, since + MINUTE_US, part, {}, {}))
    found = [(c.source, c.state, *((to_us(us) - MIDNIGHT) / MINUTE_US for us in (c.since, c.at))) for c in changes]
    assert found == alone


def test_a_dead_mapping_is_one_change_with_an_example_and_one_when_it_is_mended() -> None:
    watch = Watch(1)
    sick = range(600, 900)
    found = told(DAY, lambda n: steady("sick", "well", rejected=10 if n in sick else 0)(n) | steady("well")(n), watch)
    assert [(name, state) for name, state, *_ in found] == [("sick", "failing"), ("sick", "healthy")]
    assert 600 <= found[0][2] < 601
    assert found[0][3] <= 605
    assert found[1][3] <= 910
    healthy = watch.last["sick", "failing"]
    assert healthy.counts["received"] >= 20


def test_a_failing_source_gives_its_counts_and_an_example() -> None:
    refusals, watch = [], Watch(1, flows=None)
    for n in range(700):
        since = MIDNIGHT + n * MINUTE_US
        refusals += watch.take(Report(0, since, since + MINUTE_US, steady("s", rejected=10 * (n > 600))(n), {}, {}))
    (failing,) = refusals
    assert failing.counts["unknown_code"] == failing.counts["rejected"] >= failing.counts["received"] / 2
    assert failing.example is not None
    assert failing.example.offset == 17


@pytest.mark.parametrize(("rejected", "fails"), [(10, True), (9, False)])
def test_a_new_source_fails_only_if_nothing_is_decided(rejected: int, fails: bool) -> None:
    found = told(60, steady("new", rejected=rejected))
    assert bool(found) == fails


def test_a_slow_source_is_judged_on_its_last_twenty_readings() -> None:
    def came(n: int) -> Came:
        return steady("slow", every=60, received=5, rejected=5 * (n >= 2 * DAY))(n)

    found = [one for one in told(3 * DAY, came) if one[1] == "failing"]
    assert len(found) == 1
    assert found[0][3] <= 2 * DAY + 3 * 60 + 1


def test_what_is_usually_refused_is_no_news() -> None:
    assert told(2 * DAY, lambda n: steady("odd", rejected=3 + (n > DAY) * 3)(n)) == []


def test_who_takes_over_knows_what_was_said_before() -> None:
    watch = Watch(1)
    quiet, failing = {"gone": START_US}, {"sick": START_US}
    told(10, steady("sick", rejected=10), watch, START_US)
    report = Report(0, START_US + 10 * MINUTE_US, START_US + 11 * MINUTE_US, {}, quiet, failing)
    assert (watch.take(report), watch.unsettled(report)) == ([], [])
    back = {"gone": tally(START_US + 11 * MINUTE_US + 1)}
    after = Report(0, START_US + 11 * MINUTE_US, START_US + 12 * MINUTE_US, back, quiet, failing)
    assert [(c.source, c.state) for c in watch.take(after)] == [("gone", "flowing")]


def test_what_did_not_arrive_is_told_again() -> None:
    watch = Watch(1)
    came = both(steady("dead", out=range(2 * DAY, 3 * DAY)), steady("alive"))
    ((_, state, _, at),) = told(2 * DAY + 30, came, watch)
    assert (state, at) == ("quiet", 2 * DAY + 10)
    through = MIDNIGHT + (2 * DAY + 30) * MINUTE_US
    lacking = Report(0, through - MINUTE_US, through, {}, {}, {})
    assert [(c.source, c.state) for c in watch.unsettled(lacking)] == [("dead", "quiet")]
    knowing = Report(0, through - MINUTE_US, through, {}, {"dead": START_US}, {})
    assert watch.unsettled(knowing) == []
    soon = MIDNIGHT + (2 * DAY + 11) * MINUTE_US
    assert watch.unsettled(Report(0, soon - MINUTE_US, soon, {}, {}, {})) == [], "it takes a moment"


def test_sources_watched_are_bounded() -> None:
    flows, refusals = Flows(), Refusals()
    for n in range(WATCHED_MAX + 5):
        at = START_US + n * MINUTE_US
        flows.observe(at, {f"s-{n}": Seen(1, at, at, {0: 1})})
    assert len(flows.known) == WATCHED_MAX
    assert "s-0" not in flows.known
    assert refusals.observe(START_US, {}) == []
    assert US_PER_DAY == DAY * MINUTE_US
