"""How much waits in our partitions, asked of the broker: who decides nothing does not hear of it otherwise."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from streams import limits
from streams.kafka.outage import passing
from streams.worker.keeper import Keeper

Ends = Callable[[Collection[int]], Awaitable[Mapping[int, int]]]


async def keep_measuring(keeper: Keeper, ends: Ends) -> None:
    """A look every LAG_LOOK_EVERY_S. That Kafka is away is said by others; then nothing is known."""
    while True:
        await asyncio.sleep(limits.LAG_LOOK_EVERY_S)
        if not keeper.positions():
            continue
        try:
            async with asyncio.timeout(limits.BROKER_ANSWER_WITHIN_S):
                found = await ends(keeper.positions())
        except Exception as error:  # told apart here
            if not passing(error):
                raise
            continue
        for partition, position in keeper.positions().items():
            if partition in found:
                keeper.pace.look(partition, position, found[partition])
