"""The wire records of the hot path, and the reasons for which one is refused.

msgspec structs: one decode costs well under a microsecond, a pydantic model several. Documents (profiles, actions,
settings) are pydantic, because clear errors matter more there than speed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

MAX_READING_BYTES = 64 * 1024
"""CONTRACT 2: a larger reading is refused as `too_large`."""

MAX_PROFILE_BYTES = 1024 * 1024
"""CONTRACT 2: the same for the document of a patient."""

MAX_SERIES_SAMPLES = 4096
"""Samples in one `values` series. Bounds the memory one record can claim; 64 KiB of JSON cannot hold many more."""

MAX_ID_CHARS = 128
ID_PATTERN = r"^[\x21-\x7e]{1,128}$"
"""CONTRACT 2: printable ASCII without spaces, at most 128 characters."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Reason(StrEnum):
    """Why a record was refused: the `reason` of a Reject (CONTRACT 2)."""

    NOT_JSON = "not_json"
    BAD_SHAPE = "bad_shape"
    TOO_LARGE = "too_large"
    UNKNOWN_CODE = "unknown_code"
    UNKNOWN_UNIT = "unknown_unit"
    BAD_VALUE = "bad_value"
    IMPLAUSIBLE = "implausible"
    CLOCK_FAULT = "clock_fault"
    UNKNOWN_PATIENT = "unknown_patient"
    BAD_PROFILE = "bad_profile"
    BAD_ACTION = "bad_action"


class Refused(Exception):
    """A record that cannot be decided, with the reason code and a sentence that says how to mend it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def are_ids(texts: list[str]) -> bool:
    """Whether all of them are ids: `ID_PATTERN`, for a whole chunk at the price of a few.

    >>> are_ids(["r-1", "p-17"]), are_ids(["r 1"]), are_ids([""]), are_ids(["é"])
    (True, False, False, False)
    """
    joined = "".join(texts)
    lengths = set(map(len, texts))
    in_range = not lengths or (min(lengths) > 0 and max(lengths) <= MAX_ID_CHARS)
    return in_range and joined.isascii() and joined.isprintable() and " " not in joined


class Context(msgspec.Struct, frozen=True, gc=False):
    """What the patient was doing. Everything is optional, and may be null; unknown fields are ignored."""

    activity: Literal["rest", "sleep", "active", "exercise", "unknown"] | None = "unknown"
    oxygen: bool | None = None
    body_site: str | None = None
    meal: str | None = None


class Reading(msgspec.Struct, kw_only=True, gc=False):
    """One measurement of one vital, as published on `readings` (CONTRACT 2).

    `code` is a LOINC code, an MDC reference id or a vital's own name; `value` is a number, or one of `A C V P U` for
    consciousness; `values` with `period` [s] is a series that starts at `at`, null where a sample is missing.
    What is optional may be null: many libraries write that for a field that is not there.
    The form of `id` and `patient` is checked in bulk by `are_ids`: a pattern here would double the cost of a decode.
    """

    id: str
    patient: str
    code: str
    at: Instant
    device: str | None = ""
    unit: str | None = None
    value: float | str | None = None
    values: list[float | None] | None = None
    period: float | None = None
    quality: float | None = None
    context: Context | None = None


class Reject(msgspec.Struct, kw_only=True, gc=False):
    """A dead letter: the reason, and the record as it came."""

    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    key: str | None
    value_base64: str
    source: str | None
    arrived_at: str


Aside = Literal["moving", "sensor"]


class VitalSummary(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """One closed window of one vital, for charts. Values are in the vital's canonical unit. aside: why it says nothing
    of the patient at rest: most of it was measured in motion, or by a sensor that cannot be right; left out where it
    does."""

    patient: str
    vital: str
    start: str
    period_s: float
    n: int
    mean: float | None
    min: float | None
    max: float | None
    expected: float | None
    low: float | None
    high: float | None
    state: Literal["normal", "deviating", "unknown", "withheld"]
    aside: Aside | None = None
