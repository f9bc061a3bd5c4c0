"""What `homebeat check` finds about people: patients nobody answers for, times without cover, channels that do not
answer. Nobody is told anything by being looked at."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from alerts.policy.settings import OPS, PolicySettings
from alerts.teams import Directory
from alerts.teams.cover import Hole, holes
from alerts.teams.settings import Address, AppriseAddress, EmailAddress, Team
from streams.checking.answering import answering
from streams.checking.result import Check, answered
from streams.configuration.settings import Settings
from streams.configuration.teams import read_teams
from streams.errors import BrokerUnreachable, Failed, WrongSettings
from streams.kafka.whole import records

LOOKED_AHEAD_D = 35
"""Rotas are looked through for five weeks: a monthly turn, and whatever change of clocks is next."""
HOLES_SHOWN, PATIENTS_SHOWN = 3, 3
PROFILES_WITHIN_S = 120.0
IN_TEAM_ANSWERS = "mend its name in HOMEBEAT_TEAM_ANSWERS"
NEXT_CHANNEL = "mend it; people are told by their next channel until it answers"
RECORD = "mend it; it misses every alert until it answers"
MEMBERS_SHOWN = 3


async def care_teams(settings: Settings, *, connected: bool) -> list[Check]:
    """Everything about them. connected: a broker answers, so that the profiles can be looked through."""
    try:
        directory = read_teams(settings)
    except WrongSettings as wrong:
        return [Check("care teams", "bad", str(wrong), "the notifier does not start until it is mended")]
    if directory is None:
        return [Check("care teams", "warn", "none: only webhooks and the desk are told", "set HOMEBEAT_TEAMS_FILE")]
    found = [*unknown(directory, settings), *uncovered(directory, settings.policy)]
    checks = [Check(f"team {team}", "warn", what, mend) for team, what, mend in found]
    checks += await asyncio.to_thread(answering, directory, settings)
    if connected:
        checks += await _patients(settings, directory)
    if not checks:
        covered = "covered" if connected else "the rotas covered"
        what = f"{len(directory.teams)} teams, {len(directory.members)} people, {covered} for {LOOKED_AHEAD_D} days"
        checks = [Check("care teams", "ok", what)]
    return checks + await channels(directory)


def unknown(directory: Directory, settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(team, what is wrong, how to mend it): teams with answer times of their own whom nobody belongs to."""
    for name in sorted(settings.team_answers.keys() - directory.teams.keys()):
        yield name, "has answer times of its own and is not in the file", f"{IN_TEAM_ANSWERS}, or add [teams.{name}]"


def uncovered(
    directory: Directory, policy: PolicySettings, now: datetime | None = None
) -> Iterator[tuple[str, str, str]]:
    """(team, what is wrong, how to mend it): rungs that nobody stands on, entries of a chain that none asks, and times
    at which nobody there can be asked."""
    begin = (now or datetime.now(UTC)).replace(microsecond=0)
    if OPS not in directory.teams:
        yield OPS, "nobody answers for technical alerts and unknown teams", "add [teams.ops]"
    for name, team in directory.teams.items():
        named, rungs = len(team.chain), policy.chain_of(name).rungs
        if named < rungs:
            found = f"{named} on its chain, {rungs} rungs: the last ones ask everybody, and ops"
            yield name, found, f"name as many in chain, or {_rungs(name, named)}"
        if named > rungs:
            found = f"{named} on its chain, {rungs} rungs: {', '.join(team.chain[rungs:])} never asked by themselves"
            yield name, found, f"name as many in chain, or {_rungs(name, named)}"
        for rung in dict.fromkeys(team.chain):
            yield from ((name, *said) for said in _holes(directory, team, rung, begin))


def _rungs(team: str, rungs: int) -> str:
    """How to have as many rungs."""
    return f'set HOMEBEAT_RUNGS={rungs}, or for this team HOMEBEAT_TEAM_ANSWERS={{"{team}": {{"rungs": {rungs}}}}}'


def _holes(directory: Directory, team: Team, rung: str, begin: datetime) -> Iterator[tuple[str, str]]:
    found = list(holes(directory, team, rung, begin, LOOKED_AHEAD_D))
    what = f"rota {rung}" if rung in team.rotas else rung
    if empty := [hole for hole in found if not hole.away]:
        yield f"{what}: nobody {_times(empty)}", "add a shift; till then everybody is asked"
    for away in dict.fromkeys(hole.away for hole in found if hole.away):
        times = _times([hole for hole in found if hole.away == away])
        who = " and ".join(away)
        yield f"{what}: {who} away, without a stand-in who is there, {times}", "name a stand_in, or an override"


def _times(found: list[Hole]) -> str:
    said = [f"from {_stamp(hole.begin)} to {_stamp(hole.end)} UTC" for hole in found]
    more = f" and {len(said) - HOLES_SHOWN} times more" if len(said) > HOLES_SHOWN else ""
    return ", ".join(said[:HOLES_SHOWN]) + more


def _stamp(at: datetime) -> str:
    return f"{at:%d %b %H:%M:%S}".removesuffix(":00")


class _Known(msgspec.Struct, gc=False):
    """Of a profile, what is looked at."""

    version: int
    care_team: str | None = None


@dataclass
class _Patients:
    """The newest profile of each patient."""

    newest: dict[bytes, _Known] = field(default_factory=dict)

    def take(self, key: bytes, value: bytes | None) -> None:
        """One record of the topic: a lower or equal version changes nothing, null forgets (CONTRACT 2)."""
        if value is None:
            self.newest.pop(key, None)
            return
        try:
            one = msgspec.json.decode(value, type=_Known)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # answered on `rejects`, and what was known before stays
        if key not in self.newest or one.version > self.newest[key].version:
            self.newest[key] = one

    def without(self, directory: Directory) -> dict[str, list[str]]:
        """Patients of teams that are not in the file, by team; those without a team are ops'."""
        found: dict[str, list[str]] = {}
        for key, one in self.newest.items():
            team = one.care_team or OPS
            if team not in directory.teams:
                found.setdefault(team, []).append(key.decode(errors="replace"))
        return found


async def _patients(settings: Settings, directory: Directory) -> list[Check]:
    """A team that profiles name and nobody answers for."""
    patients = _Patients()
    try:
        async with asyncio.timeout(PROFILES_WITHIN_S):
            async for record in records(settings, "profiles"):
                if record.key is not None:
                    patients.take(record.key, record.value)
    except (BrokerUnreachable, Failed, TimeoutError) as wrong:
        found = f"the profiles could not all be read ({wrong or 'no time left'})"
        return [Check("care teams of patients", "warn", found, "run `homebeat check` again")]
    return [_nobody(team, who) for team, who in sorted(patients.without(directory).items())]


def _nobody(team: str, patients: list[str]) -> Check:
    shown = ", ".join(sorted(patients)[:PATIENTS_SHOWN]) + (", ..." if len(patients) > PATIENTS_SHOWN else "")
    count = f"{len(patients):,} {'patient has' if len(patients) == 1 else 'patients have'}"
    if team == OPS:
        return Check(f"team {OPS}", "warn", f"{count} no care team, and there is no ops: {shown}", "add [teams.ops]")
    found = f"is not in the file, and {count} it: {shown}; ops is asked for them"
    return Check(f"team {team}", "warn", found, f"add [teams.{team}], or name another care_team in their profiles")


async def channels(directory: Directory) -> list[Check]:
    """Each address, and the server that takes mail, asked without telling anybody."""
    named = sorted((name, one) for name, one in directory.channels.items() if not isinstance(one, EmailAddress))
    checks = list(await asyncio.gather(*(_channel(name, address, _mend(directory, {name})) for name, address in named)))
    if directory.mail is not None:
        from alerts.channels.asking import ask_mail
        from alerts.channels.build import server_of

        mails = {name for name, one in directory.channels.items() if isinstance(one, EmailAddress)}
        checks.append(answered("mail", await ask_mail(server_of(directory.mail)), _mend(directory, mails)))
    return checks


def _mend(directory: Directory, silent: set[str]) -> str:
    """What it means that these channels do not answer: whom nothing else reaches is told of nothing until they do."""
    whose = {name: set(one.reach) for name, one in directory.members.items() if silent & set(one.reach)}
    alone = sorted(name for name, reach in whose.items() if reach <= silent)
    if not whose:
        record = any(directory.channels[name].kind == "fhir" for name in silent)
        return RECORD if record else "mend it, or take it out of the file: nobody is reached by it"
    if not alone:
        return NEXT_CHANNEL
    shown = ", ".join(alone[:MEMBERS_SHOWN]) + (
        f" and {len(alone) - MEMBERS_SHOWN} more" * (len(alone) > MEMBERS_SHOWN)
    )
    return f"mend it at once: nothing else reaches {shown}, or name a second channel in `reach`"


async def _channel(name: str, address: Address, mend: str) -> Check:
    if isinstance(address, AppriseAddress):
        return _apprise(name, address.url.get_secret_value())
    if isinstance(address, EmailAddress):
        raise TypeError("mail is asked once for all addresses")
    url = address.url.get_secret_value()
    if not _is_web(url):
        found = "its url should be http:// or https:// with a host"
        return Check(f"channel {name}", "bad", found, "the notifier does not start until it is mended")
    from alerts.channels.asking import ask_fhir, ask_webhook

    answer = await (ask_fhir(url) if address.kind == "fhir" else ask_webhook(url))
    return answered(f"channel {name}", answer, mend)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _apprise(name: str, url: str) -> Check:
    """Apprise has no way to ask such a service anything but to send a message."""
    import apprise  # takes a second to import

    found = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if found is None:
        mend = "the notifier does not start until it is mended; `apprise --details` lists the kinds"
        return Check(f"channel {name}", "bad", "Apprise does not know this kind of address", mend)
    said = f"not asked: {found.service_name} can only be tried by sending a message"
    mend = f"try it by hand, to a person who knows: apprise -t test -b 'a test of homebeat' URL, with the url of {name}"
    return Check(f"channel {name}", "warn", said, mend)
