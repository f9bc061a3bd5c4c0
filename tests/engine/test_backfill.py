"""What comes hours late is history: it ends as if it had come in time, and nobody is paged for it as if it were now."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alerts.policy import PolicySettings
from models.readings import VitalSummary
from models.times import US_PER_S, rfc3339, to_us
from models.vitals import BY_NAME
from streams.engine.late import PLACES
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SECRET, START_US, Log, Told, run
from tests.engine.histories import History, histories
from tests.engine.test_pages import contents

QUARTER_US = 15 * MINUTE_US
LAW = settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate]
)
CLOCKS_CHANGE_US = to_us(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
CALM = EngineSettings(SECRET, policy=PolicySettings().unescalated)
"""What is well again is resolved after a while of calm."""
Reading = tuple[str, int, float]
"""Vital, measured at [us], value."""


def stream(vital: str, begin_us: int, end_us: int, every_us: int, level: float) -> list[Reading]:
    """A device at a steady pace, its values a little restless."""
    times = range(begin_us, end_us, every_us)
    return [(vital, at, level + n % 3 * 0.5) for n, at in enumerate(times)]


@dataclass
class Outage:
    """Days of a watch and an oximeter, then six hours in which nothing arrives, then all of it, then life goes on."""

    begin_us: int
    before: list[Reading] = field(default_factory=list)
    missed: list[Reading] = field(default_factory=list)
    after: list[Reading] = field(default_factory=list)

    @property
    def back_us(self) -> int:
        return self.begin_us + 6 * HOUR_US

    def lived(self, low: bool = True, fast: bool = True) -> "Outage":
        """A saturation of 78 % after an hour, for four minutes; a fast heart from the second to the fifth hour."""
        at, end = self.begin_us, self.back_us
        self.before = stream("heart_rate", at - 3 * DAY_US, at, 5 * MINUTE_US, 70.0)
        self.before += stream("spo2", at - 3 * HOUR_US, at, MINUTE_US, 97.0)
        high = (at + 2 * HOUR_US, at + 4 * HOUR_US) if fast else (end, end)
        self.missed = stream("heart_rate", at, high[0], 5 * MINUTE_US, 70.0)
        self.missed += stream("heart_rate", *high, 5 * MINUTE_US, 112.0)
        self.missed += stream("heart_rate", high[1], end, 5 * MINUTE_US, 70.0)
        dip = (at + HOUR_US, at + HOUR_US + 4 * MINUTE_US) if low else (end, end)
        self.missed += stream("spo2", at, dip[0], MINUTE_US, 97.0) + stream("spo2", *dip, MINUTE_US, 78.0)
        self.missed += stream("spo2", dip[1], end, MINUTE_US, 97.0)
        self.after = stream("heart_rate", end, end + 5 * HOUR_US, 5 * MINUTE_US, 70.0)
        self.after += stream("spo2", end, end + 5 * HOUR_US, MINUTE_US, 97.0)
        return self

    def log(self, missed: Sequence[Reading] | None = None, zone: str = "UTC") -> Log:
        """The log; `missed` in the order in which it comes at the end of the outage, or in time if it is None."""
        arrivals = [(at, at, vital, value) for vital, at, value in (*self.before, *self.after)]
        if missed is None:
            arrivals += [(at, at, vital, value) for vital, at, value in self.missed]
        else:
            arrivals += [(self.back_us, at, vital, value) for vital, at, value in missed]
        log = Log(now_us=self.begin_us - 3 * DAY_US)
        log.profile(timezone=zone)
        for arrived, at, vital, value in sorted(arrivals, key=lambda one: one[0]):
            log.read(code=vital, value=value, at_us=at, arrived_us=arrived)
        for hours in (6, 7):
            log.now_us = self.back_us + hours * HOUR_US
            log.tick()
        return log


def oldest_first(readings: Iterable[Reading]) -> list[Reading]:
    return sorted(readings, key=lambda one: one[1])


def history(summaries: Iterable[VitalSummary]) -> list[tuple[object, ...]]:
    """What a chart draws of the windows."""
    return sorted((s.vital, s.start, s.n, s.mean, s.min, s.max) for s in summaries)


def ended(log: Log, cuts: Iterable[int] = ()) -> tuple[Told, PartitionState]:
    """What is told of the patient's body (that a device is silent is another story), and the state."""
    state = PartitionState()
    told = run(log, cuts, state)
    told.alerts = [alert for alert in told.alerts if alert.category == "clinical"]
    return told, state


@pytest.mark.parametrize("begin_us", [START_US, CLOCKS_CHANGE_US - 2 * HOUR_US])
def test_six_hours_that_come_after_an_outage_page_nobody_and_leave_no_gap(begin_us: int) -> None:
    """Also when the clocks change in the middle of them."""
    outage = Outage(begin_us).lived()
    told, state = ended(outage.log(oldest_first(outage.missed), "Europe/London"))
    wanted, reference = ended(outage.log(zone="Europe/London"))
    assert [a for a in told.alerts if not a.retrospective] == [], "a page for the past as if it were now"
    opened = {(a.problem, a.onset_at, a.kind) for a in told.alerts if a.event == "opened"}
    assert opened == {
        ("spo2.low", rfc3339(begin_us + HOUR_US), "limit"),
        ("heart_rate.high", rfc3339(begin_us + 2 * HOUR_US), "deviation"),
    }
    assert opened == {(a.problem, a.onset_at, a.kind) for a in wanted.alerts if a.event == "opened"}
    assert {a.event for a in told.alerts} == {"opened"}
    assert sorted(map(str, told.summaries)) == sorted(map(str, wanted.summaries)), "band and state of then, too"
    assert (state.rows["base"] == reference.rows["base"]).all(), "the baseline has learned the hours"


def test_each_reading_that_is_too_old_to_page_is_counted_as_late() -> None:
    """Ten of one window are ten, at once, and whether or not anything newer is known."""
    log = Log()
    log.profile()
    for n in range(10):
        log.read(code="spo2", value=90.0 + n % 3, unit="%", at_us=START_US - 3 * DAY_US + n * US_PER_S)
    log.read(code="spo2", value=96.0, unit="%")
    assert run(log).late == 10


def test_life_that_goes_on_is_judged_by_the_band_that_the_hours_have_taught() -> None:
    outage = Outage(START_US).lived(low=False, fast=False)
    outage.after = stream("heart_rate", outage.back_us, outage.back_us + 3 * HOUR_US, 5 * MINUTE_US, 112.0)
    told, _ = ended(outage.log(oldest_first(outage.missed)))
    wanted, _ = ended(outage.log())
    assert told.lines()["alerts"] == wanted.lines()["alerts"]
    assert [(a.event, a.retrospective) for a in told.alerts] == [("opened", False)]


def test_what_began_in_the_outage_and_goes_on_is_paged_for_what_is_live() -> None:
    """History is told apart; the windows since the device came back make the page by themselves."""
    outage = Outage(START_US).lived(low=False, fast=False)
    rest = outage.back_us - 2 * HOUR_US
    outage.missed = stream("heart_rate", START_US, rest, 5 * MINUTE_US, 70.0)
    outage.missed += stream("heart_rate", rest, outage.back_us, 5 * MINUTE_US, 112.0)
    outage.after = stream("heart_rate", outage.back_us, outage.back_us + 3 * HOUR_US, 5 * MINUTE_US, 112.0)
    told, _ = ended(outage.log(oldest_first(outage.missed)))
    found = {(a.retrospective, a.onset_at) for a in told.alerts if a.event == "opened"}
    assert (False, rfc3339(outage.back_us - HOUR_US)) in found, "windows younger than the live horizon count as live"
    assert (True, rfc3339(rest)) in found


ORDERS = {"oldest first": oldest_first, "newest first": lambda r: oldest_first(r)[::-1]}


@pytest.mark.parametrize("order", list(ORDERS.values()), ids=list(ORDERS))
def test_history_in_order_gives_the_windows_of_then(order: object) -> None:
    outage = Outage(START_US).lived()
    told, _ = ended(outage.log(order(outage.missed)))  # type: ignore[operator]
    assert history(told.summaries) == history(ended(outage.log())[0].summaries)
    found = {(a.problem, a.onset_at) for a in told.alerts}
    assert ("heart_rate.high", rfc3339(START_US + 2 * HOUR_US)) in found, "the right onset, newest first too"
    assert all(a.retrospective for a in told.alerts)


@LAW
@given(st.integers(0, 2**32), st.lists(st.integers(1, 2300), max_size=5))
def test_history_in_any_order_and_any_cuts_gives_the_windows_of_then(seed: int, cuts: list[int]) -> None:
    outage = Outage(START_US).lived()
    missed = list(outage.missed)
    random.Random(seed).shuffle(missed)
    log = outage.log(missed)
    told, state = ended(log, cuts)
    assert history(told.summaries) == history(ended(outage.log())[0].summaries)
    assert all(a.retrospective for a in told.alerts)
    assert not len(state.late.table), "late work that is done leaves nothing behind"


def test_a_history_longer_than_there_are_places_is_whole_when_it_comes_in_its_order() -> None:
    begin, end = START_US, START_US + 3 * DAY_US
    readings = stream("heart_rate", begin, end, 5 * MINUTE_US, 70.0)
    assert (end - begin) // QUARTER_US > 2 * PLACES
    log, wanted = Log(now_us=begin), Log(now_us=begin)
    for one in (log, wanted):
        one.profile()
    for _, at, value in readings:
        wanted.read(value=value, at_us=at, arrived_us=at)
        log.read(value=value, at_us=at, arrived_us=end + DAY_US)
    for one in (log, wanted):
        one.now_us = end + DAY_US + HOUR_US
        one.tick()
    told = run(log, cuts=range(0, len(log), 7))
    assert history(told.summaries) == history(run(wanted).summaries)
    assert told.lines() == run(log).lines()


def test_the_late_part_of_a_window_is_told_as_a_window_of_its_own() -> None:
    """Half of a quarter of an hour came in time. The two summaries have the same start; the sums are those of each."""
    log = Log()
    log.profile()
    for n in range(15):
        if n % 3:
            log.read(value=70.0 + n, at_us=START_US + n * MINUTE_US, arrived_us=START_US + n * MINUTE_US)
    log.now_us = START_US + HOUR_US
    for n in range(0, 15, 3):
        log.read(value=70.0 + n, at_us=START_US + n * MINUTE_US)
    log.wait(2 * MINUTE_US)
    log.tick()
    first, second = run(log).summaries
    assert (first.start, first.n, second.start, second.n) == (rfc3339(START_US), 10, rfc3339(START_US), 5)
    assert (second.min, second.mean, second.max) == (70.0, 76.0, 82.0)


def test_a_late_window_closes_when_nothing_is_added_for_its_lateness() -> None:
    log = Log(now_us=START_US + 6 * HOUR_US)
    log.profile()
    lateness = BY_NAME["heart_rate"].lateness_s * US_PER_S
    for n in range(3):
        log.read(value=70.0 + n, at_us=START_US + n * MINUTE_US)
        log.wait(lateness - US_PER_S)
    log.wait(2 * US_PER_S)
    log.read(value=80.0, at_us=START_US + 9 * MINUTE_US)
    log.wait(lateness)
    log.tick()
    for cuts in ((), range(len(log))):
        assert [(s.n, s.max) for s in run(log, cuts).summaries] == [(3, 72.0), (1, 80.0)]


def test_a_person_who_resolves_the_past_leaves_what_is_live_alone() -> None:
    outage = Outage(START_US).lived(low=False)
    outage.after = stream("heart_rate", outage.back_us, outage.back_us + 2 * HOUR_US, 5 * MINUTE_US, 112.0)
    log = outage.log(oldest_first(outage.missed))
    alerts = {a.retrospective: a for a in ended(log)[0].alerts if a.event == "opened"}
    log.act(alerts[True].alert_id, "resolve")
    log.read(value=112.0)
    log.wait(HOUR_US)
    log.tick()
    told, state = ended(log)
    assert told.alerts[-1].event == "resolved"
    assert told.alerts[-1].retrospective
    assert state.rows["deviation"]["open"][state.row_of[0, 0]] > 0
    assert not any(one["open"].any() for one in state.late.watch.values())


@pytest.mark.parametrize("end", ["forget", "withhold"])
def test_the_past_is_forgotten_with_its_patient_and_with_consent(end: str) -> None:
    outage = Outage(START_US).lived()
    outage.missed, outage.after = [one for one in outage.missed if one[1] < START_US + 4 * HOUR_US], []
    log, state = outage.log(oldest_first(outage.missed)), PartitionState()
    log.read(value=70.0, at_us=START_US - HOUR_US + US_PER_S)
    run(log, state=state)
    assert (len(state.late.table), len(state.late.watch)) == (1, 1)
    begin = log.forget() if end == "forget" else log.profile(version=2, withheld=["heart_rate", "spo2"])
    told = run(log, state=state, begin=begin)
    assert (len(state.late.table), len(state.late.watch)) == (0, 0)
    assert {a.event for a in told.alerts if a.category == "clinical"} == {"expired"}


@LAW
@given(histories(12), st.data())
def test_a_log_that_is_delivered_twice_changes_nothing(made: History, data: st.DataObject) -> None:
    log = made.log
    _, state = ended(log)
    again = restored(pack_dirty(state, 0).pages, 0)
    before = contents(again)
    cut = data.draw(st.integers(0, len(log)))
    told = run(log, [cut], again)
    assert (told.alerts, told.findings, told.summaries) == ([], [], [])  # dead letters may repeat, by their offset
    assert told.received == sum(told.outcomes) == 0
    assert contents(again) == before == contents(state)


@LAW
@given(histories(12), st.lists(st.integers(1, 200), max_size=3))
def test_late_work_survives_in_pages(made: History, cuts: list[int]) -> None:
    """Restored before each cut, the log tells the same."""
    log, told, state = made.log, Told(), PartitionState()
    edges = sorted({0, len(log), *(cut for cut in cuts if cut < len(log))})
    pages: dict[bytes, bytes] = {}
    for begin, end in pairwise(edges):
        part = run(Log(log.records[:end]), state=state, begin=begin)
        for name in ("alerts", "summaries", "findings"):
            getattr(told, name).extend(getattr(part, name))
        pages |= pack_dirty(state, 0).pages
        state = restored(pages, 0)
    wanted = run(log)
    assert told.lines() | {"rejects": []} == wanted.lines() | {"rejects": []}


def oximeter(minutes: int, lows: dict[int, float] | None = None, every: int = 2) -> Log:
    """Saturations of 97 %, one every two minutes; some of other values by the minute."""
    log = Log()
    log.profile()
    for minute in range(0, minutes, every):
        log.now_us = START_US + minute * MINUTE_US
        log.read(code="spo2", value=(lows or {}).get(minute, 97.0))
    return log


def overtaken(log: Log, value: float, minutes: int) -> None:
    """A saturation that was measured so many minutes before now comes after those that were measured since."""
    log.wait(MINUTE_US // 2)
    log.read(code="spo2", value=value, at_us=log.now_us - minutes * MINUTE_US)


def limits(told: Told) -> list[tuple[str, bool]]:
    return [(alert.event, alert.retrospective) for alert in told.alerts if alert.kind == "limit"]


def test_an_emergency_that_was_overtaken_is_over_with_the_readings_after_it_and_the_next_one_pages() -> None:
    """It stayed open for good: acknowledged once, it kept every later one of its kind from being told."""
    log = oximeter(60)
    overtaken(log, 78.0, 5)
    first = run(log).alerts[0]
    log.act(first.alert_id)
    for value in (*[97.0] * 6, 76.0):
        log.wait(2 * MINUTE_US)
        log.read(code="spo2", value=value)
    told = run(log)
    assert limits(told) == [(event, False) for event in ("opened", "acknowledged", "resolved", "reopened")]
    assert [run(log, cuts=[k]).lines() == told.lines() for k in range(len(log) - 12, len(log))] == [True] * 12


def test_a_device_that_lags_behind_another_has_its_low_told_as_long_as_it_lasts() -> None:
    log = oximeter(30)
    for minute in range(30, 70):
        log.now_us = START_US + minute * MINUTE_US
        log.read(code="spo2", value=97.0)
        log.read(code="spo2", value=78.0, id=f"r-{minute}", at_us=log.now_us - 10 * MINUTE_US)
    events = [event for event, _ in limits(run(log, settings=CALM))]
    assert events == ["opened"], "what the other one says meanwhile does not end it"


def test_a_low_that_began_before_what_is_live_and_was_overtaken_is_told_of_what_is_live() -> None:
    log = oximeter(120)
    for minutes in (80, 70, 50, 40):
        overtaken(log, 78.0, minutes)
    assert limits(run(log)) == [("opened", True), ("opened", False)]


@pytest.mark.parametrize("order", [(96.0, 78.0, 77.0), (78.0, 96.0, 77.0), (77.0, 78.0, 96.0)])
def test_an_emergency_of_before_is_told_in_whatever_order_it_comes_with_a_live_one_that_was_overtaken(
    order: tuple[float, float, float],
) -> None:
    """After one that was live it was told neither as history nor as when it began."""
    measured_h = {77.0: 3.0, 78.0: 8.0, 96.0: 8.3}
    log = Log()
    log.profile()
    for value, arrived_h in zip(order, (8.4, 8.5, 9.5), strict=True):
        log.now_us = START_US + round(arrived_h * HOUR_US)
        log.read(code="spo2", value=value, at_us=START_US + round(measured_h[value] * HOUR_US))
    told = run(log)
    opened = {(alert.retrospective, alert.onset_at) for alert in told.alerts if alert.event == "opened"}
    hours = {hour: rfc3339(START_US + round(hour * HOUR_US)) for hour in measured_h.values()}
    assert opened == {(True, hours[3.0]), (False, hours[8.0])}
    assert all(run(log, cuts=[k]).lines() == told.lines() for k in range(1, len(log)))


def test_one_reading_that_was_overtaken_is_not_confirmed_by_one_of_yesterday() -> None:
    log = oximeter(26 * 60)
    overtaken(log, 87.0, 25 * 60)
    overtaken(log, 87.0, 5)
    assert limits(run(log)) == [("opened", True)]
