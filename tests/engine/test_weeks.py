"""What changes slowly, from readings to alerts: a drift, several vitals together, and what people do about them."""

from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from alerts.explain import named
from models import budget
from streams.engine.forms import Page
from streams.engine.pages import key_of, pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.weeks import Weeks
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SETTINGS, Log, Told, one_by_one, run

QUIET, ILL = 40, 14
"""Days at one level, and at the other."""
Vitals = dict[str, tuple[float, float, str, float]]
HEART: Vitals = {"resting_heart_rate": (60, 5.2, "/min", 2.6)}
"""By vital: level, the shift that comes, unit, SD of a day."""
FAST: Vitals = {"resting_heart_rate": (60, 5.5, "/min", 2.6)}
OTHERS: Vitals = {"respiratory_rate": (15, 1.0, "/min", 0.9), "body_weight": (80, 0.55, "kg", 0.5)}
PRESSURES: Vitals = {"systolic_bp": (120, 0, "mm[Hg]", 6), "diastolic_bp": (75, 0, "mm[Hg]", 5)}
"""With which nothing is wrong, and of which no change index speaks: with them a drift is told from further away."""
ALL: Vitals = {
    "resting_heart_rate": (60, 2.6, "/min", 2.6), "respiratory_rate": (15, 1.0, "/min", 0.9),
    "body_weight": (80, 0.7, "kg", 0.5), **PRESSURES,
}  # fmt: skip


def life(vitals: Vitals, days: int = QUIET + ILL, **profile: Any) -> Log:
    """One reading of each vital a morning, moved from day QUIET on."""
    log = Log()
    log.profile("p-1", **profile)
    lived(log, vitals, range(days))
    return log


def lived(log: Log, vitals: Vitals, days: range) -> None:
    """Some days of it."""
    random = np.random.default_rng(11 + days.start)
    for day in days:
        for name, (level, shift, unit, sd) in vitals.items():
            value = level + shift * (day >= QUIET) + random.normal(0, sd)
            log.read(patient="p-1", code=name, value=round(value, 2), unit=unit)
        log.wait(2 * HOUR_US)
        log.tick()
        log.wait(DAY_US - 2 * HOUR_US)


def kinds(told: Told) -> list[tuple[str, str]]:
    return [(found.kind, found.problem) for found in told.findings if found.kind in ("drift", "change_index")]


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
    told = run(life(HEART | OTHERS | PRESSURES))
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


@pytest.mark.parametrize(("what", "again"), [("resolve", True), ("new_normal", False)])
def test_what_goes_on_after_a_person_ended_it_is_raised_again_unless_it_is_normal_now(what: str, again: bool) -> None:
    log = life(HEART)
    alert = next(alert for alert in run(log).alerts if alert.problem == "resting_heart_rate.high")
    log.act(alert.alert_id, what, reason="seen")
    random = np.random.default_rng(4)
    for _ in range(12):
        log.read(patient="p-1", code="resting_heart_rate", value=round(67 + random.normal(0, 2.6), 2), unit="/min")
        log.wait(DAY_US)
        log.tick()
    after = [alert for alert in run(log).alerts if alert.event in ("opened", "reopened")][1:]
    assert bool([alert for alert in after if alert.problem == "resting_heart_rate.high"]) == again


@pytest.mark.parametrize(("what", "again"), [("resolve", True), ("new_normal", False)])
def test_what_several_vitals_say_together_is_told_again_unless_it_is_normal_now(what: str, again: bool) -> None:
    log = life(ALL)
    opened = next(alert for alert in run(log).alerts if alert.problem == "change_index")
    log.act(opened.alert_id, what, reason="seen")
    begin = len(log)
    lived(log, ALL, range(QUIET + ILL, QUIET + ILL + 20))
    since = [alert for alert in run(log).alerts if alert.problem == "change_index" and alert.event == "reopened"]
    assert bool(since) == again
    assert run(log, [begin - 1, begin]).lines() == run(log).lines()


def test_a_new_normal_of_several_vitals_leaves_alone_those_with_which_nothing_is_wrong() -> None:
    more = {name: (level, 1.15 * shift, unit, sd) for name, (level, shift, unit, sd) in ALL.items()}
    vitals, learned = more | {"systolic_bp": STILL["systolic_bp"]}, list[Any]()
    log = life(vitals)
    opened = next(alert for alert in run(log).alerts if alert.problem == "change_index")
    for what in ("resolve", "new_normal"):
        acted, state = Log([*log.records], log.now_us), PartitionState()
        acted.act(opened.alert_id, what, reason="seen")
        run(acted, state=state)
        learned.append(state.rows["base"]["n"][: state.row_count] > 0)
    anew = {list(vitals)[row] for row in np.flatnonzero(learned[0] & ~learned[1]).tolist()}
    assert anew
    assert anew <= set(ALL)


def test_who_withdraws_consent_for_a_vital_leaves_none_of_its_weeks_behind() -> None:
    log, state = life(HEART), PartitionState()
    log.profile("p-1", version=2, withheld=["resting_heart_rate"])
    run(log, state=state)
    assert not state.weeks.table.view(np.uint8).any()


@pytest.mark.parametrize("lost", ["body_weight", "resting_heart_rate"])
def test_who_withdraws_consent_for_one_of_several_vitals_has_it_named_by_no_alert_about_them(lost: str) -> None:
    """The alert ends, and what the others say without it is another alert."""
    log = life(ALL)
    opened = next(alert for alert in run(log).alerts if alert.problem == "change_index")
    named_as = {"body_weight": "weight", "resting_heart_rate": "resting heart rate"}[lost]
    assert named_as in opened.explanation
    begin = len(log)
    log.profile("p-1", version=2, withheld=[lost])
    log.act(opened.alert_id, "comment", reason="what was it?")
    since = [alert for alert in run(log).alerts if alert.problem == "change_index"][-2:]
    assert [(alert.event, alert.state) for alert in since] == [("expired", "resolved"), ("updated", "resolved")]
    assert len(run(log, [begin]).alerts) == len(run(log).alerts)
    for alert in since:
        assert alert.explanation.startswith("It was about several vitals together, and consent to one of them was")
        assert named_as not in alert.explanation
        assert lost not in {one.vital for one in alert.evidence}


def test_what_the_other_vitals_say_without_the_one_that_is_withdrawn_is_told_again() -> None:
    more: Vitals = {
        "resting_heart_rate": (60, 2.8, "/min", 2.6), "respiratory_rate": (15, 0.9, "/min", 0.9),
        "skin_temperature": (34, 0.5, "Cel", 0.4),
    }  # fmt: skip
    log, until = life(ALL | more, QUIET + 8), QUIET + 15
    log.profile("p-1", version=2, withheld=["body_weight"])
    others = {name: one for name, one in (ALL | more).items() if name != "body_weight"}
    lived(log, others, range(QUIET + 8, until))
    *_, ended, again = [alert for alert in run(log).alerts if alert.problem == "change_index"]
    assert (ended.event, again.event, again.alert_id) == ("expired", "reopened", ended.alert_id)
    assert "resting heart rate up" in again.explanation
    assert "weight" not in again.explanation


STILL: Vitals = {
    "hrv_rmssd": (40, 0, "ms", 5), "respiratory_rate": (15, 0, "/min", 0.9), "body_weight": (80, 0, "kg", 0.5),
    "spo2": (97, 0, "%", 0.7), "body_temperature": (36.5, 0, "Cel", 0.2), "skin_temperature": (34, 0, "Cel", 0.4),
    **PRESSURES,
}  # fmt: skip
"""Vitals with which nothing is wrong."""


def heart_told(vitals: Vitals) -> list[str]:
    return [one.severity for one in run(life(vitals)).findings if (one.kind, one.vitals) == ("drift", list(SLIGHTLY))]


SLIGHTLY: Vitals = {"resting_heart_rate": (60, 4.2, "/min", 2.6)}


def test_who_is_watched_by_one_vital_is_told_of_what_is_not_told_of_one_of_nine() -> None:
    """So that both are told as often of nothing."""
    assert heart_told(SLIGHTLY) == ["advisory"]
    assert heart_told(SLIGHTLY | STILL) == []


def limits_after(days: list[Vitals]) -> list[float]:
    """The limit of the patient after each of these days."""
    log, state, found, begin = Log(), PartitionState(), list[float](), 0
    log.profile("p-1")
    for day, vitals in enumerate(days):
        lived(log, vitals, range(day, day + 1))
        run(log, state=state, begin=begin)
        begin = len(log)
        known = state.weeks.budgets[:1] if len(state.weeks.budgets) else np.zeros(1, budget.STATE)
        found.append(float(budget.usual(known, 0.25)[0]))
    return found


def test_the_first_vital_of_which_a_week_is_known_is_not_the_only_one() -> None:
    """The weight came a fortnight after the heart rate: it counts before a week of it is known."""
    heart = {"resting_heart_rate": HEART["resting_heart_rate"]}
    both = heart | {"body_weight": OTHERS["body_weight"]}
    limits = limits_after([heart] * 14 + [both] * 20)
    assert budget.usual(np.zeros(1, budget.STATE), 0.25)[0] == pytest.approx(limits[13]), "nothing is known yet"
    assert limits[-1] == pytest.approx(budget.settings().told_from[2])


def test_a_person_who_ends_what_several_vitals_said_does_not_make_them_fewer() -> None:
    log, state = life(ALL), PartitionState()
    run(log, state=state)
    begin, rows = len(log), state.row_of[0][state.row_of[0] >= 0].astype(np.int64)
    state.weeks.rearm_together(0, rows)
    state.weeks.rearm(int(rows[0]), high=True, anew=False)
    lived(log, HEART, range(QUIET + ILL, QUIET + ILL + 1))
    run(log, state=state, begin=begin)
    assert state.weeks.budgets["vitals"][0] == len(ALL)


def test_a_vital_that_is_measured_no_more_is_forgotten_after_a_fortnight() -> None:
    heart = {"resting_heart_rate": HEART["resting_heart_rate"]}
    both = heart | {"body_weight": OTHERS["body_weight"]}
    limits = limits_after([both] * 40 + [heart] * 20)
    assert limits[39] == limits[39 + budget.MEASURED_DAYS] > limits[40 + budget.MEASURED_DAYS] == limits[-1]


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
        for name, (usual, _, unit, _) in STILL.items():
            log.read(code=name, value=usual, unit=unit)
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


SHIFTED: Vitals = {
    "resting_heart_rate": (60, 4.8, "/min", 2.6),
    "respiratory_rate": (15, 0, "/min", 0.9),
    "body_weight": (80, 0, "kg", 0.5),
}


def with_wide_weeks(days: int) -> tuple[Told, PartitionState]:
    """A life in which the budget has learned, by the time one vital shifts for good, as high a limit as it ever may."""
    log, state = life(SHIFTED, days), PartitionState()
    cut = 1 + QUIET * (len(SHIFTED) + 1)
    run(Log(log.records[:cut], log.now_us), state=state)
    state.weeks.budgets["wide"][0], state.weeks.budgets["learned"][0] = 9, 60_000
    return run(log, state=state, begin=cut), state


def test_what_the_patients_own_limit_withholds_is_on_the_record_with_its_reason_and_told_when_it_lasts() -> None:
    soon = next(one for one in run(life(SHIFTED, QUIET + 40)).findings if one.kind == "drift")
    told, _ = with_wide_weeks(QUIET + 40)
    withheld, lasting = [one for one in told.findings if one.kind == "drift"]
    assert (withheld.severity, withheld.event_at, soon.severity) == ("info", soon.event_at, "advisory")
    assert withheld.reason is not None
    assert "alert budget" in withheld.reason
    assert (lasting.severity, lasting.reason, soon.reason) == ("advisory", None, None)
    day, later = (datetime.fromisoformat(one.event_at) for one in (withheld, lasting))
    assert budget.settings().lasts_days <= (later - day).days <= budget.settings().lasts_days + 1
    opened = next(alert for alert in told.alerts if alert.problem == "resting_heart_rate.high")
    assert (opened.event, opened.event_at) == ("opened", lasting.event_at)
    assert "because it has stood for 10 days" in opened.explanation


def test_a_heart_that_beats_more_slowly_is_on_the_record_at_once_and_told_when_it_lasts() -> None:
    slower: Vitals = {"resting_heart_rate": (60, -4.8, "/min", 2.6)}
    noted, told = [one for one in run(life(slower, QUIET + 30)).findings if one.kind == "drift"]
    assert (noted.problem, noted.severity, told.severity) == ("resting_heart_rate.low", "info", "advisory")
    assert noted.reason is not None
    assert noted.event_at < told.event_at
    faster = next(one for one in run(life(HEART, QUIET + 30)).findings if one.kind == "drift")
    assert faster.severity == "advisory"


def test_what_is_withheld_is_not_learned_into_the_band() -> None:
    _, state = with_wide_weeks(QUIET + 20)
    assert state.weeks.table["open"][0] == 1
    assert state.weeks.table["level"][0] == pytest.approx(60, abs=1.5)


def test_a_limit_however_high_leaves_the_floors_alone() -> None:
    """A pulse beyond a limit for everyone is told at once, in every life the same."""
    log, state = life(SHIFTED, QUIET), PartitionState()
    run(log, state=state)
    begin = len(log)
    for code, value, unit in (("heart_rate", 141, "/min"), ("spo2", 79, "%")):
        for _ in range(3):
            log.read(patient="p-1", code=code, value=value, unit=unit)
            log.wait(MINUTE_US)
    plain = run(log).lines()["alerts"]
    state.weeks.budgets["wide"][0] = 9
    told = run(log, state=state, begin=begin)
    assert {alert.severity for alert in told.alerts} >= {"emergency"}
    assert told.lines()["alerts"] == plain[-len(told.alerts) :]


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
