"""The forecast's bench: nobody is foretold by what was learned of them, and what it writes is what it measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from models.detectors import forecast
from models.times import US_PER_S
from streams.benching import foretelling
from streams.benching.foretelling import Course, lessons
from streams.benching.learning import WITHIN_MIN, Plan, calibrated, fit
from streams.errors import WrongSettings
from streams.scoring.records import Alert, Label

STEP_US, MINUTE_US = 300 * US_PER_S, 60 * US_PER_S
SMALL = Plan(networks=1, units=6, rounds=3)


def course(patient: str, seed: int, samples: int = 240) -> Course:
    """Glucose that swings between 65 and 135 mg/dL every four hours, about."""
    random, at = np.random.default_rng(seed), np.arange(1, samples + 1, dtype=np.int64) * STEP_US
    swing = 2 * np.pi * np.arange(samples) / 48 + random.uniform(0, 6)
    value = np.round(100 + 35 * np.sin(swing) + random.normal(0, 1.5, samples), 1)
    begins = at[1:][(value[1:] < 70) & (value[:-1] >= 70)].tolist()
    apart = [us for k, us in enumerate(begins) if not k or us - begins[k - 1] > 120 * MINUTE_US]
    labels = [
        Label(patient, us - 60 * MINUTE_US, us - 1, ("glucose.low_ahead",), us + 60 * MINUTE_US, us) for us in apart
    ]
    return Course(patient, at, value, labels)


EVERYBODY = [course(f"p-{k}", k) for k in range(30)]


def test_samples_that_are_near_teach_whether_a_low_begins_and_no_others_do() -> None:
    taught = lessons(EVERYBODY[:1])
    (one,), s = EVERYBODY[:1], forecast.settings()
    near = [
        (int(at), float(value))
        for k, (at, value) in enumerate(zip(one.at, one.value, strict=True))
        if k + 1 >= s["known_after"] and s["low"] <= value < foretelling.TEACHES_BELOW
    ]
    assert taught.features.shape == (len(near), len(s["features"]))
    ahead = [min((us - at for us in one.onsets.tolist() if us > at), default=10**15) for at, _ in near]
    assert taught.soon.tolist() == [[float(us <= minutes * MINUTE_US) for minutes in WITHIN_MIN] for us in ahead]
    assert set(taught.part.tolist()) == {one.part}


def test_nobody_is_foretold_by_a_network_that_has_seen_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def noted(features: np.ndarray, soon: np.ndarray, plan: Plan) -> forecast.Network:
        seen.append(features)
        return fit(features, soon, plan)

    monkeypatch.setattr(foretelling, "read", lambda _: EVERYBODY)
    monkeypatch.setattr(foretelling, "fit", noted)
    monkeypatch.setattr(foretelling, "TOLD_FROM", np.array([-1.0]))
    result = foretelling.measure(Path(), SMALL)
    assert (len(seen), result.people, result.network) == (foretelling.PARTS, len(EVERYBODY), None)
    taught = lessons(EVERYBODY)
    for part, features in enumerate(seen):
        assert any(one.part == part for one in EVERYBODY)
        assert np.array_equal(features, taught.features[taught.part != part])


def test_what_swings_is_soon_foretold_and_a_network_that_knows_nothing_finds_less() -> None:
    taught = lessons(EVERYBODY)
    learned = fit(taught.features, taught.soon, replace(SMALL, rounds=60, batch=64))
    knows_nothing = learned._replace(weights=np.zeros_like(learned.weights), bias=-1.0)
    others = [course(f"q-{k}", 100 + k) for k in range(10)]
    found, nothing = (
        foretelling._point(0.0, foretelling._foretold(others, [network] * foretelling.PARTS, -0.5), others)
        for network in (learned, knows_nothing)
    )
    assert found.lows == nothing.lows > 20
    assert found.hits > 0.9 * found.lows
    assert nothing.hits == 0
    assert found.ahead_min is not None
    assert found.ahead_min >= 10


def test_a_point_counts_what_was_found_ahead_and_what_was_about_nothing() -> None:
    one = EVERYBODY[0]
    first, second = one.labels[:2]
    at = [first.event_us or 0, second.event_us or 0]
    alerts = [
        Alert(one.patient, us, "glucose.low_ahead", kind="condition")
        for us in (at[0] - 20 * MINUTE_US, at[1] - 40 * MINUTE_US, at[0] + 70 * MINUTE_US)
    ]
    point = foretelling._point(70.0, alerts, [one])
    days = (one.at[-1] - one.at[0]) / (86_400 * US_PER_S)
    assert (point.lows, point.hits, point.ahead_min) == (len(one.labels), 2, 30)
    assert point.false_a_year == pytest.approx(365.25 / days)


def test_chances_become_shares() -> None:
    random = np.random.default_rng(2)
    score = random.normal(-1, 2, 4000)
    low = (random.random(4000) < 1 / (1 + np.exp(-(0.6 * score - 1.5)))).astype(float)
    network = forecast.network()
    told = calibrated(network, score, low, told_from=-1.0)
    stretch = told.weights[0] / network.weights[0]
    assert stretch == pytest.approx(0.6, abs=0.06)
    assert told.bias - network.bias * stretch == pytest.approx(-1.5, abs=0.15)
    assert told.raise_at == told.clear_at == pytest.approx(1 / (1 + np.exp(2.1)), abs=0.02)


def test_what_is_written_is_the_network_to_three_decimals() -> None:
    network = forecast.network()
    read = yaml.safe_load(foretelling.as_evidence(network))
    for name in forecast.Network._fields:
        assert np.array(read[name]) == pytest.approx(np.array(getattr(network, name)), abs=6e-4)


def test_a_folder_without_glucose_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(
        WrongSettings, match=r"holds no glucose sets as published, which are Hall2018_processed_akhil\.csv\.gz, "
    ):
        foretelling.measure(tmp_path)
