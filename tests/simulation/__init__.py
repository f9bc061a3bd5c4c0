"""The whole in virtual time: real engine, keeper, publisher and sequencer over a simulated Kafka, from one seed.

Read in this order: `loop` (time and processes), `network` (what gets lost), `broker` (logs and producers), `group`
(who has which partition), `consumer` (chunks and commits), `worker` (one process, as `streams.worker.worker` puts it
together), `lives` (what patients, devices and nurses send), `schedule` (one seed becomes one schedule), `world` (a
schedule is run), `judge` (what must hold in the end), `mutants` (our own code broken on purpose).
"""
