"""What `homebeat check` finds of people on a chain and their accounts: who is asked, and could not answer."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from alerts.teams import Directory
from alerts.teams.cover import on_chain
from streams.checking.result import Check
from streams.configuration.settings import Settings

if TYPE_CHECKING:
    from alerts.desk.accounts import Account


def answering(directory: Directory, settings: Settings) -> list[Check]:
    """Of everybody who is asked by a team, as far as the desk's accounts can be read from here. Blocks."""
    from alerts.desk.config import DeskError
    from alerts.desk.glance import accounts_in  # with a database, which the other checks do without

    try:
        accounts = accounts_in(settings.desk_accounts)
    except DeskError as wrong:
        return [Check("accounts", "warn", str(wrong), "till then nobody knows who is asked and cannot answer")]
    return [Check(f"team {team}", "warn", what, mend) for team, what, mend in unable(directory, accounts)]


def unable(directory: Directory, accounts: "Mapping[str, Account]") -> Iterator[tuple[str, str, str]]:
    """(team, what is wrong, how to mend it). Who has no account answers by the link in a message."""
    from alerts.desk.accounts import member_of

    for name, team in directory.teams.items():
        for account in (accounts[one] for one in sorted(on_chain(directory, team)) if one in accounts):
            who = f"{account.id} is on its chain, and"
            if account.disabled_s is not None:
                mend = "enable the account, or take them off the chain"
                yield name, f"{who} their account is disabled: they are asked, and nothing lets them answer", mend
            elif not member_of(account).may_act:
                found = f"{who} may only look at the desk: they can acknowledge by the link in a message, and no more"
                yield name, found, "give them the role of a nurse at the desk, or take them off the chain"
