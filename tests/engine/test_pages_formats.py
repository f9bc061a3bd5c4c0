"""Pages that an older homebeat wrote are read, and mean what they meant."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models import baseline
from models.detectors import forecast
from models.detectors.crossings import STATE
from streams.engine.forms import FORECASTS_6, Page
from streams.engine.pages import pack_dirty, restored
from streams.engine.people import compressed
from streams.engine.state import Outcome, PartitionState
from tests.engine.factories import DAY_US, MINUTE_US, Log, Record, Told, run
from tests.engine.test_pages import contents

FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_5 = (
    Path(__file__).parent / f"pages_format_{number}.json" for number in (1, 2, 3, 5)
)


def as_stored(path: Path) -> tuple[dict[str, Any], dict[bytes, bytes], Log]:
    """What an earlier version wrote: pages, the log of which they were made and that goes on, and what it told then."""
    stored = json.loads(path.read_bytes())
    records = [
        Record(key and key.encode(), value and value.encode(), at, [(name, text.encode()) for name, text in headers])
        for key, value, at, headers in stored["records"]
    ]
    return stored, pages_of(stored), Log(records)


def pages_of(stored: dict[str, Any]) -> dict[bytes, bytes]:
    return {key.encode(): zlib.decompress(base64.b64decode(page)) for key, page in stored["pages"].items()}


def as_then(told: Told, stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The summaries without the fields that came later."""
    found = [msgspec.to_builtins(summary) for summary in told.summaries]
    return [{name: one[name] for name in before} for one, before in zip(found, stored, strict=True)]


def test_a_page_of_the_third_format_is_still_read() -> None:
    """Its windows, those of late readings too, did not know of sensor faults: what was open goes on as it was."""
    stored, pages, log = as_stored(FORMAT_3)
    assert all(msgspec.msgpack.decode(page)[0] == 3 for page in pages.values())
    state = restored(pages, 0)
    assert len(state.late.table) > 0
    told = run(log, state=state, begin=stored["first"])
    assert as_then(told, stored["summaries"]) == stored["summaries"]
    assert told.outcomes == stored["outcomes"]
    assert contents(restored(pages | pack_dirty(state, 0).pages, 0)) == contents(state)


def test_a_page_of_the_fifth_format_is_still_read() -> None:
    """Its windows did not know how good the signal was, and it knew already of slow changes what is not in those of
    before: nothing else is lost. (It is of the log that is stored with the third format.)"""
    stored, _, log = as_stored(FORMAT_3)
    pages = pages_of(json.loads(FORMAT_5.read_bytes()))
    assert all(msgspec.msgpack.decode(page)[0] == 5 for page in pages.values())
    state, afresh = restored(pages, 0), PartitionState()
    run(Log(log.records[: stored["first"]]), state=afresh)
    assert len(state.late.table) > 0
    afresh.patients["profile_day"] = 0  # of no profile that came before is known when it did
    habits = [one.rows["base"]["seen"] for one in (state, afresh)]
    np.testing.assert_allclose(habits[0], habits[1], rtol=0.05)  # as if what was seen had come evenly
    habits[0][:] = habits[1]
    assert contents(state) == contents(afresh), "no reading of that log says how good its signal was"
    told = run(log, state=state, begin=stored["first"])
    assert as_then(told, stored["summaries"]) == stored["summaries"]
    assert contents(restored(pages | pack_dirty(state, 0).pages, 0)) == contents(state)


def test_a_page_of_the_sixth_format_is_still_read() -> None:
    """Its forecasts of glucose knew level and slope instead of samples; nothing else has changed."""
    log, state = Log(), PartitionState()
    log.profile()
    for value in (130.0, 127.0, 124.0, 121.0, 118.0, 115.0):
        log.read(code="glucose", value=value, device="cgm-1")
        log.wait(5 * MINUTE_US)
    run(log, state=state)
    before = state.forecasts.table[0].copy()
    old = np.zeros(1, FORECASTS_6)
    for name in ("at", "mean", "variance", "floor", "ceiling", "n", "run", "open", "ok_n"):
        old["filter"][name] = before[name]
    old["filter"]["level"], old["filter"]["slope"] = 115.0, -3.0
    pages = {key: as_format_6(page, old.tobytes()) for key, page in pack_dirty(state, 0).pages.items()}
    after = restored(pages, 0)
    assert np.array_equal(after.forecasts.table[0]["past"], before["past"])
    assert after.forecasts.table[0]["rough"] == pytest.approx(forecast.settings()["fading"]["rough"]["start"])
    assert after.forecasts.table[0]["at"] == before["at"]
    after.rows["base"]["seen"] = state.rows["base"]["seen"]  # see the eighth
    assert np.array_equal(after.rows["base"], state.rows["base"])


def test_a_page_of_the_seventh_format_is_still_read() -> None:
    """It knew neither slight drifts nor unknown weeks; what it says means the same."""
    log, state = Log(), PartitionState()
    log.profile()
    for value in (130.0, 127.0, 124.0):
        log.read(code="glucose", value=value, device="cgm-1")
        log.wait(5 * MINUTE_US)
    run(log, state=state)
    pages = {key: as_format(7, page) for key, page in pack_dirty(state, 0).pages.items()}
    again = restored(pages, 0)
    again.rows["base"]["seen"] = state.rows["base"]["seen"]
    assert contents(again) == contents(state)


@pytest.mark.parametrize(("a_day", "stream"), [(2, False), (96, True)])
def test_a_page_of_the_eighth_format_counted_every_window_alike(a_day: int, stream: bool) -> None:
    """Who was measured by hand for a year is not taken for a stream for the windows of that year."""
    log, state = Log(), PartitionState()
    log.profile()
    log.read(code="heart_rate", value=70, unit="/min")
    log.wait(5 * MINUTE_US)
    run(log, state=state)
    base = state.rows["base"][:1]
    base["last_at"], base["n"] = base["first_at"] + 365 * DAY_US, 300
    base["seen"], base["lately"] = 365 * a_day, 5.0  # what lay in the hole
    pages = {key: as_format(8, page) for key, page in pack_dirty(state, 0).pages.items()}
    rows = baseline.take(restored(pages, 0).rows["base"], np.zeros(1, np.int64))
    assert baseline.in_stream(rows).tolist() == [stream]
    assert rows.lately.tolist() == [0.0]


def test_a_page_of_the_ninth_format_is_still_read() -> None:
    """Of a run beyond a floor it did not know the devices: it goes on, and what is learned of late is kept."""
    log, state = Log(), PartitionState()
    log.profile()
    for value in (97, 82, 82, 82, 82, 82):
        log.read(code="spo2", value=value, device="oximeter-1")
        log.wait(MINUTE_US)
    run(log, state=state)
    state.rows["base"]["lately"][:1] = 5.0
    old = np.dtype([(name, STATE[name]) for name in STATE.names or () if name != "of_device"], align=True)
    pages = {key: as_format_9(page, old) for key, page in pack_dirty(state, 0).pages.items()}
    again = restored(pages, 0)
    assert again.rows["base"]["lately"][0] == 5.0
    begin = len(log)
    log.read(code="spo2", value=82, device="oximeter-1")
    assert run(log, state=again, begin=begin).events() == [("spo2.low", "opened")]


def test_a_page_of_the_tenth_format_is_still_read() -> None:
    """Its episodes did not know when they had returned, nor how far they had gone: what was told is what is known."""
    log, state = Log(), PartitionState()
    log.profile()
    for value in (97, 90, 90, 90, 90, 89):
        log.read(code="spo2", value=value)
        log.wait(31 * MINUTE_US)
    told = run(log, state=state)
    pages = {key: as_format_10(page) for key, page in pack_dirty(state, 0).pages.items()}
    again = restored(pages, 0)
    known, place = again.person(0).episodes[0], again.rows["floor"][0]
    assert (known.returns_us, known.furthest) == ([], None)
    assert np.array_equal(again.floors.table[place], state.floors.table[state.rows["floor"][0]]), "with their devices"
    begin = len(log)
    log.act(told.alerts[0].alert_id)
    log.read(code="spo2", value=88)
    log.wait(31 * MINUTE_US)
    log.read(code="spo2", value=87)
    events = run(log, state=again, begin=begin).events()
    assert events == [("spo2.low", "acknowledged"), ("spo2.low", "updated")], "90 % was told"


def as_format_10(page: bytes) -> bytes:
    fields = msgspec.msgpack.decode(page)
    people = Page.__struct_fields__.index("people")
    for person in filter(None, fields[people]):
        for episode in person[2]:
            del episode["returns_us"], episode["furthest"]
    return msgspec.msgpack.encode([10, *fields[1:]])


def as_format_9(page: bytes, of_floors: np.dtype[np.void]) -> bytes:
    fields = msgspec.msgpack.decode(page)
    fields[0], place = 9, Page.__struct_fields__.index("floors")
    if len(fields) > place and fields[place]:
        new = np.frombuffer(fields[place], STATE)
        before = np.zeros(len(new), of_floors)
        for name in of_floors.names or ():
            before[name] = new[name]
        fields[place] = before.tobytes()
    return msgspec.msgpack.encode(fields)


def as_format(number: int, page: bytes) -> bytes:
    fields = msgspec.msgpack.decode(page)
    return msgspec.msgpack.encode([number, *fields[1:]])


def as_format_6(page: bytes, forecasts: bytes) -> bytes:
    fields = msgspec.msgpack.decode(page)
    fields[0], place = 6, Page.__struct_fields__.index("forecasts")
    if len(fields) > place and fields[place]:
        fields[place] = forecasts
    return msgspec.msgpack.encode(fields)


def test_a_page_of_the_second_format_is_still_read() -> None:
    """It held the path of a recovery in what it had learned, which now lies over it day by day."""
    stored, pages, log = as_stored(FORMAT_2)
    assert all(msgspec.msgpack.decode(page)[0] == 2 for page in pages.values())
    state, afresh = restored(pages, 0), PartitionState()
    run(Log(log.records[: stored["first"]]), state=afresh)
    rows = [one.row_of[:3][one.row_of[:3] >= 0].astype(np.int64) for one in (state, afresh)]
    levels = [baseline.take(one.rows["base"], row).x[0] for one, row in zip((state, afresh), rows, strict=True)]
    np.testing.assert_allclose(levels[0], levels[1], atol=2.0)
    assert (state.patients["course_over"][:3] == afresh.patients["course_over"][:3]).all()
    told = run(log, state=state, begin=stored["first"])
    clinical = [alert for alert in told.alerts if alert.category == "clinical"]
    assert [[alert.patient, alert.problem, alert.event] for alert in clinical] == stored["told"]
    assert told.outcomes == stored["outcomes"]
    assert contents(restored(pages | pack_dirty(state, 0).pages, 0)) == contents(state)


def test_a_page_of_the_first_format_is_still_read() -> None:
    """A worker of this version takes over what an earlier one wrote: what is open stays open, and nothing is lost."""
    stored, pages, log = as_stored(FORMAT_1)
    state = restored(pages, 0)
    told = run(log, state=state, begin=stored["first"])
    clinical = [alert for alert in told.alerts if alert.category == "clinical"]
    assert [[alert.patient, alert.problem, alert.event] for alert in clinical] == stored["told"]
    assert told.outcomes == stored["outcomes"]
    assert told.outcomes[Outcome.DUPLICATE] == 1, "what was sent before the upgrade is known when it comes again"
    again = restored(pages | pack_dirty(state, 0).pages, 0)
    assert contents(again) == contents(state)
    assert state.gone_at("p-3") > 0


def test_who_was_watched_by_a_profile_of_before_stays_watched_and_can_be_corrected() -> None:
    """Whatever a later version asks of new ones: here a name stands twice, as it was once taken and kept."""
    log, state = Log(), PartitionState()
    for patient in ("p-1", "p-2"):
        log.profile(patient)
        log.read(patient=patient, value=70.0)
    run(log, state=state)
    state.person(state.slot_of["p-1"]).kept = compressed(
        b'{"patient": "p-1", "version": 1, "sex": "male", "sex": "male", "consent": {"monitoring": true}}'
    )
    ours, begin = restored(pack_dirty(state, 0).pages, 0), len(log)
    log.wait(5 * MINUTE_US)
    log.profile("p-1", version=2)
    for patient in ("p-1", "p-2"):
        log.read(patient=patient, code="spo2", value=75.0)
    told = run(log, state=ours, begin=begin)
    assert told.controls["profile", "applied"] == 1
    assert [(alert.patient, alert.problem) for alert in told.alerts] == [("p-1", "spo2.low"), ("p-2", "spo2.low")]
