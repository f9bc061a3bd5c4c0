"""One worker: a process around the engine's step.

- `worker`: from its start to its end, over as many `session`s (lives of the Faust app) as an outage makes it
- `keeper`: state, checkpoints and acknowledgement of the partitions that are ours; `partition`: one of them;
  `ports`: what the keeper asks of others; `turns`: long work in pieces
- `changelog`, `page_store`: raw pages written and read, the furthest wins; `takeover`: read before the join
- `placement`, `topic_lives`: whether patients still come to the partition that knows them, and topics made anew
- `publisher`: effects out; `sequencer`, `ticker`: profiles, actions and time into the log
- `backpressure`, `lag`, `inflow`: whether it keeps up, also with profiles and actions; `brake`: when all is refused
- `balance`: received = decided + rejected + duplicate + withheld, as the pages say; `metrics`: its figures
- `source_watch`: the watch over sources, in whoever has the first partition
"""
