"""Recovery: a worker that held so many patients is killed; how long until another one holds them all.

Each patient has a profile as a clinic would write it and six vitals, measured three times. The state of MADE patients
is made by the engine itself; the others are the same under other names, because to make a million one by one takes
half an hour. Seconds are those from the start of the process until it says that it is ready: Python's own start,
joining the group and the reading of the changelog included. After a kill the group waits for the dead worker as long
as limits.SESSION_S; the embedded broker lets every group that changes wait for 5 to 18 s, which are most of what is
measured on it.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer

from models.times import US_PER_S, rfc3339
from streams import control, limits
from streams.benching import workload
from streams.benching.anew import forget
from streams.benching.child import Child
from streams.configuration.settings import Settings
from streams.engine.forms import Page
from streams.engine.links import LINK
from streams.engine.log import LogSlice, home_of
from streams.engine.pages import CLOCK, META, key_of, pack_dirty
from streams.engine.rows import ROW
from streams.engine.state import PATIENTS_PER_PAGE, PartitionState
from streams.engine.step import EngineSettings, step
from streams.errors import Failed
from streams.kafka.topics import changelog_topic, ensure_topics

PREFIX = "recovery-"
SIZES = (10_000, 100_000)
REPORTED = 100_000
"""The figures at the top are those of this many patients, or of the most there are if it was not asked for."""
MADE = 640
ROUNDS = 3
CODES = (("8867-4", "/min", 70), ("59408-5", "%", 97), ("8480-6", "mm[Hg]", 120), ("8462-4", "mm[Hg]", 75),
         ("8310-5", "Cel", 36.6), ("29463-7", "kg", 70))  # fmt: skip
WITHIN_S = 600.0


async def measure(settings: Settings, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """patients, seconds, bytes_per_patient (resident memory of the worker, less that of one without patients),
    page_bytes_per_patient (on the changelog); `growth`: the same for each size."""
    growth = [await _one(settings.model_copy(update={"topic_prefix": f"{PREFIX}{n}."}), n) for n in sorted(sizes)]
    reported = next((one for one in growth if one["patients"] == REPORTED), growth[-1])
    return {**reported, "growth": growth}


async def _one(settings: Settings, patients: int) -> dict[str, Any]:
    await forget(settings)
    await ensure_topics(settings.broker, settings.topic_prefix, settings.partitions, settings.replication)
    with tempfile.TemporaryDirectory(prefix="homebeat-recovery-") as folder:
        child = Child(settings, folder)
        try:
            await child.start(WITHIN_S)  # Faust makes the changelog topic
            empty = child.resident_bytes
            await child.kill()
            size = await _write_pages(settings, patients)
            await child.start(WITHIN_S)
            await child.kill()
            seconds = await child.start(WITHIN_S)
            held, resident = await child.patients(), child.resident_bytes
        finally:
            await child.kill()
    if held != patients:
        raise Failed(f"{held} of {patients} patients came back")
    _say(f"{patients} patients in {seconds:.1f} s")
    return {
        "patients": patients, "seconds": round(seconds, 2), "bytes_per_patient": round((resident - empty) / patients),
        "page_bytes_per_patient": round(size / patients),
    }  # fmt: skip


async def _write_pages(settings: Settings, patients: int) -> int:
    """Put the pages of that many patients on the changelog; bytes written."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker, max_request_size=limits.PRODUCER_REQUEST_BYTES_MAX)
    _say(f"writing pages of {patients} patients ...")
    await producer.start()
    size = 0
    try:
        made = [msgspec.msgpack.decode(page, type=Page) for page in _made_pages()]
        for partition, names in enumerate(_at_home(patients, settings.partitions)):
            for key, value in _pages(made, partition, names):
                size += len(value)
                await producer.send(changelog_topic(settings), value, key=key, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
    return size


def _at_home(patients: int, partitions: int) -> list[list[str]]:
    """The names of that many patients, by the partition that their readings come to."""
    homes: list[list[str]] = [[] for _ in range(partitions)]
    for name in (f"p-{n:07d}" for n in range(patients)):
        homes[home_of(name.encode(), partitions)].append(name)
    return homes


def _made_pages() -> list[bytes]:
    """Full pages, as the engine wrote them."""
    state, settings = PartitionState(), EngineSettings(b"bench", summaries=False)
    for log in _logs(settings.secret):
        step(state, log, settings)
    return [page for key, page in pack_dirty(state, 0).pages.items() if key.rpartition(b"/")[2].isdigit()]


def _logs(secret: bytes) -> Iterator[LogSlice]:
    """Profiles, then rounds of one reading of every vital of every patient."""
    names = [f"made-{n}" for n in range(MADE)]
    signed = [control.signed(control.profile(name, profile(n, name)), secret) for n, name in enumerate(names)]
    offset = MADE
    arrived = np.full(MADE, workload.BEGAN_US)
    yield LogSlice("readings", 0, np.arange(MADE), arrived, *map(list, zip(*signed, strict=True)))  # type: ignore[arg-type]
    for number in range(ROUNDS):
        at_us = workload.BEGAN_US + number * 3600 * US_PER_S
        records = [(name.encode(), reading(name, code, at_us)) for name in names for code in CODES]
        n = len(records)
        keys, values = [key for key, _ in records], [value for _, value in records]
        after = np.array([at_us + 3600 * US_PER_S - 1]), np.array([n])  # time goes on: what is not of a day has closed
        yield LogSlice("readings", 0, np.arange(offset, offset + n), np.full(n, at_us), keys, values, None, *after)
        offset += n


def profile(number: int, name: str) -> bytes:
    """A profile with a little of everything; no two are quite the same."""
    body = {
        "patient": name, "version": 4, "updated": "2026-01-04T07:00:00Z",
        "birth_date": f"{1930 + number % 60}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        "sex": ("female", "male")[number % 2], "timezone": "Europe/London", "height_cm": 150 + number % 40,
        "weight_kg": 50 + number % 97 / 2, "skin_tone": {"scale": "monk", "value": 1 + number % 10},
        "conditions": [{"code": "heart_failure", "since": f"{2010 + number % 15}-03-01"},
                       {"code": "copd", "since": "2019-02-11"}],
        "medications": [{"code": "metoprolol", "start": f"2025-{1 + number % 12:02d}-01", "stop": None},
                        {"code": "furosemide", "start": "2025-06-02", "stop": None}],
        "trajectories": [{"condition": "heart_failure", "anchor": "discharge", "date": "2025-12-20"}],
        "usual": {"resting_heart_rate": 50 + number % 30},
        "devices": [{"device": f"urn:dev:hub-{number}", "since": "2025-12-20", "until": None}],
        "consent": {"monitoring": True, "genomics": True, "research": False, "withheld_vitals": ["steps"]},
        "care_team": f"cardiology-{number % 7}", "strata": {"language": "en", "deprivation_quintile": 1 + number % 5},
    }  # fmt: skip
    return json.dumps(body).encode()


def reading(name: str, code: tuple[str, str, float], at_us: int) -> bytes:
    """One measurement at home."""
    body = {
        "id": f"{code[0]}-{at_us}", "patient": name, "device": f"urn:dev:hub-{name}", "code": code[0], "unit": code[1],
        "value": code[2], "at": rfc3339(at_us),
    }  # fmt: skip
    return json.dumps(body).encode()


def _pages(made: list[Page], partition: int, names: list[str]) -> Iterator[tuple[bytes, bytes]]:
    """The pages of these patients. The last one of a partition may be full too many: it is cut by its people."""
    yield key_of(partition, META), msgspec.msgpack.encode(msgspec.structs.replace(made[0], people=[], **_EMPTY))
    for number, first in enumerate(range(0, len(names), PATIENTS_PER_PAGE)):
        page = made[number % len(made)]
        some = names[first : first + PATIENTS_PER_PAGE]
        yield key_of(partition, number), msgspec.msgpack.encode(_moved(page, number, some))
    yield key_of(partition, CLOCK), msgspec.msgpack.encode(msgspec.structs.replace(made[0], people=[], **_EMPTY))


_EMPTY: dict[str, Any] = {"patients": b"", "rows": b"", "counted": [0] * 5, "windows": b"", "floor_rows": b"",
                          "floors": b"", "sent": None, "links": b"", "gone": [], "gone_kept": []}  # fmt: skip


def _moved(page: Page, number: int, names: list[str]) -> Page:
    """The same patients under these names, on another page; beyond those they are as if they had been forgotten."""
    rows, links = np.frombuffer(page.rows, ROW).copy(), np.frombuffer(page.links, LINK).copy()
    for table in (rows, links):
        table["slot"] = number * PATIENTS_PER_PAGE + table["slot"] % PATIENTS_PER_PAGE
    people = [
        None if one is None or k >= len(names) else msgspec.structs.replace(one, name=names[k])
        for k, one in enumerate(page.people)
    ]
    return msgspec.structs.replace(page, people=people, rows=rows.tobytes(), links=links.tobytes())


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201 - progress of a long command
