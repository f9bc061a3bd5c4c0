"""`homebeat check`: each thing that is wrong is named, with how to mend it."""

import contextlib
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from alerts.desk.accounts import Accounts
from alerts.desk.audit import Audit
from alerts.desk.members import Member
from alerts.desk.staff import Staff
from streams.checking.teams import _Patients
from tests.brokers import free_ports
from tests.cli.command import NOBODY, Homebeat, Result
from tests.cli.others import mail_server, receiver
from tests.engine.factories import profile
from tests.teams import team, written


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


def test_state_that_was_made_for_another_number_of_partitions_is_bad(connected: Homebeat) -> None:
    connected.fed(b"", "send", "-")
    changelog = f"{connected.settings['topic_prefix']}homebeat-pages-changelog"
    admin = AdminClient({"bootstrap.servers": connected.settings["broker"]})
    admin.create_topics([NewTopic(changelog, 1, 1)])[changelog].result()
    answered = connected("check", "--json")
    assert answered.code == 1
    assert states(answered)["topics"] == "bad"
    assert mend(answered, "topics").startswith("start anew under another HOMEBEAT_TOPIC_PREFIX")


def test_more_copies_than_brokers_is_bad(embedded: Homebeat) -> None:
    answered = embedded("check", "--json", replication="3")
    assert answered.code == 1
    assert states(answered)["replication"] == "bad"


def test_misspelt_variable_is_a_warning_with_the_name_that_was_meant(homebeat: Homebeat) -> None:
    answered = homebeat("check", "--json", partitionz="8")
    assert states(answered)["settings"] == "warn"
    assert mend(answered, "settings") == "HOMEBEAT_PARTITIONS was probably meant"


def test_a_modifier_to_be_left_out_that_there_is_not_is_a_warning(homebeat: Homebeat) -> None:
    """The label of what acts is the drug's name; its id is that of the class."""
    off = {"modifiers_off": "metoprolol, skin_tone,CYP2D6_phenoconversion,heart_failure.vulnerable_post_discharge"}
    answered = homebeat("check", "--json", **off)
    found = [check["found"] for check in answered.json["checks"] if check["name"] == "modifiers off"]
    assert found == ["no modifier has the id 'metoprolol': nothing is left out"]
    assert "class" in mend(answered, "modifiers off")


def test_a_profile_that_is_nested_too_deeply_is_passed_over() -> None:
    patients = _Patients()
    patients.take(b"p-1", profile("p-1", care_team="lungs"))
    patients.take(b"p-1", b'{"patient": ' + b"[" * 50_000)
    assert patients.newest[b"p-1"].care_team == "lungs"


def test_people_read_a_line_for_each_setting_and_each_check(homebeat: Homebeat) -> None:
    answered = homebeat("check", group="ward-7")
    lines = answered.out.splitlines()
    assert "HOMEBEAT_GROUP=ward-7" in lines
    assert "HOMEBEAT_SECRET=**********" in lines
    assert lines[lines.index("HOMEBEAT_GROUP=ward-7") - 1] == "# The consumer group that shares the work."
    (broker,) = [line for line in lines if line.startswith("bad   broker: ")]
    assert f"cannot reach the broker at {NOBODY}" in broker
    assert "set HOMEBEAT_BROKER" in broker


@pytest.mark.parametrize(
    ("status", "state"), [(200, "ok"), (404, "ok"), (405, "ok"), (501, "ok"), (500, "warn"), (503, "warn")]
)
def test_webhook_is_asked_without_telling_it_of_an_alert(homebeat: Homebeat, status: int, state: str) -> None:
    with receiver(status) as (port, seen):
        answered = homebeat("check", "--json", webhook_urls=f"http://user:word@127.0.0.1:{port}/secret-path")
    assert states(answered)[f"webhook 127.0.0.1:{port}"] == state
    assert seen == ["OPTIONS"]
    assert "secret-path" not in answered.out


def test_who_sets_a_webhook_is_told_that_it_gets_whole_alerts(homebeat: Homebeat) -> None:
    """Nothing marks such an address as safe but that it is set: that must be known."""
    answered = homebeat("check", "--json", webhook_urls="http://127.0.0.1:1/")
    (said,) = (one["found"] for one in answered.json["checks"] if one["name"] == "webhooks")
    assert "patient and readings included" in said


def test_webhook_that_does_not_answer_is_a_warning(homebeat: Homebeat) -> None:
    answered = homebeat("check", "--json", webhook_urls="http://127.0.0.1:1/")
    assert states(answered)["webhook 127.0.0.1:1"] == "warn"


TEAMS = written(
    {"hook": "http://127.0.0.1:9/x"},
    {"ann": ["hook"]},
    team("cardiology", ["ann"], ["calls", "ann", "everybody"]),
    '[teams.cardiology.rotas.calls]\nshifts = [{begin = 08:00:00, end = 20:00:00, members = ["ann"]}]\n',
)


def test_care_teams_that_leave_an_hour_or_a_channel_without_an_answer_are_named(
    homebeat: Homebeat, tmp_path: Path
) -> None:
    file = tmp_path / "teams.toml"
    file.write_text(TEAMS)
    answered = homebeat("check", "--json", teams_file=str(file))
    found = {check["name"]: check["found"] for check in answered.json["checks"]}
    assert "calls: nobody from" in found["team cardiology"]
    assert "127.0.0.1:9 does not answer" in found["channel hook"]
    assert "care teams" not in found
    assert "nobody answers for technical alerts" in found["team ops"]


def test_a_file_of_care_teams_with_an_unknown_name_is_bad(homebeat: Homebeat, tmp_path: Path) -> None:
    file = tmp_path / "teams.toml"
    file.write_text(TEAMS.replace('members = ["ann"]\nchain', 'members = ["zoe"]\nchain'))
    answered = homebeat("check", "--json", teams_file=str(file))
    assert answered.code == 1
    (said,) = [check["found"] for check in answered.json["checks"] if check["name"] == "care teams"]
    assert "zoe is not a member" in said


def checked(homebeat: Homebeat, teams: str, **settings: str) -> dict[str, tuple[str, str]]:
    """(state, what was found) of each check that has to do with people, by its name; two of a name are one text."""
    file = homebeat.folder / "teams.toml"
    file.write_text(teams)
    found: dict[str, tuple[str, str]] = {}
    for one in homebeat("check", "--json", teams_file=str(file), **settings).json["checks"]:
        before = found.get(one["name"], ("", ""))[1]
        found[one["name"]] = one["state"], "; ".join(filter(None, (before, one["found"])))
    return found


def covered(url: str = "http://127.0.0.1:1") -> str:
    """Teams of which every hour has somebody, reached at this address."""
    return written(
        {"hook": f"{url}/x"},
        {"ann": ["hook"], "bob": ["hook"]},
        team("cardiology", ["ann", "bob"], ["calls", "ann", "everybody"]),
        '[teams.cardiology.rotas.calls]\nshifts = [{members = ["ann"]}]\n',
        team("ops", ["bob"], ["bob", "bob", "bob"]),
    )


def test_patients_of_a_team_that_is_not_in_the_file_are_found_as_they_are_now(connected: Homebeat) -> None:
    """Each by the newest of its versions; who is forgotten, or was moved to a team that is there, is not named."""
    profiles = [
        profile("p-1", care_team="cardiology"), profile("p-2", care_team="lungs"), profile("p-3", care_team="kidneys"),
        profile("p-3", version=2, care_team="cardiology"), profile("p-4", care_team="kidneys"),
        profile("p-5", version=2, care_team="lungs"), profile("p-5", care_team="cardiology"), profile("p-6"),
    ]  # fmt: skip
    connected.fed(b"\n".join(profiles), "profile", "put", "-")
    connected("profile", "forget", "p-4")
    with receiver(200) as (port, _):
        teams = covered(f"http://127.0.0.1:{port}")
        found = checked(connected, teams)
        without_ops = checked(connected, teams.replace("[teams.ops]", "[teams.it]"))
    assert found["team lungs"] == (
        "warn", "is not in the file, and 2 patients have it: p-2, p-5; ops is asked for them",
    )  # fmt: skip
    assert {name for name in found if name.startswith("team ")} == {"team lungs"}
    assert "1 patient has no care team, and there is no ops: p-6" in without_ops["team ops"][1]


def test_a_chain_is_held_against_the_rungs_of_its_own_team_both_ways(homebeat: Homebeat) -> None:
    own = {"cardiology": {"rungs": 2}, "ops": {"rungs": 4}, "kidneys": {"emergency_min": 3}}
    with receiver(200) as (port, _):
        teams = covered(f"http://127.0.0.1:{port}")
        found = checked(homebeat, teams, team_answers=json.dumps(own))
        again = checked(homebeat, teams, rungs="2", team_answers='{"cardiology": {"rungs": 3}, "ops": {"rungs": 3}}')
    assert found["team cardiology"] == ("warn", "3 on its chain, 2 rungs: everybody never asked by themselves")
    assert found["team ops"] == ("warn", "3 on its chain, 4 rungs: the last ones ask everybody, and ops")
    assert found["team kidneys"] == ("warn", "has answer times of its own and is not in the file")
    assert again["care teams"][0] == "ok", again


def test_who_is_on_a_chain_and_cannot_answer_at_the_desk_is_named(homebeat: Homebeat) -> None:
    """Ann is disabled and Bob may only look; who has no account answers by the link, and is no news."""
    teams = covered()
    assert "team cardiology" not in checked(homebeat, teams), "nobody has an account"
    folder = homebeat.folder / "homebeat-data"
    assert not folder.exists(), "and none was made by looking"
    folder.mkdir()
    with contextlib.closing(Accounts(f"sqlite:///{folder / 'desk-accounts.sqlite'}", b"s" * 32)) as accounts:
        accounts.put("Ann", "ann", "nurse", ["cardiology"], None, replace=False)
        accounts.put("Bob", "bob", "viewer", ["cardiology"], None, replace=False)
        accounts.put("Eve", "eve", "viewer", ["cardiology"], None, replace=False)
        Staff(accounts, Audit(accounts.engine)).disable(Member("ada", "Ada", "admin", frozenset()), "ann", time.time())
    state, said = checked(homebeat, teams)["team cardiology"]
    assert state == "warn"
    assert "ann is on its chain, and their account is disabled: they are asked, and nothing lets them" in said
    assert "bob is on its chain, and may only look at the desk" in said
    assert "eve" not in said


def test_accounts_that_cannot_be_read_are_a_warning_and_the_rest_is_still_looked_at(homebeat: Homebeat) -> None:
    file = homebeat.folder / "accounts.sqlite"
    file.write_text("this is no database, and long enough to be taken for one " * 10)
    found = checked(homebeat, covered(), desk_accounts_url=f"sqlite:///{file}")
    assert found["accounts"][0] == "warn"
    assert "cannot be opened" in found["accounts"][1]
    assert found["channel hook"][0] == "warn"


def test_a_database_of_the_desk_that_does_not_answer_is_bad_and_its_variable_named(homebeat: Homebeat) -> None:
    address = f"postgresql://desk:a-password@127.0.0.1:{free_ports(1)[0]}/desk"
    for variable in ("desk_database_url", "desk_accounts_url"):
        called = "desk" if variable == "desk_database_url" else "desk accounts"
        found = checked(homebeat, covered(), **{variable: address})[called]
        assert found[0] == "bad"
        assert f"HOMEBEAT_{variable.upper()} cannot be opened" in found[1]
        assert "a-password" not in found[1]


def test_a_folder_in_which_no_desk_can_start_is_named(homebeat: Homebeat) -> None:
    (homebeat.folder / "file").touch()
    found = homebeat("check", "--json", data_folder=str(homebeat.folder / "file" / "data"))
    assert states(found)["desk"] == "warn"
    assert mend(found, "desk") == "until then no desk starts here: mend HOMEBEAT_DATA_FOLDER"


def test_who_is_on_call_and_away_without_a_stand_in_is_named_with_the_hours(homebeat: Homebeat) -> None:
    begin = (datetime.now(UTC) + timedelta(days=2)).replace(minute=10, second=0, microsecond=0)
    away = f"away = [{{begin = {begin.isoformat()}, end = {(begin + timedelta(minutes=20)).isoformat()}}}]"
    with receiver(200) as (port, _):
        teams = covered(f"http://127.0.0.1:{port}").replace('name = "Ann"', f'name = "Ann"\n{away}')
        found = checked(homebeat, teams)
        with_bob = checked(homebeat, teams.replace(away, f'{away}\nstand_in = "bob"'))
    state, said = found["team cardiology"]
    assert state == "warn"
    assert f"rota calls: ann away, without a stand-in who is there, from {begin:%d %b %H:%M} to" in said
    assert "; ann: ann away" in said, "and on the rung that names her"
    assert "team cardiology" not in with_bob
    assert with_bob["care teams"][0] == "ok"


@pytest.mark.parametrize(("status", "state"), [(405, "ok"), (401, "warn"), (503, "warn")])
def test_a_webhook_of_a_person_is_asked_without_telling_it_of_an_alert(
    homebeat: Homebeat, status: int, state: str
) -> None:
    with receiver(status) as (port, seen):
        found = checked(homebeat, covered(f"http://user:word@127.0.0.1:{port}"))
    assert found["channel hook"][0] == state
    assert str(status) in found["channel hook"][1]
    assert seen == ["OPTIONS"]


CAPABLE = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}


@pytest.mark.parametrize(
    ("status", "body", "state", "said"),
    [(200, CAPABLE, "ok", "4.0.1"), (200, CAPABLE | {"fhirVersion": "3.0.2"}, "warn", "not R4"),
     (200, {"resourceType": "OperationOutcome"}, "warn", "no FHIR server"), (200, None, "warn", "no FHIR server"),
     (401, CAPABLE, "warn", "401"), (404, None, "warn", "404")],
)  # fmt: skip
def test_a_fhir_server_is_asked_what_it_can_do(
    homebeat: Homebeat, status: int, body: object, state: str, said: str
) -> None:
    with receiver(status, b"hello" if body is None else json.dumps(body).encode()) as (port, seen):
        ehr = f'ehr = {{kind = "fhir", url = "http://127.0.0.1:{port}/r4", safe = true}}'
        found = checked(homebeat, covered(NOBODY_HTTP) + f"[channels]\n{ehr}\n")
    assert (found["channel ehr"][0], said in found["channel ehr"][1]) == (state, True), found["channel ehr"]
    assert seen == ["GET"]


NOBODY_HTTP = f"http://{NOBODY}"
MAIL = """
[channels.mail-ann]
kind = "email"
to = "ann@example.org"
[mail]
host = "127.0.0.1"
port = {port}
sender = "homebeat@example.org"
tls = "none"
{login}
"""


@pytest.mark.parametrize(
    ("login", "state", "said"),
    [("", "ok", "answers"), ('username = "ann"\npassword = "right"', "ok", "takes the login of ann"),
     ('username = "ann"\npassword = "wrong"', "warn", "refuses the login of ann")],
)  # fmt: skip
def test_the_mail_server_is_asked_as_far_as_goes_without_a_mail(
    homebeat: Homebeat, login: str, state: str, said: str
) -> None:
    with mail_server("ann", "right") as (port, commands):
        found = checked(homebeat, covered(NOBODY_HTTP) + MAIL.format(port=port, login=login))
    assert (found["mail"][0], said in found["mail"][1]) == (state, True), found["mail"]
    assert "MAIL" not in commands
    assert ("NOOP" in commands) is (state == "ok")


def test_a_mail_server_that_is_not_there_is_a_warning(homebeat: Homebeat) -> None:
    found = checked(homebeat, covered(NOBODY_HTTP) + MAIL.format(port=1, login=""))
    assert found["mail"][0] == "warn"
    assert "127.0.0.1:1 does not answer" in found["mail"][1]


def test_whom_nothing_else_reaches_is_named_beside_the_channel_that_does_not_answer(
    homebeat: Homebeat, tmp_path: Path
) -> None:
    file = tmp_path / "teams.toml"
    gone = {"hook": "http://127.0.0.1:9/x", "other": "http://127.0.0.1:9/y", "spare": "http://127.0.0.1:9/z"}
    members = {"ann": ["hook"], "bob": ["hook", "other"]}
    ehr = '[channels.ehr]\nkind = "fhir"\nurl = "http://127.0.0.1:9/r4"\nsafe = true\n'
    file.write_text(written(gone, members, ehr, team("ops", ["ann", "bob"], ["ann", "bob", "everybody"])))
    answered = homebeat("check", "--json", teams_file=str(file))
    assert mend(answered, "channel hook").startswith("mend it at once: nothing else reaches ann, or name")
    assert "next channel" in mend(answered, "channel other")
    assert "nobody is reached by it" in mend(answered, "channel spare")
    assert "misses every alert" in mend(answered, "channel ehr")


def test_what_apprise_reaches_is_said_to_be_not_asked_and_how_to_try_it(homebeat: Homebeat) -> None:
    """Nothing is sent, and the address, which often is a password, is not shown."""
    with receiver(200) as (port, seen):
        pager = f'pager = {{kind = "apprise", url = "json://user:swordfish9@127.0.0.1:{port}/x"}}'
        teams = covered(NOBODY_HTTP) + f"[channels]\n{pager}\n"
        file = homebeat.folder / "teams.toml"
        file.write_text(teams)
        answered = homebeat("check", "--json", teams_file=str(file))
        found = checked(homebeat, teams.replace("json://", "jsonn://"))
    assert states(answered)["channel pager"] == "warn"
    assert "apprise -t" in mend(answered, "channel pager")
    assert "swordfish9" not in answered.out
    assert seen == []
    assert found["channel pager"] == ("bad", "Apprise does not know this kind of address")


def test_an_address_with_which_the_notifier_would_not_start_is_bad(homebeat: Homebeat) -> None:
    found = checked(homebeat, covered("ftp://127.0.0.1"))
    assert found["channel hook"][0] == "bad"
