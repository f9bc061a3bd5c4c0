"""Bench `forecast`: low glucose foretold for people of whom the network has learned nothing, next to AR(2).

People are dealt into five parts by their ids. For each part a network learns from all the others, and foretells for it:
what is reported was never fitted on. How far a forecast must reach to be told is then moved, as the limit of AR(2) is,
and what each finds is read at equal finding. Asked for it (`--fit`), a network that has learned from everybody is
written as `models/evidence/detectors.yaml` wants it: the one in use was made so.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from models.detectors import forecast
from models.detectors.forecast import Network
from models.segments import Ints
from models.times import US_PER_DAY, US_PER_S, to_us
from models.vitals import BY_NAME
from streams.benching.learning import WITHIN_MIN, Plan, calibrated, fit
from streams.errors import WrongSettings
from streams.scoring.comparators.ar2_glucose import Ar2Glucose
from streams.scoring.comparators.series import Series, Taken
from streams.scoring.datasets import cgm
from streams.scoring.records import Alert, Label, label
from streams.scoring.tally import Tally, tally

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]
PARTS = 5
MINUTE_US, YEAR_DAYS = 60 * US_PER_S, 365.25
TEACHES_BELOW = 115.0
"""mg/dL. From higher up hardly anybody is low within the hour, and the network would learn that alone."""
IN_USE = -1.32
"""Log odds from which the network in use foretells: half of what is foretold is foretold a quarter of an hour ahead."""
TOLD_FROM = np.array([-1.9, -1.7, -1.5, -1.4, IN_USE, -1.2, -1.1, -0.9])
"""Log odds from which a low is foretold, for the table; AR(2) at limits that find about as much [mg/dL]."""
AR2_LIMITS = (68.5, 69.0, 69.5, 70.0, 70.5, 71.0, 71.5)
EVENT, PLAN = "low_70", Plan()


@dataclass(frozen=True)
class Course:
    """One person's samples in order of time: at (n,) [us], value (n,) [mg/dL]; labels: of the lows that should be
    foretold; part: in which of PARTS the person is."""

    patient: str
    at: Ints
    value: Floats
    labels: Sequence[Label]

    @property
    def part(self) -> int:
        return hashlib.sha256(self.patient.encode()).digest()[1] % PARTS

    @property
    def onsets(self) -> Ints:
        return np.array(sorted(one.event_us or 0 for one in self.labels), np.int64)


@dataclass(frozen=True)
class Lessons:
    """Samples to learn from, (n,): features (n, k), soon (n, targets), part: of whose they are."""

    features: Floats
    soon: Floats
    part: Ints


@dataclass
class Found:
    """What was foretold: of `lows` so many, minutes ahead of each, false ones a patient-year. told_from: the limit."""

    told_from: float
    lows: int = 0
    hits: int = 0
    false_a_year: float = 0.0
    ahead_min: float | None = None


@dataclass
class Result:
    """Points of both rules; seconds that it took; the network that learned from everybody, if it was asked for."""

    people: int
    ours: list[Found]
    ar2: list[Found]
    seconds: float
    network: Network | None = None


def measure(
    data: Path, plan: Plan = PLAN, *, whole: bool = False, progress: Progress = lambda _: None
) -> Result:  # fmt: skip
    """Foretell for each part what was learned of the others. whole: learn from everybody too. Raises WrongSettings if
    the folder holds no glucose."""
    began, courses = time.perf_counter(), read(data)
    progress(f"{len(courses)} people, {sum(len(one.labels) for one in courses)} lows")
    taught = lessons(courses)
    networks = []
    for part in range(PARTS):
        others = taught.part != part
        networks.append(fit(taught.features[others], taught.soon[others], plan))
        progress(f"learned from all but part {part + 1} of {PARTS}")
    ours = [_point(float(at), _foretold(courses, networks, float(at)), courses) for at in TOLD_FROM]
    ar2 = [_point(limit, _by_ar2(courses, limit), courses) for limit in AR2_LIMITS]
    network = _of_everybody(taught, networks, plan) if whole else None
    return Result(len(courses), ours, ar2, time.perf_counter() - began, network)


def read(data: Path) -> list[Course]:
    """Everybody of the public sets with two samples or more."""
    folder = data / "cgm" if (data / "cgm").is_dir() else data
    try:
        return [_course(one.patient, one.drafts, one.labels) for one in cgm.people(folder) if len(one.drafts) > 1]
    except (OSError, KeyError, ValueError) as error:
        wanted = ", ".join(file for file, _ in cgm.SETS.values())
        raise WrongSettings(f"{folder} holds no glucose sets as published, which are {wanted}: {error}") from error


def _course(patient: str, drafts: Sequence[Any], labels: Iterable[dict[str, Any]]) -> Course:
    at = np.array([to_us(draft.at) for draft in drafts], np.int64)
    value = np.array([draft.fields["value"] for draft in drafts], np.float64)
    later = np.concatenate([[True], np.diff(at) > 0])
    return Course(patient, at[later], value[later], [label(one) for one in labels if one["event"] == EVENT])


def _rounds(courses: Sequence[Course]) -> Iterator[tuple[Ints, Ints, Floats]]:
    """One sample of everybody who has so many, after the other: rows, at, value."""
    for k in range(max((len(one.at) for one in courses), default=0)):
        rows = np.array([row for row, one in enumerate(courses) if k < len(one.at)])
        at = np.array([courses[row].at[k] for row in rows])
        yield rows, at, np.array([courses[row].value[k] for row in rows])


def lessons(courses: Sequence[Course]) -> Lessons:
    """What the samples of everybody have to teach: those that are near enough, and not low already."""
    states, onsets = np.zeros(len(courses), forecast.STATE), [one.onsets for one in courses]
    parts, s = np.array([one.part for one in courses]), forecast.settings()
    features, soon, part = list[Floats](), list[Floats](), list[Ints]()
    for rows, at, value in _rounds(courses):
        forecast.watch(states, rows, at, value)
        known = (states["at"][rows] == at) & (states["run"][rows] >= s["known_after"])
        which = np.flatnonzero(known & (value >= s["low"]) & (value < TEACHES_BELOW))
        features.append(forecast.features(states[rows[which]]))
        soon.append(np.array([_soon(onsets[rows[i]], int(at[i])) for i in which]).reshape(-1, len(WITHIN_MIN)))
        part.append(parts[rows[which]])
    return Lessons(np.concatenate(features), np.concatenate(soon), np.concatenate(part))


def _soon(onsets: Ints, at_us: int) -> list[float]:
    """Whether the next low begins within each of WITHIN_MIN."""
    later = onsets[np.searchsorted(onsets, at_us, side="right") :][:1]
    return [float(len(later) > 0 and later[0] - at_us <= minutes * MINUTE_US) for minutes in WITHIN_MIN]


def _foretold(courses: Sequence[Course], networks: Sequence[Network], told_from: float) -> list[Alert]:
    """What the networks foretell, each for the part that it has not seen, from these log odds on."""
    alerts, chance = list[Alert](), float(1 / (1 + np.exp(-told_from)))
    for part, network in enumerate(networks):
        mine = [one for one in courses if one.part == part]
        alerts += _told(mine, network._replace(raise_at=chance, clear_at=chance))
    return alerts


def _told(courses: Sequence[Course], network: Network) -> list[Alert]:
    states, alerts = np.zeros(len(courses), forecast.STATE), list[Alert]()
    for rows, at, value in _rounds(courses):
        changes = forecast.watch(states, rows, at, value, network)
        for i in changes.index[changes.what == forecast.RAISE].tolist():
            alerts.append(Alert(courses[rows[i]].patient, int(at[i]), forecast.PROBLEM, kind="condition"))
    return alerts


def _by_ar2(courses: Sequence[Course], limit: float) -> list[Alert]:
    rule, glucose, alerts = Ar2Glucose(), BY_NAME["glucose"].index, list[Alert]()
    for one in courses:
        series = Series(one.patient, taken={glucose: Taken(one.at, one.value, np.ones(len(one.at), bool))})
        alerts += [Alert(one.patient, call.at_us, call.problem, kind="condition") for call in rule.calls(series, limit)]
    return alerts


def _point(told_from: float, alerts: Sequence[Alert], courses: Sequence[Course]) -> Found:
    """What these alerts found of the lows, how long before, and how many were about nothing."""
    of = {one.patient: list[Alert]() for one in courses}
    for alert in alerts:
        of[alert.patient].append(alert)
    sums = [_tally(one, of[one.patient]) for one in courses]
    days, ahead = sum(one.days for one in sums), [hours * 60 for one in sums for hours in one.ahead_h]
    return Found(
        told_from, sum(one.labels for one in sums), sum(one.hits for one in sums),
        YEAR_DAYS * sum(one.unexplained for one in sums) / max(days, 1 / US_PER_DAY), median(ahead) if ahead else None,
    )  # fmt: skip


def _tally(one: Course, alerts: Sequence[Alert]) -> Tally:
    return tally(alerts, one.labels, one.labels, (int(one.at[0]), int(one.at[-1])))


def _of_everybody(taught: Lessons, networks: Sequence[Network], plan: Plan) -> Network:
    """The network that learned from everybody, its chances made shares on what others than it were asked of people
    they had not seen."""
    scores = np.zeros(len(taught.part))
    for part, network in enumerate(networks):
        mine = taught.part == part
        scores[mine] = forecast.log_odds(taught.features[mine], network)
    whole = fit(taught.features, taught.soon, plan)
    return calibrated(whole, scores, taught.soon[:, WITHIN_MIN.index(30)], IN_USE)


def as_json(result: Result) -> dict[str, Any]:
    """Both rules, point by point, under `forecast`."""
    return {"forecast": {name: told for name, told in asdict(result).items() if name != "network"}}


def as_text(result: Result) -> str:
    """Both rules, point by point."""
    lines = [f"{result.people} people, each foretold by what was learned of others; lows begun within the hour after"]
    lines += ["", f"{'rule':22} {'found':>9} {'false a year':>13} {'min ahead':>10}"]
    for name, points in (("homebeat, log odds", result.ours), ("ar2, mg/dL", result.ar2)):
        lines += [_line(name, one) for one in points]
    return "\n".join(lines)


def _line(name: str, one: Found) -> str:
    ahead = "-" if one.ahead_min is None else f"{one.ahead_min:.0f}"
    return f"{f'{name} {one.told_from:g}':22} {f'{one.hits}/{one.lows}':>9} {one.false_a_year:13.1f} {ahead:>10}"


def as_evidence(network: Network) -> str:
    """The network in the words of the evidence (`glucose_forecast`), in three decimals."""
    rows = "\n".join(f"  - {_listed(row)}" for row in network.hidden)
    return (
        f"hidden:\n{rows}\nhidden_bias: {_listed(network.hidden_bias)}\n"
        f"weights: {_listed(network.weights)}\nbias: {network.bias:.3f}\n"
        f"raise_at: {network.raise_at:.3f}\nclear_at: {network.clear_at:.3f}\n"
    )


def _listed(figures: Floats) -> str:
    return "[" + ", ".join(f"{figure:.3f}" for figure in figures) + "]"
