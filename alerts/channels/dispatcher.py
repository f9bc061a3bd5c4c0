"""The sends of one channel, side by side within a bound, most severe first.

Each event that is put comes back exactly once through `record` with its Outcome, unless the dispatcher is wound up
first; then nothing was recorded, and whoever reads the log again will send it again under the same key.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from alerts.channels.outbox import Outbox
from alerts.channels.protocol import Channel, Outcome, idempotency_key
from alerts.events import AlertEvent
from models.findings import SEVERITIES

log = logging.getLogger(__name__)

Record = Callable[[Channel, AlertEvent, Outcome], Awaitable[None]]
PATIENCE_S = 2.0
"""How long a send may go on once a more severe event of the same alert waits behind it."""

SHED = Outcome("failed", 0, "not tried: too many more severe events were waiting on this channel")
GAVE_WAY = Outcome("failed", 1, "given up for a more severe event of the same alert")
TASKS_MAX = 1_000
"""Sends and outcomes under way, at which reading pauses. One fetch may pass it by its own records."""
BROKEN = "a failure of homebeat's own"


class Dispatcher:
    """One channel, its outbox and its running sends. `failed` is the first error of `record`, if there was one."""

    def __init__(self, channel: Channel, outbox: Outbox, record: Record, patience_s: float = PATIENCE_S) -> None:
        self.channel = channel
        self.failed: BaseException | None = None
        self._outbox, self._record, self._patience_s = outbox, record, patience_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sends: dict[str, asyncio.Task[Outcome]] = {}

    @property
    def full(self) -> bool:
        """Whether reading has to pause: only emergencies wait, or outcomes come faster than they are recorded."""
        return self._outbox.full or len(self._tasks) >= TASKS_MAX

    def put(self, event: AlertEvent) -> None:
        """Queue an event and start what may start. Never waits."""
        for shed in self._outbox.put(event):
            self._start(f"shed {shed.alert_id} {shed.sequence}", self._record(self.channel, shed, SHED))
        rank = self._outbox.under_way(event.alert_id)
        if rank is not None and rank < SEVERITIES.index(event.severity):
            self._urge(event.alert_id)
        self._fill()

    def settled(self, event: AlertEvent, outcome: Outcome) -> None:
        """It was sent before, and only its record is missing."""
        self._start(f"settled {event.alert_id} {event.sequence}", self._record(self.channel, event, outcome))

    async def wind_up(self, within_s: float) -> None:
        """Begin nothing more, give what is under way `within_s` to end, and cut off the rest."""
        self._outbox.clear()
        running = list(self._tasks.values())
        if running:
            _, late = await asyncio.wait(running, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _fill(self) -> None:
        while self.failed is None and (event := self._outbox.take()) is not None:
            self._start(event.alert_id, self._send(event))

    async def _send(self, event: AlertEvent) -> None:
        send = asyncio.ensure_future(self._sent(event))
        self._sends[event.alert_id] = send
        try:
            await asyncio.wait({send})
            outcome = GAVE_WAY if send.cancelled() else send.result()
            await self._record(self.channel, event, outcome)
        finally:
            send.cancel()
            del self._sends[event.alert_id]
            self._outbox.done(event)

    async def _sent(self, event: AlertEvent) -> Outcome:
        try:
            return await self.channel.send(event, idempotency_key(event))
        except Exception as error:  # a broken channel is an outcome on the log, not the end of the others
            log.exception("channel %s broke on alert %s", self.channel.name, event.alert_id)
            return Outcome("failed", 1, f"{BROKEN}: {type(error).__name__}")

    def _urge(self, alert_id: str) -> None:
        """Something more severe waits behind this send: let it have a little longer, then give it up."""
        send = self._sends.get(alert_id)
        if send is not None:
            asyncio.get_running_loop().call_later(self._patience_s, send.cancel)

    def _start(self, name: str, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        self._tasks[name] = task
        task.add_done_callback(lambda ended: self._ended(name, ended))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self.failed = self.failed or error
            return
        self._fill()
