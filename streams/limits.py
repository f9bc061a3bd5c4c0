"""Every queue, buffer and retry of the stream layer in one place: its number, its reason, and what is heard of it.

Units last in the names; tests/transport checks how they relate. Settings bound what depends on the deployment
(`chunk_records`, `chunk_bytes`, `checkpoint_bytes`); `streams.bounds` lists those that stand beside what they bound.

When a bound is reached nothing is dropped: what is before it waits, down to the fetch from Kafka, where readings lie
safely. What then grows is the lag, and that is said (`worker.backpressure`, homebeat_consumer_lag).
"""

from models.readings import MAX_PROFILE_BYTES, MAX_READING_BYTES

KIB = 1024
MIB = 1024 * KIB

READING_BYTES_MAX = MAX_READING_BYTES
PROFILE_BYTES_MAX = MAX_PROFILE_BYTES

READINGS_MESSAGE_BYTES_MAX = 16 * MIB
"""What the readings topic takes: far more than a reading may be, so that a far too large one is answered on
`rejects` with its bytes, instead of failing at its sender where nobody at the other end sees it."""
REJECTS_MESSAGE_BYTES_MAX = 24 * MIB
"""A reject carries the original in base64 (4/3), and words about it."""
PAGE_MESSAGE_BYTES_MAX = 24 * MIB
"""The pages' changelog: PATIENTS_PER_PAGE profiles of the largest size, and what is known of the patients."""
DOCUMENT_MESSAGE_BYTES_MAX = 2 * MIB
"""Topics of single documents: a profile with its key and headers."""
PRODUCER_REQUEST_BYTES_MAX = REJECTS_MESSAGE_BYTES_MAX

CHUNK_RECORDS_MAX = 10_000
"""Records in one fetched chunk: one step of the engine, so it bounds latency and memory."""
CHUNK_BYTES_MAX = 8 * MIB
"""Bytes of keys and values in one chunk, unless a single record is larger."""
HELD_S = 0.02
"""How long deciding holds the event loop before everybody else on it gets a turn: heartbeats, the pages for ops, what
is sent. Usually a chunk is one go. But the first tick after months finds all devices silent at once, 2 to 3 ms for each
patient: in one go, 40,000 patients held the loop for more than 90 s."""
STEP_LONG_S = 10.0
"""A step that takes longer is said, as everything behind it in its worker waits: more workers share the patients."""
CHUNKS_QUEUED_MAX = 4
"""Chunks that wait for the engine, all partitions together; then fetching waits too."""
BEHIND_RECORDS = 50_000
"""A partition with more records waiting than this is behind: about a second of one worker's work. Said in the log, at
most once in BEHIND_SAID_EVERY_S, and as homebeat_partitions_behind."""
BEHIND_SAID_EVERY_S = 60.0
LAG_LOOK_EVERY_S = 5.0
"""How often a worker asks for the ends of its partitions: what waits is also known while nothing is decided."""
STUCK_S = 20.0
"""A partition in which something waits, and of which nothing was decided for so long, is stuck, and /readyz says so. It
is looked at a few times until then, and before PUBLISH_WITHIN_S has the worker start afresh."""
LOG_AHEAD_S = 60.0
"""A partition whose time is ahead of our clock by more is said, once in BEHIND_SAID_EVERY_S: a clock was set back."""
SOURCE_AHEAD_S = 60.0
"""A source whose readings say that they were published so much later than now is said: its alerts carry times that are
yet to come, and what nobody answers goes up the chain that much later. Below, the ten seconds of ticks hide it."""
CHUNKS_OPEN_MAX = 4096
"""Delivered chunks of one partition that wait for their acknowledgement; then fetching waits too."""

PARTITION_FETCH_BYTES_MAX = 2 * MIB
"""What the broker sends of one partition in one answer (a larger first batch is sent whole)."""
FETCH_WAIT_MAX_S = 0.25
"""How long one fetch waits for data, and so how long a changed set of partitions may go unseen."""
BROKER_FETCH_WAIT_MAX_MS = 200
"""How long the broker holds an empty fetch. A partition that ran dry cannot be asked for again until it answers,
so this adds to latency; Faust's driver has 1,500 ms built in."""

PRODUCER_LINGER_MS = 5
"""How long the producer waits for more before it sends a batch: latency against requests."""
PRODUCER_BATCH_BYTES = 256 * KIB
"""Of one partition in one request. One such batch is gathered while another is on its way; then whoever publishes
waits, and so does deciding."""
PUBLISH_WITHIN_S = 30.0
"""How long the producer goes on trying one batch: longer than a cluster needs to find out that a leader was killed and
to elect another (9 s in KRaft, then some). A batch that takes longer fails, and the worker starts afresh, loudly."""
PUBLISH_RETRY_EVERY_S = 0.2
"""Between two attempts of the producer."""
CLOSE_WITHIN_S = 5.0
"""How long a client of Kafka may take to close before it is left to itself."""
REQUEST_WITHIN_S = 20.0
"""A request of the consumer without an answer is given up. Above REBALANCE_WITHIN_S: a request to join is answered when
the group has formed."""
SESSION_S = 10.0
"""A worker that is not heard of for so long is taken for dead, and its partitions go to others. Shorter means a quicker
take-over after a kill; but a worker that stands still this long (a paused machine) loses its partitions."""
HEARTBEAT_EVERY_S = 1.0
"""How often a worker is heard of, and hears that partitions are shared out anew: so an orderly hand-over begins within
this time. A tenth of SESSION_S, so that some may be lost."""
REBALANCE_WITHIN_S = 10.0
"""How long the group waits for its members, who write a last checkpoint meanwhile."""
STOP_CHECKPOINT_S = 8.0
"""How long a worker that stops or hands over partitions waits for its last checkpoint. Below REBALANCE_WITHIN_S: later,
and the group would go on without it. What does not make it comes again."""
CERTAIN_PAUSE_S = 0.1
"""Between two looks whether the partitions are still ours, when a heartbeat is missing."""
STEPS_ASIDE_S = 300.0
"""How long a worker whose name another has taken waits to be stopped, before it ends with an error: an orchestrator
stops it once the other is ready, which takes minutes where Kafka is slow. Two that have one name by mistake throw each
other out so often, and not again and again.
"""
STOP_WITHIN_S = 10.0
"""How long Faust may take to stop. Then its threads are cancelled. With STOP_CHECKPOINT_S and CLOSE_WITHIN_S less than
the process has (process.STOP_WITHIN_S), also when no broker answers."""
START_WITHIN_S = 60.0
"""How long Faust may take to start: connect, make its topics, and join. Before that a start waits as long, or
`broker_timeout_s` if that is longer, for a broker that is not ready to make ours: said at each try, then it ends."""
METADATA_AGE_MAX_MS = 10_000
"""How old a consumer's picture of the brokers' topics may be (Kafka's own default is 5 minutes). The group's leader
shares out what its picture shows; a topic that is missing there costs everybody a fresh start until it is looked for.
"""
RESTART_AFTER_S = (0.5, 15.0)
"""Pauses before a fresh start after trouble with Kafka, and before another try to make the topics: the first, doubled
each time, and the longest."""
BROKER_LOOK_EVERY_S = 1.0
"""How often a worker looks whether any broker answers."""
BROKER_ANSWER_WITHIN_S = 5.0
"""A broker that does not answer such a look in time is away."""
THREAD_ENDS_WITHIN_S = 1.0
"""How long the main loop stands still for the end of one of Faust's threads; it serves the pages for ops too."""
COMMIT_WITHIN_S = 2.0
"""How long handing over partitions waits for the commit of what was just acknowledged. Together with STOP_CHECKPOINT_S
not above REBALANCE_WITHIN_S. Without it the next owner reads a little more, and skips it."""
RESTART_FORGOTTEN_S = 60.0
"""A session that lasted so long was well: after it the pauses begin anew at the shortest."""
PAGES_KEPT_MS = 120_000
"""For so long the changelog keeps every version of a page, and so the one applied furthest, even when a worker that was
paused writes an older one over it; meanwhile the owner puts its own on top again (UNWRITTEN_MAX_S at most). Not longer:
whoever restores has to read all of it."""
PAGES_SEGMENT_BYTES = 64 * MIB
"""A segment of the changelog, which is compacted only once it is full: Kafka's 1 GiB for each partition would all have
to be read to restore. Above PAGE_MESSAGE_BYTES_MAX."""
PAGES_DIRTY_RATIO = 0.2
"""The share of the changelog that may be outdated before Kafka compacts it (its default is half)."""
UNWRITTEN_MAX_S = 60.0
"""The oldest work that may be lost by a crash, and so is done again: at half the top rate of 100,000 readings a second
a minute of it is decided again within about as long. Beyond it a checkpoint writes everything, whatever the volume."""
TRIM_EVERY_S = 10.0
"""Between two times that a worker gives back what its checkpoints and chunks needed for a moment: some milliseconds.
It lies in holes of the heap, which otherwise grows with every peak and never shrinks."""
PAGES_READ_TOGETHER = 512
"""Records of the changelog that are taken at a time, between two looks at who has the partitions."""
PAGES_WAIT_MS = 100
"""How long a read of the changelog waits for more, and a change of partitions for the read."""
AHEAD_QUIET_S = 2.0
"""How long a worker that keeps its name reads pages before it joins, when nobody writes them: patients of one that is
dead wait already, and its name is held for SESSION_S from its death, of which a start takes most."""
AHEAD_WITHIN_S = 15.0
"""The same when somebody does write, so that nobody waits: a GiB of pages. Beyond it the rest is read after the join,
and the worker says so. Less than a process has to stop (process.STOP_WITHIN_S), if it is told to meanwhile."""
PAGES_RETRY_S = 1.0
"""Between two tries when no broker answers. It is tried until one does: without its state a partition waits."""
PROGRESS_SAID_EVERY_S = 10.0
"""How often a worker that takes back its patients' state says how far it is."""
TOLD_UNREAD_S = 600.0
"""Of what is older when a notifier begins, people hear when it has read what lies on the log, which takes seconds, and
not at all if it was answered or is over by then. Of what is newer they hear at once."""
UNREAD_WAITED_S = 60.0
"""So long they wait for it at most, as where a partition has no leader: then they are told, answered or not."""
QUIET_WHOLE_MAX = 20
"""Messages of one channel that wait whole for the end of quiet hours: more are not read one by one in the morning. The
rest is told as one message, which says how many wait on the worklist; only their ids are kept, and of those that were
answered meanwhile none. Nobody is woken for want of room, and none is forgotten: their alerts are not committed before.
"""

GATEWAY_BODY_BYTES_MAX = 4 * MIB
"""A request at the gateway as it comes over the wire: 20,000 readings. More is answered 413: send smaller batches."""
GATEWAY_UNPACKED_BYTES_MAX = 8 * MIB
"""The same unpacked, and the most that one message of MQTT is read of: half of what the topic takes in one record."""
GATEWAY_RECORDS_MAX = 10_000
"""Records in one request: their answers are as many again, and all of it is in memory. More is answered 413."""
GATEWAY_REQUESTS_MAX = 16
"""Requests that are read or wait for Kafka at once: 192 MiB at the worst. One more is answered 429, and comes back."""
GATEWAY_CONNECTIONS_MAX = 500
"""Open connections, whoever opens them. One more is answered 503."""
GATEWAY_HEAD_WITHIN_S = 10.0
"""How long a connection may go without a whole head of a request: then it is closed, as anybody may open one."""
GATEWAY_BODY_WITHIN_S = 10.0
"""How long a sender may take for the body of a request: it holds one of GATEWAY_REQUESTS_MAX places. Then 408."""
GATEWAY_KAFKA_WITHIN_S = 8.0
"""How long a request waits for Kafka, then it is answered 503: shorter than most clients wait for an answer (10 s)."""
GATEWAY_JUDGED_TOGETHER = 100
"""Records judged in one go, half a millisecond; then everybody else on the event loop gets a turn. At the worst, when
each has a unit that nobody has seen before, it is 140 ms."""
GATEWAY_LETTER_BYTES_MAX = READING_BYTES_MAX
"""Of a body in which no single record can be told, so much is kept in its dead letter: as much as a reading may have.
The rest may be of many patients, of whom nobody knows what they have agreed to; its sender has it still."""
GATEWAY_AUDIT_WAITING_MAX = 2_000
"""Refusals that wait for their topic while Kafka is away; more only count: homebeat_gateway_unauthorised_total."""
GATEWAY_STOP_S = GATEWAY_KAFKA_WITHIN_S + 4.0
"""What requests under way may take when the gateway is told to stop. Below process.STOP_WITHIN_S."""
MQTT_WAITING_MAX = 1_000
"""Messages of MQTT that are with us and not yet in Kafka: the broker sends no more before some are acknowledged, and
keeps the others (Receive Maximum)."""
MQTT_WAITING_BYTES_MAX = 16 * MIB
"""And their bytes; beyond it nothing more is read from the connection, until some are in Kafka."""
MQTT_TOGETHER_MAX = 500
"""Messages of MQTT that go to Kafka together."""
MQTT_TOGETHER_BYTES_MAX = MIB
"""And about their bytes, so that they get there well within GATEWAY_KAFKA_WITHIN_S."""
MQTT_RECONNECT_S = (1, 30)
"""Pauses before another try to reach the MQTT broker: the first, doubled each time, and the longest."""
MQTT_KEEPALIVE_S = 30
"""How soon a connection on which nothing comes any more is noticed."""
MQTT_RETRY_S = 1.0
"""Between two tries to give to Kafka what came by MQTT. It is tried until Kafka has it."""
