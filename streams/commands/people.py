"""Who may sign in at the desk: `homebeat desk add-user`, `remove-user`, `users`, `link`.

The first admin is made here; the others they invite at the desk, where accounts are also disabled.
"""

import contextlib
import getpass
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from streams.commands.answers import answer, as_json_option, settings_for
from streams.errors import Failed

if TYPE_CHECKING:
    from alerts.desk.accounts import Accounts
    from alerts.desk.audit import Audit
    from alerts.desk.members import Role

ROLES = ("viewer", "nurse", "lead", "admin")


@click.command("add-user")
@click.argument("user")
@click.option("--role", type=click.Choice(ROLES), default="nurse", show_default=True, help="What they may do.")
@click.option("--team", "teams", multiple=True, metavar="TEAM", help="Whose patients they see; may be repeated.")
@click.option("--name", default="", help="Their name, as colleagues see it.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--replace", is_flag=True, help="Change an account that is there; ends its sessions.")
def add_user(user: str, role: str, teams: tuple[str, ...], name: str, password_stdin: bool, replace: bool) -> None:
    """Let USER sign in at the desk, with a password (asked for, or from standard input).

    An empty password makes an account that signs in by `homebeat desk link` only.

    \b
    Example:
      homebeat desk add-user nurse-1 --role nurse --team cardiology-home
    """
    import re

    from models.readings import ID_PATTERN

    if not re.fullmatch(ID_PATTERN, user):
        raise click.BadParameter("should be printable ASCII without spaces, 128 at most", param_hint="USER")
    password = _read() if password_stdin else _asked()
    with _opened() as (accounts, audit):
        accounts.put(name or user, user, _role(role), teams, password or None, replace)
        audit.record(_by(), "desk.account_put", account=user, role=role, teams=list(teams))
    click.echo(f"{user} may sign in as {role} of {_in_words(role, teams)}")


def _in_words(role: str, teams: Iterable[str]) -> str:
    """Whose patients they see."""
    from alerts.desk.members import EVERY_TEAM

    if role == "admin" or EVERY_TEAM in teams:
        return "every team"
    return ", ".join(sorted(teams)) or "no team yet"


@click.command("remove-user")
@click.argument("user")
def remove_user(user: str) -> None:
    """Take USER's account away; their sessions end at once.

    \b
    Example:
      homebeat desk remove-user nurse-1
    """
    with _opened() as (accounts, audit):
        if not accounts.remove(user):
            raise Failed(f"there is no account {user}")
        audit.record(_by(), "desk.account_removed", account=user)
    click.echo(f"{user} can no longer sign in")


@click.command("users")
@as_json_option
def users(as_json: bool) -> None:
    """List who may sign in at the desk.

    \b
    Example:
      homebeat desk users
    """
    with _opened() as (accounts, _):
        found = accounts.all()
    rows = [
        {"id": one.id, "name": one.name, "role": one.role, "teams": sorted(one.teams), "disabled": bool(one.disabled_s)}
        for one in found
    ]
    lines = [
        f"{one.id}  {one.role}  {_in_words(one.role, one.teams)}{'  disabled' if one.disabled_s else ''}"
        for one in found
    ]
    answer({"users": rows}, "\n".join(lines) or "nobody yet: homebeat desk add-user", as_json)


@click.command("link")
@click.argument("user")
def link(user: str) -> None:
    """Print the end of an address that signs USER in once, within a quarter of an hour.

    \b
    Example:
      homebeat desk link nurse-1
    """
    with _opened() as (accounts, audit):
        token = accounts.link(user, time.time())
        audit.record(_by(), "desk.link_made", account=user)
    click.echo(f"/#sign-in={token}")


@contextlib.contextmanager
def _opened() -> Iterator[tuple["Accounts", "Audit"]]:
    """The accounts as set, and the audit, which the desk sends on. DeskError becomes one line."""
    from alerts.desk.accounts import Accounts
    from alerts.desk.audit import Audit
    from alerts.desk.config import DeskError

    settings = settings_for()
    try:
        with contextlib.closing(Accounts(settings.desk_accounts, settings.desk_key)) as accounts:
            yield accounts, Audit(accounts.engine)
    except (DeskError, ValueError) as wrong:
        raise Failed(str(wrong)) from None


def _read() -> str:
    if sys.stdin is None:  # closed by whoever started us
        raise Failed("standard input is closed: give the password there, or an empty line for an account by link only")
    return sys.stdin.readline().rstrip("\n")


def _asked() -> str:
    """Of the person at the terminal. Raises Failed where there is none who could answer."""
    try:
        if sys.stdin is None:
            raise click.Abort
        return str(click.prompt("Password", hide_input=True, default="", show_default=False, confirmation_prompt=True))
    except click.Abort:
        if sys.stdin is not None and sys.stdin.isatty():
            raise
        raise Failed(
            "there is nobody to ask for the password: give it on standard input, with --password-stdin"
        ) from None


def _role(role: str) -> "Role":
    from alerts.desk.members import ROLES as KNOWN

    return KNOWN[ROLES.index(role)]


def _by() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user entry
        return "unknown"
