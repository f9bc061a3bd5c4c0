"""Errors told apart by what the caller does next: the command line turns each into one line and an exit code.

Raise `WrongSettings` when the user has to change a setting or an option, `Failed` when the thing itself went wrong.
The text is one sentence for the person at the keyboard: what is wrong, then how to mend it. Anything that is not a
HomebeatError is our own fault and is reported as such.
"""

import errno
from typing import ClassVar


class HomebeatError(Exception):
    """What the command line prints as one line before it leaves with `exit_code`."""

    exit_code: ClassVar[int] = 1


class Failed(HomebeatError):
    """The command was understood, and could not be done: exit 1."""


class WrongSettings(HomebeatError):
    """Wrong usage or settings: exit 2."""

    exit_code: ClassVar[int] = 2


class BrokerUnreachable(Failed):
    """No Kafka answers at the configured address."""

    def __init__(self, broker: str, detail: str = "") -> None:
        because = f" ({detail})" if detail else ""
        super().__init__(f"cannot reach the broker at {broker}{because}: start it or set HOMEBEAT_BROKER")
        self.broker = broker


class BrokerNotReady(Failed):
    """Kafka answers at the configured address, and does not do what a start needs of it."""

    def __init__(self, broker: str, within_s: float, detail: str) -> None:
        super().__init__(
            f"the broker at {broker} was not ready within {within_s:g} s ({detail}): see in its log whether it has a "
            "controller and room on its disk, then start again; a HOMEBEAT_BROKER_TIMEOUT_S above that waits longer"
        )
        self.broker = broker


class PortTaken(Failed):
    """Another process listens there already."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is taken by another process: stop it or set HOMEBEAT_HTTP_PORT")
        self.host = host
        self.port = port


class CutShort(Failed):
    """The log of a partition ends before what the state of its patients has been given."""

    def __init__(self, topic: str, partition: int, ends: int, position: int, changelog: str) -> None:
        super().__init__(
            f"partition {partition} of {topic} ends at offset {ends}, and the state of its patients has been given "
            f"everything before {position}: the topic was deleted and made anew, or cut short, and what comes would be "
            f"passed over as known. Bring its readings back, or stop all workers, delete {changelog} too and start "
            "them again: then everything on the topic is decided, and what was learned of the patients is lost"
        )


class PartitionsChanged(Failed):
    """There are more partitions than when the state of the patients was made: their readings come to others now."""

    MEND = (
        "start anew under another HOMEBEAT_TOPIC_PREFIX, and publish profiles and readings there: Kafka takes no "
        "partitions away again. Only where there are no patients yet, deleting {changelog} will do"
    )

    def __init__(self, found: str, partitions: int, changelog: str) -> None:
        super().__init__(
            f"the number of partitions was changed under patients: there are {partitions} now, and {found}. Readings "
            f"of many come where nobody knows them, and would be refused. It cannot change: "
            f"{self.MEND.format(changelog=changelog)}"
        )


class ExtraMissing(Failed):
    """A part of homebeat that is installed separately is not here."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed: pip install 'homebeat[{extra}]'")


def broken_evidence(wrong: Exception) -> str:
    """What to say when the evidence is not as it has to be: nobody may be decided about by it."""
    return f"the evidence is broken ({wrong}): mend it, or install homebeat again"


def listening_failed(wrong: OSError, host: str, port: int) -> Failed:
    """What to raise when a server cannot listen at `host`:`port`."""
    if wrong.errno == errno.EADDRINUSE:
        return PortTaken(host, port)
    return Failed(
        f"cannot listen at {host}:{port} ({wrong.strerror or wrong}): set HOMEBEAT_HTTP_HOST or HOMEBEAT_HTTP_PORT"
    )
