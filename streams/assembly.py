"""From Settings to the configuration of each part: parts know what they need, never where it was set."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from alerts import links
from streams.configuration.settings import Settings
from streams.configuration.teams import read_teams
from streams.errors import WrongSettings
from streams.kafka.connection import security_options

if TYPE_CHECKING:
    from alerts.desk import DeskConfig
    from alerts.teams import Directory
    from streams.notifier.configuration import NotifierConfig

log = logging.getLogger(__name__)


def notifier_config(settings: Settings) -> "NotifierConfig":
    """What the notifier may know, alone in its process or beside a worker. Raises WrongSettings."""
    from streams.notifier.configuration import NotifierConfig

    return NotifierConfig(
        bootstrap=settings.broker,
        prefix=settings.topic_prefix,
        webhook_urls=settings.webhook_urls,
        secret=settings.webhook_key,
        directory=read_teams(settings),
        desk_url=settings.desk_url,
        link_key=links.key_of(settings.secret.get_secret_value().encode()),
        control_secret=settings.secret.get_secret_value().encode(),
        partitions=settings.partitions,
        language=settings.language,
        kafka=security_options(settings),
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise WrongSettings(f"HOMEBEAT_DATA_FOLDER={folder} cannot be made: {wrong.strerror}") from None


def desk_config(settings: Settings) -> "DeskConfig":
    """What the desk may know. Makes the data folder when its database lies in there; raises WrongSettings."""
    from alerts.desk.config import STILL_AFTER_S, DeskConfig

    if settings.desk_database_url is None:
        _make(settings.data_folder)
    return DeskConfig(
        bootstrap=settings.broker,
        prefix=settings.topic_prefix,
        database_url=settings.desk_database,
        accounts_url=settings.desk_accounts,
        secret=settings.desk_key,
        host=settings.http_host,
        port=settings.port_of("desk"),
        banner=settings.desk_banner,
        language=settings.language,
        link_key=links.key_of(settings.secret.get_secret_value().encode()),
        allowed_hosts=settings.desk_hosts,
        off=frozenset(settings.modifiers_off),
        directory=_teams_if_readable(settings),
        kafka=security_options(settings),
        still_after_s=STILL_AFTER_S if settings.ticks == "on" else None,
    )


def _teams_if_readable(settings: Settings) -> "Directory | None":
    """The care teams for the desk, which needs them only to know whom an alert can be assigned to: a file that is wrong
    must not keep a team from its worklist."""
    try:
        return read_teams(settings)
    except WrongSettings as wrong:
        log.warning("%s; till then alerts can be assigned at the desk to people with an account only", wrong)
        return None
