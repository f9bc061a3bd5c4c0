"""`homebeat score`: AlertEvents held against labels, as one scorecard, and one for each value of a field.

An alert counts where it came up (see `records.opened`), once however often it was delivered, at its `event_at`. Alerts
about a source are about no patient, and are left out. A patient was observed, if readings are given, from the first to
the last of them; else from the first to the last alert event or label of the patient. That is shorter: rates then come
out too high, and some labels have no quiet time to be compared with.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from models.times import US_PER_DAY
from streams.errors import Failed, WrongSettings
from streams.limits import DOCUMENT_MESSAGE_BYTES_MAX
from streams.lines import line_batches
from streams.lines import opened as opened_file
from streams.publish import subject_of
from streams.replaying.fhir_times import observed_in
from streams.scoring.card import Figure, Scorecard, scorecard
from streams.scoring.clocks import AHEAD_US, measured_us
from streams.scoring.deciles import Deciles
from streams.scoring.gate import FIELDS, Verdict, gate, in_words, unknown
from streams.scoring.groups import Group, groups
from streams.scoring.records import (
    Alert,
    BadRecord,
    Json,
    Label,
    Span,
    Standing,
    is_about,
    label,
    of_patients,
    opened,
    spans,
    standing,
    worklist,
)
from streams.scoring.tally import Tally, tally
from streams.scoring.worst import Worst, worst

SEED = 20260105
READINGS = "first to last reading of each patient"
EXTENT = "first to last alert event or label of each patient"
FOR_EVER, NEVER = -(2**62), 2**62


@dataclass(frozen=True)
class ScoreResult:
    """The scorecard of all patients, and by value of `by` if asked. `observation`: where the patient-days come from;
    `worst`: by figure, the group that fares worst; `equity`: of every group, whether it is worse off than is allowed;
    `unheard`: problems of labels about which nobody had an alert; `unseen`: patients of labels of whom there is no
    reading, where readings are given. Either may be misspelt.
    """

    overall: Scorecard
    by: str | None
    groups: dict[str, Scorecard]
    observation: str
    worst: dict[str, Worst]
    equity: tuple[Verdict, ...] = ()
    unheard: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def score(
    alerts: Iterable[Json],
    labels: Iterable[Json],
    *,
    by: str | None = None,
    observed: Mapping[str, Span] | None = None,
    profiles: Iterable[Json] = (),
    after_days: float = 0.0,
    seed: int = SEED,
) -> ScoreResult:
    """Score AlertEvents against labels `{"patient", "start", "end", "problem"?}` (CONTRACT 2 and 3).

    A label may also say `until` (till then an alert is explained), `event_at` (what it led to), `category`
    (`technical`: found by technical alerts) and `no_alert` (nothing should be found).
    by: a field, dots for inner ones (`rule.id`): of patients if `profiles` or the labels say it once for each (also
    `patient`, `care_team`, `age_band`, `skin_tone`, `device`, `condition`), else of alerts or labels. observed: (first,
    last) [us since 1970] by patient, of every patient, also of those without alerts. after_days: what is left out at
    the start of each patient's observation; what began in them is no label, and still explains what comes later. seed:
    of the resampling. Equity is judged by `by` if it splits patients; with profiles and no `by`, by each of FIELDS.
    Raises BadRecord (a ValueError), or LookupError when nothing has the field `by`.
    """
    events, known = of_patients(alerts), [label(line) for line in labels]
    of = _after(spans(events, known, observed or {}), after_days)
    begins = {patient: span[0] if after_days else FOR_EVER for patient, span in of.items()}
    asked = [one for one in known if one.start_us >= begins.get(one.patient, NEVER)]
    found = [one for one in opened(events) if one.at_us >= begins.get(one.patient, NEVER)]
    whole = Group(found, asked, sorted(of))
    items = Counter(patient for patient, at_us in worklist(events) if at_us >= begins.get(patient, NEVER))
    profiles = list(profiles)
    parts = groups(by, whole, profiles, of) if by else {}
    by_patient, stood = _by_patient(known), standing(events, of)
    cards = {}
    for of_group, part in parts.items():
        mine = items if _of_people(part, whole) else None
        cards[of_group] = scorecard(_tallies(part, by_patient, of, mine, stood), seed)
    tallies = _tallies(whole, by_patient, of, items, stood)
    fields_asked = (by,) if by else FIELDS if profiles else ()
    equity = [one for field in fields_asked for one in _equity(field, whole, tallies, profiles, of, seed)]
    overall = scorecard(tallies, seed)
    source = READINGS if observed else EXTENT
    unseen = tuple(sorted({one.patient for one in known} - observed.keys())) if observed else ()
    unheard = _unheard(known, opened(events))
    return ScoreResult(overall, by, cards, source, worst(cards), tuple(equity), unheard, unseen)


def _unheard(labels: Iterable[Label], alerts: Sequence[Alert]) -> tuple[str, ...]:
    asked = sorted({problem for one in labels for problem in one.problems})
    return tuple(problem for problem in asked if not any(is_about([problem], alert) for alert in alerts))


def _equity(
    by: str, whole: Group, tallies: Sequence[Tally], profiles: Sequence[Json], of: Mapping[str, Span], seed: int
) -> list[Verdict]:
    """The verdicts by one field; none by one that splits alerts or labels, or that makes a group of everybody."""
    try:
        parts = groups(by, whole, profiles, of)
    except LookupError:
        return [unknown(by)]
    if by == "patient" or not all(_of_people(part, whole) for part in parts.values()):
        return []
    return gate(by, tallies, whole.patients, {name: part.patients for name, part in parts.items()}, seed)


def _after(of: Mapping[str, Span], days: float) -> dict[str, Span]:
    """The observations without their first days; who was observed no longer is left out."""
    later = round(days * US_PER_DAY)
    return {
        patient: (first + later, last) for patient, (first, last) in of.items() if not later or first + later < last
    }


def _of_people(part: Group, whole: Group) -> bool:
    """Whether a part has all alerts of its patients, so that their worklist is its worklist."""
    mine = set(part.patients)
    return len(part.alerts) == sum(alert.patient in mine for alert in whole.alerts)


def _by_patient(labels: Iterable[Label]) -> dict[str, list[Label]]:
    found: dict[str, list[Label]] = {}
    for one in labels:
        found.setdefault(one.patient, []).append(one)
    return found


def _tallies(
    group: Group,
    known: Mapping[str, list[Label]],
    of: Mapping[str, Span],
    items: Mapping[str, int] | None,
    stood: Mapping[str, list[Standing]],
) -> list[Tally]:
    """The sums of each patient of one group. items: worklist items by patient; None: only some alerts of these patients
    are scored, which then stand for the worklist, and for themselves at the instant of their opening."""
    alerts: dict[str, list[Alert]] = {patient: [] for patient in of}
    for alert in group.alerts:
        alerts[alert.patient].append(alert)
    labels = _by_patient(group.labels)
    if items is None:
        items = {patient: len(given) for patient, given in alerts.items()}
        stood = {p: [Standing(a.problem, a.at_us, a.at_us) for a in given if a.counts] for p, given in alerts.items()}
    return [
        tally(alerts[p], labels.get(p, []), known.get(p, []), of[p], items.get(p, 0), stood.get(p, []))
        for p in group.patients
    ]


def run(
    alerts: Path,
    labels: Path,
    by: str | None = None,
    *,
    readings: Sequence[Path] = (),
    profiles: Path | None = None,
    after_days: float = 0.0,
    ahead_us: int = AHEAD_US,
) -> dict[str, Any]:
    """Score files of JSON lines (gzip too, `-` for standard input): what `--json` prints.

    readings and profiles are optional: the former give the true patient-days (ahead_us: how far a device's clock may be
    ahead), the latter fields for `by`. Raises
    Failed for a file that cannot be read or a line that cannot be scored, WrongSettings for a field that nothing has.
    """
    try:
        result = score(
            list(objects(alerts)),
            list(objects(labels)),
            by=by,
            observed=observed(readings, ahead_us),
            profiles=list(objects(profiles)) if profiles else [],
            after_days=after_days,
        )
    except BadRecord as wrong:
        raise Failed(str(wrong)) from None
    except LookupError as wrong:
        raise WrongSettings(str(wrong.args[0])) from None
    return as_json(result)


def as_json(result: ScoreResult) -> dict[str, Any]:
    """One flat object: each figure `name` with `name_interval` (95 %, null if unknown); parts under `groups`, with the
    worst of them under `worst`."""
    flat = {**_flat(result.overall), "observation": result.observation}
    if result.equity:
        flat["equity"] = [asdict(one) for one in result.equity]
        flat["equity_failure"] = in_words(result.equity)
    if result.unheard:
        flat["problems_without_alerts"] = list(result.unheard)
    if result.unseen:
        flat["patients_without_readings"] = list(result.unseen)
    if not result.by:
        return flat
    parts = {value: _flat(card) for value, card in result.groups.items()}
    return {
        **flat,
        "by": result.by,
        "groups": parts,
        "worst": {name: asdict(one) for name, one in result.worst.items()},
    }


def as_text(result: Mapping[str, Any]) -> str:
    """The object of `as_json` as a table for people: a row for each figure, a column for all and one for each group."""
    columns = {"all": result, **result.get("groups", {})}
    names = [known.name for known in fields(Scorecard) if not known.name.endswith(("_quartiles", "deciles"))]
    rows = [["", *columns], *([name, *(_cell(card, name) for card in columns.values())] for name in names)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [_tenths(name, result[name]) for name in ("deciles", "personal_deciles") if result[name]]
    lines += [_worst(figure, one) for figure, one in result.get("worst", {}).items()]
    lines += [f"{one['answer']}: {one['said']}" for one in result.get("equity", ())]
    lines += [_UNHEARD.format(problem) for problem in result.get("problems_without_alerts", ())]
    if unseen := result.get("patients_without_readings"):
        lines.append(_UNSEEN.format(len(unseen), unseen[0]))
    return "\n".join(
        [*lines, f"patient-days: {result['observation']}; in brackets 95 % intervals (patients resampled)"]
    )


_UNHEARD = "labels say {0!r}, and nobody had an alert about it: never found, or the problem is misspelt"
_UNSEEN = "labels name patients of whom there is no reading ({0}, such as {1!r}): are they written as in the readings?"


def _tenths(name: str, found: Mapping[str, Any]) -> str:
    """The tenths of the patients in three lines."""
    title = f"{name} (alerts a person-month of each tenth of the patients)"
    parts = (f"  {how}: " + " ".join(f"{rate:.2f}" for rate in found[how]) for how in TENTHS)
    return "\n".join([title, *parts])


TENTHS = ("observed", "by_luck", "other_weeks")


def _worst(figure: str, found: Mapping[str, Any]) -> str:
    small = f" (too small to tell: {', '.join(found['too_small'])})" if found["too_small"] else ""
    return f"worst {figure}: {found['value']:.3g}, {found['group']}{small}"


def _flat(card: Scorecard) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for known in fields(card):
        found = getattr(card, known.name)
        flat[known.name] = asdict(found) if isinstance(found, Deciles) else found
        if isinstance(found, Figure):
            flat[known.name], flat[f"{known.name}_interval"] = found.value, found.interval
    return flat


def _cell(card: Mapping[str, Any], name: str) -> str:
    value, interval = card[name], card.get(f"{name}_interval")
    if value is None:
        return "-"
    shown = f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else f"{value:.0f}"
    return f"{shown} [{interval[0]:.3g}, {interval[1]:.3g}]" if interval else shown


class _Measured(msgspec.Struct):
    patient: str | None = None
    at: datetime | None = None
    arrived: datetime | None = None


def observed(paths: Sequence[Path], ahead_us: int = AHEAD_US) -> dict[str, Span]:
    """First and last reading by patient. A line that cannot be read is passed over, and so is one of a time that cannot
    be. ahead_us: see `clocks`."""
    found: dict[str, Span] = {}
    decode = msgspec.json.Decoder(_Measured).decode
    for content in (content for path in paths for _, content in _contents(path)):
        try:
            reading = decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        fhir = reading.at is None
        at_us = measured_us(observed_in(content).at() if fhir else reading.at, reading.arrived, ahead_us)
        patient = subject_of(content) if fhir else reading.patient
        if patient is not None and at_us is not None:
            first, last = found.get(patient, (at_us, at_us))
            found[patient] = (min(first, at_us), max(last, at_us))
    return found


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines. Raises Failed, with the number of the line."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    return (_decoded(decode, content, path, number) for number, content in _contents(path))


def _contents(path: Path) -> Iterator[tuple[int, bytes]]:
    with opened_file(path) as stream:
        for batch in line_batches(stream, DOCUMENT_MESSAGE_BYTES_MAX):
            yield from batch


def _decoded(decode: Any, content: bytes, path: Path, number: int) -> Any:
    try:
        return decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Failed(f"{path}, line {number}: {wrong}") from None
