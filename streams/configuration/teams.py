"""The file of care teams, read."""

from alerts.teams import Directory, read_directory
from streams.configuration.documents import NOT_READ, wrong_document
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
    except NOT_READ as wrong:
        raise wrong_document(str(settings.teams_file), wrong) from None
