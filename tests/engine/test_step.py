"""The laws of the step: what it tells depends on the log alone, and every reading is accounted for."""

import base64
from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.engine.state import Outcome, PartitionState
from tests.engine.factories import Log, Told, one_by_one, run
from tests.engine.histories import PATIENTS, History, histories

LAW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def everything(told: Told) -> dict[str, Any]:
    counts = told.rekeyed, told.received, told.outcomes, told.rejected, told.controls, told.late
    return told.lines() | {"counts": counts}


@LAW
@given(histories(), st.data())
def test_what_is_told_does_not_depend_on_where_batches_end(history: History, data: st.DataObject) -> None:
    log = history.log
    cuts = data.draw(st.lists(st.integers(0, len(log)), max_size=8))
    whole = everything(run(log))
    assert everything(run(log, cuts)) == whole
    assert everything(run(log, one_by_one(log))) == whole


def about(told: Told, patients: Iterable[str]) -> dict[str, list[str]]:
    """What was told about these patients, in order; rejects have no patient."""
    names = set(patients)
    part = Told(
        [a for a in told.alerts if a.patient in names], [f for f in told.findings if f.patient in names],
        [s for s in told.summaries if s.patient in names],
    )  # fmt: skip
    return part.lines()


@LAW
@given(histories(), st.sets(st.sampled_from(PATIENTS)))
def test_a_patients_alerts_do_not_depend_on_who_shares_the_partition(history: History, here: set[str]) -> None:
    log, there = history.log, set(PATIENTS) - here
    together = run(log)
    for patients in (here, there, *({patient} for patient in PATIENTS)):
        assert about(run(log.of(*patients)), patients) == about(together, patients)


@LAW
@given(histories())
def test_every_reading_is_decided_rejected_duplicate_or_withheld(history: History) -> None:
    log, state = history.log, PartitionState()
    told = run(log, state=state)
    assert told.received == sum(told.outcomes) == history.expected
    assert (state.received == state.counted.sum(axis=1)).all()
    assert state.meta_received == state.meta_counted.sum()
    assert told.of(Outcome.REJECTED) == told.rejected.total()
    assert_answers(log, told)


def assert_answers(log: Log, told: Told) -> None:
    """Every reject names its record and carries it; nothing else than rejected readings and control records has one."""
    for reject in told.rejects:
        assert base64.b64decode(reject.value_base64) == (log.records[reject.offset].value or b"")
    about_controls = sum(n for (kind, outcome), n in told.controls.items() if outcome == "refused")
    assert len(told.rejects) == told.of(Outcome.REJECTED) + about_controls


@LAW
@given(histories())
def test_alert_events_are_numbered_without_a_gap(history: History) -> None:
    seen: dict[str, int] = {}
    for alert in run(history.log).alerts:
        assert alert.sequence == seen.get(alert.alert_id, 0) + 1
        seen[alert.alert_id] = alert.sequence


@LAW
@given(histories())
def test_nobody_without_consent_is_charted_or_quoted(history: History) -> None:
    """Withheld readings never appear in summaries or rejects: the same log without them tells the same."""
    log = Log(list(history.log.records), history.log.now_us)
    for patient in PATIENTS:
        log.profile(patient, version=99, monitoring=False)
    begin, state = len(log), PartitionState()
    log.records += history.log.of(*PATIENTS).records
    log.records = log.records[:begin] + [r for r in log.records[begin:] if not r.headers]
    run(Log(log.records[:begin]), state=state)
    after = run(log, state=state, begin=begin)
    own = [reject for reject in after.rejects if reject.key in PATIENTS]
    assert (own, after.summaries, after.alerts, after.findings) == ([], [], [], [])
