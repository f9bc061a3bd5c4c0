"""NEWS2 on a patient's page: between bounds, of one set of observations, for whom it was made, and never an alert."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from alerts.desk.chart import Window
from alerts.desk.early_warning import at_rest, early_warning
from alerts.desk.store import Store
from alerts.desk.worklist import instant
from models.readings import Aside, VitalSummary
from tests.desk.databases import Databases
from tests.engine.factories import MINUTE_US, Log, run

NOW_S = 1_767_700_000.0
MINUTE_S, HOUR_S = 60.0, 3600.0
WELL = {"respiratory_rate": 16.0, "spo2": 97.0, "systolic_bp": 124.0, "heart_rate": 72.0, "body_temperature": 36.9}
Newest = list[tuple[str, Window, Window | None]]


def window(value: float | None, at_s: float, state: str = "normal") -> Window:
    figures: dict[str, Any] = dict.fromkeys(("mean", "min", "max", "expected", "low", "high"), value)
    return Window(start_s=at_s, period_s=900.0, n=0 if value is None else 1, state=state, **figures)


def newest(values: dict[str, float], ago_s: dict[str, float] | None = None) -> Newest:
    ago = ago_s or {}
    seen = {vital: window(value, NOW_S - HOUR_S - ago.get(vital, 0.0)) for vital, value in values.items()}
    return [(vital, one, one) for vital, one in seen.items()]


def profile(**known: Any) -> str:
    return json.dumps({"patient": "p-1", "version": 1, "consent": {"monitoring": True}, **known})


def told(seen: Newest, body: str | None = None, now_s: float | None = NOW_S) -> dict[str, Any]:
    found = early_warning(seen, body, now_s)
    assert found is not None
    return found


def test_what_is_missing_is_named_and_widens_the_bounds() -> None:
    one = told(newest(WELL))
    assert (one["lower"], one["upper"], one["risk"], one["red"], one["scale"]) == (0, 5, "low", False, 1)
    assert one["missing"] == ["whether oxygen is given", "consciousness"]
    whole = told(newest(WELL | {"consciousness": 0.0}))
    assert (whole["upper"], whole["missing"]) == (2, ["whether oxygen is given"])


def test_a_set_that_is_worse_scores_by_its_parts() -> None:
    one = told(newest(WELL | {"respiratory_rate": 26.0, "spo2": 93.0, "heart_rate": 115.0}))
    assert (one["lower"], one["upper"], one["risk"], one["red"]) == (7, 12, "high", True)


@pytest.mark.parametrize(("vital", "ago_s", "counts"), [
    ("spo2", 15 * MINUTE_S, True), ("spo2", 16 * MINUTE_S, False), ("systolic_bp", 4 * HOUR_S, True),
    ("systolic_bp", 4 * HOUR_S + 1, False), ("body_temperature", 4 * HOUR_S, True),
])  # fmt: skip
def test_a_part_counts_beside_the_newest_for_as_long_as_the_evidence_says(
    vital: str, ago_s: float, counts: bool
) -> None:
    one = told(newest(WELL, {vital: ago_s}))
    assert (len(one["missing"]) == 2) is counts


def test_too_few_parts_or_too_old_a_set_are_no_score() -> None:
    two = {vital: WELL[vital] for vital in ("spo2", "heart_rate")}
    assert early_warning(newest(two), None, NOW_S) is None
    assert early_warning(newest(WELL), None, NOW_S + 23 * HOUR_S) is not None
    assert early_warning(newest(WELL), None, NOW_S + 23 * HOUR_S + 1) is None
    assert early_warning([], None, NOW_S) is None
    assert early_warning(newest(WELL), None, None) is None


def test_what_is_withheld_is_missing() -> None:
    seen = [(vital, now, last) for vital, now, last in newest(WELL) if vital != "spo2"]
    seen.append(("spo2", window(None, NOW_S - HOUR_S, "withheld"), window(70.0, NOW_S - HOUR_S)))
    one = told(seen)
    assert "oxygen saturation" in one["missing"]
    assert one["lower"] == 0


STAIRS: dict[str, tuple[float, float]] = {"heart_rate": (72, 135), "respiratory_rate": (16, 27), "spo2": (97, 91)}


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    made = Store(databases.cache)
    yield made
    made.close()


@pytest.mark.parametrize(("activity", "lower", "risk"), [
    ("exercise", 2, "low"), ("unknown", 11, "high"), ("rest", 11, "high"),
])  # fmt: skip
def test_who_climbs_stairs_is_not_scored_for_it_and_who_does_not_say_what_they_do_is(
    store: Store, activity: str, lower: int, risk: str
) -> None:
    """An hour at rest with a low pressure at its end, and a quarter of one of which the readings say what it was."""
    log = Log()
    log.profile()
    for minute in range(75):
        stairs = minute >= 60
        says: dict[str, Any] = {"context": {"activity": activity}} if stairs else {}
        for code, (calm, climbing) in STAIRS.items():
            log.read(code=code, value=climbing if stairs else calm, **says)
        if minute == 58:
            log.read(code="systolic_bp", value=96)
        log.wait(MINUTE_US)
    log.wait(30 * MINUTE_US)
    log.tick()
    store.put_summaries(run(log).summaries)
    one = early_warning(store.newest("p-1", at_rest()), None, store.log_time_s)
    assert one is not None
    assert (one["lower"], one["risk"]) == (lower, risk)


def test_one_looks_back_a_day_for_a_patient_at_rest(store: Store) -> None:
    figures: dict[str, Any] = dict.fromkeys(("mean", "min", "max"), 72.0) | dict.fromkeys(("expected", "low", "high"))
    for hour in range(40):
        aside: Aside | None = None if hour == 8 else "sensor" if hour % 2 else "moving"
        store.put_summaries([VitalSummary(
            patient="p-1", vital="heart_rate", start=str(instant(NOW_S + hour * HOUR_S)), period_s=900.0, n=1,
            state="unknown", aside=aside, **figures,
        )])  # fmt: skip
        ((_, now, rest),) = store.newest("p-1", ["heart_rate"])
        assert now.start_s == NOW_S + hour * HOUR_S
        assert (rest is not None) is (8 <= hour <= 32) or 32 < hour < 38, hour
        assert rest is None or rest.start_s == NOW_S + 8 * HOUR_S


@pytest.mark.parametrize(("low", "high", "scale"), [(88, 92, 2), (88, 96, 1), (None, 92, 1), (94, 98, 1)])
def test_scale_2_is_for_whom_88_to_92_is_prescribed(low: float | None, high: float, scale: int) -> None:
    target = {"vital": "spo2", "low": low, "high": high, "author": "dr-1"}
    one = told(newest(WELL | {"spo2": 90.0}), profile(targets=[target]))
    assert (one["scale"], one["lower"]) == (scale, 0 if scale == 2 else 3)


@pytest.mark.parametrize("known", [
    {"birth_date": "2015-01-01"},
    {"conditions": [{"code": "pregnancy_preeclampsia"}]},
    {"trajectories": [{"condition": "pregnancy_preeclampsia", "anchor": "lmp", "date": "2025-09-01"}]},
])  # fmt: skip
def test_it_is_not_shown_of_whom_it_was_not_made_for(known: dict[str, Any]) -> None:
    assert early_warning(newest(WELL), profile(**known), NOW_S) is None
    assert early_warning(newest(WELL), profile(birth_date="2000-01-01"), NOW_S) is not None
    later = {"condition": "postop_joint", "anchor": "surgery", "date": "2025-12-01"}
    assert early_warning(newest(WELL), profile(trajectories=[later]), NOW_S) is not None


def test_of_a_profile_that_cannot_be_read_nobody_knows_whom_it_is_for() -> None:
    assert early_warning(newest(WELL), "{", NOW_S) is None
