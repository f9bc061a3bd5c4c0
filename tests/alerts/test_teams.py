"""Whom a team asks: rotas over midnight and over the nights on which clocks change, stand-ins, chains, quiet hours."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from alerts.teams import Directory, ask, read_directory
from alerts.teams.asked import quiet_until
from alerts.teams.cover import Hole, holes, on_chain
from alerts.teams.rota import on_call

LONDON = ZoneInfo("Europe/London")
FILE = """
[members.ann]
name = "Ann"
reach = ["pager-ann", "mail-ann"]
roles = ["nurse"]
stand_in = "bob"
away = [{begin = 2026-01-10T00:00:00Z, end = 2026-01-12T00:00:00Z}]
[members.bob]
name = "Bob"
reach = ["mail-bob"]
roles = ["nurse"]
[members.cas]
name = "Cas"
reach = ["mail-cas"]
roles = ["lead"]
[members.dee]
name = "Dee"
reach = ["mail-dee"]

[mail]
host = "mail.example.org"
sender = "homebeat@example.org"
[channels]
pager-ann = {kind = "apprise", url = "json://127.0.0.1:1"}
mail-ann = {kind = "email", to = "ann@example.org"}
mail-bob = {kind = "email", to = "bob@example.org"}
mail-cas = {kind = "email", to = "cas@example.org"}
mail-dee = {kind = "email", to = "dee@example.org", safe = true}
ehr = {kind = "fhir", url = "http://127.0.0.1:1/fhir", safe = true}

[teams.cardiology]
timezone = "Europe/London"
members = ["ann", "bob", "cas"]
chain = ["calls", "role:lead", "everybody"]
quiet_hours = {begin = 22:00:00, end = 07:00:00}
[teams.cardiology.rotas.calls]
shifts = [
  {begin = 08:00:00, end = 20:00:00, members = ["ann"]},
  {begin = 20:00:00, end = 08:00:00, members = ["bob", "cas"], turn_days = 1},
]
overrides = [{member = "cas", begin = 2026-01-07T12:00:00Z, end = 2026-01-07T13:00:00Z}]
[teams.ops]
members = ["dee"]
chain = ["dee"]
"""
DIRECTORY = read_directory(FILE)
TEAM = DIRECTORY.teams["cardiology"]
ROTA = TEAM.rotas["calls"]


def called(at: datetime) -> str | None:
    return on_call(TEAM, ROTA, at)


def asked(rung: int, at: datetime, team: str | None = "cardiology", severity: Any = "urgent") -> list[str]:
    return [person.member for person in ask(DIRECTORY, team, rung, severity, at).people]


NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)


def test_a_shift_past_midnight_is_the_one_of_the_evening_before_until_it_ends() -> None:
    evening = datetime(2026, 1, 5, 20, tzinfo=LONDON)
    first = called(evening)
    assert called(evening - timedelta(seconds=1)) == "ann"
    assert {called(evening + timedelta(minutes=m)) for m in range(0, 12 * 60, 5)} == {first}
    assert called(evening + timedelta(hours=12)) == "ann"
    assert {first, called(evening + timedelta(days=1))} == {"bob", "cas"}, "each night another one"


@pytest.mark.parametrize(
    ("night", "hours"),
    [(datetime(2026, 3, 28, 20, tzinfo=LONDON), 11), (datetime(2026, 10, 24, 20, tzinfo=LONDON), 13)],
)
def test_on_the_night_of_a_clock_change_the_shift_ends_by_the_wall_clock(night: datetime, hours: int) -> None:
    begins = night.astimezone(UTC)
    first = called(begins)
    ends = begins + timedelta(hours=hours)
    steps = [begins + timedelta(minutes=m) for m in range(0, hours * 60, 1)]
    assert {called(at) for at in steps} == {first}
    assert (called(ends), ends.astimezone(LONDON).hour) == ("ann", 8)


def test_whoever_takes_over_counts_from_the_instant_that_is_named() -> None:
    at = datetime(2026, 1, 7, 12, tzinfo=UTC)
    assert [called(at + timedelta(seconds=s)) for s in (-1, 0, 3599, 3600)] == ["ann", "cas", "cas", "ann"]


def test_each_rung_asks_its_own_and_the_end_asks_everybody_and_ops() -> None:
    assert [asked(rung, NOON) for rung in range(4)] == [
        ["ann"], ["cas"], ["ann", "bob", "cas"], ["ann", "bob", "cas", "dee"],
    ]  # fmt: skip


def test_a_stand_in_is_asked_for_whoever_is_away_and_the_record_says_for_whom() -> None:
    away = datetime(2026, 1, 10, 12, tzinfo=UTC)
    (person,) = ask(DIRECTORY, "cardiology", 0, "urgent", away).people
    assert (person.member, person.instead_of, person.reach) == ("bob", "ann", ("mail-bob",))
    assert asked(2, away) == ["bob", "cas"], "each person once"


def test_nobody_is_ever_all_there_is() -> None:
    assert asked(0, NOON, "unheard-of") == ["dee"]
    assert asked(0, NOON, None) == ["dee"]
    text = FILE.replace('members = ["ann"]}', 'members = ["ann"], days = ["mon"]}').replace("[teams.ops]", "[teams.it]")
    directory = read_directory(text)
    assert [p.member for p in ask(directory, "cardiology", 0, "urgent", NOON).people] == ["ann", "bob", "cas"]
    assert len(ask(directory, None, 0, "urgent", NOON).people) == 4


def test_quiet_hours_hold_advisories_until_the_morning_and_nothing_urgent() -> None:
    night = datetime(2026, 1, 6, 23, 30, tzinfo=UTC)
    for at in (night, night + timedelta(hours=4)):
        assert ask(DIRECTORY, "cardiology", 0, "advisory", at).not_before == datetime(2026, 1, 7, 7, tzinfo=LONDON)
        assert ask(DIRECTORY, "cardiology", 0, "urgent", at).not_before is None
        assert ask(DIRECTORY, "cardiology", 0, "emergency", at).not_before is None
        assert ask(DIRECTORY, "ops", 0, "advisory", at).not_before is None, "it has no quiet hours"
    assert ask(DIRECTORY, "cardiology", 0, "advisory", NOON).not_before is None


def test_what_came_in_quiet_hours_belongs_to_their_end_also_when_they_are_over() -> None:
    night, day = datetime(2026, 1, 6, 23, 30, tzinfo=UTC), datetime(2026, 1, 8, 12, tzinfo=UTC)
    morning = datetime(2026, 1, 7, 7, tzinfo=LONDON)
    assert ask(DIRECTORY, "cardiology", 0, "advisory", day, night).not_before == morning
    assert ask(DIRECTORY, "cardiology", 0, "urgent", day, night).not_before is None
    assert ask(DIRECTORY, "cardiology", 0, "advisory", night, day).not_before == morning, "the quiet hours of now"
    assert ask(DIRECTORY, "cardiology", 0, "advisory", day, day).not_before is None


def test_quiet_hours_end_by_the_wall_clock_when_the_clocks_change() -> None:
    night = datetime(2026, 3, 28, 23, tzinfo=UTC)
    until = ask(DIRECTORY, "cardiology", 0, "advisory", night).not_before
    assert until is not None
    assert until.astimezone(UTC) == datetime(2026, 3, 29, 6, tzinfo=UTC)


def test_the_end_of_a_chain_of_an_advisory_wakes_nobody_either() -> None:
    night, morning = datetime(2026, 1, 6, 23, 30, tzinfo=UTC), datetime(2026, 1, 7, 7, tzinfo=LONDON)
    found = ask(DIRECTORY, "cardiology", 3, "advisory", night)
    assert (found.not_before, len(found.people)) == (morning, 4)
    assert ask(DIRECTORY, "cardiology", 3, "urgent", night).not_before is None
    assert ask(DIRECTORY, "cardiology", 3, "advisory", NOON).not_before is None


def test_who_is_asked_after_quiet_hours_is_whoever_is_on_call_then() -> None:
    later = read_directory(FILE.replace("end = 07:00:00}", "end = 08:30:00}"))
    night = datetime(2026, 1, 6, 23, 30, tzinfo=UTC)

    def asked_by(rung: int, severity: Any, at: datetime = night) -> list[str]:
        return [one.member for one in ask(later, "cardiology", rung, severity, at, night).people]

    on_duty = called(night)
    assert on_duty in ("bob", "cas")
    assert asked_by(0, "urgent") == [on_duty]
    assert asked_by(0, "advisory") == ["ann"], "the night is over then, and so is the shift"
    assert asked_by(0, "advisory", night + timedelta(hours=24)) == ["ann"]
    evening = datetime(2026, 1, 7, 21, tzinfo=UTC)
    assert asked_by(0, "advisory", evening) == [called(evening)], "when they are over it is whoever is there now"


def test_who_is_away_when_quiet_hours_are_over_is_stood_in_for() -> None:
    later = read_directory(FILE.replace("end = 07:00:00}", "end = 08:30:00}"))
    (person,) = ask(later, "cardiology", 0, "advisory", datetime(2026, 1, 9, 23, 30, tzinfo=UTC)).people
    assert (person.member, person.instead_of) == ("bob", "ann")


@pytest.mark.parametrize(("at", "end"), [((0, 10), (0, 30)), ((1, 10), (1, 30))])
def test_quiet_hours_that_end_in_an_hour_that_comes_twice_end_ahead(at: tuple[int, int], end: tuple[int, int]) -> None:
    """The night of 25 October in London: 01:10 and 01:30 are there before the change and after it."""
    directory = read_directory(FILE.replace("end = 07:00:00}", "end = 01:30:00}"))
    until = ask(directory, "cardiology", 0, "advisory", datetime(2026, 10, 25, *at, tzinfo=UTC)).not_before
    assert until is not None
    assert until.astimezone(UTC) == datetime(2026, 10, 25, *end, tzinfo=UTC)


def _utc(parts: tuple[int, ...]) -> datetime:
    month, day, hour, minute = (*parts, 0)[:4]
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "end", "over"),
    [
        ("Europe/London", (3, 28, 23), "01:15:00", (3, 29, 1)),
        ("Europe/London", (3, 29, 0), "01:59:00", (3, 29, 1)),
        ("Europe/London", (3, 29, 0), "02:00:00", (3, 29, 1)),
        ("Europe/London", (3, 29, 0), "00:59:00", (3, 29, 0, 59)),
        ("America/New_York", (3, 8, 5), "02:30:00", (3, 8, 7)),
        ("Pacific/Auckland", (9, 26, 12), "02:45:00", (9, 26, 14)),
        ("Australia/Lord_Howe", (10, 3, 14), "02:10:00", (10, 3, 15, 30)),
    ],
)
def test_quiet_hours_that_end_in_the_hour_that_is_skipped_end_as_the_clock_jumps(
    zone: str, at: tuple[int, ...], end: str, over: tuple[int, ...]
) -> None:
    """They ended 15 to 59 minutes after it, while at that time nothing was held back any more."""
    directory = read_directory(FILE.replace("end = 07:00:00}", f"end = {end}}}").replace("Europe/London", zone))
    team, begin = directory.teams["cardiology"], _utc(at)
    until = ask(directory, "cardiology", 0, "advisory", begin).not_before
    assert until is not None
    assert until.astimezone(UTC) == _utc(over)
    minutes = (begin + timedelta(minutes=n) for n in range(300))
    assert next(one for one in minutes if quiet_until(team, "advisory", one) is None) == until


def holes_of(*changed: tuple[str, str], begin: datetime = NOON, days: int = 2, rung: str = "calls") -> list[Hole]:
    text = FILE
    for old, new in changed:
        assert old in text
        text = text.replace(old, new)
    directory = read_directory(text)
    return list(holes(directory, directory.teams["cardiology"], rung, begin, days))


NIGHT = "begin = 20:00:00, end = 08:00:00"


def test_times_without_anybody_are_found_to_the_second() -> None:
    assert holes_of(days=35) == []
    found = holes_of((NIGHT, "begin = 20:07:30, end = 08:00:00"))
    assert [(one.end - one.begin, one.begin.hour, one.away) for one in found] == [
        (timedelta(minutes=7, seconds=30), 20, ()), (timedelta(minutes=7, seconds=30), 20, ()),
    ]  # fmt: skip


SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("night", "ends", "begins", "minutes"),
    [(SPRING, "01:30", "03:00", 60), (SPRING, "01:00", "01:30", 0), (SPRING, "02:00", "02:30", 30),
     (AUTUMN, "01:00", "01:30", 60), (AUTUMN, "02:00", "02:30", 30), (AUTUMN, "00:30", "01:30", 90)],
)  # fmt: skip
def test_a_night_on_which_the_clocks_change_has_the_gaps_of_the_wall_clock(
    night: datetime, ends: str, begins: str, minutes: int
) -> None:
    """At times which that night never has, or twice."""
    shifts = (NIGHT, f"begin = 20:00:00, end = {ends}:00"), ("begin = 08:00:00, end", f"begin = {begins}:00, end")
    found = holes_of(*shifts, begin=night - timedelta(hours=2), days=1)
    assert sum((one.end - one.begin for one in found), timedelta()) == timedelta(minutes=minutes)
    for one in found:
        for at, nobody in ((one.begin - timedelta(seconds=1), False), (one.begin, True), (one.end, False)):
            assert (on_call_with(*shifts, at=at) is None) is nobody


def on_call_with(*changed: tuple[str, str], at: datetime) -> str | None:
    text = FILE
    for old, new in changed:
        text = text.replace(old, new)
    team = read_directory(text).teams["cardiology"]
    return on_call(team, team.rotas["calls"], at)


AWAY = datetime(2026, 1, 10, tzinfo=UTC)


def test_who_is_on_call_and_away_without_a_stand_in_leaves_a_hole() -> None:
    assert holes_of(begin=AWAY - timedelta(days=1), days=4) == [], "bob stands in"
    found = holes_of(('stand_in = "bob"', ""), begin=AWAY - timedelta(days=1), days=4)
    assert [(one.away, one.end - one.begin) for one in found] == [(("ann",), timedelta(hours=12))] * 2
    both = ('roles = ["nurse"]\n[members.cas]', 'away = [{begin = 2026-01-10T10:10:00Z, end = 2026-01-10T11:00:00Z}]'
            '\nroles = ["nurse"]\n[members.cas]')  # fmt: skip
    (hole,) = holes_of(both, begin=AWAY, days=1)
    assert (hole.begin, hole.end) == (AWAY + timedelta(hours=10, minutes=10), AWAY + timedelta(hours=11))


def test_an_override_by_somebody_who_is_away_is_no_cover() -> None:
    over = ('{member = "cas", begin = 2026-01-07T12:00:00Z, end = 2026-01-07T13:00:00Z}',
            '{member = "ann", begin = 2026-01-10T21:00:00Z, end = 2026-01-10T21:45:00Z}')  # fmt: skip
    found = holes_of(over, ('stand_in = "bob"', ""), begin=AWAY + timedelta(hours=20), days=1)
    assert (found[0].begin, found[0].end) == (AWAY + timedelta(hours=21), AWAY + timedelta(hours=21, minutes=45))


def test_a_role_whose_only_holder_is_away_is_a_hole_and_everybody_hardly_ever_is() -> None:
    lead = 'name = "Cas"\n', 'name = "Cas"\naway = [{begin = 2026-01-06T13:00:00Z, end = 2026-01-06T14:00:00Z}]\n'
    assert holes_of(lead, rung="role:lead") == [Hole(NOON + timedelta(hours=1), NOON + timedelta(hours=2), ("cas",))]
    assert holes_of(lead, rung="everybody") == []


@pytest.mark.parametrize(
    ("chain", "who"),
    [
        ('["calls"]', {"ann", "bob", "cas"}),
        ('["role:lead"]', {"cas"}),
        ('["everybody"]', {"ann", "bob", "cas"}),
        ('["dee"]', {"dee"}),
        ('["ann"]', {"ann", "bob"}),
        ('["role:nurse", "dee"]', {"ann", "bob", "dee"}),
    ],
)
def test_whoever_may_be_asked_on_a_rung_is_on_the_chain_and_who_stands_in_too(chain: str, who: set[str]) -> None:
    in_turn = FILE.replace('name = "Bob"', 'name = "Bob"\nstand_in = "ann"')
    for text in (FILE, in_turn):
        directory = read_directory(text.replace('["calls", "role:lead", "everybody"]', chain))
        found = on_chain(directory, directory.teams["cardiology"])
        assert found == who | ({"ann"} if text is in_turn and "bob" in who else set())


def test_who_is_on_call_by_an_override_alone_is_on_the_chain() -> None:
    text = FILE.replace('overrides = [{member = "cas"', 'overrides = [{member = "dee"')
    directory = read_directory(text.replace('["calls", "role:lead", "everybody"]', '["calls"]'))
    assert "dee" in on_chain(directory, directory.teams["cardiology"])


WRONG = [
    ('stand_in = "bob"', 'stand_in = "zoe"', "zoe"), ('members = ["dee"]', 'members = ["zoe"]', "zoe"),
    ('chain = ["dee"]', 'chain = ["night"]', "night"), ("role:lead", "role:chief", "role:chief"),
    ("Europe/London", "Europe/Londen", "time zone"), ('reach = ["mail-dee"]', "reach = []", "reach"),
    ('name = "Dee"', 'nmae = "Dee"', "nmae"), ("safe = true}\n\n", "safe = false}\n\n", "safe"),
    ('reach = ["mail-cas"]', 'reach = ["ehr"]', "ehr"), ("[mail]", "[members.eve.mail]", "eve"),
    ("end = 2026-01-12", "end = 2026-01-09", "end should lie after"),
    ("end = 2026-01-12", "end = 2026-01-10", "end should lie after"),
    ('end = 20:00:00, members = ["ann"]', 'end = 20:00:00, members = ["zoe"]', "rota calls: zoe is not a member"),
    ('{member = "cas"', '{member = "zoe"', "rota calls, overrides: zoe is not a member"),
    ('members = ["ann", "bob", "cas"]', 'members = ["ann", "zoe"]', "team cardiology, members: zoe is not a member"),
    ('"role:lead"', '"lead"', "lead is neither a rota"),
    ('reach = ["mail-dee"]', 'reach = ["pager-dee"]', "pager-dee is no channel"),
    ('[mail]\nhost = "mail.example.org"\nsender = "homebeat@example.org"', "", r"need \[mail\]"),
    ("end = 07:00:00}", "end = 7}", "a time is written 08:00:00, an instant 2026-01-07T20:00:00Z, and not 7"),
    ("end = 2026-01-12T00:00:00Z", "end = 1", "a time is written"),
    ('host = "mail.example.org"', 'host = " "', "mail.host"), ('"homebeat@example.org"', '""', "mail.sender"),
    ('url = "json://127.0.0.1:1"', 'url = ""', "pager-ann.apprise.url"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrong", "said"), WRONG)
def test_a_name_that_nobody_has_is_refused_with_a_sentence(text: str, wrong: str, said: str) -> None:
    assert isinstance(read_directory(FILE), Directory)
    assert text in FILE
    with pytest.raises(ValidationError, match=said):
        read_directory(FILE.replace(text, wrong))
