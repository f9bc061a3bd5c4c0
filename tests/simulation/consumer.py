"""A consumer of chunks, as `streams.kafka.transport` is one over Faust: the real bookkeeping, and a fetch in between.

What it takes from the product: how a fetch is cut (`Fetched.chunks`) and which acknowledgements count (`InOrderAcks`).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faust.types import TP

from streams import limits
from streams.kafka.chunks import Bounds, Delivery, Fetched, InOrderAcks
from tests.simulation.broker import Broker, Stored
from tests.simulation.group import Fenced, Group
from tests.simulation.loop import Process
from tests.simulation.network import Network, Unanswered


@dataclass(frozen=True)
class Chunk:
    """What an agent gets: the records, and a receipt to keep."""

    fetched: Fetched
    delivery: Delivery
    generation: int

    @property
    def offset(self) -> int:
        return int(self.fetched.records[-1].offset)

    @property
    def span(self) -> tuple[int, int]:
        return self.delivery.start, self.delivery.end

    def ack(self) -> None:
        self.delivery.acked = True


class Consumer:
    """One member of the group. `revoked` and `assigned` are awaited between two flows of chunks.

    revoked is given whether the partitions are lost: the group went on without us. confirmed_s: when the group last
    confirmed that we are a member.
    """

    BUSY_S, IDLE_S = 0.1, 1.0

    def __init__(
        self, broker: Broker, group: Group, network: Network, process: Process, rng: random.Random,
        topics: tuple[str, ...], bounds: Bounds, commit_s: float,
        revoked: Callable[[bool], Awaitable[None]], assigned: Callable[[set[int]], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._broker, self._group, self._network, self._process, self._rng = broker, group, network, process, rng
        self._bounds, self._commit_s = bounds, commit_s
        self._revoked, self._assigned = revoked, assigned
        self.queues: dict[str, asyncio.Queue[Chunk]] = {name: asyncio.Queue(bounds.queued) for name in topics}
        self._acks: dict[TP, InOrderAcks] = {}
        self._back: dict[TP, int] = {}
        self._partitions: frozenset[int] = frozenset()
        self.generation = -1
        self.confirmed_s = float("-inf")

    async def run(self) -> None:
        """Join, consume until a rebalance, and again."""
        while True:
            found = await self._join()
            if found is None:
                continue
            self.generation, self._partitions = found
            self.confirmed_s = asyncio.get_running_loop().time()
            flow = [asyncio.create_task(self._flow()), asyncio.create_task(self._keep_committing())]
            await self._give_up(flow, lost=not await self._until_rebalance())

    async def leave(self) -> None:
        """Commit what is acknowledged, and go."""
        await self.commit()
        await self._asked(lambda: self._group.leave(self._process.name))

    async def _join(self) -> tuple[int, frozenset[int]] | None:
        await self._asked(lambda: self._group.join(self._process.name))
        while True:
            try:
                found = await self._network.request(self._process, lambda: self._group.poll(self._process.name))
            except Unanswered:
                continue
            except Fenced:
                return None
            if found is not None:
                return found
            await asyncio.sleep(0.2)

    async def _until_rebalance(self) -> bool:
        """True when the partitions are shared out anew; False when the group has forgotten us."""
        generation, loop = self.generation, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(limits.HEARTBEAT_EVERY_S)
            sent_s = loop.time()
            try:
                rebalance = await self._network.request(
                    self._process, lambda: self._group.beat(self._process.name, generation)
                )
            except Unanswered:
                continue
            except Fenced:
                return False
            if rebalance:
                return True
            self.confirmed_s = sent_s

    async def _give_up(self, flow: list["asyncio.Task[None]"], *, lost: bool) -> None:
        """Stop the flow, let the keeper write, commit, forget."""
        for task in flow:
            task.cancel()
        await asyncio.gather(*flow, return_exceptions=True)
        for queue in self.queues.values():
            while not queue.empty():
                queue.get_nowait()
        await self._revoked(lost)
        await self.commit()
        self._acks, self._back, self._partitions = {}, {}, frozenset()

    async def _asked(self, act: Callable[[], None]) -> None:
        try:
            await self._network.request(self._process, act)
        except (Unanswered, Fenced):
            return

    # --- chunks

    def go_back(self, tp: TP, position: int) -> None:
        """Fetch again from there."""
        self._acks.get(tp, InOrderAcks()).withdraw(position)
        self._back[tp] = position

    async def _flow(self) -> None:
        """First the state of what is ours, then its readings."""
        await self._assigned(set(self._partitions))
        await self._fetch()

    async def _fetch(self) -> None:
        """From the committed offsets on, chunk after chunk, of each partition in turn."""
        tps = [TP(topic, partition) for topic in sorted(self.queues) for partition in sorted(self._partitions)]
        position = {tp: self._group.offsets.get(tp, 0) for tp in tps}
        while True:
            await self._network.reached(self._process)
            ready = [
                tp for tp in tps if tp in self._back or len(self._broker.log(tp.topic, tp.partition)) > position[tp]
            ]
            self._rng.shuffle(ready)
            for tp in ready:
                position[tp] = self._back.pop(tp, position[tp])
                records = self._records(tp, position[tp])
                fetched = Fetched(tp, position[tp], records[-1].offset + 1, records)
                position[tp] = fetched.end
                await self._hand_on(fetched)
            await asyncio.sleep(self._rng.uniform(0, self.BUSY_S if ready else self.IDLE_S))

    def _records(self, tp: TP, start: int) -> list[Stored]:
        most = self._rng.randint(1, 4 * self._bounds.records)
        return self._broker.log(tp.topic, tp.partition)[start : start + most]

    async def _hand_on(self, fetched: Fetched) -> None:
        acks = self._acks.setdefault(fetched.tp, InOrderAcks())
        for chunk in fetched.chunks(self._bounds):
            if fetched.tp in self._back:
                return
            delivery = acks.deliver(chunk.start, chunk.end)
            await self.queues[fetched.tp.topic].put(Chunk(chunk, delivery, self.generation))

    async def _keep_committing(self) -> None:
        while True:
            await asyncio.sleep(self._commit_s)
            await self.commit()

    async def commit(self) -> None:
        """Commit what may be: a lost commit is made good by the next."""
        offsets = {tp: end for tp, acks in self._acks.items() if (end := acks.committable()) is not None}
        if offsets:
            generation = self.generation
            await self._asked(lambda: self._group.commit(self._process.name, generation, offsets))
