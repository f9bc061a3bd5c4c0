"""Readings and profiles by HTTP and MQTT, for device integrations that do not speak Kafka.

The gateway remembers nothing of patients. What it takes goes onto the topics as if its sender spoke Kafka, and is
called accepted once Kafka has acknowledged it. What can be told of a record by itself is told at the door, by the
engine's own code. A record that names its patient goes into the log even if it is refused at the door: the worker
refuses it there, counts it to its source, and keeps its bytes off `rejects` if the patient has not consented. Only what
names nobody is put on `rejects` from here.

- `keys`: the keys of integrations, and what each may do
- `body`: a request's body, unpacked within bounds; `records`: its single records
- `judging`: each record judged by itself; `admission`: onto the topics, and an answer for each; `producing`: to Kafka
- `profiles`: one profile put or withdrawn
- `audit`: who was refused, and whose profile was changed
- `answers`: refusals with their status; `app`: the HTTP doors; `mqtt`, `session`: the MQTT door
- `connections`: that ask for nothing, and are closed; `figures`: what operators see; `server`: all of it running
"""
