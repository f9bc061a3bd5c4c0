"""A worker process that counts records into pages, each with the offset up to which it was applied.

Run by test_kill: `python -m tests.transport.counting worker -l warn --without-web`, with ADDRESS, TOPIC and PARTITIONS
in the environment. The pages are a Faust table: their changelog is the topic `<TOPIC>-pages-changelog`.
"""

import json
import os
from typing import Any, cast

import faust
from faust.types import StreamT

from streams.kafka.chunks import Bounds
from streams.kafka.transport import chunk_topic, faust_settings, install, receipt
from tests.transport.workers import FAUST_FOLDER, QUICK_GROUP

TOPIC = os.environ["TOPIC"]
PARTITIONS = int(os.environ["PARTITIONS"])
BOUNDS = Bounds(records=100)

app = faust.App(
    TOPIC,
    broker=f"kafka://{os.environ['ADDRESS']}",
    store="memory://",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    topic_disable_leader=True,
    datadir=FAUST_FOLDER,
    **{**faust_settings(BOUNDS), **QUICK_GROUP, "broker_commit_interval": 0.2},
)
install(app, {TOPIC}, BOUNDS)
pages = app.Table("pages", partitions=PARTITIONS, key_type=str, value_type=str)


@app.agent(chunk_topic(app, TOPIC))
async def count(stream: StreamT[Any]) -> None:
    """Acknowledge a chunk only when its page is on the broker: in between, a kill would lose it from the count."""
    async for event in stream.noack().events():  # type: ignore[attr-defined]
        page, chunk, records = str(event.message.partition), receipt(event), event.value
        state = json.loads(pages.get(page) or '{"counted": 0, "applied": -1}')
        new = [record for record in records if record.offset > state["applied"]]
        if new:  # a chunk that comes again must not take the applied offset back
            counted = json.dumps({"counted": state["counted"] + len(new), "applied": new[-1].offset})
            cast(Any, pages.data).data[page] = counted
            await pages.send_changelog(event.message.partition, page, counted)
        chunk.ack()


if __name__ == "__main__":
    app.main()
