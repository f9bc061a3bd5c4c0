"""Bench `scorecard`: homebeat's own replay and the published rules on the same data, in one table.

The data are a folder by argument: with readings.jsonl.gz, profiles.jsonl and labels.jsonl in it (as `homebeat simulate`
writes them), or with public sets under their own names (see `streams.scoring.datasets`). Nothing is tuned on them, but
for the limits of the published rules where they are held against homebeat at equal alerts or equal finding.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.times import US_PER_S
from streams.configuration.settings import Settings
from streams.errors import Failed, WrongSettings
from streams.replaying.replay import run_replay
from streams.scoring import deciles
from streams.scoring.comparators.every import comparators
from streams.scoring.comparators.rule import Comparator, alert_lines
from streams.scoring.comparators.series import Series, read
from streams.scoring.datasets.prepared import LABELS, PROFILES, READINGS, SETS, prepare
from streams.scoring.gate import Verdict, in_words
from streams.scoring.records import BadRecord, Json, Label, Span, label, opened
from streams.scoring.score import objects, observed, score
from streams.scoring.versus import Half, Point, at_equal_alerts, at_equal_finding, of_half, point, sums

BATCH = 4096
OURS = "homebeat"
PERSONAL = f"{OURS}, personal"
PARTS = {
    f"{OURS}, floors": {"limit"},
    PERSONAL: {"deviation", "drift", "change_index"},
    f"{OURS}, rules": {"condition", "early_warning"},
}
"""Rows of homebeat's kinds of clinical alerts, next to all of them together."""
SETTLED_DAYS = 56
"""Eight weeks: from then on the alert budget must hold for everybody (DESIGN 5.6)."""
KEPT_WITHIN = 2.0
"""The budget is kept where a rate lies within this factor of it."""
LEAST_EXPECTED = 10.0
"""Alerts that the budget grants a tenth of the patients: with fewer, luck alone leaves tenths without any."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Question:
    """What is asked of a data set: the labels of these events (all where None), answered by alerts of these kinds."""

    name: str
    events: frozenset[str] | None = None
    kinds: frozenset[str] | None = None


QUESTIONS = {
    "cgm": (
        Question("cgm: below 54 mg/dL, by the third sample", frozenset({"low_54"})),
        Question("cgm: below 70 mg/dL, foretold", frozenset({"low_70"}), frozenset({"early_warning", "condition"})),
    )
}


@dataclass(frozen=True)
class Data:
    """One data set, ready to be scored."""

    name: str
    series: list[Series]
    labels: Sequence[Json]
    of: dict[str, Span]
    ours: Sequence[Json]
    profiles: Sequence[Json] = ()
    per_month: float = 0.0
    """Alerts a person-month from noise that the deployment allows."""


def measure(
    data: Path, settings: Settings, *, sets: Sequence[str] = (), out: Path | None = None, half: Half | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Tables by question. sets: names of public sets, all that are there if empty; out: keeps what was made, and takes
    it from there the next time; half: of the patients. Raises WrongSettings when the folder holds no data."""
    began, tables, equity = time.perf_counter(), {}, dict[str, list[Verdict]]()
    with _folder(out) as made:
        for name, folder in _found(data, sets, made, progress):
            ready = _ready(name, folder, made, settings, half, progress)
            for question in QUESTIONS.get(name, (Question(name),)):
                tables[question.name] = _table(question, ready, progress)
                equity[question.name] = _equity(question, ready)
    return {
        "tables": tables, "half": half, "scorecard_took_s": round(time.perf_counter() - began, 1),
        "equity": {name: [asdict(one) for one in verdicts] for name, verdicts in equity.items()},
        "equity_failure": in_words([one for verdicts in equity.values() for one in verdicts]),
    }  # fmt: skip


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        yield out
    else:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)


def _found(data: Path, sets: Sequence[str], made: Path, progress: Progress) -> Iterator[tuple[str, Path]]:
    """Name and folder of every data set, public ones in the words of the contract."""
    if (data / READINGS).exists():
        missing = [name for name in (PROFILES, LABELS) if not (data / name).exists()]
        if missing:
            raise WrongSettings(f"{data} holds {READINGS} without {' and '.join(missing)}: add it, empty if need be")
        yield data.name, data
        return
    there = [name for name, (folder, _) in SETS.items() if (data / folder).is_dir() and (not sets or name in sets)]
    if not there:
        known = ", ".join(folder for folder, _ in SETS.values())
        raise WrongSettings(
            f"{data} holds neither {READINGS} nor a public set ({known}): name another folder by --data"
        )
    for name in there:
        if not (made / name / LABELS).exists():
            progress(f"{name}: reading the set")
            prepare(name, data / SETS[name][0], made / name)
        yield name, made / name


def _ready(name: str, folder: Path, made: Path, settings: Settings, half: Half | None, progress: Progress) -> Data:
    readings, profiles, alerts = folder / READINGS, folder / PROFILES, made / f"{name}.homebeat.jsonl"
    labels, people = _labels(folder / LABELS), list(objects(profiles))
    progress(f"{name}: replay")
    run_replay(
        readings=[readings], profiles=profiles, actions=None, out=alerts, batch=BATCH, summaries=None,
        unknown_patients="monitor", settings=settings,
    )  # fmt: skip
    progress(f"{name}: published rules")
    ahead_us = settings.clock_tolerance_s * US_PER_S
    spans = observed([readings], ahead_us)
    strangers = sorted({line["patient"] for line in labels} - spans.keys())
    if strangers:
        progress(f"{name}: the labels of {len(strangers)} people without a reading are left out, {strangers[0]} first")
    of = {patient: span for patient, span in spans.items() if of_half(patient, half)}
    series = [one for one in read([readings], people, ahead_us) if one.patient in of]
    parts = labels, objects(alerts), people
    known, ours, profiled = ([line for line in lines if line.get("patient") in of] for lines in parts)
    return Data(name, series, known, of, ours, profiled, settings.advisories_per_month)


def _labels(path: Path) -> list[dict[str, Any]]:
    """The labels of a file, looked at before minutes of replay. Raises Failed for one that cannot be scored."""
    lines = list(objects(path))
    try:
        for line in lines:
            label(line)
    except BadRecord as wrong:
        raise Failed(f"{path}: {wrong}") from None
    return lines


def _table(question: Question, data: Data, progress: Progress) -> list[dict[str, Any]]:
    """A row for homebeat and each of its kinds of alerts, and for each published rule that says anything here."""
    lines, ours = _asked(question, data)
    labels = [label(line) for line in lines]
    rows = [_row(OURS, ours, lines, labels, data)]
    rows += [_row(name, _kinds(ours, kinds), lines, labels, data) for name, kinds in PARTS.items()]
    for rule in comparators():
        progress(f"{question.name}: {rule.name}")
        points = [point(limit, opened(_calls(rule, data, limit)), labels, data.of) for limit in rule.limits]
        if any(one.alerts_per_person_month for one in points):
            row = _row(rule.name, _calls(rule, data, rule.limit), lines, labels, data)
            against = _against(rows, points) if labels else {}
            rows.append({**row, "source": rule.source, "limit": rule.limit, **against})
    return rows


def _asked(question: Question, data: Data) -> tuple[list[Json], list[Json]]:
    """The labels that a question is about, and homebeat's alerts that may answer it."""
    lines = [line for line in data.labels if question.events is None or line.get("event") in question.events]
    return lines, [line for line in data.ours if question.kinds is None or line["kind"] in question.kinds]


def _equity(question: Question, data: Data) -> list[Verdict]:
    """Whether a group of these patients is worse off with homebeat than is allowed."""
    lines, ours = _asked(question, data)
    return list(score(ours, lines, observed=data.of, profiles=data.profiles).equity)


def _kinds(lines: list[Json], kinds: set[str]) -> list[Json]:
    return [line for line in lines if line["kind"] in kinds]


def _calls(rule: Comparator, data: Data, limit: float) -> list[Json]:
    return [line for one in data.series for line in alert_lines(rule.name, one, rule.calls(one, limit))]


def _against(rows: list[dict[str, Any]], points: list[Point]) -> dict[str, Any]:
    """The rule at as many alerts as homebeat, and at as much found: by row of homebeat."""
    ours = {row["rule"]: row for row in rows if row["rule"].startswith(OURS) and row["alerts"]}
    return {
        "at_equal_alerts": {
            name: _plain(at_equal_alerts(points, row["alerts_per_person_month"])) for name, row in ours.items()
        },
        "at_equal_finding": {name: _plain(at_equal_finding(points, row["hits"])) for name, row in ours.items()},
    }


def _plain(found: Point | None) -> dict[str, float] | None:
    return None if found is None else asdict(found)


FIGURES = (
    "sensitivity", "expected_by_chance", "excess", "standing_expected_by_chance", "alerts_per_person_month",
    "unexplained_alerts_per_patient_year", "lead_time_h", "lead_before_event_h", "worklist_items_per_patient_day",
    "no_alert_windows_by_chance",
)  # fmt: skip
COUNTS = (
    "patients", "patient_days", "labels", "hits", "standing_hits", "alerts", "technical_labels", "technical_hits",
    "no_alert_windows", "no_alert_windows_with_alert",
)  # fmt: skip


def _row(name: str, lines: list[Json], label_lines: list[Json], labels: list[Label], data: Data) -> dict[str, Any]:
    card = score(lines, label_lines, observed=data.of).overall
    row: dict[str, Any] = {"rule": name, **{count: getattr(card, count) for count in COUNTS}}
    for figure in FIGURES:
        row[figure], row[f"{figure}_interval"] = getattr(card, figure).value, getattr(card, figure).interval
    return {
        **row,
        "deciles": asdict(card.deciles) if card.deciles else None,
        "by_event": _by_event(lines, labels, data),
        **(_budget(lines, data) if name == PERSONAL and not labels else {}),
    }


def _budget(lines: list[Json], data: Data) -> dict[str, Any]:
    """Where nothing is there to find: whether every tenth of the patients has, once settled, the rate that is allowed.
    Sorted by every other week and counted in the weeks between, so that luck does not sort them."""
    card = score(lines, (), observed=data.of, after_days=SETTLED_DAYS).overall
    found, granted = card.deciles, data.per_month * card.patient_days / deciles.MONTH_DAYS / deciles.PARTS
    if found is None or granted < LEAST_EXPECTED:
        return {}
    low, high = data.per_month / KEPT_WITHIN, data.per_month * KEPT_WITHIN
    kept = all(low <= rate <= high for rate in found.other_weeks)
    return {"budget": {"per_month": data.per_month, "low": low, "high": high, "kept": kept, **asdict(found)}}


def _by_event(lines: list[Json], labels: list[Label], data: Data) -> dict[str, list[int]]:
    """By event: how many were found (or broken, where nothing should be found), of how many."""
    alerts, found = opened(lines), {}
    for event in sorted({str(one.record.get("event", "")) for one in labels}):
        total = sums(alerts, [one for one in labels if str(one.record.get("event", "")) == event], data.of)
        hits = total["hits"] + total["technical_hits"] + total["calm_broken"]
        found[event] = [int(hits), int(total["labels"] + total["technical_labels"] + total["calm"])]
    return found


def as_text(result: dict[str, Any]) -> str:
    """The tables for people."""
    parts = []
    for name, rows in result["tables"].items():
        first = rows[0]
        title = (
            f"{name}: {first['patients']} people, {first['patient_days']:,.0f} patient-days, {first['labels']} labels"
        )
        told = [f"{one['answer']}: {one['said']}" for one in result["equity"].get(name, ())]
        parts += [title, *_aligned([HEADER, *(_cells(row) for row in rows)]), *_events(rows), *_tenths(rows)]
        parts += [*_kept(rows), *told, ""]
    half = f" of the patients' half `{result['half']}`" if result["half"] else ""
    note = (
        "at equal alerts, at equal finding: the rule's limit chosen on these data, to its advantage; as all of "
        "homebeat, and as its personal part, for floors are guidelines that none of these rules replaces"
    )
    return "\n".join([*parts, f"{note}{half}; in brackets 95 % intervals (patients resampled)"])


HEADER = [
    "", "hits", "by chance", "excess", "open (by chance)", "alerts/p-month", "unexplained/p-year", "delay h", "ahead h",
    "items/p-day", "broken calm (by chance)", "at equal alerts", "at equal finding", "at personal's alerts",
    "at personal's finding",
]  # fmt: skip


EQUAL: tuple[tuple[str, Callable[[dict[str, float]], str]], ...] = (
    ("at_equal_alerts", lambda point: f"{point['hits']} found"),
    ("at_equal_finding", lambda point: f"{point['alerts_per_person_month']:.2f}/p-month"),
)


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["rule"] + (f" {row['limit']:g}" if "limit" in row else ""), f"{row['hits']}/{row['labels']}",
        _figure(row, "expected_by_chance"), _figure(row, "excess"),
        f"{row['standing_hits']} ({_plainly(row['standing_expected_by_chance'])})",
        _figure(row, "alerts_per_person_month"), _figure(row, "unexplained_alerts_per_patient_year"),
        _figure(row, "lead_time_h"), _figure(row, "lead_before_event_h"),
        _figure(row, "worklist_items_per_patient_day"),
        f"{row['no_alert_windows_with_alert']}/{row['no_alert_windows']} "
        f"({_plainly(row['no_alert_windows_by_chance'])})",
        *(_equal(row, of, *one) for of in (OURS, PERSONAL) for one in EQUAL),
    ]  # fmt: skip


def _plainly(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _figure(row: dict[str, Any], name: str) -> str:
    value, interval = row[name], row[f"{name}_interval"]
    if value is None:
        return "-"
    return f"{value:.3g}" + (f" [{interval[0]:.3g}, {interval[1]:.3g}]" if interval else "")


def _equal(row: dict[str, Any], of: str, name: str, words: Callable[[dict[str, float]], str]) -> str:
    """What a rule does as that row of homebeat does; nothing where there is none to hold it against."""
    found = row.get(name, {}).get(of, "")
    return "" if found == "" else "never" if found is None else words(found)


def _events(rows: list[dict[str, Any]]) -> list[str]:
    """Found by event, where there is more than one."""
    if len(rows[0]["by_event"]) < 2:
        return []
    events = list(rows[0]["by_event"])
    lines = [[row["rule"], *(f"{row['by_event'][e][0]}/{row['by_event'][e][1]}" for e in events)] for row in rows]
    return _aligned([["by event", *events], *lines])


def _tenths(rows: list[dict[str, Any]]) -> list[str]:
    """Alerts a person-month by tenth of the patients: of each rule, and of homebeat also what luck gives if all of them
    are alike, and the tenths by every other week, counted in the weeks between."""
    lines = [["by tenth of patients", *map(str, range(1, deciles.PARTS + 1))]]
    for row in rows:
        found = row["deciles"] or {}
        for name, words in TENTHS if row["rule"].startswith(OURS) else TENTHS[:1]:
            lines += [[f"{row['rule']}{words}", *map(_plainly, found[name])]] if found else []
    return _aligned(lines) if len(lines) > 1 else []


def _kept(rows: list[dict[str, Any]]) -> list[str]:
    """What became of the alert budget, where nothing was there to find."""
    found = [row["budget"] for row in rows if row.get("budget")]
    return [
        f"alert budget of {one['per_month']:g} a person-month, after {SETTLED_DAYS // 7} weeks: tenths of the patients "
        f"have {min(one['other_weeks']):.3f} to {max(one['other_weeks']):.3f} (sorted by the weeks between); "
        f"{'kept' if one['kept'] else 'not kept'}, which is {one['low']:g} to {one['high']:g} for every tenth"
        for one in found
    ]


TENTHS = (
    ("observed", ""), ("by_luck", ", all alike"), ("other_weeks", ", sorted by the weeks between"),
)  # fmt: skip


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
