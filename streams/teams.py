"""The file of care teams: read, and looked through for what leaves a patient without anybody."""

import asyncio
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import ValidationError

from alerts.teams import Directory, read_directory
from alerts.teams.rota import gaps
from alerts.teams.settings import OPS, AppriseAddress, EmailAddress, Team
from streams.errors import WrongSettings
from streams.settings import Settings

LOOKED_AHEAD_D = 35
"""Rotas are looked through for five weeks: a monthly turn, and whatever change of clocks is next."""
GAPS_SHOWN = 3
ANSWER_WITHIN_S = 5.0


def read_teams(settings: Settings) -> Directory | None:
    """The care teams, if there is a file. Raises WrongSettings with one line."""
    if settings.teams_file is None:
        return None
    try:
        return read_directory(settings.teams_file.read_text())
    except OSError as wrong:
        raise WrongSettings(f"HOMEBEAT_TEAMS_FILE: {settings.teams_file}: {wrong.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise WrongSettings(f"{settings.teams_file} is not TOML: {wrong}") from None
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        said = str(first["msg"]).removeprefix("Value error, ")
        raise WrongSettings(f"{settings.teams_file}: {f'{where}: ' if where else ''}{said}") from None


def uncovered(directory: Directory, rungs: int, now: datetime | None = None) -> Iterator[tuple[str, str, str]]:
    """(team, what is wrong, how to mend it): rungs that nobody stands on, hours without anybody on call."""
    begin = now or datetime.now(UTC)
    if OPS not in directory.teams:
        yield OPS, "nobody answers for technical alerts and unknown teams", "add [teams.ops]"
    for name, team in directory.teams.items():
        if len(team.chain) < rungs:
            found = f"{len(team.chain)} on its chain, {rungs} rungs: the last ones ask everybody, and ops"
            yield name, found, "name as many in chain as HOMEBEAT_RUNGS says"
        for rota in sorted(set(team.chain) & team.rotas.keys()):
            if found := _gaps(team, rota, begin):
                yield name, f"rota {rota}: nobody {found}", "add a shift; till then everybody is asked"


def _gaps(team: Team, rota: str, begin: datetime) -> str:
    found = [
        f"from {a:%d %b %H:%M} to {b:%d %b %H:%M} UTC" for a, b in gaps(team, team.rotas[rota], begin, LOOKED_AHEAD_D)
    ]
    more = f" and {len(found) - GAPS_SHOWN} times more" if len(found) > GAPS_SHOWN else ""
    return ", ".join(found[:GAPS_SHOWN]) + more


async def silent_channels(directory: Directory) -> list[tuple[str, str]]:
    """(channel, what is wrong) of channels whose server takes no connection. Nothing is sent."""
    asked = [(name, *place) for name, place in _places(directory)]
    answers = await asyncio.gather(*(_reachable(host, port) for _, host, port in asked))
    return [(name, wrong) for (name, _, _), wrong in zip(asked, answers, strict=True) if wrong is not None]


def _places(directory: Directory) -> Iterator[tuple[str, tuple[str, int]]]:
    """Where each channel's server is; what Apprise speaks with is its own affair."""
    if directory.mail is not None:
        yield "mail", (directory.mail.host, directory.mail.port)
    for name, address in sorted(directory.channels.items()):
        if not isinstance(address, EmailAddress | AppriseAddress):
            parts = urlsplit(address.url.get_secret_value())
            yield name, (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


async def _reachable(host: str, port: int) -> str | None:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
    except (OSError, TimeoutError) as wrong:
        return f"{host}:{port} does not answer ({type(wrong).__name__})"
    return None
