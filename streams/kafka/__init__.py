"""Kafka, as the rest of `streams` meets it.

- `topics`: the topics of the contract, and how they come into being
- `connection`: how any client of ours connects; `outage`: which failures are the broker's, and whether one answers;
  `broker_watch`: the same, looked at again and again
- `transport` (`fetching`, `chunks`): Faust agents that receive one event per fetched chunk of a partition
- `membership`: who a worker is to its group
- `slices`: records as columns; `topic_log`: the readings topic from one time to another, as such slices
- `whole`: all of a topic, for commands that look at it
- `embedded`: a broker in memory, for demos and tests
"""
