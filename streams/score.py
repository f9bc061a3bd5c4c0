"""`homebeat score`: AlertEvents held against labels, as one scorecard, and one for each value of a field.

An alert counts where it was `opened`, once however often it was delivered, at its `event_at`. A patient was observed,
if readings are given, from the first to the last of them; else from the first to the last alert event or label of the
patient. That is shorter: rates then come out too high, and some labels have no quiet time to be compared with.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from models.times import to_us
from streams.errors import Failed, WrongSettings
from streams.limits import DOCUMENT_MESSAGE_BYTES_MAX
from streams.lines import line_batches
from streams.lines import opened as opened_file
from streams.scoring.card import Figure, Scorecard, scorecard, tally
from streams.scoring.groups import Group, groups
from streams.scoring.records import Alert, BadRecord, Json, Label, Span, label, opened, spans

SEED = 20260105
READINGS = "first to last reading of each patient"
EXTENT = "first to last alert event or label of each patient"


@dataclass(frozen=True)
class ScoreResult:
    """The scorecard of all patients, and by value of `by` if asked. `observation`: where the patient-days come from."""

    overall: Scorecard
    by: str | None
    groups: dict[str, Scorecard]
    observation: str


def score(
    alerts: Iterable[Json],
    labels: Iterable[Json],
    *,
    by: str | None = None,
    observed: Mapping[str, Span] | None = None,
    profiles: Iterable[Json] = (),
    seed: int = SEED,
) -> ScoreResult:
    """Score AlertEvents against labels `{"patient", "start", "end", "problem"?}` (CONTRACT 2 and 3).

    by: a field, dots for inner ones (`rule.id`): of patients if `profiles` or the labels say it once for each (also
    `patient`, `care_team`), else of alerts or labels. observed: (first, last) [us since 1970] by patient, of every
    patient, also of those without alerts. seed: of the resampling. Raises BadRecord (a ValueError), or LookupError
    when nothing has the field `by`.
    """
    events, known = list(alerts), [label(line) for line in labels]
    of = spans(events, known, observed or {})
    whole = Group(opened(events), known, sorted(of))
    parts = groups(by, whole, profiles) if by else {}
    observation = READINGS if observed else EXTENT
    return ScoreResult(
        _card(whole, known, of, seed), by, {v: _card(part, known, of, seed) for v, part in parts.items()}, observation
    )


def _card(group: Group, known: Sequence[Label], of: Mapping[str, Span], seed: int) -> Scorecard:
    alerts: dict[str, list[Alert]] = {patient: [] for patient in of}
    labels: dict[str, list[Label]] = {patient: [] for patient in of}
    not_quiet: dict[str, list[Label]] = {patient: [] for patient in of}
    for alert in group.alerts:
        alerts[alert.patient].append(alert)
    for label_ in group.labels:
        labels[label_.patient].append(label_)
    for label_ in known:
        not_quiet[label_.patient].append(label_)
    return scorecard([tally(alerts[p], labels[p], not_quiet[p], of[p]) for p in group.patients], seed)


def run(
    alerts: Path,
    labels: Path,
    by: str | None = None,
    *,
    readings: Sequence[Path] = (),
    profiles: Path | None = None,
) -> dict[str, Any]:
    """Score files of JSON lines (gzip too, `-` for standard input): what `--json` prints.

    readings and profiles are optional: the former give the true patient-days, the latter fields for `by`. Raises
    Failed for a file that cannot be read or a line that cannot be scored, WrongSettings for a field that nothing has.
    """
    try:
        result = score(
            list(_objects(alerts)),
            list(_objects(labels)),
            by=by,
            observed=_observed(readings),
            profiles=list(_objects(profiles)) if profiles else [],
        )
    except BadRecord as wrong:
        raise Failed(str(wrong)) from None
    except LookupError as wrong:
        raise WrongSettings(str(wrong.args[0])) from None
    return as_json(result)


def as_json(result: ScoreResult) -> dict[str, Any]:
    """One flat object: each figure `name` with `name_interval` (95 %, null if unknown); parts under `groups`."""
    parts = {"by": result.by, "groups": {value: _flat(card) for value, card in result.groups.items()}}
    return {**_flat(result.overall), "observation": result.observation, **(parts if result.by else {})}


def as_text(result: Mapping[str, Any]) -> str:
    """The object of `as_json` as a table for people: a row for each figure, a column for all and one for each group."""
    columns = {"all": result, **result.get("groups", {})}
    names = [known.name for known in fields(Scorecard) if known.name != "lead_time_h_quartiles"]
    rows = [["", *columns], *([name, *(_cell(card, name) for card in columns.values())] for name in names)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(
        [*lines, f"patient-days: {result['observation']}; in brackets 95 % intervals (patients resampled)"]
    )


def _flat(card: Scorecard) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for known in fields(card):
        found = getattr(card, known.name)
        flat[known.name] = found.value if isinstance(found, Figure) else found
        if isinstance(found, Figure):
            flat[f"{known.name}_interval"] = found.interval
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


def _observed(paths: Sequence[Path]) -> dict[str, Span]:
    """First and last reading by patient. A line that is no reading (a FHIR Observation, say) is passed over."""
    found: dict[str, Span] = {}
    decode = msgspec.json.Decoder(_Measured).decode
    for path in paths:
        for number, content in _contents(path):
            reading = _decoded(decode, content, path, number)
            if reading.patient is not None and reading.at is not None and reading.at.tzinfo is not None:
                at_us = to_us(reading.at)
                first, last = found.get(reading.patient, (at_us, at_us))
                found[reading.patient] = (min(first, at_us), max(last, at_us))
    return found


def _objects(path: Path) -> Iterator[dict[str, Any]]:
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
