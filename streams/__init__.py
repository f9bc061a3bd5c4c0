"""Kafka and processes: how readings come in, and how decisions go out.

Read in the order the data flows:

- `topics`, `transport` (`fetching`, `chunks`): the topics, and Faust agents that receive one event per fetched
  partition chunk; `slices`: its records as columns
- `control`: signed control records, through which profiles, actions and time enter the one log
- `engine`: the step from a slice of the log to its effects, and its state in pages
- `worker`: one process, over as many `session`s (lives of the Faust app around the step) as an `outage` makes it
  (`broker_watch`: whether a broker answers);
  `keeper` (state, checkpoints, acknowledgement; `held`: one partition; `ports`: what it asks of others), `changelog`
  and `page_store` (raw pages written and read, furthest wins), `publisher` (effects out), `sequencer` and `ticker`
  (profiles, actions and time into the log; `lives`: of their topics; `inflow`: what waits there), `ledger` (the durable
  balance)
- `sources` (`flow`, `refusals`): which source is quiet or failing, from the minutes (`reports`) that workers tell;
  `watching`: the same beside a worker; `brake`: when everything is refused; `redrive`: dead letters back
- `notifier` (`notifying`: what it is set to; `faring`: which channels fail; `telling`: how it stands): from `alerts` to
  channels; `again`, `resending`, `lookback`: dead letters of channels, once more
- `replay` (`arrivals`, `replay_sources`): the same step over files, with no broker
- `cohort`: seeded synthetic patients; `score`, `scoring`: alerts against what truly happened
- `settings`, `metrics` (`worker_metrics`), `health`, `check`, `cli`: one model, one registry, one program
- `limits`, `bounds`: every queue, buffer and retry, its number, and what is heard when it is reached
- `demo`: the whole system on one machine, fed with bundled real data
"""
