"""How alert events leave homebeat: one protocol, one sender a file.

- `protocol`: what every channel promises, and the outcome it answers with
- `signature`: how a receiver knows that a message is ours, and fresh
- `retrying`: which answers of a server are worth another try, and when
- `webhook`: POST of the AlertEvent as JSON, at most a bounded number of times, once in effect by its idempotency key
- `message`, `email`, `apprise`: words for people, by mail and by whatever Apprise reaches; `letter`, `gauge`: the same
  for mail as HTML, with a picture of each value against the patient's own band
- `fhir`: a transaction of DetectedIssue and Task for the hospital's server; `fhir_check`: whether it may be sent
- `build`: channels from the file of care teams; `post`: which of them an event goes to; `health`: which of them fail
- `outbox`: which of the waiting events goes next, so that a dead receiver never delays something more severe
- `dispatcher`: the sends of one channel, side by side within a bound
- `quiet`: what waits for the end of quiet hours; `asking`: whether the other side answers
- `progress`: what is told already, and how far the log may be committed
- `again`: dead letters that are asked to be sent again, and still need somebody
- `closing`: how a client of Kafka is let go of, whether or not Kafka is still there
- `receiver`: a small receiver for the demo and for people who write their own

Which events are sent is the notifier's decision (`streams.notifier.notifier`); what happened becomes a Delivery.
"""
