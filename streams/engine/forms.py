"""The forms in which pages are stored, and how an older form becomes the present one.

Fields of other owners are added at the end, with a default: a page without them is read as one that has none.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from alerts.episodes import Episode
from models import baseline, windows
from models.detectors import crossings, deviation, forecast
from models.expectation import expect
from models.profile import Profile, parse_profile
from models.times import US_PER_DAY, US_PER_S, from_us
from streams.engine import forecasts, late
from streams.engine.courses import over_from
from streams.engine.origins import NOTHING
from streams.engine.people import compressed, decompressed
from streams.engine.rings import Remembered
from streams.engine.rows import PATIENT, PRIOR, ROW
from streams.engine.state import PATIENTS_PER_PAGE
from streams.engine.weeks import budgets_of, known_of

FORMAT = 12
"""8: a drift may be slight, a week unknown, and it is noted when the profile came; nothing of 7 has another meaning.
9: windows seen fade with a week, and it is kept what was learned of late.
10: runs beyond a floor are followed by device too.
11: an episode knows when it returned, and how far beyond its limit it is known to have been.
12: it is noted whether a stream is worn by day only; nothing of 11 has another meaning."""


class StoredPerson(msgspec.Struct, array_like=True):
    """document: as it is kept, see `people.compressed`; in format 1 as it came."""

    name: str
    document: bytes | None
    episodes: list[Episode]
    actions: list[str]
    origins: bytes = NOTHING
    life: int = 0
    devices: bytes = b""
    faults: dict[int, int] = {}


class Page(msgspec.Struct, array_like=True):
    """One page on the wire.

    counted: received, then by Outcome; people: null where a patient was forgotten; patients, rows: columns as bytes;
    gone: digest of each forgotten patient, and the offset at which it was forgotten; gone_kept: their origins, and
    how often they were; windows: those that are open; floors: of the rows `floor_rows` (bytes of i4), what the floors
    remember; in both, rows are counted from the page's first one; sent: what must be known of readings that come again;
    links: who sends what, and when it came last (`links.LINK`); late, late_watch: work on late windows (`late.STATE`,
    `late.WATCH`); forecasts: filters of glucose rows (`forecasts.STATE`); rules: what the rules of conditions
    remember (`watched.Watched`); weeks, waits: of all rows, or nothing (`drift.STATE`, `budget.WAIT`), budgets: of
    all patients, or nothing (`budget.STATE`); together: of those in a page of format 4 or before (`weeks.OPEN`);
    sensors: of all rows, or nothing (`sensor.STATE`), sensors_watched: of those with something odd (`sensors.EXTRA`);
    outside: vitals outside their own band (`outside.STATE`).
    """

    format: int
    applied: int
    tick_us: int
    counted: list[int]
    people: list[StoredPerson | None]
    patients: bytes
    rows: bytes
    gone: list[tuple[int, int]] = []
    gone_kept: list[tuple[bytes, int]] = []
    windows: bytes = b""
    floor_rows: bytes = b""
    floors: bytes = b""
    sent: Remembered | None = None
    links: bytes = b""
    late: bytes = b""
    late_watch: bytes = b""
    forecasts: bytes = b""
    rules: bytes = b""
    weeks: bytes = b""
    together: bytes = b""
    sensors: bytes = b""
    sensors_watched: bytes = b""
    waits: bytes = b""
    budgets: bytes = b""
    outside: bytes = b""


_WINDOWS_KEPT, _SENT_KEPT = 4, 128
_PATIENT_1 = np.dtype(
    [
        ("alive", "u1"), ("monitored_without_profile", "u1"), ("has_devices", "u1"), ("spo2_low", "f8"),
        ("allowed", "u4"), ("version", "i8"), ("consent_since", "i8"), ("clock", "i8"), ("active_at", "i8"),
        ("accepted", "i8"), ("zone_from", "i8"), ("zone_until", "i8"), ("zone_offset", "i8"),
        ("ids", "u8", _SENT_KEPT), ("contents", "u8", _SENT_KEPT),
    ],
    align=True,
)  # fmt: skip
_BASE_1 = np.dtype(
    [
        ("x", "f8", 5), ("p", "f8", 15), ("s2", "f8"), ("n", "f8"), ("seen", "f8"), ("first_at", "i8"),
        ("last_at", "i8"),
    ],
    align=True,
)  # fmt: skip
_OPEN_1 = np.dtype(
    [("index", "i8", _WINDOWS_KEPT), ("total", "i8", _WINDOWS_KEPT)]
    + [(name, "i4", _WINDOWS_KEPT) for name in ("n", "active", "broken", "low", "high")],
    align=True,
)
_FLOOR_1 = np.dtype(
    [
        ("run_n", "i2", (2, 8)), ("since", "i8", (2, 8)), ("open", "u1", (2, 8)), ("ok_n", "i2", (2, 2)),
        ("ok_since", "i8", (2, 2)), ("busy", "u1"),
    ],
    align=True,
)  # fmt: skip
_DEVIATION_1 = np.dtype(
    [
        ("n", "i2"), ("n_urgent", "i2"), ("sign", "i1"), ("open", "u1"), ("open_sign", "i1"), ("ok_n", "i2"),
        ("since", "i8"), ("last_at", "i8"),
    ],
    align=True,
)  # fmt: skip
_ROW_1 = np.dtype(
    [
        ("slot", "i4"), ("vital", "i4"), ("newest_at", "i8"), ("late_at", "i8"),
        ("prior", [(name, "f8") for name in PRIOR.names or ()]), ("base", _BASE_1), ("open", _OPEN_1),
        ("floor", _FLOOR_1), ("deviation", _DEVIATION_1),
    ],
    align=True,
)  # fmt: skip


_FORECAST_6 = np.dtype(
    [
        ("at", "i8"), ("level", "f4"), ("slope", "f4"), ("p", "f4", 3), ("mean", "f4"), ("variance", "f4"),
        ("floor", "f4"), ("ceiling", "f4"), ("n", "i4"), ("run", "i2"), ("open", "u1"), ("ok_n", "u1"),
    ],
    align=True,
)  # fmt: skip
FORECASTS_6 = np.dtype([("row", "i4"), ("filter", _FORECAST_6)], align=True)


def upgraded(page: Page) -> Page:
    """A page of an older format as one of today."""
    if not page.people:
        return page
    older = page.format
    page = _apart(page) if older == 1 else _with_floors_of_today(_with_windows_of_today(page))
    page = _settled(page) if older < 3 else page
    page = _faded(page) if older < 9 else page
    if older < 5:
        waits, budgets = known_of(page.weeks), budgets_of(page.together)
        page = msgspec.structs.replace(page, waits=waits, budgets=budgets, together=b"")
    forecasts_ = _with_samples(page.forecasts) if older < 7 else page.forecasts
    return msgspec.structs.replace(page, format=FORMAT, forecasts=forecasts_)


def _faded(page: Page) -> Page:
    """Until format 8 all windows ever seen counted alike in whether a vital is a stream, and nobody kept what was
    learned of late: there was a hole."""
    rows = np.frombuffer(page.rows, ROW).copy()
    base = rows["base"]
    base["lately"] = 0
    base["seen"] = baseline.faded(base["seen"].astype(np.float64), base["first_at"], base["last_at"])
    return msgspec.structs.replace(page, rows=rows.tobytes())


def _with_samples(raw: bytes) -> bytes:
    """Forecasts of format 6 and before knew level and slope of glucose and not the samples, which lie on that line; of
    the shares and the jumps they knew nothing."""
    old = np.frombuffer(raw, FORECASTS_6)
    new, level = _alike(old[["row"]], forecasts.STATE), old["filter"]["level"]
    inner = _alike(old["filter"], forecast.STATE)
    inner["past"] = level[:, None] - old["filter"]["slope"][:, None] * np.arange(forecast.KEPT)
    inner["slow"], inner["brisk"] = old["filter"]["mean"], level
    for name in ("low_share", "near_share", "rough"):
        inner[name] = forecast.settings()["fading"][name]["start"]
    new["filter"] = inner
    return new.tobytes()


def _with_windows_of_today(page: Page) -> Page:
    """The windows of format 2 and 3 did not know of sensor faults, those of format 4 and 5 did not know how good the
    signal was: they hold none, and nothing was said of it."""
    missing = {"faulty", "rated"} if page.format < 4 else {"rated"} if page.format < 6 else set[str]()
    open_ = np.frombuffer(page.windows, _without(windows.STATE, missing))
    late_ = np.frombuffer(page.late, _without(late.STATE, missing))
    return msgspec.structs.replace(
        page, windows=_alike(open_, windows.STATE).tobytes(), late=_alike(late_, late.STATE).tobytes()
    )


def _with_floors_of_today(page: Page) -> Page:
    """Until format 9 nobody knew from which devices a run beyond a floor was: it goes on for all of them together."""
    if page.format >= 10:
        return page
    old = np.frombuffer(page.floors, _without(crossings.STATE, {"of_device"}))
    return msgspec.structs.replace(page, floors=_alike(old, crossings.STATE).tobytes())


def _without(dtype: np.dtype[np.void], missing: set[str]) -> np.dtype[np.void]:
    """A dtype without its fields of later, which are the last ones."""
    kept = [(name, dtype[name]) for name in dtype.names or () if name not in missing]
    return np.dtype(kept, align=dtype.isalignedstruct)


def _settled(page: Page) -> Page:
    """A page of format 2 as one of today: what had been learned held the path of its days, which now lies over it
    day by day; and it is noted until when there is one."""
    patients, rows = np.frombuffer(page.patients, PATIENT).copy(), np.frombuffer(page.rows, ROW).copy()
    for place, person in enumerate(page.people):
        document = None if person is None else person.document
        profile = None if document is None else parse_profile(decompressed(document))
        if profile is not None and (over := over_from(profile)):
            patients["course_over"][place] = over
            for row in np.flatnonzero(rows["slot"] % PATIENTS_PER_PAGE == place):
                rows["base"]["x"][row, 0] -= _path_learned(rows[row], profile)
    return msgspec.structs.replace(page, patients=patients.tobytes(), rows=rows.tobytes())


def _path_learned(row: np.void, profile: Profile) -> float:
    """The mean path of the last week of a row, on the working scale: a level that followed the data was so far behind.
    Modifiers that a deployment leaves out are not known here; own data mend what is wrong by that."""
    first, last = int(row["base"]["first_at"]), int(row["base"]["last_at"]) or max(int(row["newest_at"]), 0)
    on = from_us(last).astimezone(ZoneInfo(profile.timezone or "UTC")).date()
    days = range(min(7, 1 + (last - first) // US_PER_DAY) if first else 1)
    return float(np.mean([expect(profile, on - timedelta(days=day)).path[row["vital"]] for day in days]))


def _apart(page: Page) -> Page:
    """A page of format 1 as one of format 2: windows and floors apart, figures in single precision, profiles small."""
    patients, rows = np.frombuffer(page.patients, _PATIENT_1), np.frombuffer(page.rows, _ROW_1)
    busy = np.flatnonzero(rows["floor"]["busy"])
    for person in page.people:
        if person is not None and person.document is not None:
            person.document = compressed(person.document)
    return msgspec.structs.replace(
        page, format=2, patients=_patients(patients).tobytes(), rows=_rows(rows).tobytes(),
        windows=_windows(rows).tobytes(), floor_rows=busy.astype(np.int32).tobytes(),
        floors=_alike(rows["floor"][busy], crossings.STATE).tobytes(), sent=_sent(patients),
    )  # fmt: skip


def _alike(old: npt.NDArray[np.void], dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    """Records of another dtype: fields of the same name are the same thing, the others are empty."""
    new = np.zeros(len(old), dtype)
    for name in set(dtype.names or ()) & set(old.dtype.names or ()):
        new[name] = old[name]
    return new


def _patients(old: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    new = _alike(old, PATIENT)
    new["devices_since"] = np.where(old["has_devices"], 2**62, -(2**62))  # look it up each time
    new["ring_hour"] = np.maximum(old["clock"], 0) // (3600 * US_PER_S)
    return new


def _rows(old: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    new = np.zeros(len(old), ROW)
    for name in ("slot", "vital", "newest_at", "late_at"):
        new[name] = old[name]
    new["prior"], new["base"] = _alike(old["prior"], PRIOR), _alike(old["base"], baseline.STATE)
    new["deviation"] = _alike(old["deviation"], deviation.STATE)
    return new


def _windows(old: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    row, place = np.nonzero(old["open"]["index"] >= 0)
    new = np.zeros(len(row), windows.STATE)
    new["row"] = row
    for name in _OPEN_1.names or ():
        new[name] = old["open"][name][row, place]
    return new


def _sent(old: npt.NDArray[np.void]) -> Remembered:
    """The last 128 readings of each, taken as if they had all come at the patient's clock."""
    count = np.minimum(old["accepted"], _SENT_KEPT)
    slot = np.repeat(np.arange(len(old)), count)
    place = np.repeat(old["accepted"], count) - np.repeat(np.cumsum(count), count) + np.arange(len(slot))
    ids, contents = (old[name][slot, place % _SENT_KEPT].tobytes() for name in ("ids", "contents"))
    hours = (np.maximum(old["clock"], 0) // (3600 * US_PER_S))[slot].astype(np.uint16)
    return Remembered(count.tolist(), ids, contents, hours.tobytes())
