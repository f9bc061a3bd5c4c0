"""Names of devices as readings carry them: whatever a publisher wrote, bounded and on one line.

They end in titles, mails, problems and the state of a patient. One of 60 kB made alerts of 180 kB, and one with a line
break could not be told by mail at all. Names of usual length without control characters stay as they are.
"""

import re
from collections.abc import Iterable

from xxhash import xxh3_64_intdigest

from models.readings import MAX_ID_CHARS, Reading

DIGEST_CHARS = 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def tidied(name: str) -> str:
    """The name without control characters. One that is too long keeps its beginning, and a digest so that it stays
    apart from others.

    >>> tidied("urn:dev:my watch"), tidied("a\\nb"), len(tidied("x" * 60_000))
    ('urn:dev:my watch', 'a_b', 128)
    """
    plain = _CONTROL.sub("_", name)
    if len(plain) <= MAX_ID_CHARS:
        return plain
    return f"{plain[: MAX_ID_CHARS - DIGEST_CHARS - 1]}~{xxh3_64_intdigest(name):016x}"


def tidy(readings: Iterable[Reading]) -> None:
    """Tidy the names of all, in place. Each distinct one is looked at once."""
    names = {r.device for r in readings if r.device}
    odd = {name: tidied(name) for name in names if len(name) > MAX_ID_CHARS or not name.isprintable()}
    if odd:
        for reading in readings:
            reading.device = odd.get(reading.device or "", reading.device)
