"""From Settings to the configuration of each part: parts know what they need, never where it was set."""

from streams.connection import security_options
from streams.notifier import NotifierConfig
from streams.settings import Settings


def notifier_config(settings: Settings) -> NotifierConfig:
    """What the notifier may know, alone in its process or beside a worker."""
    return NotifierConfig(
        bootstrap=settings.broker,
        prefix=settings.topic_prefix,
        webhook_urls=settings.webhook_urls,
        secret=settings.webhook_key,
        kafka=security_options(settings),
    )
