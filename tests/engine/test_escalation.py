"""Escalation and calm in the engine: time comes from ticks, and it is the same however the log is cut or restarted."""

from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.configuration.settings import Settings
from streams.configuration.team_answers import TeamAnswers
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings
from tests.engine.factories import MINUTE_US, SECRET, Log, Told, one_by_one, run
from tests.engine.histories import History, histories

USUAL = EngineSettings(SECRET)
"""The policy as it is by default."""
LAW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def unanswered(minutes: int = 30) -> Log:
    """A low saturation that nobody answers, and a tick every ten seconds."""
    log = Log()
    log.profile(care_team="cardiology-home")
    log.read(code="spo2", value=78.0)
    for _ in range(minutes * 6):
        log.wait(MINUTE_US // 6)
        log.tick()
    return log


def clinical(told: Told) -> list[tuple[str, int, float]]:
    """(event, rung, minutes after the first) of the alert itself."""
    first = told.alerts[0].decided_at
    return [(a.event, a.rung, _minutes(first, a.decided_at)) for a in told.alerts if a.problem == "spo2.low"]


def _minutes(first: str, then: str) -> float:
    return (datetime.fromisoformat(then) - datetime.fromisoformat(first)).total_seconds() / 60


def test_an_unanswered_emergency_goes_up_the_chain_and_ends_as_an_alarm() -> None:
    told = run(unanswered(), settings=USUAL)
    assert clinical(told) == [("opened", 0, 0.0), ("escalated", 1, 5.0), ("escalated", 2, 10.0)]
    alarm = next(a for a in told.alerts if a.kind == "delivery")
    assert (alarm.event, alarm.rung, alarm.care_team) == ("opened", 3, "cardiology-home")
    assert _minutes(told.alerts[0].decided_at, alarm.decided_at) == 15


def test_the_chain_is_the_same_in_one_slice_and_record_by_record() -> None:
    log = unanswered()
    assert run(log, settings=USUAL).lines() == run(log, one_by_one(log), settings=USUAL).lines()


def test_an_answer_stops_it_from_its_place_in_the_log_on() -> None:
    log = unanswered(7)
    log.act(run(log, settings=USUAL).alerts[0].alert_id)
    for _ in range(60):
        log.wait(MINUTE_US)
        log.tick()
    assert [event for event, _, _ in clinical(run(log, settings=USUAL))] == ["opened", "escalated", "acknowledged"]


@LAW
@given(histories(), st.lists(st.integers(1, 400), max_size=6))
def test_the_policy_decides_the_same_however_the_log_is_cut(history: History, cuts: list[int]) -> None:
    whole = run(history.log, settings=USUAL)
    assert run(history.log, cuts, settings=USUAL).lines() == whole.lines()


@LAW
@given(histories(), st.integers(1, 400))
def test_the_policy_goes_on_after_a_restart(history: History, cut: int) -> None:
    log, state = history.log, PartitionState()
    cut = min(cut, len(log))
    before = run(Log(log.records[:cut], log.now_us, log.partition), state=state, settings=USUAL)
    state = restored(pack_dirty(state, 0).pages, 0)
    after = run(log, state=state, begin=cut, settings=USUAL)
    whole = run(log, settings=USUAL).lines()["alerts"]
    assert before.lines()["alerts"] + after.lines()["alerts"] == whole


def test_patients_of_teams_with_other_times_are_asked_by_them_however_the_log_is_cut() -> None:
    own = {"stroke-unit": TeamAnswers(emergency_min=2, rungs=2), "home": TeamAnswers(emergency_min=8)}
    engine = EngineSettings(SECRET, policy=Settings(team_answers=own).policy)
    log = Log()
    for patient, team in (("p-1", "stroke-unit"), ("p-2", "home"), ("p-3", "cardiology-home")):
        log.profile(patient, care_team=team)
        log.read(patient=patient, code="spo2", value=78.0)
    for minute in range(240):
        log.wait(MINUTE_US // 6)
        log.tick()
        if minute == 60:
            log.profile("p-2", version=2, care_team="stroke-unit")
    told = run(log, settings=engine)
    first = told.alerts[0].decided_at
    steps: dict[str, list[tuple[str, int, float]]] = {"p-1": [], "p-2": [], "p-3": []}
    for one in told.alerts:
        steps[one.patient].append((one.event, one.rung, _minutes(first, one.decided_at)))
    assert steps["p-1"][:3] == [("opened", 0, 0.0), ("escalated", 1, 2.0), ("opened", 2, 4.0)]
    assert steps["p-2"][:2] == [("opened", 0, 0.0), ("escalated", 1, 8.0)]
    (event, rung, moved), *then = steps["p-2"][2:]
    assert (event, rung, 8 < moved < 11) == ("updated", 0, True)
    assert then == [("escalated", 1, moved + 2), ("opened", 2, moved + 4)], "two minutes for each of two"
    assert [one[2] for one in steps["p-3"]] == [0.0, 5.0, 10.0, 15.0]
    assert run(log, one_by_one(log), settings=engine).lines() == told.lines()
