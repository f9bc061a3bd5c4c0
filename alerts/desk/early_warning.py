"""NEWS2 of a patient's newest set of observations: context beside how each vital stands, never an alert. Pure.

At home a set is what was measured close together: beside its newest part the others count as long as the evidence says
(`models/evidence/news2.yaml`). What is missing is never taken for normal: the score lies between two bounds, and what
is missing is named. Whether oxygen is given no device says. A pulse that is known to have been measured on the stairs,
or by a sensor that cannot be right, is no part of a set, nor are breathing and saturation.
"""

from collections.abc import Iterable
from datetime import datetime
from math import nan
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from alerts.desk.about import years
from alerts.desk.chart import Window
from alerts.desk.worklist import instant
from models.detectors import news2
from models.evidence import load
from models.profile import Profile, parse_profile
from models.readings import Refused
from models.situation import situation
from models.times import US_PER_S

VITAL_OF = {
    "respiratory_rate": "respiratory_rate", "spo2": "spo2", "systolic_bp": "systolic_bp", "pulse": "heart_rate",
    "consciousness": "consciousness", "temperature": "body_temperature",
}  # fmt: skip
WORDS = {
    "respiratory_rate": "breathing", "spo2": "oxygen saturation", "air_or_oxygen": "whether oxygen is given",
    "systolic_bp": "pressure", "pulse": "pulse", "consciousness": "consciousness", "temperature": "temperature",
}  # fmt: skip
HOUR_S = 3600.0


def at_rest() -> list[str]:
    """The vitals that say something here only of a patient who does not move."""
    return [VITAL_OF[part] for part in load("news2")["meta"]["home"]["at_rest"]]


def early_warning(
    newest: Iterable[tuple[str, Window, Window | None]], body: str | None, now_s: float | None
) -> dict[str, Any] | None:
    """The score for the page; None where it does not apply, or too little was measured lately. newest: of each vital
    the newest window and the newest with readings, None if withheld, as of `Store.newest` with `at_rest`; body: the
    profile as it came, of which nobody knows whom it is about if it cannot be read; now_s: time of the log."""
    try:
        profile = None if body is None else parse_profile(body.encode())
    except Refused:
        return None
    home = load("news2")["meta"]["home"]
    read = {vital: measured for vital, now, measured in newest if measured is not None and now.state != "withheld"}
    found = {part: read[vital] for part, vital in VITAL_OF.items() if vital in read}
    if now_s is None or not found or _left_out(profile, now_s):
        return None
    at_s = max(window.start_s for window in found.values())
    known = {part: w for part, w in found.items() if at_s - w.start_s <= news2.validity_us()[part] / US_PER_S}
    if len(known) < home["least_parts"] or now_s - at_s > home["shown_h"] * HOUR_S:
        return None
    return _told(known, at_s, scale2=_low_target(profile))


def _told(known: dict[str, Window], at_s: float, *, scale2: bool) -> dict[str, Any]:
    values = {part: np.array([known[part].mean if part in known else nan], float) for part in VITAL_OF}
    scores = news2.score(news2.Observations(**values, on_oxygen=np.array([nan]), scale2=np.array([scale2])))
    missing = [
        WORDS[part] for part, points in zip(news2.PARTS, scores.points[:, 0].tolist(), strict=True) if points < 0
    ]
    return {
        "at": instant(at_s),
        "lower": int(scores.lower[0]),
        "upper": int(scores.upper[0]),
        "risk": news2.RISKS[int(scores.risk()[0])],
        "red": bool(scores.red[0]),
        "scale": 2 if scale2 else 1,
        "missing": missing,
    }


def _left_out(profile: Profile | None, now_s: float) -> bool:
    """Whom the score is not made for (news2.yaml, applies_to): a child, and who is pregnant. Who does not say how old
    they are is taken for grown up."""
    if profile is None:
        return False
    on, born = datetime.fromtimestamp(now_s, ZoneInfo(profile.timezone)).date(), profile.birth_date
    child = born is not None and years(born, on) < load("news2")["meta"]["applies_to"]["age_min_years"]
    return child or "pregnancy_preeclampsia" in situation(profile, on).conditions


def _low_target(profile: Profile | None) -> bool:
    """Whether a saturation of 88 to 92 % is prescribed, for which scale 2 was made."""
    low, high = load("news2")["meta"]["home"]["scale2_target"]
    targets = profile.targets if profile is not None else []
    mine = [(one.low, one.high) for one in targets if one.vital == "spo2"]
    return any(a is not None and b is not None and low <= a and b <= high for a, b in mine)
