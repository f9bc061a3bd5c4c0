"""Who may sign in at the desk, from the command line."""

from pathlib import Path

from tests.cli.command import Homebeat


def test_an_account_is_made_listed_given_a_link_and_taken_away(homebeat: Homebeat, tmp_path: Path) -> None:
    own = {"data_folder": str(tmp_path)}
    asked = ("desk", "add-user", "nurse-1", "--team", "cardiology-home", "--password-stdin")
    made = homebeat.fed(b"a long password\n", *asked, **own)
    assert made.code == 0, made.err
    assert made.out.strip() == "nurse-1 may sign in as nurse of cardiology-home"
    listed = homebeat("desk", "users", "--json", **own).json["users"]
    (known,) = listed
    assert known.pop("disabled") is False
    assert known == {"id": "nurse-1", "name": "nurse-1", "role": "nurse", "teams": ["cardiology-home"]}
    assert homebeat("desk", "link", "nurse-1", **own).out.startswith("/#sign-in=")
    assert homebeat("desk", "remove-user", "nurse-1", **own).code == 0
    gone = homebeat("desk", "link", "nurse-1", **own)
    assert (gone.code, gone.err.strip()) == (1, "homebeat: there is no account nurse-1")


def test_a_poor_password_or_a_second_account_is_one_clear_line(homebeat: Homebeat, tmp_path: Path) -> None:
    own = {"data_folder": str(tmp_path)}
    poor = homebeat.fed(b"short\n", "desk", "add-user", "nurse-1", "--password-stdin", **own)
    assert poor.code == 1
    assert "12 to 256 characters" in poor.err
    for code in (0, 1):
        again = homebeat.fed(b"a long password\n", "desk", "add-user", "nurse-1", "--password-stdin", **own)
        assert again.code == code
    assert "--replace" in again.err


def test_of_an_admin_it_is_said_that_they_see_every_team(homebeat: Homebeat, tmp_path: Path) -> None:
    own = {"data_folder": str(tmp_path)}
    for user, asked, whose in (
        ("mara", ("--role", "admin"), "every team"), ("ann", ("--team", "*"), "every team"), ("new", (), "no team yet")
    ):  # fmt: skip
        made = homebeat.fed(b"a long password\n", "desk", "add-user", user, *asked, "--password-stdin", **own)
        assert made.out.strip().endswith(f" of {whose}"), made.err
    lines = homebeat("desk", "users", **own).out.splitlines()
    assert [line.partition("  ")[2] for line in lines] == [
        "nurse  every team",
        "admin  every team",
        "nurse  no team yet",
    ]
