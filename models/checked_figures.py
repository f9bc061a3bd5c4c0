"""Figures of the evidence that cannot be: in a unit that is not the vital's, or where no body has ever been.

A limit that nobody can reach is as good as none, and one that everybody has passed cries wolf: both stop the start.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isclose
from typing import Any

from models.evidence import EvidenceError, load
from models.findings import SEVERITIES
from models.prior import physical, prior
from models.readings import Refused
from models.units import convert
from models.vitals import BY_NAME, VITALS, Vital

BY_DAY = "/d"
ABOVE = " above "
"""'/min above the expected curve' is in the vital's unit."""
SHARE_MOST = 10.0
"""Of the usual, the best or what was expected; more of it is a percentage taken for a share."""
SIGNS = {"pulse": "heart_rate", "temperature": "body_temperature", "spo2_scale1": "spo2", "spo2_scale2": "spo2"}
"""What NEWS2 calls otherwise."""
PROBE = 2.0
"""A value to convert."""
ROUNDED = 1e-3
"""Factors are written to so many digits."""
FIGURES = ("delta", "mean_delta", "sd_within_abs", "sd_between")
SHARES = frozenset({"below", "cv", "of_path", "ratio", "score", "share", "swing", "together", "again", "stalled"})
"""Measures of which the value is no amount of the vital: a share, or a number of SDs."""


def checked() -> None:
    """Raises EvidenceError with the first figure that cannot be."""
    for floor in load("floors")["floors"]:
        _a_floor(floor)
    _further_out()
    for entry in load("conditions")["conditions"]:
        for alert in (*entry["alerts"], *entry.get("extra_alerts", ())):
            _an_alert(f"{entry['id']}: {alert['id']}", alert)
        for row in entry["shifts"]:
            _an_effect("conditions", entry["id"], row)
    for entry in load("medications")["classes"]:
        for row in entry["effects"]:
            _an_effect("medications", entry["id"], row)
    for section in ("limits", "trends"):
        for line in load("rules")[section]:
            _a_rule(line)
    _sensors()
    _steps()
    _units()
    _priors()
    _news2()


def _a_floor(floor: Mapping[str, Any]) -> None:
    vital = BY_NAME[floor["vital"]]
    if floor["unit"] != vital.unit:
        raise EvidenceError("floors", f"{floor['id']}: {vital.name} is in {vital.unit!r}, not {floor['unit']!r}")
    _within("floors", floor["id"], vital, floor["limit"])


def _within(file: str, where: str, vital: Vital, *values: float) -> None:
    """Inside the physical range, for a reading outside it is rejected and can break no limit."""
    for value in values:
        if not vital.low <= value <= vital.high:
            span = f"{vital.low:g} to {vital.high:g} {vital.unit}"
            raise EvidenceError(file, f"{where}: {value:g} is not a possible {vital.name} ({span})")


def _no_more_than(file: str, where: str, vital: Vital, *amounts: float) -> None:
    """A difference is no larger than the physical range is wide."""
    for amount in amounts:
        if abs(amount) > vital.high - vital.low:
            raise EvidenceError(file, f"{where}: no {vital.name} can differ by {amount:g} {vital.unit}")


def _further_out() -> None:
    """What is more severe lies at least as far out as what is milder."""
    furthest: dict[tuple[str, int], list[float | None]] = {}
    for floor in load("floors")["floors"]:
        sign = 1 if floor["op"].startswith(">") else -1
        by_rank = furthest.setdefault((floor["vital"], sign), [None] * len(SEVERITIES))
        rank, out = SEVERITIES.index(floor["severity"]), sign * floor["limit"]
        known = by_rank[rank]
        by_rank[rank] = out if known is None else max(known, out)
    for (vital, _), by_rank in furthest.items():
        limits = [out for out in by_rank if out is not None]
        if limits != sorted(limits):
            raise EvidenceError("floors", f"{vital}: a milder limit lies further out than every more severe one")


def _an_alert(where: str, alert: Mapping[str, Any]) -> None:
    vital = BY_NAME.get(alert.get("vital", ""))
    if vital is None or "value" not in alert:
        return
    values = [*alert["value"].values()] if isinstance(alert["value"], dict) else [alert["value"]]
    unit, kind = alert["unit"].split(ABOVE)[0], alert["kind"]
    if kind in ("relative", "trend"):
        if not unit.startswith("of ") or not all(0 < value <= SHARE_MOST for value in values):
            raise EvidenceError("conditions", f"{where}: is a share `of` something, not {values[0]:g} {unit!r}")
        return
    if (unit.removesuffix(BY_DAY).removesuffix("/min") if kind == "slope" else unit) != vital.unit:
        raise EvidenceError("conditions", f"{where}: {vital.name} is in {vital.unit!r}, not {unit!r}")
    if kind == "absolute":
        _within("conditions", where, vital, *values)
    else:
        _no_more_than("conditions", where, vital, *values)
    if "or" in alert:
        _within("conditions", where, BY_NAME[alert["or"]["vital"]], alert["or"]["value"])


def _an_effect(file: str, owner: str, row: Mapping[str, Any]) -> None:
    vital = BY_NAME.get(row["vital"])
    if vital is None:
        return
    where = f"{owner}, {vital.name}"
    given = [row[key] for key in FIGURES if key in row]
    span = row["range"] if "delta" in row and "range" in row else []
    _no_more_than(file, where, vital, *given, *span)
    if span and not min(span) <= row["delta"] <= max(span):
        raise EvidenceError(file, f"{where}: {row['delta']:g} does not lie in its range {span[0]:g} to {span[1]:g}")
    moved = [row[key] for key in ("delta", "mean_delta") if key in row]
    if moved and "unit" not in row:
        raise EvidenceError(file, f"{where}: {moved[0]:g} has no unit")
    if not given and row.get("unit", vital.unit).removesuffix(BY_DAY) != vital.unit:
        raise EvidenceError(file, f"{where}: is in {vital.unit!r}, the effect in {row['unit']!r}")


def _a_rule(line: Mapping[str, Any]) -> None:
    vital, measure = BY_NAME.get(line.get("vital", "")), line.get("measure")
    if vital is not None and measure is None:
        _within("rules", line["id"], vital, *(line[key] for key in ("value", "limit") if key in line))
    for part in (*line.get("parts", ()), *line.get("at_once", {}).get("of", ())):
        _a_part(line["id"], part)


def _a_part(rule: str, part: Mapping[str, Any]) -> None:
    vital, measure = BY_NAME[part["vital"]], part.get("measure", "level")
    if "limit" in part:
        _within("rules", rule, vital, part["limit"])
    if measure == "level":
        _within("rules", rule, vital, part["value"])
    elif measure in SHARES:
        if abs(part["value"]) > SHARE_MOST:
            raise EvidenceError("rules", f"{rule}: {part['value']:g} is no {measure} of {vital.name}")
    else:
        _no_more_than("rules", rule, vital, part["value"])


def _sensors() -> None:
    for name, sensor in load("sensors")["vitals"].items():
        vital = BY_NAME[name]
        _within("sensors", f"{name}.edge", vital, *sensor.get("edge", {}).get("at", ()))
        _no_more_than("sensors", f"{name}.jump", vital, sensor.get("jump", {}).get("least", 0))
        if "below" in sensor:
            _within("sensors", f"{name}.below", vital, sensor["below"]["value"])


def _steps() -> None:
    """What counts as clearly further beyond a limit."""
    for problem, step in load("incidents")["hovers"]["further"].items():
        _no_more_than("incidents", f"hovers.further.{problem}", BY_NAME[problem.rpartition(".")[0]], step)


def _units() -> None:
    """Every unit in which a vital may come is known, and its factors are those by which readings are converted."""
    for vital in VITALS:
        entry = load("vitals")["vitals"][vital.name]
        for line in entry["ucum_accepted"]:
            if not isclose(
                _converted("vitals", vital, PROBE, line["unit"]), line["mul"] * PROBE + line["add"], rel_tol=ROUNDED
            ):
                raise EvidenceError("vitals", f"{vital.name}: the factors of {line['unit']!r} are not UCUM's")
        for key in ("sd_within", "sd_meas"):
            unit = entry.get(key, {}).get("unit", vital.unit)
            if _converted("vitals", vital, PROBE, unit) != PROBE:
                raise EvidenceError("vitals", f"{vital.name}, {key}: is in {vital.unit!r}, not {unit!r}")
    for pair in load("genomics")["pairs"]:
        for row in pair.get("effects", ()):
            if "vital" in row and "unit" in row:
                _converted("genomics", BY_NAME[row["vital"]], PROBE, row["unit"])


def _converted(file: str, vital: Vital, value: float, unit: str) -> float:
    try:
        return convert(vital.index, value, unit)
    except Refused as wrong:
        raise EvidenceError(file, wrong.detail) from None


def _priors() -> None:
    """People in general lie where a body can be; no SD is wider than that."""
    for vital in VITALS:
        low, high = physical(vital.name)
        mean, between = prior().mean[vital.index], prior().sd_between[vital.index]
        if low <= mean <= high or mean != mean:  # not a number where only the own level means anything
            if between <= high - low:
                continue
            raise EvidenceError("vitals", f"{vital.name}: people differ by {between:g}, more than the range is wide")
        raise EvidenceError("vitals", f"{vital.name}: the mean of all people, {mean:g}, is not possible")


def _news2() -> None:
    """Each sign in its vital's unit; its bands follow one another without a gap that a whole number falls into."""
    for sign, table in load("news2")["tables"].items():
        if "unit" not in table:
            continue
        vital = BY_NAME[SIGNS.get(sign, sign)]
        if table["unit"] != vital.unit:
            raise EvidenceError("news2", f"tables.{sign}: {vital.name} is in {vital.unit!r}, not {table['unit']!r}")
        if "bands" in table:
            _follow(sign, sorted(table["bands"], key=lambda band: -1 if band["lo"] is None else band["lo"]))


def _follow(sign: str, bands: Sequence[Mapping[str, Any]]) -> None:
    if bands[0]["lo"] is not None or bands[-1]["hi"] is not None:
        raise EvidenceError("news2", f"tables.{sign}: its bands have an end, and a value beyond it no score")
    for one, following in pairwise(bands):
        if one["hi"] is None or not 0 < following["lo"] - one["hi"] <= 1:
            raise EvidenceError("news2", f"tables.{sign}: from {one['hi']} to {following['lo']} is no step of a band")
