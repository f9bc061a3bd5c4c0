"""Whom an event goes to, and whether a channel is known to fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from alerts.channels.health import FAILED_IN_A_ROW, Health
from alerts.channels.message import UNSAFE, UNSAFE_UNANSWERED, message_of
from alerts.channels.post import Letter, Post, shared
from alerts.channels.progress import Told
from alerts.channels.protocol import Outcome
from alerts.episodes import EVERYBODY, UNANSWERED
from alerts.events import AlertEvent
from alerts.language import languages, voice
from alerts.teams import Person
from models.phrases import moment, phrase, say
from streams.notifier.configuration import silent_because
from streams.notifier.deliveries import delivery_of
from tests.alerts.test_teams import DIRECTORY, NOON
from tests.channels.events import alert


@dataclass
class Named:
    name: str

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        return Outcome("delivered", 1)

    async def close(self) -> None:
        """Nothing is held."""


WAYS = {"ann": ("mail",), "bob": ("phone-bob",), "cas": ("mail", "phone-cas")}
POST = Post([Named("hook")], [Named("ehr")], {name: Named(name) for name in DIRECTORY.channels}, DIRECTORY)


def letters(silent: bool = False, at: datetime = NOON, **changed: object) -> list[Letter]:
    fields: dict[str, Any] = {"care_team": "cardiology", "notify": "first", **changed}
    return POST.letters(alert(**fields), silent, at)


def channels(silent: bool = False, at: datetime = NOON, **changed: object) -> list[str]:
    return [letter.channel for letter in letters(silent, at, **changed)]


def test_the_record_gets_everything_and_people_what_is_worth_a_message() -> None:
    assert channels(silent=True) == ["ehr"]
    assert channels() == ["ehr", "hook", "pager-ann"]


def test_each_rung_asks_its_own_and_the_end_is_told_to_all_who_were_asked() -> None:
    assert channels(rung=1)[2:] == ["mail-cas"]
    assert channels(rung=3)[2:] == ["pager-ann", "mail-bob", "mail-cas", "mail-dee"]
    assert channels(rung=1, notify="resolved", state="resolved")[2:] == ["pager-ann", "mail-cas"]


REACHED = {("pager-ann", 2): ["ann"], ("mail-bob", 3): ["bob"], ("mail-cas", 4): ["cas"], ("mail-cas", 5): ["cas"]}


def told_who_has_it(
    more: Mapping[tuple[str, int], list[str]] = MappingProxyType({}), **changed: Any
) -> list[tuple[str, str]]:
    """Steps 2 to 5 have reached Ann, Bob and Cas, and the sixth says who has it. more: whom else."""
    fields: dict[str, Any] = {
        "sequence": 6, "care_team": "cardiology", "notify": "taken", "event": "acknowledged", "state": "acknowledged",
        "asked_since": 3, "by": "cas", **changed,
    }  # fmt: skip
    reached = {**REACHED, **more}
    event = alert(**fields)
    silent = silent_because(event) is not None
    found = POST.letters(event, silent, NOON, lambda channel, step: reached.get((channel, step), ()))
    assert all(one.rest == () for one in found if one.why and "was asked" in one.why), "never another way"
    return [(one.channel, one.person.member if one.person else "") for one in found]


def test_whoever_was_asked_hears_who_has_it_by_the_channel_that_reached_them() -> None:
    """Ann is on call now, and heard of it before it began to wait this time; Cas has taken it."""
    assert told_who_has_it() == [("ehr", ""), ("mail-bob", "bob")]
    assert told_who_has_it(by="nobody-of-them") == [("ehr", ""), ("mail-bob", "bob"), ("mail-cas", "cas")]
    assert told_who_has_it(asked_since=2) == [("ehr", ""), ("pager-ann", "ann"), ("mail-bob", "bob")]
    assert told_who_has_it(asked_since=0) == [("ehr", "")], "of before it was said"
    assert told_who_has_it(severity="advisory") == [("ehr", "")], "what may wait is on the desk"


def test_whoever_was_asked_hears_of_the_end_once_also_off_duty_and_not_who_ended_it() -> None:
    ended: dict[str, Any] = {"notify": "resolved", "event": "resolved", "state": "resolved", "by": None}
    everybodys = [("ehr", ""), ("hook", "")]
    assert told_who_has_it(**ended) == [
        *everybodys, ("pager-ann", "ann"), ("mail-bob", "bob"), ("mail-cas", "cas"),
    ]  # fmt: skip
    assert told_who_has_it(**ended, rung=1)[2:] == [("pager-ann", "ann"), ("mail-cas", "cas"), ("mail-bob", "bob")]
    again = {("mail-ann", 5): ["ann"]}  # her pager had failed; now she is asked by it first
    assert told_who_has_it(again, **ended)[2:] == [("pager-ann", "ann"), ("mail-bob", "bob"), ("mail-cas", "cas")]
    assert told_who_has_it(**{**ended, "by": "ann"}) == [*everybodys, ("mail-bob", "bob"), ("mail-cas", "cas")]


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "cas has it. Nothing is asked of you any more."),
     ("de", "cas hat es übernommen. Von Ihnen wird nichts mehr erwartet.")],
)  # fmt: skip
def test_the_message_says_who_has_it_and_asks_for_nothing(language: str, said: str) -> None:
    event = alert(notify="taken", event="acknowledged", state="acknowledged", by="cas")
    safe, unsafe = (message_of(event, safe=safe, desk=None, link="L", language=language) for safe in (True, False))
    assert said in safe.text
    assert said in unsafe.text
    assert "L\n" not in safe.text
    assert "p-17" not in unsafe.subject + unsafe.text
    snoozed = msgspec.structs.replace(event, event="snoozed", state="snoozed", until="2026-01-05T09:00:00Z")
    assert "2026" in message_of(snoozed, safe=False, desk=None, link=None, language=language).text


@pytest.mark.parametrize(("language", "lead"), [("en", "Again"), ("de", "Erneut")])
def test_of_a_device_that_is_silent_again_nobody_reads_that_it_is_back(language: str, lead: str) -> None:
    """It said "Back again: No data from scale-3"."""
    event = alert(notify="returned", event="reopened", title="No data from scale-3")
    said = message_of(event, safe=True, desk=None, link=None, language=language)
    assert f"{lead}: No data from scale-3" in said.subject
    assert "Back" not in said.text


def test_a_message_asks_for_what_is_to_be_done_and_says_nothing_where_there_is_nothing() -> None:
    """Each line is there for its own reason: an answer is asked for while there is a deadline and nobody has it."""
    whole: dict[str, Any] = {"reason": "returned", "deadline": "2026-01-05T09:00:00Z"}
    said = message_of(alert(**whole), safe=True, desk="D", link="L").text
    assert all(words in said for words in ("Reason: returned", "Please answer by", "I have it: L", "More: D"))
    said = message_of(alert(), safe=True, desk=None, link=None).text
    assert not any(words in said for words in ("Reason", "Please answer", "I have it", "More", "None"))
    said = message_of(alert(state="resolved", **whole), safe=True, desk="D", link="L").text
    assert not any(words in said for words in ("Please answer", "I have it"))
    said = message_of(alert(**whole), safe=False, desk="D", link="L").text
    assert "returned" not in said
    assert all(words in said for words in ("Please answer by", "I have it: L", "More: D"))


@pytest.mark.parametrize("language", languages())
def test_the_end_of_a_chain_is_no_fault_of_a_device_and_nobody_else_is_asked_after_it(language: str) -> None:
    """Whoever is reached by a channel that may not name the patient gets up for it all the same."""
    spoken, by = voice(language), moment(datetime(2026, 1, 5, 9, tzinfo=UTC))
    alarm = alert(category="technical", problem=UNANSWERED, rung=3, deadline="2026-01-05T09:00:00Z")
    said = message_of(alarm, safe=False, desk=None, link=None, language=language)
    assert say(UNSAFE_UNANSWERED, spoken) in said.subject
    assert say(UNSAFE["technical"], spoken) not in said.subject + said.text
    last = say(phrase("Please answer by {deadline}; then everybody is asked again.", deadline=by), spoken)
    assert last in said.text
    worse = msgspec.structs.replace(alarm, problem="spo2.low", rung=EVERYBODY)
    assert last in message_of(worse, safe=False, desk=None, link=None, language=language).text
    first = msgspec.structs.replace(alarm, problem="spo2.low", rung=1)
    assert last not in message_of(first, safe=False, desk=None, link=None, language=language).text


@pytest.mark.parametrize(
    ("language", "by"), [("en", "5 January 2026 at 09:00 UTC"), ("de", "5. Januar 2026, 09:00 Uhr (UTC)")]
)
def test_a_person_reads_times_as_people_write_them(language: str, by: str) -> None:
    told = alert(deadline="2026-01-05T09:00:59.506Z")
    assert by in message_of(told, safe=False, desk=None, link=None, language=language).text
    rests = alert(notify="taken", event="snoozed", state="snoozed", by="cas", until="2026-01-05T09:00:00Z")
    said = message_of(rests, safe=False, desk=None, link=None, language=language).text
    assert by in said


def test_whom_a_message_has_reached_is_remembered_as_long_as_the_message() -> None:
    told = Told(2)
    told.recorded("a-1:1:pager", whom=["ann"])
    told.recorded("a-1:2:pager", failed=True, whom=["bob"])
    assert (told.whom("a-1:1:pager"), told.whom("a-1:2:pager"), told.whom("a-1:3:pager")) == (("ann",), (), ())
    told.recorded("a-2:1:pager")
    assert told.whom("a-1:1:pager") == ()


def test_the_alarm_that_nobody_has_answered_asks_everybody_also_of_a_longer_chain() -> None:
    everybody = ["pager-ann", "mail-bob", "mail-cas", "mail-dee"]
    for rung in (1, 2, 3):
        assert channels(rung=rung, problem=UNANSWERED, kind="delivery")[2:] == everybody
    assert channels(rung=2, problem=UNANSWERED, notify="resolved", state="resolved")[2:] == everybody


def test_an_alert_that_gets_worse_after_the_end_of_its_chain_asks_everybody_also_of_a_longer_one() -> None:
    assert channels(rung=EVERYBODY, notify="worse")[2:] == ["pager-ann", "mail-bob", "mail-cas", "mail-dee"]


def test_a_letter_knows_the_next_way_to_the_same_person() -> None:
    first = letters()[2]
    assert first.person is not None
    assert (first.person.member, first.rest) == ("ann", ("mail-ann",))
    (following,) = first.next
    assert (following.channel, following.person, following.next) == ("mail-ann", first.person, [])


def test_a_letter_to_several_who_share_a_channel_goes_on_by_the_own_next_way_of_each() -> None:
    ann, bob, cas = (Letter("pager", Person(one, ("pager", *rest)), rest=rest) for one, rest in WAYS.items())
    (pager,) = shared([ann, bob, cas])
    assert (pager.channel, pager.person, pager.also) == ("pager", ann.person, (bob, cas))
    mail, phone = pager.next
    assert [one.person for one in mail.each] == [ann.person, cas.person], "who share the next one, too, share it"
    assert (phone.channel, phone.person, phone.also) == ("phone-bob", bob.person, ())
    assert [(one.channel, one.person) for one in mail.next] == [("phone-cas", cas.person)]
    assert shared([pager, ann, pager]) == [pager], "nobody twice"


def test_the_record_names_each_of_those_who_share_a_channel() -> None:
    ann, bob, cas = (Letter("pager", Person(one, ("pager", *rest)), rest=rest) for one, rest in WAYS.items())
    (pager,) = shared([ann, bob, cas, bob])
    record = delivery_of(Named("pager"), alert(), Outcome("delivered", 1), pager)
    assert (record.member, record.members, record.whom) == ("ann", ["ann", "bob", "cas"], ["ann", "bob", "cas"])
    assert delivery_of(Named("hook"), alert(), Outcome("delivered", 1), Letter("hook")).members == []
    assert msgspec.structs.replace(record, members=[]).whom == ["ann"], "of a record from before it named all"


def test_quiet_hours_are_said_for_advisories_only() -> None:
    night = NOON + timedelta(hours=11)
    assert letters(at=night, severity="advisory")[2].not_before is not None
    assert letters(at=night, severity="urgent")[2].not_before is None


GIVEN: dict[str, Any] = {
    "sequence": 3,
    "event": "assigned",
    "notify": None,
    "by": "cas",
    "reason": "to bob: knows her well",
}


def test_to_whom_an_alert_is_given_hears_of_it_alone_and_the_record() -> None:
    record, letter = letters(silent=True, **GIVEN)
    assert record.channel == "ehr"
    assert (letter.channel, letter.why, letter.given) == ("mail-bob", "assigned to bob", True)
    assert letter.person is not None
    assert (letter.person.member, letter.person.instead_of) == ("bob", None)
    (_, first) = letters(silent=True, **{**GIVEN, "reason": "to ann"})
    assert (first.channel, first.rest) == ("pager-ann", ("mail-ann",)), "with the next way to her"


@pytest.mark.parametrize(
    "changed",
    [
        {"by": "bob"}, {"reason": None}, {"reason": "to zoe"}, {"reason": "to dee"}, {"retrospective": True},
        {"event": "acknowledged"}, {"care_team": "another"},
    ],
    ids=str,
)  # fmt: skip
def test_nobody_is_told_what_they_did_themselves_or_of_other_teams_patients_or_of_the_past(changed: Any) -> None:
    assert channels(silent=True, **{**GIVEN, **changed}) == ["ehr"]


def test_who_is_away_is_stood_in_for_and_quiet_hours_hold_for_an_advisory_that_is_given_too() -> None:
    away, night = datetime(2026, 1, 11, 12, tzinfo=UTC), NOON + timedelta(hours=11)
    letter = letters(silent=True, at=away, **{**GIVEN, "reason": "to ann"})[1]
    assert letter.person is not None
    assert (letter.person.member, letter.person.instead_of) == ("bob", "ann")
    assert letters(silent=True, at=night, severity="advisory", **GIVEN)[1].not_before is not None
    assert letters(silent=True, at=night, severity="urgent", **GIVEN)[1].not_before is None


def test_a_german_deployment_gives_alerts_to_people_too() -> None:
    said = say(phrase("to {whom}: {reason}", whom="bob", reason="kennt sie"), voice("de"))
    assert said != "to bob: kennt sie"
    assert channels(silent=True, **{**GIVEN, "reason": said}) == ["ehr", "mail-bob"]


@pytest.mark.parametrize(("language", "said"), [("en", "Assigned to you"), ("de", "Ihnen übertragen")])
def test_the_message_says_that_it_was_given_to_them(language: str, said: str) -> None:
    told = message_of(alert(**GIVEN), safe=False, desk=None, link="https://desk/a/x", language=language)
    assert said in told.subject
    assert "https://desk/a/x" in told.text


def test_without_teams_only_everybodys_channels_are_told() -> None:
    assert [one.channel for one in Post([Named("hook")]).letters(alert(notify="first"), False, NOON)] == ["hook"]


class TestHealth:
    FAILED, DELIVERED = Outcome("failed", 4, "no answer"), Outcome("delivered", 1)

    def at(self, minutes: int) -> datetime:
        return datetime(2026, 1, 6, 12, tzinfo=UTC) + timedelta(minutes=minutes)

    def test_some_failures_in_a_row_are_told_once_and_so_is_their_end(self) -> None:
        health = Health()
        health.saw("mail", self.DELIVERED, self.at(0))
        told = [health.saw("mail", self.FAILED, self.at(n)) for n in range(1, FAILED_IN_A_ROW + 3)]
        (change,) = [one for one in told if one is not None]
        assert (change.state, change.since, change.source) == ("undelivered", self.at(1), "channel:mail")
        assert not health.working("mail")
        end = health.saw("mail", self.DELIVERED, self.at(30))
        assert end is not None
        assert (end.state, end.since) == ("delivering", self.at(1))
        assert health.saw("mail", self.DELIVERED, self.at(31)) is None

    def test_now_and_then_is_no_trouble(self) -> None:
        health = Health()
        health.saw("mail", self.DELIVERED, self.at(0))
        for n in range(20):
            assert health.saw("mail", self.FAILED if n % FAILED_IN_A_ROW else self.DELIVERED, self.at(n)) is None

    def test_a_process_that_begins_says_that_it_works_where_the_one_before_may_have_said_otherwise(self) -> None:
        assert Health().saw("mail", self.DELIVERED, self.at(0)) is None
        health = Health()
        assert [health.working("mail", failed_before=before) for before in (True, False)] == [False, True]
        change = health.saw("mail", self.DELIVERED, self.at(0), failed_before=True)
        assert change is not None
        assert change.state == "delivering"
        assert health.working("mail", failed_before=True), "what this process has seen counts"
