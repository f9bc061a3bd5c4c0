"""Which answers of a server are worth another try, and how long to wait for it.

| answer | read as |
|---|---|
| 2xx | delivered |
| no answer, 408, 425, 429, 5xx | it may work later: again |
| 409 | the receiver still works on the same key (IETF draft Idempotency-Key): again, the retry gets the true answer |
| 410 and every other 4xx | it will not work later: failed at once |
| 3xx | failed at once: an alert about a patient is not sent on to an address that nobody configured |
"""

import math
import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

Verdict = Literal["delivered", "again", "refused"]
AGAIN = frozenset({408, 409, 425, 429})


def verdict(status: int) -> Verdict:
    """What an HTTP status means for a message that is sent with an idempotency key."""
    if 200 <= status < 300:
        return "delivered"
    return "again" if status in AGAIN or status >= 500 else "refused"


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """Seconds that a `Retry-After` asks for (a number, or an HTTP date), or None where it says nothing readable."""
    if header is None:
        return None
    try:
        wait = float(header) if header.strip().isdigit() else parsedate_to_datetime(header).timestamp() - now_s
    except (ValueError, OverflowError):
        return None
    return max(wait, 0.0) if math.isfinite(wait) else None


@dataclass(frozen=True)
class Backoff:
    """Waiting before the next try: `first_s`, doubled each time up to `longest_s`, shortened by up to half at random.

    The randomness keeps many senders from knocking together on a server that has just come back.
    """

    first_s: float
    longest_s: float
    random: random.Random

    def wait_s(self, attempt: int, asked_s: float | None) -> float:
        """Seconds after failed try number `attempt` (from 1). What the server asked for is the least that we wait."""
        ceiling = min(self.first_s * 2.0 ** min(attempt - 1, 32), self.longest_s)
        own = ceiling * (0.5 + 0.5 * self.random.random())
        return max(own, asked_s or 0.0)
