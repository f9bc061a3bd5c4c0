"""Channels from the file of care teams, one object for each address."""

import random
from urllib.parse import urljoin

from alerts import links
from alerts.channels.apprise import AppriseChannel
from alerts.channels.email import EmailChannel, LinkOf, MailServer
from alerts.channels.fhir import FhirChannel
from alerts.channels.protocol import Channel, Clock
from alerts.channels.retrying import Backoff
from alerts.channels.webhook import WebhookChannel, WebhookLimits
from alerts.events import AlertEvent
from alerts.language import ENGLISH
from alerts.teams.settings import Address, AppriseAddress, Directory, EmailAddress, Mail

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 20.0


def channels_of(
    directory: Directory, secret: bytes, limits: WebhookLimits, desk: str | None, link_key: bytes, now: Clock,
    language: str = ENGLISH,
) -> dict[str, Channel]:  # fmt: skip
    """By name. secret: signs webhooks; link_key: seals the links to acknowledge; language: of the alerts. ValueError
    for a wrong address."""
    made = dict[str, Channel]()
    for name, address in sorted(directory.channels.items()):
        link_of = _link_of(directory, name, desk, link_key, now)
        made[name] = _channel(name, address, directory, secret, limits, desk, link_of, language)
    return made


def _channel(
    name: str, address: Address, directory: Directory, secret: bytes, limits: WebhookLimits, desk: str | None,
    link_of: LinkOf, language: str,
) -> Channel:  # fmt: skip
    backoff = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S, random.Random())
    if isinstance(address, EmailAddress):
        return EmailChannel(
            name, server_of(directory.mail), address.to, backoff, safe=address.safe, desk=desk, link_of=link_of,
            language=language,
        )  # fmt: skip
    if isinstance(address, AppriseAddress):
        url = address.url.get_secret_value()
        return AppriseChannel(name, url, backoff, safe=address.safe, desk=desk, link_of=link_of, language=language)
    if address.kind == "fhir":
        return FhirChannel(address.url.get_secret_value(), secret, limits, name=name, language=language)
    return WebhookChannel(address.url.get_secret_value(), secret, limits, name=name)


def server_of(mail: Mail | None) -> MailServer:
    """The server that takes mail. ValueError without one."""
    if mail is None:
        raise ValueError("channels of kind email need [mail]")
    password = mail.password.get_secret_value() if mail.password else None
    return MailServer(mail.host, mail.port, mail.sender, mail.tls, mail.username, password)


def _link_of(directory: Directory, channel: str, desk: str | None, key: bytes, now: Clock) -> LinkOf:
    """Links only where it is known who would acknowledge by them: a channel of one person."""
    whose = [name for name, member in directory.members.items() if channel in member.reach]

    def link(event: AlertEvent) -> str | None:
        if desk is None or not key or len(whose) != 1:
            return None
        token = links.issue(key, event.alert_id, event.patient, whose[0], now(), team=event.care_team)
        return urljoin(desk, f"/a/{token}")

    return link
