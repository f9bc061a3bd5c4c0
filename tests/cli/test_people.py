"""Who may sign in at the desk, from the command line."""

import subprocess
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("stdin", "more", "said"),
    [
        ("</dev/null", (), "nobody to ask for the password: give it on standard input, with --password-stdin"),
        ("<&-", (), "nobody to ask for the password: give it on standard input, with --password-stdin"),
        ("<&-", ("--password-stdin",), "standard input is closed: give the password there"),
    ],
)
def test_where_nobody_can_be_asked_the_other_way_is_named(
    homebeat: Homebeat, tmp_path: Path, stdin: str, more: tuple[str, ...], said: str
) -> None:
    """As in a container or a script: without a terminal. It said that it was interrupted, or has a fault itself."""
    line = ["sh", "-c", f'exec "$@" {stdin}', "-", *homebeat.line("desk", "add-user", "nurse-1", *more)]
    env = homebeat.environment(data_folder=str(tmp_path / "data"))
    done = subprocess.run(line, env=env, cwd=tmp_path, capture_output=True, timeout=60, start_new_session=True)
    assert done.returncode == 1
    assert said in done.stderr.decode().splitlines()[-1]
