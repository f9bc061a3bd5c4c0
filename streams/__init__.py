"""Kafka and processes: how readings come in, and how decisions go out.

Read in the order the data flows:

- `kafka`: topics, connections, and Faust agents that receive one event per fetched partition chunk
- `control`: signed control records, through which profiles, actions and time enter the one log
- `engine`: the step from a slice of the log to its effects, and its state in pages
- `worker`: one process around the step: state, checkpoints, effects out, profiles, actions and ticks into the log
- `sources`: which source of readings is quiet or failing
- `notifier`: from `alerts` to channels, and dead letters of channels once more
- `gateway`: readings and profiles by HTTP and MQTT, for who does not speak Kafka
- `publish`, `redrive` (`lines`): files onto topics, and dead letters of readings back
- `replaying`: the same step over files, with no broker
- `cohort`: seeded synthetic patients; `scoring`: alerts against what truly happened; `benching`: measured figures
- `configuration` (`assembly`): settings, made once at the edge, and handed to each part
- `serving`: how any process starts, says how it is, and stops
- `cli`, `commands`: one program; `errors`: told apart by what a caller does next
- `checking`: what is wrong with a deployment; `evidence_view`: any figure in use
- `limits`, `bounds`: every queue, buffer and retry, its number, and what is heard when it is reached
- `demo`: the whole system on one machine, fed with bundled real data
"""
