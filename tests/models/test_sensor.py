"""A sensor's fault is found on every prefix as by hand, however readings are cut, and what a body does is none."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors import sensor
from models.detectors.sensor import STATE, WATCH, Fault, Limits, Readings, Watch
from models.evidence import load
from models.segments import starts
from models.vitals import BY_NAME
from tests.models.splits import cuts

START_S = 1_767_600_000
One = tuple[int, float, int, bool, float]
"""Time [s], value, device, at rest, rate of steps."""
Said = list[tuple[int, bool | None]]
HEART, SLEEP, SKIN, GLUCOSE, WEIGHT = (
    BY_NAME[name].index for name in ("heart_rate", "sleep_duration", "skin_temperature", "glucose", "body_weight")
)


class ByHand:
    """The rules as the evidence says them, each from the whole list of readings."""

    def __init__(self, vital: int) -> None:
        self.vital, self.of = vital, sensor.limits()[vital]

    def said(self, readings: Sequence[One]) -> Said:
        """Fault, and what is told, at each of the readings of one device, in the order of their times."""
        faults = [self.fault(readings[: n + 1]) for n in range(len(readings))]
        told, out = False, Said()
        for n, fault in enumerate(faults):
            bad = self.since(faults[: n + 1])
            is_bad = [k for k in bad if faults[k]]
            span = readings[n][0] - readings[is_bad[0]][0] if is_bad else 0
            now = bool(is_bad) and (told or bool(fault and len(is_bad) >= self.of.told_n and span >= self.of.told_s))
            out.append((int(fault), None if now == told else now))
            told = now
        return out

    def since(self, faults: Sequence[Fault]) -> range:
        """The stretch of readings that belongs to the fault of now: back to as many good ones as end it."""
        good, first = 0, len(faults)
        for k in range(len(faults) - 1, -1, -1):
            good = 0 if faults[k] else good + 1
            if good >= self.of.over_n:
                break
            first = k if faults[k] else first
        return range(first, len(faults))

    def fault(self, readings: Sequence[One]) -> Fault:
        """Of the last of these readings."""
        _, value, _, resting, _ = readings[-1]
        if self.vital == HEART and self.follows(readings):
            return Fault.CADENCE
        if self.levels(readings)[1]:
            return Fault.JUMP
        n, span = self.run(readings)
        ends = value <= self.of.edge_low or value >= self.of.edge_high
        if ends and n >= self.of.edge_n and span >= self.of.edge_s:
            return Fault.EDGE
        if n >= self.of.flat_n and span >= self.of.flat_s:
            return Fault.FLAT
        return Fault.BELOW if value < self.of.below and (resting or not self.of.below_rest) else Fault.NONE

    def run(self, readings: Sequence[One]) -> tuple[int, int]:
        n = 1
        for one, after in pairwise(reversed(readings)):
            if after[1] != one[1] or one[0] - after[0] > self.of.gap_s:
                break
            n += 1
        return n, readings[-1][0] - readings[-n][0]

    def follows(self, readings: Sequence[One]) -> bool:
        c, n = sensor.cadence(), 0
        for one in reversed(readings):
            if not abs(one[1] - one[4]) <= c.within:
                break
            n += 1
        return n >= c.n and readings[-1][0] - readings[-n][0] >= c.s

    def levels(self, readings: Sequence[One]) -> tuple[One | None, One | None]:
        """The last good reading, and one that jumped from it."""
        good: One | None = None
        odd: One | None = None
        for k, one in enumerate(readings):
            if self.vital == HEART and self.follows(readings[: k + 1]):
                continue
            if good is not None and self.far(good, one) and (odd is None or not self.near(odd, one)):
                odd = one
            else:
                good, odd = one, None
        return good, odd if odd is readings[-1] else None

    def far(self, a: One, b: One) -> bool:
        passed = b[0] - a[0]
        return passed <= self.of.jump_gap_s and abs(b[1] - a[1]) > max(self.of.jump_least, self.of.jump_per_s * passed)

    def near(self, a: One, b: One) -> bool:
        return b[0] - a[0] <= self.of.jump_gap_s and not self.far(a, b)


class Table:
    """The state of some rows, and what is said as readings come in pieces."""

    def __init__(self, vitals: Sequence[int]) -> None:
        self.vitals, self.states = vitals, np.zeros(len(vitals), STATE)
        self.watches: dict[int, np.void] = {}
        self.out: list[Said] = [[] for _ in vitals]

    def take(self, rows: Sequence[Sequence[One]]) -> None:
        """So many readings of each row at once."""
        flat = [(row, *one) for row, readings in enumerate(rows) for one in readings]
        if not flat:
            return
        row, at_s, value, device, resting, steps = (np.array(column) for column in zip(*flat, strict=True))
        vital = np.array(self.vitals)[row]
        one = Readings(row, vital, at_s, value.astype(np.float32), device.astype(np.uint64), resting, steps)
        found, begin, left = sensor.quiet(self.states, one)
        assert begin.tolist() == np.flatnonzero(starts(row)).tolist()
        for k, r in enumerate(found.tolist()):
            self.out[r] += self._row(r, rows[r]) if left[k] else [(0, None)] * len(rows[r])

    def _row(self, row: int, readings: Sequence[One]) -> Said:
        watch = Watch.of_row(self.vitals[row], self.states[row], self.watches.pop(row, None))
        said = [(int(fault), told) for fault, told in (watch.take(*as_kept(one)) for one in readings)]
        self.states[row] = watch.state()
        if watch.busy:
            self.watches[row] = np.array([watch.watch()], WATCH)[0]
        return said


def as_kept(one: One) -> One:
    return one[0], float(np.float32(one[1])), *one[2:]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Limits that short lists of readings reach, where a test asks for them."""
    if "by_hand" not in request.node.name:
        yield
        return
    one = Limits(
        flat_n=4, flat_s=120, gap_s=120, edge_low=40.0, edge_high=90.0, edge_n=3, edge_s=60, jump_least=20.0,
        jump_per_s=0.5, jump_gap_s=180, below=45.0, below_rest=True, told_n=3, told_s=120, over_n=2,
    )  # fmt: skip
    every = tuple([one] * len(sensor.limits()))
    sensor.limit.cache_clear()
    sensor._least_run.cache_clear()
    monkeypatch.setattr(sensor, "limits", lambda: every)
    yield
    sensor.limit.cache_clear()
    sensor._least_run.cache_clear()


STEP = st.tuples(
    st.sampled_from([0, 1, 60, 60, 60, 100, 200]), st.sampled_from([40.0, 60.0, 60.0, 60.0, 61.0, 90.0, 130.0, 43.0]),
    st.booleans(), st.sampled_from([nan, nan, 61.0, 90.0]),
)  # fmt: skip


@st.composite
def rows_of(draw: st.DrawFn, device: st.SearchStrategy[int]) -> list[One]:
    at_s, out = START_S, list[One]()
    for passed_s, value, resting, steps in draw(st.lists(STEP, max_size=30)):
        at_s += passed_s
        out.append((at_s, value, draw(device), resting, steps))
    return out


@settings(deadline=None)
@given(st.data(), st.tuples(rows_of(st.just(7)), rows_of(st.just(7)), rows_of(st.just(9))))
def test_every_prefix_is_judged_as_by_hand_however_it_is_cut(data: st.DataObject, rows: tuple[list[One], ...]) -> None:
    vitals = [HEART, SLEEP, HEART]
    table = Table(vitals)
    pieces = data.draw(cuts(30))
    for piece in pieces:
        table.take([readings[piece] for readings in rows])
    assert table.out == [ByHand(vital).said(readings) for vital, readings in zip(vitals, rows, strict=True)]


STILL = st.tuples(
    st.sampled_from([0, 1, 39, 40, 60, 60, 60, 120, 121, 180, 181]),
    st.sampled_from([60.0] * 5 + [90.0] * 3 + [40.0] * 3 + [80.0, 80.1, 45.0, 131.0]),
    st.just(True), st.just(nan),
)  # fmt: skip


@settings(deadline=None)
@given(st.data(), st.lists(st.lists(STILL, min_size=4, max_size=16), min_size=2, max_size=2))
def test_what_stands_still_or_just_jumps_is_found_by_hand_whatever_stands_beside_it_and_however_it_is_cut(
    data: st.DataObject, steps: list[list[tuple[int, float, bool, float]]]
) -> None:
    """Runs that begin in one batch and go on in the next, and moves and pauses of just as much as is allowed."""
    rows = list[list[One]]()
    for row in steps:
        ends = [START_S + sum(one[0] for one in row[: k + 1]) for k in range(len(row))]
        rows.append([(at_s, value, 7, resting, of) for at_s, (_, value, resting, of) in zip(ends, row, strict=True)])
    table = Table([SLEEP, SKIN])
    for piece in data.draw(cuts(16)):
        table.take([readings[piece] for readings in rows])
    assert table.out == [ByHand(vital).said(one) for vital, one in zip(table.vitals, rows, strict=True)]


@settings(deadline=None)
@given(st.data(), rows_of(st.sampled_from([7, 7, 7, 8])))
def test_cuts_do_not_matter_by_hand_of_two_devices_either(data: st.DataObject, readings: list[One]) -> None:
    shuffled = data.draw(st.permutations(readings)) if data.draw(st.booleans()) else readings
    whole, cut = Table([HEART]), Table([HEART])
    whole.take([shuffled])
    for piece in data.draw(cuts(30)):
        cut.take([shuffled[piece]])
    assert cut.out == whole.out
    assert cut.states.tobytes() == whole.states.tobytes()
    assert cut.watches == whole.watches


def said(vital: int, values: Sequence[float], every_s: int, *, resting: bool = True, steps: float = nan) -> Said:
    table = Table([vital])
    table.take([[(START_S + k * every_s, value, 7, resting, steps) for k, value in enumerate(values)]])
    return table.out[0]


def test_a_heart_rate_that_stands_still_is_told_once_and_over_when_it_varies_again() -> None:
    found = said(HEART, [72.0] * 120 + [70.0, 73.0] * 10, 60)
    assert [fault for fault, _ in found].index(Fault.FLAT) == 29
    assert [told for _, told in found if told is not None] == [True, False]


def test_one_spike_is_a_fault_and_a_new_level_is_not() -> None:
    spike = [fault for fault, _ in said(HEART, [62.0, 63.0, 181.0, 62.0, 61.0], 60)]
    assert spike == [0, 0, Fault.JUMP, 0, 0]
    level = [fault for fault, _ in said(HEART, [62.0, 63.0, 141.0, 143.0, 142.0, 140.0], 60)]
    assert level == [0, 0, Fault.JUMP, 0, 0, 0]


def test_another_person_on_the_scale_is_a_jump_and_a_gain_in_heart_failure_is_not() -> None:
    day_s = 86_400
    assert [fault for fault, _ in said(WEIGHT, [81.0, 81.2, 64.3, 81.1], day_s)] == [0, 0, Fault.JUMP, 0]
    assert not any(fault for fault, _ in said(WEIGHT, [81.0, 82.4, 84.1, 85.9, 87.3], day_s))


def test_a_band_beside_the_bed_and_a_nap_are_no_night() -> None:
    assert said(SKIN, [27.4], 60)[0][0] == Fault.BELOW
    assert said(SKIN, [27.4], 60, resting=False)[0][0] == Fault.NONE
    nights = said(SLEEP, [430.0, 69.0, 72.0, 80.0, 420.0, 410.0], 86_400)
    assert [fault for fault, _ in nights] == [0, Fault.BELOW, Fault.BELOW, Fault.BELOW, 0, 0]
    assert [told for _, told in nights] == [None, None, None, True, None, False]


def test_a_pulse_at_the_rate_of_steps_is_a_fault_after_two_minutes() -> None:
    found = [fault for fault, _ in said(HEART, [112.0, 111.0, 113.0, 112.0], 60, resting=False, steps=112.0)]
    assert found == [0, 0, Fault.CADENCE, Fault.CADENCE]


def test_a_heart_rate_that_stands_still_every_five_minutes_by_a_clock_a_little_slow_is_a_fault() -> None:
    assert said(HEART, [71.0] * 29, 301)[-1][0] == 0
    assert said(HEART, [71.0] * 30, 301)[-1][0] == Fault.FLAT


@pytest.mark.parametrize(("beside", "fault"), [(0.0, Fault.CADENCE), (0.01, Fault.NONE)])
def test_a_pulse_is_that_of_the_steps_up_to_the_very_limit(beside: float, fault: Fault) -> None:
    within = sensor.cadence().within + beside
    for sign in (-1, 1):
        found = said(HEART, [112.0 + sign * within] * 3, 60, resting=False, steps=112.0)
        assert found[-1][0] == fault


def test_a_window_is_unknown_from_the_share_of_faulty_readings_on_and_never_without_one() -> None:
    share = load("sensors")["share"]
    n, faulty = np.array([100, 100, 100, 100, 1]), np.array([0, 1, round(100 * share) - 1, round(100 * share), 1])
    assert sensor.is_unknown(n, faulty).tolist() == [False, False, False, True, True]


def test_what_came_late_is_on_the_record_once_and_told_again_by_the_first_reading_of_now() -> None:
    """Short nights that arrive days later page nobody; the next short night is told as of now, and only that ends."""
    of = sensor.limits()[SLEEP]
    watch, day_s = Watch.of_row(SLEEP, np.zeros(1, STATE)[0], None), 86_400
    short = [(START_S + k * day_s, 70.0 + k, k <= of.told_n) for k in range(of.told_n + 3)]
    said = [watch.take(at_s, value, 7, True, nan, late)[1] for at_s, value, late in short]
    assert said == [None] * (of.told_n - 1) + [True, None, True, None]
    well = [watch.take(START_S + (20 + k) * day_s, 430.0 + k, 7, True, nan)[1] for k in range(of.over_n)]
    assert well == [None] * (of.over_n - 1) + [False]
    past = Watch.of_row(SLEEP, np.zeros(1, STATE)[0], None)
    told = [past.take(at_s, value, 7, True, nan, True)[1] for at_s, value, _ in short]
    told += [past.take(START_S + (20 + k) * day_s, 430.0 + k, 7, True, nan)[1] for k in range(of.over_n)]
    assert [one for one in told if one is not None] == [True], "nobody knew of it, so nobody hears that it is over"


@pytest.mark.parametrize("end", [40.0, 39.6, 2.2 * 18.0182, 22.2 * 18.0182, 399.6, 400.0])
def test_a_glucose_sensor_that_says_no_more_than_low_or_high_is_at_its_edge(end: float) -> None:
    """Also one that shows mmol/L: its ends are 2.2 and 22.2."""
    near = 55.0 if end < 100 else 385.0
    assert [fault for fault, _ in said(GLUCOSE, [near, end, end, end, near], 300)] == [0, 0, 0, Fault.EDGE, 0]
