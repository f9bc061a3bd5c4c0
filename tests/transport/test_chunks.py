"""Laws of the bookkeeping: no chunk leaves a hole, no bound is passed, no acknowledgement commits too far."""

from aiokafka import ConsumerRecord
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.chunks import Bounds, Delivery, Fetched, InOrderAcks

READINGS = TP("homebeat.readings", 0)


def _record(offset: int, size: int) -> ConsumerRecord:
    value = b"x" * size
    return ConsumerRecord("homebeat.readings", 0, offset, 0, 0, None, value, None, -1, size, ())


@st.composite
def fetches(draw: st.DrawFn) -> Fetched:
    """A fetch with holes before, between and after its records."""
    start = draw(st.integers(0, 1000))
    steps = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 40)), min_size=1, max_size=60))
    offset = start - 1
    records = [_record(offset := offset + step, size) for step, size in steps]
    return Fetched(READINGS, start, offset + 1 + draw(st.integers(0, 3)), records)


@given(fetches(), st.integers(1, 20), st.integers(1, 100))
def test_chunks_join_without_a_hole_and_keep_the_bounds(fetched: Fetched, records: int, size: int) -> None:
    chunks = list(fetched.chunks(Bounds(records=records, bytes=size)))
    assert [record for chunk in chunks for record in chunk.records] == fetched.records
    assert [chunk.start for chunk in chunks] == [fetched.start, *(chunk.end for chunk in chunks[:-1])]
    assert chunks[-1].end == fetched.end
    for chunk in chunks:
        assert chunk.start <= chunk.records[0].offset
        assert chunk.records[-1].offset < chunk.end
        assert len(chunk.records) <= records
        assert sum(len(record.value) for record in chunk.records) <= size or len(chunk.records) == 1


@given(st.permutations(range(12)), st.sets(st.integers(0, 12)))
def test_acknowledgements_in_any_order_commit_only_what_lies_before_the_first_open_chunk(
    order: list[int], asked: set[int]
) -> None:
    acks = InOrderAcks()
    chunks = [acks.deliver(number * 10, number * 10 + 10) for number in range(12)]
    committed = 0
    for step, number in enumerate(order):
        chunks[number].acked = True
        if step in asked:
            committed = acks.committable() or committed
            assert committed == _prefix(chunks)
    assert (acks.committable() or committed) == 120
    assert len(acks) == 0


def _prefix(chunks: list[Delivery]) -> int:
    return next((chunk.start for chunk in chunks if not chunk.acked), chunks[-1].end)


def test_a_chunk_that_comes_again_makes_the_first_copy_count_for_nothing() -> None:
    acks = InOrderAcks()
    first, lost = acks.deliver(0, 10), acks.deliver(10, 20)
    again = acks.deliver(10, 30)
    first.acked = lost.acked = True
    assert acks.committable() == 10
    again.acked = True
    assert acks.committable() == 30


def test_withdrawn_chunks_begin_at_the_first_open_one_and_no_longer_stop_commits() -> None:
    acks = InOrderAcks()
    first, second, third = acks.deliver(0, 10), acks.deliver(10, 20), acks.deliver(20, 30)
    first.acked = third.acked = True
    assert acks.withdraw_open() == 10
    second.acked = True
    assert acks.committable() == 10, "what was acknowledged before stays committable"
    assert acks.withdraw_open() is None
    acks.deliver(200, 210).acked = True  # the broker had deleted what was withdrawn
    assert acks.committable() == 210


@given(st.lists(st.sampled_from(["deliver", "ack", "withdraw", "commit"]), max_size=60))
def test_the_committed_position_never_passes_a_chunk_that_was_not_acknowledged(steps: list[str]) -> None:
    """Against a model that knows, for each position, whether the copy that counts was acknowledged."""
    acks = InOrderAcks()
    position = committed = 0
    alive: list[Delivery] = []
    for number, step in enumerate(steps):
        if step == "deliver":
            alive = [*alive, acks.deliver(position, position + 10)]
            position += 10
        elif step == "ack" and alive:
            alive[(number * 7) % len(alive)].acked = True
        elif step == "withdraw":
            start = acks.withdraw_open()
            if start is not None:
                alive = [chunk for chunk in alive if chunk.start < start]
                position = start
        elif step == "commit":
            committed = acks.committable() or committed
        open_ones = [chunk.start for chunk in alive if not chunk.acked]
        assert committed <= min(open_ones, default=position)
