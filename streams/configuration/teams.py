"""The file of care teams, read."""

import tomllib

from pydantic import ValidationError

from alerts.teams import Directory, read_directory
from streams.configuration.settings import Settings
from streams.errors import WrongSettings


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
