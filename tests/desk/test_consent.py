"""Who has withdrawn consent is no longer shown, in whatever order the topics are read, and it is said in words."""

import contextlib
import json
import sqlite3
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.async_api import expect
from sqlalchemy import func, select

from alerts.desk.consent import Consent
from alerts.desk.feed import patient_profile
from alerts.desk.schema import WINDOWS
from alerts.desk.store import Store
from models.readings import VitalSummary
from streams.kafka.embedded import EmbeddedBroker
from tests.channels import topics
from tests.channels.events import alert
from tests.desk import content
from tests.desk.browser import page
from tests.desk.databases import in_folder
from tests.desk.morning import Morning, named
from tests.desk.running import client as signed_in
from tests.desk.running import desk
from tests.desk.test_api import accounts, client, log, store
from tests.desk.test_store import START_S, summary

__all__ = ["accounts", "client", "log", "store"]
NOTHING: dict[str, Any] = {"n": 0, **dict.fromkeys(("mean", "min", "max", "expected", "low", "high"))}
Said = Callable[[Store], Any]


def before(number: int, vital: str = "heart_rate") -> VitalSummary:
    return summary(number, vital=vital)


def word(number: int, vital: str = "heart_rate") -> VitalSummary:
    """What the worker says of a vital that is withheld from there on."""
    return summary(number, vital=vital, state="withheld", **NOTHING)


def told(version: int, at_window: int, **consent: Any) -> Said:
    """A version of the profile, written in this window."""
    body = {"patient": "p-1", "version": version, "care_team": "cardiology-home", "consent": consent}
    made = patient_profile(b"p-1", json.dumps(body).encode(), START_S + 900 * at_window + 60)
    return lambda store: store.put_profiles([made])


def forgotten(at_window: int) -> Said:
    made = patient_profile(b"p-1", b"", START_S + 900 * at_window + 60)
    return lambda store: store.put_profiles([made])


def measured(store: Store, vital: str = "heart_rate") -> list[int]:
    """The windows with readings that are shown, by number."""
    return [round((one.start_s - START_S) / 900) for one in store.windows("p-1", vital, None, None) if one.n]


def held(store: Store) -> int:
    """Windows with readings in the database itself."""
    with store.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(WINDOWS.c.measured), 0))).scalar_one())


def test_who_withdraws_is_no_longer_shown_nor_kept_and_the_words_say_since_when(store: Store) -> None:
    told(1, 0, monitoring=True)(store)
    store.put_summaries([before(n) for n in range(60)])
    told(2, 60, monitoring=False)(store)
    assert (measured(store), held(store)) == ([], 0)
    assert [one.words for one in store.withdrawn("p-1")] == [
        "Consent to monitoring was withdrawn on 5 January 2026. Readings are no longer shown."
    ]
    store.put_summaries([before(59), word(60)])
    assert (measured(store), held(store)) == ([], 0)
    assert [(vital, one.state, last) for vital, one, last in store.newest("p-1")] == [("heart_rate", "withheld", None)]


def test_a_vital_that_is_withheld_later_goes_and_the_others_stay(store: Store) -> None:
    told(1, 0, monitoring=True)(store)
    store.put_summaries([before(n, vital) for n in range(30) for vital in ("heart_rate", "spo2")])
    told(2, 30, monitoring=True, withheld_vitals=["spo2"])(store)
    assert (measured(store, "spo2"), len(measured(store)), held(store)) == ([], 30, 30)
    (one,) = store.withdrawn("p-1")
    assert one.words == (
        "Oxygen saturation: withheld by the patient since 5 January 2026. Earlier readings are not shown either."
    )


def test_who_is_forgotten_is_no_longer_shown_and_may_begin_anew(store: Store) -> None:
    told(7, 0, monitoring=True)(store)
    store.put_events([alert("a-1", patient="p-1")])
    store.put_summaries([before(n) for n in range(30)])
    forgotten(30)(store)
    assert (measured(store), held(store)) == ([], 0)
    assert [one.words for one in store.withdrawn("p-1")] == [
        "The profile was withdrawn on 5 January 2026. Readings are no longer shown."
    ]
    told(1, 40, monitoring=True)(store)
    store.put_summaries([before(3), word(30), before(4), before(41)])
    assert measured(store) == [41]
    assert store.withdrawn("p-1") == []


def on_disk(folder: Path, wanted: bytes) -> bool:
    """Whether the files of the cache hold these bytes, in whatever place."""
    return any(wanted in file.read_bytes() for file in folder.glob("desk.sqlite*"))


@pytest.mark.parametrize("how", ["withheld by the profile", "withheld by the worker", "forgotten"])
def test_what_is_withdrawn_leaves_the_disk_too(tmp_path: Path, how: str) -> None:
    store, value = Store(in_folder(tmp_path).cache), struct.pack("<d", 71.12345678)
    told(1, 0, monitoring=True)(store)
    store.put_summaries([summary(n, mean=71.12345678) for n in range(60)])
    assert on_disk(tmp_path, value)
    assert on_disk(tmp_path, b'"care_team":')
    match how:
        case "withheld by the profile":
            told(2, 60, monitoring=True, withheld_vitals=["heart_rate"])(store)
        case "withheld by the worker":
            store.put_summaries([word(60)])
        case _:
            forgotten(60)(store)
            assert not on_disk(tmp_path, b'"care_team":')
    assert not on_disk(tmp_path, value)
    store.close()


def test_whoever_reads_an_older_state_holds_nobody_up_and_it_leaves_the_disk_after_that(tmp_path: Path) -> None:
    store, value = Store(in_folder(tmp_path).cache), struct.pack("<d", 71.12345678)
    told(1, 0, monitoring=True)(store)
    store.put_summaries([summary(n, mean=71.12345678) for n in range(60)])
    with store.reading() as reader:
        reader.exec_driver_sql("BEGIN")
        assert reader.execute(select(WINDOWS.c.body)).first()
        began = time.monotonic()
        forgotten(60)(store)
        assert time.monotonic() - began < 4.5, "SQLite itself would wait for five seconds"
        assert on_disk(tmp_path, value)
    store.put_events([alert("a-1", patient="p-2")])
    assert not on_disk(tmp_path, value)
    store.close()


def test_what_is_from_before_the_consent_began_is_not_shown(store: Store) -> None:
    store.put_summaries([before(n) for n in range(60)])
    told(2, 60, monitoring=True, since="2026-01-05T07:35:00Z")(store)
    assert measured(store) == list(range(30, 60))


def test_a_later_version_does_not_make_the_withdrawal_a_later_one(store: Store) -> None:
    store.put_summaries([before(0), word(30)])
    told(9, 96 * 20, monitoring=False)(store)
    assert store.withdrawn("p-1")[0].since_s == START_S + 900 * 30


def test_a_consent_that_nobody_can_read_changes_nothing(store: Store) -> None:
    """The worker refuses such a profile, and goes on as before."""
    told(1, 0, monitoring=True, withheld_vitals=["spo2"])(store)
    store.put_summaries([before(0), before(0, "spo2")])
    unreadable: list[dict[str, Any]] = [{}, {"monitoring": "no"}, {"monitoring": False, "withheld_vitals": 5}]
    for number, broken in enumerate(unreadable):
        with pytest.raises(ValueError, match="bad_profile"):
            told(2 + number, 1, **broken)(store)
    assert (measured(store), measured(store, "spo2")) == ([0], [])


AGAIN = [
    *(before(n) for n in (0, 10, 25, 39)), word(40), *(before(n) for n in (70, 71, 90)), word(100, "spo2"),
]  # fmt: skip
VERSIONS = [told(1, 0, monitoring=True), told(2, 40, monitoring=False), told(3, 70, monitoring=True)]
LEFT = VERSIONS[-1:]
"""What compaction leaves of them."""


@pytest.mark.parametrize("profiles", [VERSIONS, LEFT], ids=["all", "compacted"])
@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize("first", ["profiles", "vitals", "twice", "between"])
def test_the_order_in_which_the_topics_are_read_changes_nothing(
    store: Store, profiles: list[Said], batch: int, first: str
) -> None:
    """Withdrawn and agreed to again: what came since is shown, and nothing of what was before."""
    vitals: list[Said] = [
        lambda store, some=some: store.put_summaries(some)  # type: ignore[misc]
        for some in (AGAIN[n : n + batch] for n in range(0, len(AGAIN), batch))
    ]
    order = {
        "profiles": [*profiles, *vitals], "vitals": [*vitals, *profiles], "twice": [*vitals, *profiles, *vitals],
        "between": [*profiles[:2], *vitals, *profiles[2:]],
    }  # fmt: skip
    for one in order[first]:
        one(store)
    assert measured(store) == [70, 71, 90]


def test_what_came_after_a_withdrawal_waits_for_the_version_that_agrees_to_it(store: Store) -> None:
    told(2, 40, monitoring=False)(store)
    store.put_summaries([before(39), before(41)])
    assert (measured(store), held(store), store.reach("p-1", "heart_rate", (None, None))) == ([], 1, (None, 0))
    assert [one.windows for one in store.thinned("p-1", {"heart_rate": 60.0}, (None, None), 10)] == [[]]
    assert [(one.state, one.mean, last) for _, one, last in store.newest("p-1")] == [("withheld", None, None)]
    told(3, 40, monitoring=True)(store)
    assert measured(store) == [41]


@settings(deadline=None, max_examples=30)
@given(st.permutations([*(before(n) for n in (0, 23, 24, 30, 47)), word(24), word(12), before(24, "spo2")]), st.data())
def test_any_order_of_windows_and_words_leaves_the_same(
    tmp_path_factory: pytest.TempPathFactory, many: list[VitalSummary], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(many)))
    with contextlib.closing(Store(in_folder(tmp_path_factory.mktemp("any")).cache)) as made:
        for some in (many[:cut], many[cut:]):
            made.put_summaries(some)
        assert measured(made) == [24, 30, 47]
        assert measured(made, "spo2") == [24]


async def test_no_answer_of_the_api_gives_a_point_of_what_is_withdrawn(client: httpx.AsyncClient, store: Store) -> None:
    told(1, 0, monitoring=True)(store)
    store.put_summaries([summary(n, mean=61.25, min=61.25, max=61.25) for n in range(30)])
    asked = ("/vitals", "/vitals?vital=heart_rate", "/states", "")
    shown = [(await client.get(f"/api/patients/p-1{path}")).text for path in asked]
    assert all("61.25" in text for text in shown[:3])
    told(2, 30, monitoring=False)(store)
    for path in (*asked, "/reach?vital=heart_rate"):
        answer = await client.get(f"/api/patients/p-1{path}")
        assert answer.status_code == 200
        assert "61.25" not in answer.text
        if not path.startswith("/reach"):
            assert "withdrawn on 5 January 2026" in answer.text
    assert (await client.get("/api/patients/p-1/reach?vital=heart_rate")).json()["windows"] == 0
    lines = dict((await client.get("/api/patients/p-1")).json()["about"]["lines"])
    assert lines["Consent"] == "monitoring withdrawn on 5 January 2026"


async def test_a_desk_that_begins_anew_shows_nothing_of_what_was_withdrawn(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """The topics still hold the points: of who withdrew, of who was forgotten long ago, and of who goes on."""
    bootstrap, kept = embedded_broker.address, in_folder(tmp_path)
    await topics.made(bootstrap, prefix)
    many = [summary(n, patient=f"p-{who}", mean=61.25) for who in (1, 2, 3) for n in range(30)]
    gone = [summary(30, patient="p-2", state="withheld", **NOTHING)]
    await topics.put(bootstrap, f"{prefix}vitals", [*many, *gone])
    bodies = [{"patient": f"p-{who}", "version": 1, "consent": {"monitoring": who == 3}} for who in (1, 3)]
    await topics.put(bootstrap, f"{prefix}profiles", [json.dumps(body).encode() for body in bodies])
    async with desk(bootstrap, prefix, kept) as url, signed_in(url, kept) as made:
        assert "61.25" in (await made.get("/api/patients/p-3/vitals")).text
        for who in ("p-1", "p-2"):
            for part in ("vitals", "states", "reach?vital=heart_rate"):
                assert "61.25" not in (await made.get(f"/api/patients/{who}/{part}")).text
    with contextlib.closing(sqlite3.connect(tmp_path / "desk.sqlite")) as cache:
        assert cache.execute("SELECT DISTINCT patient FROM desk_cache_windows WHERE measured > 0").fetchall() == [
            ("p-3",)
        ]


@pytest.mark.browser
async def test_an_open_page_lets_go_of_the_charts_and_says_why(morning: Morning) -> None:
    def said(version: int, **consent: Any) -> list[bytes]:
        body = {"patient": content.HEART, "version": version, "care_team": "cardiology-home", "consent": consent}
        return [json.dumps(body).encode()]

    profiles = f"{morning.prefix}profiles"
    await topics.put(morning.bootstrap, profiles, said(1, monitoring=True))
    await morning.put(content.heart_alert())
    async with page() as opened:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        await expect(opened.locator(".chart canvas")).to_have_count(5)
        await topics.put(morning.bootstrap, profiles, said(2, monitoring=True, withheld_vitals=["spo2"]))
        await expect(opened.locator(".chart canvas")).to_have_count(4)
        stands = opened.get_by_role("region", name="How each vital stands")
        await expect(stands).to_contain_text("Oxygen saturation: withheld by the patient since ")
        await topics.put(morning.bootstrap, profiles, said(3, monitoring=False))
        await expect(stands).to_contain_text("Consent to monitoring was withdrawn on ")
        await expect(opened.locator(".chart canvas")).to_have_count(0)
        await expect(opened.get_by_role("region", name="About the patient")).to_contain_text("monitoring withdrawn on ")


def test_an_open_page_of_somebody_who_is_forgotten_hears_of_it(store: Store) -> None:
    """By their alerts it can still be seen that they were patients of the team; without any, the page closes."""
    told(1, 0, monitoring=True)(store)
    moves = store.put_profiles([patient_profile(b"p-1", b"", START_S)])
    assert (moves.patients, moves.former) == (["p-1"], {"p-1": {"cardiology-home"}})


@given(st.booleans(), st.sampled_from(["heart_rate", "body_weight", "no vital"]), st.none() | st.floats(0, 2e9))
def test_who_is_forgotten_without_a_time_is_not_shown_at_all(seen: bool, vital: str, at_s: float | None) -> None:
    one = Consent(seen, forgotten=True, told_s=at_s)
    assert one.from_s(vital) == float("inf") if at_s is None else at_s - 86_400 <= one.from_s(vital) <= at_s
