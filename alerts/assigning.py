"""To whom an alert was assigned. The ledger says it as the first words of the reason (`to nurse-2: knows her well`)."""

import re
from functools import cache

from alerts.events import AlertEvent
from alerts.language import languages, voice
from models.phrases import phrase, say
from models.readings import ID_PATTERN


def assigned_to(step: AlertEvent) -> str | None:
    """The name in that event; None where it says none."""
    said = step.reason or ""
    for begins in _assigned():
        whom = said.removeprefix(begins).partition(":")[0].strip()
        if said.startswith(begins) and re.fullmatch(ID_PATTERN, whom):
            return whom
    return None


@cache
def _assigned() -> tuple[str, ...]:
    """How that reason begins in each language: the log may hold more than one."""
    said = (say(phrase("to {whom}", whom="\n"), voice(language)) for language in languages())
    return tuple(one.partition("\n")[0] for one in said)
