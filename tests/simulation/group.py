"""Kafka's group coordinator: who is a member, who has which partitions, which offsets are committed.

Eager rebalancing: everybody gives up everything and joins again. A member that is not heard of in time is out, and
whatever it says afterwards is refused: it is fenced, though it can still produce.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from faust.types import TP

from streams import limits
from tests.simulation.loop import VirtualLoop


class Fenced(Exception):
    """Not a member any more, or of an older generation."""


@dataclass
class _Member:
    seen_s: float
    joined: bool


class Group:
    """The coordinator of one group over topics with the same number of partitions. Times in s."""

    def __init__(
        self, loop: VirtualLoop, rng: random.Random, partitions: int,
        session_s: float = limits.SESSION_S,
        rebalance_s: float = limits.REBALANCE_WITHIN_S,
    ) -> None:  # fmt: skip
        self._loop, self._rng, self._partitions = loop, rng, partitions
        self._session_s, self._rebalance_s = session_s, rebalance_s
        self._members: dict[str, _Member] = {}
        self._assigned: dict[str, frozenset[int]] = {}
        self._deadline_s: float | None = None
        self.generation = 0
        self.offsets: dict[TP, int] = {}

    def join(self, name: str) -> None:
        """Join, or join again."""
        self._members.setdefault(name, _Member(0.0, joined=False)).joined = True
        self._members[name].seen_s = self._loop.time()
        self._rebalance(keep_joined=True)
        self.look()

    def poll(self, name: str) -> tuple[int, frozenset[int]] | None:
        """What the member got, once the rebalance is over: the generation, and partitions."""
        self._seen(name)
        self.look()
        if self._deadline_s is not None or name not in self._assigned:
            return None
        return self.generation, self._assigned[name]

    def beat(self, name: str, generation: int) -> bool:
        """A heartbeat; whether the member has to join again."""
        self._seen(name)
        self.look()
        if generation != self.generation:
            raise Fenced
        return self._deadline_s is not None

    def leave(self, name: str) -> None:
        if self._members.pop(name, None) is not None:
            self._rebalance()

    def commit(self, name: str, generation: int, offsets: Mapping[TP, int]) -> None:
        if name not in self._members or generation != self.generation:
            raise Fenced
        self.offsets.update(offsets)

    def _seen(self, name: str) -> None:
        if name not in self._members:
            raise Fenced
        self._members[name].seen_s = self._loop.time()

    def _rebalance(self, *, keep_joined: bool = False) -> None:
        if self._deadline_s is not None:
            return
        self._deadline_s = self._loop.time() + self._rebalance_s
        if not keep_joined:
            for member in self._members.values():
                member.joined = False

    def look(self) -> None:
        """Let time pass: members that are not heard of are out, and a rebalance ends."""
        now = self._loop.time()
        silent = [name for name, member in self._members.items() if now - member.seen_s > self._session_s]
        for name in silent:
            self.leave(name)
        if self._deadline_s is None:
            return
        if now >= self._deadline_s or all(member.joined for member in self._members.values()):
            self._settle()

    def _settle(self) -> None:
        """The next generation, of those who have joined."""
        self._members = {name: member for name, member in self._members.items() if member.joined}
        self.generation += 1
        self._deadline_s = None
        names = sorted(self._members)
        self._rng.shuffle(names)
        self._assigned = {
            name: frozenset(range(place, self._partitions, len(names))) for place, name in enumerate(names)
        }
        for member in self._members.values():
            member.joined = False
