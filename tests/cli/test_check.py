"""`homebeat check`: each thing that is wrong is named, with how to mend it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from aiohttp import web

from tests.cli.command import NOBODY, Homebeat, Result


def states(answered: Result) -> dict[str, str]:
    return {check["name"]: check["state"] for check in answered.json["checks"]}


def mend(answered: Result, name: str) -> str:
    (found,) = [check["mend"] for check in answered.json["checks"] if check["name"] == name]
    return str(found)


def test_absent_broker_is_bad_and_the_rest_is_still_looked_at(homebeat: Homebeat) -> None:
    answered = homebeat("check", "--json")
    assert answered.code == 1
    assert answered.json["ok"] is False
    assert answered.complaint == "homebeat: bad: broker"
    assert states(answered) == {
        "settings": "ok",
        "secret": "warn",
        "evidence": "ok",
        "broker": "bad",
        "webhooks": "warn",
        "care teams": "warn",
    }


def test_new_deployment_is_told_what_is_not_there_yet(connected: Homebeat) -> None:
    answered = connected("check", "--json", secret="a secret of our own")
    assert answered.code == 0
    assert states(answered)["broker"] == "ok"
    assert states(answered)["secret"] == "ok"
    assert states(answered)["topics"] == "warn"
    assert mend(answered, "topics") == "the first worker makes them"


def test_topics_that_are_well_are_said_to_be(connected: Homebeat) -> None:
    connected.fed(b"", "send", "-")
    assert states(connected("check", "--json"))["topics"] == "ok"


def test_check_changes_nothing(connected: Homebeat) -> None:
    first = connected("check", "--json")
    assert connected("check", "--json").json["checks"] == first.json["checks"]


def test_other_number_of_partitions_is_bad(connected: Homebeat) -> None:
    connected.fed(b"", "send", "-")
    answered = connected("check", "--json", partitions="3")
    assert answered.code == 1
    assert states(answered)["topics"] == "bad"
    assert "HOMEBEAT_PARTITIONS" in mend(answered, "topics")


def test_more_copies_than_brokers_is_bad(embedded: Homebeat) -> None:
    answered = embedded("check", "--json", replication="3")
    assert answered.code == 1
    assert states(answered)["replication"] == "bad"


def test_misspelt_variable_is_a_warning_with_the_name_that_was_meant(homebeat: Homebeat) -> None:
    answered = homebeat("check", "--json", partitionz="8")
    assert states(answered)["settings"] == "warn"
    assert mend(answered, "settings") == "HOMEBEAT_PARTITIONS was probably meant"


def test_people_read_a_line_for_each_setting_and_each_check(homebeat: Homebeat) -> None:
    answered = homebeat("check", group="ward-7")
    lines = answered.out.splitlines()
    assert "HOMEBEAT_GROUP=ward-7" in lines
    assert "HOMEBEAT_SECRET=**********" in lines
    (broker,) = [line for line in lines if line.startswith("bad   broker: ")]
    assert f"cannot reach the broker at {NOBODY}" in broker
    assert "set HOMEBEAT_BROKER" in broker


@contextmanager
def receiver(status: int) -> Iterator[tuple[int, list[str]]]:
    """A web server that gives this status to whatever it is asked, its port, and the methods that it saw."""
    loop = asyncio.new_event_loop()
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.Response(status=status)

    async def start() -> web.AppRunner:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = loop.run_until_complete(start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield runner.addresses[0][1], seen
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.mark.parametrize(
    ("status", "state"), [(200, "ok"), (404, "ok"), (405, "ok"), (501, "ok"), (500, "warn"), (503, "warn")]
)
def test_webhook_is_asked_without_telling_it_of_an_alert(homebeat: Homebeat, status: int, state: str) -> None:
    with receiver(status) as (port, seen):
        answered = homebeat("check", "--json", webhook_urls=f"http://user:word@127.0.0.1:{port}/secret-path")
    assert states(answered)[f"webhook 127.0.0.1:{port}"] == state
    assert seen == ["OPTIONS"]
    assert "secret-path" not in answered.out


def test_webhook_that_does_not_answer_is_a_warning(homebeat: Homebeat) -> None:
    answered = homebeat("check", "--json", webhook_urls="http://127.0.0.1:1/")
    assert states(answered)["webhook 127.0.0.1:1"] == "warn"


TEAMS = """
[channels]
hook = {kind = "webhook", url = "http://127.0.0.1:9/x", safe = true}
[members.ann]
name = "Ann"
reach = ["hook"]
[teams.cardiology]
members = ["ann"]
chain = ["calls", "ann", "everybody"]
[teams.cardiology.rotas.calls]
shifts = [{begin = 08:00:00, end = 20:00:00, members = ["ann"]}]
"""


def test_care_teams_that_leave_an_hour_or_a_channel_without_an_answer_are_named(
    homebeat: Homebeat, tmp_path: Path
) -> None:
    file = tmp_path / "teams.toml"
    file.write_text(TEAMS)
    answered = homebeat("check", "--json", teams_file=str(file))
    found = {check["name"]: check["found"] for check in answered.json["checks"]}
    assert "calls: nobody from" in found["team cardiology"]
    assert "127.0.0.1:9 does not answer" in found["channel hook"]
    assert "nobody answers for technical alerts" in found["team ops"]


def test_a_file_of_care_teams_with_an_unknown_name_is_bad(homebeat: Homebeat, tmp_path: Path) -> None:
    file = tmp_path / "teams.toml"
    file.write_text(TEAMS.replace('members = ["ann"]\nchain', 'members = ["zoe"]\nchain'))
    answered = homebeat("check", "--json", teams_file=str(file))
    assert answered.code == 1
    (said,) = [check["found"] for check in answered.json["checks"] if check["name"] == "care teams"]
    assert "zoe is not a member" in said
