"""How each vital of a patient stands now, in a word, and how old its last value is. Pure.

The newest window has the last word. A window without readings says only how things stand: that data are too old, or
withheld. If nothing was said for longer than any device may be silent, nothing is known.
"""

from typing import Any

from alerts.desk.chart import Window
from alerts.desk.worklist import instant
from models.detectors import silence
from models.vitals import BY_NAME


def state_of(newest: Window, now_s: float | None) -> str:
    """`normal`, `deviating`, `unknown` or `withheld`, as of the time of the log [s since 1970]."""
    age_s = 0.0 if now_s is None else now_s - newest.start_s - newest.period_s
    spoken = newest.state in ("normal", "deviating")
    return "unknown" if spoken and age_s > silence.settings().most_s else newest.state


def standing_of(vital: str, newest: Window, measured: Window | None, now_s: float | None) -> dict[str, Any]:
    """One vital for the page. measured: the newest window that holds readings; what is withheld is not shown."""
    state, known = state_of(newest, now_s), BY_NAME.get(vital)
    last = None if state == "withheld" else measured
    return {
        "vital": vital,
        "label": known.label if known else vital,
        "unit": known.unit if known else None,
        "state": state,
        "last_at": instant(last.start_s + last.period_s) if last else None,
        "last_value": last.mean if last else None,
    }
