"""A real desk on a free port, in this event loop, over a real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from alerts.desk import DeskConfig, run_desk


@contextlib.asynccontextmanager
async def desk(bootstrap: str, prefix: str, folder: Path, **changed: Any) -> AsyncIterator[str]:
    """Gives the page's address once the desk has caught up; stops it after the block."""
    config = DeskConfig(bootstrap, prefix, f"sqlite:///{folder / 'desk.sqlite'}", **{"port": 0, **changed})
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_desk(config, stop, ready.set_result))
    try:
        await asyncio.wait({running, ready}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield await asyncio.wait_for(ready, 1)
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)
