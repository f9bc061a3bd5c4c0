"""What changes slowly, from readings to alerts: a drift, several vitals together, and what people do about them."""

from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from alerts.explain import named
from streams.engine.forms import Page
from streams.engine.pages import key_of, pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.weeks import Weeks
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SETTINGS, Log, one_by_one, run
from tests.engine.slow import ALL, FAST, HEART, ILL, OTHERS, PRESSURES, QUIET, STILL, Vitals, kinds, life


def test_a_shift_that_no_single_day_shows_is_a_drift_with_its_reason() -> None:
    told = run(life(HEART))
    assert kinds(told) == [("drift", "resting_heart_rate.high")]
    opened = next(alert for alert in told.alerts if alert.problem == "resting_heart_rate.high")
    assert (opened.kind, opened.severity, opened.category) == ("drift", "advisory", "clinical")
    assert "usual for this patient" in opened.explanation
    assert opened.onset_at < opened.event_at
    assert kinds(run(life(HEART, days=QUIET))) == []


def test_several_vitals_together_are_one_alert_that_names_them() -> None:
    told = run(life(ALL))
    found = [found for found in told.findings if found.kind == "change_index"]
    assert [one.problem for one in found] == ["change_index"]
    assert len(found[0].vitals) >= 2
    opened = next(alert for alert in told.alerts if alert.problem == "change_index")
    assert "towards getting worse" in opened.explanation
    assert all(part in opened.explanation for part in ("heart rate up", "weight up"))


KNOWN: dict[str, Any] = {"birth_date": "1950-04-02", "medications": [{"code": "metoprolol", "start": "2025-01-01"}]}


def test_a_drift_says_what_was_taken_into_account_and_what_a_limit_for_everyone_would_have_said() -> None:
    told = run(life(HEART, **KNOWN))
    opened = next(alert for alert in told.alerts if alert.kind == "drift")
    (evidence,) = opened.evidence
    assert any(one.startswith("metoprolol: ") for one in evidence.modifiers)
    accounted = f"Taken into account: {', '.join(evidence.modifiers)}."
    assert opened.explanation.endswith(f" {accounted} No limit for everyone is broken.")


def test_a_drift_and_several_vitals_together_are_one_alert() -> None:
    """Both are on the record of findings, and the alert says that it was seen in another way."""
    told = run(life(HEART | OTHERS | PRESSURES | {"respiratory_rate": (15, 0.85, "/min", 0.9)}))
    assert set(kinds(told)) == {("drift", "resting_heart_rate.high"), ("change_index", "change_index")}
    opened, joined = told.alerts
    assert (opened.event, joined.event, joined.alert_id) == ("opened", "updated", opened.alert_id)
    assert joined.reason is not None
    assert joined.reason.startswith("the same change in another way: ")
    assert joined.notify is None


def test_an_index_says_what_was_taken_into_account_of_each_vital_that_brings_it() -> None:
    told = run(life(ALL, **KNOWN))
    found = next(found for found in told.findings if found.kind == "change_index")
    opened = next(alert for alert in told.alerts if alert.kind == "change_index")
    _, accounted = opened.explanation.split(" Taken into account: ")
    assert "resting heart rate (metoprolol: " in accounted
    assert "weight (" not in accounted, "the profile says nothing of it"
    latest = opened.evidence[0]
    assert latest.vital in found.vitals
    assert f"The latest figure is of {named(latest.vital)}: " in accounted
    assert accounted.endswith("No limit for everyone is broken by it.")


def rated(vitals: Vitals, shares: list[float]) -> Log:
    """Vitals some times a day, each time with a share of the shift, and with less signal than before."""
    log, random = Log(), np.random.default_rng(11)
    log.profile("p-1")
    for day in range(QUIET + ILL):
        for nth, share in enumerate(shares):
            for name, (level, shift, unit, sd) in vitals.items():
                value = round(level + share * shift * (day >= QUIET) + random.normal(0, sd), 2)
                log.read(patient="p-1", code=name, value=value, unit=unit, quality=0.9 - 0.3 * nth)
            log.wait(4 * HOUR_US)
        log.wait(DAY_US - 4 * len(shares) * HOUR_US)
    return log


@pytest.mark.parametrize(("shares", "quality"), [([1], 0.9), ([-1, 3], None)])
@pytest.mark.parametrize(("kind", "vitals"), [("drift", FAST), ("change_index", ALL)])
def test_slow_changes_say_how_good_the_signal_of_their_figure_was_if_one_window_is_all_of_it(
    kind: str, vitals: Vitals, shares: list[float], quality: float | None
) -> None:
    opened = next(alert for alert in run(rated(vitals, shares)).alerts if alert.kind == kind)
    assert opened.evidence[0].quality == quality
    assert ("The device reported a signal quality of 90%." in opened.explanation) == (quality is not None)


def test_it_does_not_matter_how_the_log_is_cut() -> None:
    log = life(HEART | OTHERS)
    assert len(kinds(run(log))) >= 2
    assert run(log, one_by_one(log)).lines() == run(log).lines() == run(log, range(0, len(log), 7)).lines()


@pytest.mark.parametrize("day", [QUIET, QUIET + 3, QUIET + 9])
def test_a_state_put_back_from_its_pages_goes_on_as_if_nothing_had_been(day: int) -> None:
    log, state = life(ALL), PartitionState()
    cut = 1 + day * (len(ALL) + 1)
    told = run(Log(log.records[:cut], log.now_us), state=state)
    again = restored(pack_dirty(state, 0).pages, 0)
    for name, part in run(log, state=again, begin=cut).lines().items():
        assert told.lines()[name] + part == run(log).lines()[name]


def test_a_page_of_before_is_read_and_learns_weeks_from_then_on() -> None:
    log, state = life(HEART, days=QUIET), PartitionState()
    run(log, state=state)
    pages = pack_dirty(state, 0).pages
    page = msgspec.msgpack.decode(pages[key_of(0, 0)])
    weeks = Page.__struct_fields__.index("weeks")
    assert len(page[weeks]) > 0
    pages[key_of(0, 0)] = msgspec.msgpack.encode(page[:weeks])
    again = restored(pages, 0)
    begin = len(log)
    log.read(patient="p-1", code="resting_heart_rate", value=61, unit="/min")
    log.wait(2 * DAY_US)
    log.tick()
    run(log, state=again, begin=begin)
    assert again.weeks.table["held"][0] == 1


def test_nothing_is_learned_into_the_band_while_a_drift_is_open() -> None:
    long, state = life(HEART, days=QUIET + 40), PartitionState()
    told = run(long, state=state)
    assert ("drift", "resting_heart_rate.high") in kinds(told)
    assert state.weeks.table["open"][0] == 1
    assert state.weeks.table["level"][0] == pytest.approx(60, abs=1.5)


def slept(nights: int, faster: float, from_day: int, spread: float = 4) -> Log:
    """A streamed heart, 9 /min faster by day and from that day on so much faster by night."""
    log, random = Log(), np.random.default_rng(5)
    log.profile("p-1", timezone="UTC")
    for day in range(nights):
        own = random.normal(0, spread)
        for half in range(48):
            asleep = (8 + half / 2) % 24 < 7
            moved = (faster if day >= from_day else 0) if asleep else 9
            value = round(62 + moved + own + random.normal(0, 1), 1)
            log.read(patient="p-1", code="heart_rate", value=value, unit="/min", quality=0.9)
            log.wait(30 * MINUTE_US)
    return log


def test_a_stream_is_judged_by_its_nights() -> None:
    told = run(slept(QUIET + 10, faster=9, from_day=QUIET))
    found = [one for one in told.findings if one.kind == "drift"]
    assert [one.problem for one in found] == ["heart_rate.high"]
    assert found[0].event_at[11:13] == "07"
    opened = next(alert for alert in told.alerts if alert.kind == "drift")
    assert opened.evidence[0].quality is None, "the first window after the night says nothing of the night's"


def in_bed(nights: int, faster: float, from_day: int) -> Log:
    """A heart that is streamed from half past midnight to half past six only, 9 /min faster from that night on."""
    log, random = Log(), np.random.default_rng(5)
    log.profile("p-1", timezone="UTC")
    log.wait(16 * HOUR_US)
    for night in range(nights):
        own = 62 + random.normal(0, 2) + (faster if night >= from_day else 0)
        for quarter in range(24):
            log.read(patient="p-1", code="heart_rate", value=round(own + random.normal(0, 1), 1), unit="/min")
            log.wait(15 * MINUTE_US)
            if quarter == 23:
                log.tick()
        log.wait(DAY_US - 24 * 15 * MINUTE_US)
    return log


def test_a_night_that_nothing_closes_by_day_is_judged_as_the_next_one_begins() -> None:
    """Of a device that is worn in bed only no drift was ever told."""
    log = in_bed(QUIET + 4, faster=9, from_day=QUIET)
    told = run(log)
    found = [one for one in told.findings if one.kind == "drift"]
    assert [one.problem for one in found] == ["heart_rate.high"]
    began = datetime.fromisoformat(told.summaries[0].start)
    assert (datetime.fromisoformat(found[0].event_at) - began).days == QUIET + 2
    cut, state = len(log) - 30, PartitionState()
    before = run(Log(log.records[:cut]), state=state)
    again = run(log, state=restored(pack_dirty(state, 0).pages, 0), begin=cut)
    for name, lines in told.lines().items():
        assert before.lines()[name] + again.lines()[name] == lines


def test_a_night_of_before_a_break_is_of_the_past() -> None:
    """Two nights in a fever, a week without the device: what is told then is not that of a week ago."""
    log = in_bed(QUIET + 2, faster=9, from_day=QUIET)
    log.wait(7 * DAY_US)
    for _ in range(8):
        log.read(patient="p-1", code="heart_rate", value=62, unit="/min")
        log.wait(15 * MINUTE_US)
    log.tick()
    assert not [one for one in run(log).findings if one.kind == "drift"]


def test_two_nights_of_a_fever_are_told_on_the_second_morning_with_their_reason() -> None:
    told = run(slept(QUIET + 3, faster=9, from_day=QUIET, spread=2))
    opened = next(alert for alert in told.alerts if alert.kind == "drift")
    (evidence,) = opened.evidence
    began = datetime.fromisoformat(told.summaries[0].start)
    assert (datetime.fromisoformat(opened.event_at) - began).days == QUIET + 1
    assert "Both of the last two nights lie" in opened.explanation
    assert "As a week" not in opened.explanation
    assert evidence.score is not None
    assert evidence.score >= 2.5


def test_the_nights_of_a_stream_are_not_expected_to_scatter_as_single_readings_do() -> None:
    """A week of figures is hardly anything of one's own: what is expected decides."""
    log, state = Log(), PartitionState()
    log.profile("p-1", timezone="UTC")
    for _ in range(14 * 48):
        log.read(patient="p-1", code="heart_rate", value=60, unit="/min")
        log.wait(30 * MINUTE_US)
    run(log, state=state)
    assert 0 < float(state.weeks.table["s2"].max()) < 3.2**2


def test_a_slower_heart_is_given_four_weeks() -> None:
    """It lies where a faster one is told, and not as far away as it would have to."""
    log, random = life(STILL | {"resting_heart_rate": (60, 0, "/min", 2.6)}, QUIET), np.random.default_rng(2)
    for day in range(40):
        level = 56.0 if day < 7 else 56.5
        log.read(code="resting_heart_rate", value=round(level + random.normal(0, 0.3), 2), unit="/min")
        for name, (usual, _, unit, sd) in STILL.items():
            log.read(code=name, value=round(usual + random.normal(0, sd), 2), unit=unit)
        log.wait(2 * HOUR_US)
        log.tick()
        log.wait(DAY_US - 2 * HOUR_US)
    found = [one for one in run(log).findings if one.kind == "drift"]
    assert [one.severity for one in found] == ["info", "advisory"]
    days = [datetime.fromisoformat(one.event_at) for one in found]
    assert (days[1] - days[0]).days >= 28


def test_readings_that_come_late_teach_and_do_not_tell() -> None:
    log, random = Log(), np.random.default_rng(11)
    log.profile("p-1")
    values = [60 + 5.4 * (day >= QUIET) + random.normal(0, 2.6) for day in range(QUIET + 10)]
    for day, value in enumerate(values):
        at = log.now_us
        if day >= QUIET:
            at = log.now_us - 5 * DAY_US
            log.wait(HOUR_US)
        log.read(patient="p-1", code="resting_heart_rate", value=round(value, 2), unit="/min", at_us=at)
        log.wait(DAY_US)
        log.tick()
    assert kinds(run(log, settings=SETTINGS)) == []


def test_a_page_of_the_fourth_format_knows_which_drifts_people_know_of() -> None:
    """It said only what is open. That must end for people when it is over, and not be told a second time."""
    log, state = life(ALL), PartitionState()
    told = run(log, state=state)
    pages, form = pack_dirty(state, 0).pages, Page.__struct_fields__.index
    page = msgspec.msgpack.decode(pages[key_of(0, 0)])
    page[0], page[form("together")] = 4, bytes([int(state.weeks.budgets["together"]["told"][0])])
    pages[key_of(0, 0)] = msgspec.msgpack.encode(page[: form("waits")])
    again, begin = restored(pages, 0), len(log)
    for _ in range(14):
        for name, (level, _, unit, _) in ALL.items():
            log.read(patient="p-1", code=name, value=level, unit=unit)
        log.wait(DAY_US)
        log.tick()
    after = run(log, state=again, begin=begin)
    open_then = {problem for _, problem in kinds(told)}
    assert open_then
    assert not open_then & {problem for _, problem in kinds(after)}
    told_then = {alert.problem for alert in told.alerts if alert.event == "opened"}
    assert told_then
    assert told_then <= {alert.problem for alert in after.alerts if alert.event == "resolved"}


def test_somebody_of_whom_no_week_is_known_yet_can_be_forgotten() -> None:
    """Room for rows is made in larger steps than room for patients."""
    weeks = Weeks()
    weeks.reach(rows=300, slots=1)
    weeks.drop(np.array([299]), slot=1_000)
    assert not weeks.table.view(np.uint8).any()
