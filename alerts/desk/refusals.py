"""What was refused, as far as the audit keeps it: each by itself up to a bound, beyond it how many. Pure: time is an
argument.

Whoever is refused may send as much as they like, and what they send must not take the room of what people did: else a
stranger could fill the audit, and a desk that cannot keep its audit shows nothing any more.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

MINUTE_S = 60.0
OF_ONE = 100
"""Refusals of one sender that are kept by themselves in a minute: above the guesses at a password that are judged at
all (`accounts.ATTEMPTS_MAX`), so that each of those is."""
ONCE = frozenset({"too_many"})
"""Reasons of which one in a minute is kept by itself: a guess at a password that is not judged says nothing new."""
OF_ALL = 1_000
SENDERS_MAX = 1_000
"""Senders whose refusals are counted apart; those of more are counted together."""
OTHERS = "others"


@dataclass
class Counted:
    """What a sender was refused beyond what is kept by itself: how often, by the reason, between two times [s]."""

    sender: str
    since_s: float
    until_s: float
    whys: Counter[str] = field(default_factory=Counter)

    def add(self, more: "Counted") -> None:
        self.until_s = max(self.until_s, more.until_s)
        self.whys.update(more.whys)


Kept = Literal["whole", "counted", "first counted"]
"""By itself, or only how often; then whether it is the first of its sender in this minute."""


class Refusals:
    """Of one desk. now_s: since 1970; kept: how many so far."""

    def __init__(self) -> None:
        self._minute = -1
        self._whole: Counter[str] = Counter()
        self._counted: dict[str, Counted] = {}
        self._over: dict[str, Counted] = {}
        self.kept: Counter[str] = Counter(whole=0, counted=0)

    def keep(self, sender: str, why: str, now_s: float, *, room: bool) -> Kept:
        """How one more is kept. room: whether there is any for refusals."""
        self._turn(now_s)
        of, most = (f"{why} {sender}", 1) if why in ONCE else (sender, OF_ONE)
        if room and self._whole[of] < most and self._whole.total() < OF_ALL:
            self._whole[of] += 1
            self.kept["whole"] += 1
            return "whole"
        self.kept["counted"] += 1
        first = sender not in self._counted
        _add(self._counted, Counted(sender, now_s, now_s, Counter({why: 1})))
        return "first counted" if first and sender in self._counted else "counted"

    def take(self, now_s: float, *, all_of_them: bool = False) -> list[Counted]:
        """What was counted in minutes that are over, or until now, and forgotten by this."""
        self._turn(now_s)
        if all_of_them:
            self._close()
        taken, self._over = list(self._over.values()), {}
        return taken

    def give_back(self, taken: list[Counted]) -> None:
        """It could not be written: it is counted still."""
        for one in taken:
            _add(self._over, one)

    def _turn(self, now_s: float) -> None:
        minute = int(now_s // MINUTE_S)
        if minute != self._minute:
            self._minute = minute
            self._whole.clear()
            self._close()

    def _close(self) -> None:
        self.give_back(list(self._counted.values()))
        self._counted = {}


def _add(counted: dict[str, Counted], one: Counted) -> None:
    """Count it to the sender, or to the others when there are too many senders."""
    sender = one.sender if one.sender in counted or len(counted) < SENDERS_MAX else OTHERS
    if sender in counted:
        counted[sender].add(one)
    else:
        counted[sender] = Counted(sender, one.since_s, one.until_s, Counter(one.whys))
