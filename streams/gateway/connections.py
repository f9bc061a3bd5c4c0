"""Connections that ask for nothing do not stay: else strangers, who need no key to connect, could take all places."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from streams import limits


class Prompt(H11Protocol):
    """One connection. Without a whole head of a request, or of the next one, within GATEWAY_HEAD_WITHIN_S it is closed;
    what is under way has bounds of its own."""

    _before: RequestResponseCycle | str | None = "nobody looked"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._again()

    def _again(self) -> None:
        self.loop.call_later(limits.GATEWAY_HEAD_WITHIN_S / 2, self._look)

    def _look(self) -> None:
        """Nothing under way, and nothing has been since the last look: it has had its time."""
        if self.transport.is_closing():
            return
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.cycle is self._before:
            self.transport.close()
            return
        self._before = self.cycle if idle else "under way"
        self._again()
