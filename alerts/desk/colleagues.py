"""Who may be given an alert: an alert that is given to a name which nobody has waits for an answer from nobody."""

from alerts.desk.accounts import Account, Accounts, member_of
from alerts.desk.members import Member
from alerts.teams import Directory
from alerts.teams.cover import of_team

NAMED_MAX = 8
"""Of those to whom it can be given, as many are named to somebody who has mistyped one."""


class Colleagues:
    """Those of a team: who may act at the desk and sees its patients, and who is in the file of care teams. Every
    method blocks.

    directory: the file, if the desk has one; whoever is told by telephone need not have an account.
    """

    def __init__(self, accounts: Accounts, directory: Directory | None) -> None:
        self._accounts, self._directory = accounts, directory

    def refusal(self, to: str, team: str | None, asking: Member) -> str | None:
        """Why an alert of this team cannot be given to somebody, for the person who tried; None when it can."""
        account = self._accounts.account(to)
        if to == asking.id or _acts_for(account, team):
            return None
        if account is not None and account.disabled_s is not None:
            return "Their account is disabled, so they would not see it. The alert is as it was."
        if to in self._in_file(team):
            return None
        if account is not None and member_of(account).scope.sees(team):
            return "They may only look, so nobody would answer. The alert is as it was."
        known = self._known(team, asking)
        if account is None and not known:  # nobody that we know of could be meant: it is somebody we do not
            return None
        return f"Nobody of {team or 'those who see it'} has this sign-in name.{_instead(known)}"

    def _in_file(self, team: str | None) -> frozenset[str]:
        return of_team(self._directory, team) if self._directory is not None else frozenset()

    def _known(self, team: str | None, asking: Member) -> list[str]:
        """Who else could be meant."""
        accounts = {one.id: one for one in self._accounts.all()}
        named = {one for one in self._in_file(team) if one not in accounts or accounts[one].disabled_s is None}
        return sorted((named | {who for who, one in accounts.items() if _acts_for(one, team)}) - {asking.id})


def _instead(known: list[str]) -> str:
    more = ", ..." if len(known) > NAMED_MAX else ""
    return f" It can be assigned to {', '.join(known[:NAMED_MAX])}{more}." if known else ""


def _acts_for(account: Account | None, team: str | None) -> bool:
    if account is None or account.disabled_s is not None:
        return False
    member = member_of(account)
    return member.may_act and member.scope.sees(team)
