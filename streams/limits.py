"""Every bound of the stream layer in one place, units last in the names. tests/transport checks how they relate."""

from models.profile import MAX_PROFILE_BYTES
from models.readings import MAX_READING_BYTES

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
CHUNKS_QUEUED_MAX = 4
"""Chunks that wait for the engine, all partitions together; then fetching waits too."""
CHUNKS_OPEN_MAX = 4096
"""Delivered chunks of one partition that wait for their acknowledgement; then fetching waits too."""

PARTITION_FETCH_BYTES_MAX = 2 * MIB
"""What the broker sends of one partition in one answer (a larger first batch is sent whole)."""
FETCH_WAIT_MAX_S = 0.25
"""How long one fetch waits for data, and so how long a changed set of partitions may go unseen."""
BROKER_FETCH_WAIT_MAX_MS = 200
"""How long the broker holds an empty fetch. A partition that ran dry cannot be asked for again until it answers,
so this adds to latency; Faust's driver has 1,500 ms built in."""
