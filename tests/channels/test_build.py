"""Channels as the file of care teams names them: what each may say of a patient, and in whose name its link answers."""

import json
import re

import pytest
from pydantic import ValidationError

from alerts import links
from alerts.channels.build import channels_of
from alerts.channels.protocol import idempotency_key
from alerts.channels.webhook import WebhookLimits
from alerts.teams.settings import read_directory
from tests.channels.events import alert
from tests.channels.server import answering
from tests.channels.test_email import inbox, text

DESK, KEY, NOW_S = "https://desk.example.org/", links.key_of(b"a deployment of the tests"), 1_767_600_000.0
TEAMS = """
[mail]
host = "127.0.0.1"
port = PORT
sender = "homebeat@example.org"
tls = "none"
[channels]
mail-ann = {kind = "email", to = "ann@example.org", safe = true}
mail-bob = {kind = "email", to = "bob@example.org"}
mail-ward = {kind = "email", to = "ward@example.org", safe = true}
pager = {kind = "apprise", url = "json://HOST"}
pager-safe = {kind = "apprise", url = "json://HOST", safe = true}
[members.ann]
name = "Ann"
reach = ["mail-ann", "mail-ward", "pager"]
[members.bob]
name = "Bob"
reach = ["mail-bob", "mail-ward", "pager-safe"]
[teams.cardiology-home]
members = ["ann", "bob"]
chain = ["ann", "bob"]
"""


async def said_by_each(desk: str | None = DESK, key: bytes = KEY) -> dict[str, str]:
    """What each channel of the file says of one alert to a real server, by the channel's name."""
    event, said = alert(notify="first", reason="ask Mr Jones"), dict[str, str]()
    async with inbox() as box, answering([]) as web:
        file = TEAMS.replace("PORT", str(box.port)).replace("HOST", web.url.removeprefix("http://"))
        made = channels_of(read_directory(file), b"a secret", WebhookLimits(), desk, key, lambda: NOW_S)
        for name, channel in made.items():
            outcome = await channel.send(event, idempotency_key(event))
            assert outcome.outcome == "delivered", name
            if name.startswith("mail"):
                said[name] = f"{box.mails[-1]['Subject']}\n{text(box.mails[-1])}"
            else:
                sent = json.loads(web.requests[-1][1])
                said[name] = f"{sent['title']}\n{sent['message']}"
            await channel.close()
    return said


def token_in(said: str) -> str | None:
    found = re.search(rf"{re.escape(DESK)}a/([\w-]+)", said)
    return found[1] if found else None


async def test_only_channels_that_are_marked_safe_name_the_patient() -> None:
    said = await said_by_each()
    assert {name for name, words in said.items() if "Patient: p-17" in words} == {"mail-ann", "mail-ward", "pager-safe"}
    for name in ("mail-bob", "pager"):
        assert "[urgent] New: clinical alert" in said[name]
        assert not any(words in said[name] for words in ("p-17", "eart rate", "104 /min", "Jones")), name


def test_what_gets_the_whole_alert_has_to_be_marked_safe() -> None:
    file = TEAMS.replace("PORT", "25").replace('"apprise", url = "json://HOST"', '"webhook", url = "https://x/"')
    with pytest.raises(ValidationError, match="safe"):
        read_directory(file)


async def test_a_link_answers_in_the_name_of_the_one_person_whom_its_channel_reaches() -> None:
    tokens = {name: token_in(words) for name, words in (await said_by_each()).items()}
    read = {name: links.read(KEY, token, NOW_S) for name, token in tokens.items() if token is not None}
    assert {name: link.member for name, link in read.items()} == {
        "mail-ann": "ann", "mail-bob": "bob", "pager": "ann", "pager-safe": "bob",
    }  # fmt: skip
    assert {(link.alert_id, link.patient, link.team) for link in read.values()} == {("a-1", "p-17", "cardiology-home")}


@pytest.mark.parametrize(("desk", "key"), [(None, KEY), (DESK, b"")], ids=["no desk", "no key"])
async def test_where_nobody_would_serve_it_there_is_no_link(desk: str | None, key: bytes) -> None:
    said = await said_by_each(desk, key)
    assert {name for name, words in said.items() if "/a/" in words} == set()
