"""State as pages: what a partition remembers, packed into one changelog record for each group of patients.

A page is written whole and restored whole. It carries the offset up to which it has been applied, the counts of its
readings, and a format version: an older format is read by code that knows it, a newer one is refused.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from models.pool import NOWHERE
from models.segments import Ints
from models.times import LONG_AGO
from streams.engine import outside
from streams.engine.forms import FORMAT, Page, StoredPerson, upgraded
from streams.engine.holes import solid
from streams.engine.people import Person
from streams.engine.placing import place
from streams.engine.sources import pack, unpack
from streams.engine.state import PATIENTS_PER_PAGE, Outcome, PartitionState
from streams.errors import Failed

META, CLOCK, SOURCES = "meta", "clock", "sources"
PLACED_AT_ONCE = 64
"""Pages that are decoded and put back together: 2.5 MiB or so, beside the raw pages and the state."""


class PageError(Failed):
    """A page that this version cannot read: written by a newer one, or damaged."""


class _Head(msgspec.Struct, array_like=True):
    """The first fields of a page, which never move; what follows is skipped."""

    format: int
    applied: int


Read = TypeVar("Read", Page, _Head)
_encode = msgspec.msgpack.Encoder().encode
_head = msgspec.msgpack.Decoder(_Head).decode
_decode = msgspec.msgpack.Decoder(Page).decode


def key_of(partition: int, page: int | str) -> bytes:
    """The changelog key of a page."""
    return f"{partition}/{page}".encode()


def _parts(key: bytes) -> tuple[int, str]:
    partition, page = key.decode().split("/")
    return int(partition), page


def owner_of(key: bytes) -> int:
    """The partition whose page a key names."""
    return _parts(key)[0]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What must reach the changelog, in this order; and then everything up to the offset `certified` is there."""

    pages: dict[bytes, bytes]
    certified: int


def pack_dirty(state: PartitionState, partition: int, bytes_max: int | None = None) -> Checkpoint:
    """Changed pages as of now, `sources` and `meta` first and `clock` last; from here on they count as written.

    bytes_max bounds what is written: pages that have waited longest go first, at least one, until so much is packed.
    The records that the others lack come again after a crash, so nobody may acknowledge beyond `certified`.

    `meta` must reach the changelog before the others: a crash between them then finds a reading of a patient who became
    known since at most counted already, never lost from the count. `clock` must come after them, and tells the time as
    of `certified`: the records that come again must meet the time of then, not of now. `sources` goes before all: what
    it has counted by then it does not count again, though the pages may.
    """
    written = {key_of(partition, SOURCES): _sources(state)}
    written[key_of(partition, META)] = _totals(state.meta_applied, 0, [state.meta_received, *state.meta_counted])
    size = 0
    for page in sorted(state.dirty, key=lambda page: (state.dirty[page], page)):
        if bytes_max is not None and size and size >= bytes_max:
            break
        state.applied[page] = max(int(state.applied[page]), state.processed)
        packed = written[key_of(partition, page)] = _pack(state, page)
        size += len(packed)
        del state.dirty[page]
    certified, tick_us = state.certified()
    written[key_of(partition, CLOCK)] = _totals(certified, tick_us, [0] * (1 + len(Outcome)))
    return Checkpoint(written, certified)


def _totals(applied: int, tick_us: int, counted: Iterable[int]) -> bytes:
    """A page without patients."""
    return _encode(Page(FORMAT, applied, tick_us, list(map(int, counted)), [], b"", b""))


def _sources(state: PartitionState) -> bytes:
    """What is known of sources, in the form of a page without patients and without readings."""
    page = Page(FORMAT, state.sources.applied, state.tick_us, [0] * (1 + len(Outcome)), [], pack(state.sources), b"")
    return _encode(page)


def _pack(state: PartitionState, number: int) -> bytes:
    """One page of patients."""
    slots = state.page_slots(number)
    place = state.row_of[slots.start : slots.stop].ravel()
    place = place[place >= 0].astype(np.int64)
    rows, gone = state.rows[place], state.gone.of_page(number)
    open_windows, floor_rows, of_floors = _apart(state, rows)
    beyond = outside.packed(state.rows["outside"], state.outside, place)
    late, watch = state.late.packed(place)
    weeks, waits, budgets = state.weeks.packed(place, slots)
    sensors, watched = state.sensors.packed(place)
    page = Page(
        format=FORMAT, applied=int(state.applied[number]), tick_us=state.tick_us,
        counted=[int(state.received[number]), *state.counted[number].tolist()],
        people=[_person(state.people[slot]) for slot in slots],
        patients=solid(state.patients[slots.start : slots.stop]), rows=solid(rows),
        gone=[(digest, one.offset) for digest, one in gone], gone_kept=[(one.origins, one.times) for _, one in gone],
        windows=solid(open_windows), floor_rows=floor_rows.astype(np.int32).tobytes(), floors=solid(of_floors),
        sent=state.rings.pack(state.patients, slots), links=state.links.packed(place), late=late, late_watch=watch,
        forecasts=state.forecasts.packed(place[place >= 0].astype(np.int64)), rules=state.rules.packed(slots),
        weeks=weeks, sensors=sensors, sensors_watched=watched, waits=waits, budgets=budgets,
        outside=solid(beyond),
    )  # fmt: skip
    return _encode(page)


def _apart(
    state: PartitionState, rows: npt.NDArray[np.void]
) -> tuple[npt.NDArray[np.void], Ints, npt.NDArray[np.void]]:
    """What the rows of a page have in the pools: open windows, and the rows with something at the floors. Places are
    nobody's business elsewhere: they are taken out of `rows`."""
    row, which = np.nonzero(rows["open"])
    held = state.windows.table[rows["open"][row, which]]
    held["row"] = row
    busy = np.flatnonzero(rows["floor"])
    of_floors = state.floors.table[rows["floor"][busy]]
    rows["open"], rows["floor"], rows["outside"] = NOWHERE, NOWHERE, NOWHERE
    return held, busy, of_floors


def _person(person: Person | None) -> StoredPerson | None:
    if person is None:
        return None
    episodes, actions = list(person.known_episodes), list(person.actions)
    fields = person.name, person.kept, episodes, actions, person.origins, person.life
    return StoredPerson(*fields, person.kept_devices, person.known_faults)


def restored(pages: Mapping[bytes, bytes], partition: int, *, drain: bool = False) -> PartitionState:
    """The state of a partition from its pages. Raises PageError.

    drain: take each page out of the dict once it is read, so that raw pages and state are never in memory together.
    """
    *_, state = restoring(pages, partition, drain=drain)
    return state


def restoring(pages: Mapping[bytes, bytes], partition: int, *, drain: bool = False) -> Iterator[PartitionState]:
    """The same step by step, PLACED_AT_ONCE pages each: the state that comes last is whole."""
    take = pages.pop if drain and isinstance(pages, dict) else pages.__getitem__
    state = PartitionState()
    numbers = sorted(int(page) for owner, page in map(_parts, pages) if owner == partition and page.isdigit())
    meta, clock = pages.get(key_of(partition, META)), pages.get(key_of(partition, CLOCK))
    if meta is not None:
        page = _unpacked(meta)
        state.meta_applied = page.applied
        state.meta_received, state.meta_counted = page.counted[0], np.array(page.counted[1:], np.int64)
    if (of_sources := pages.get(key_of(partition, SOURCES))) is not None:
        page = _unpacked(of_sources)
        state.sources = unpack(page.patients, page.applied)
    if clock is not None:
        state.tick_us = state.tick_restored_us = _unpacked(clock).tick_us
    state.reserve(PATIENTS_PER_PAGE * (max(numbers, default=-1) + 1))
    for begin in range(0, len(numbers), PLACED_AT_ONCE):
        some = numbers[begin : begin + PLACED_AT_ONCE]
        place(state, some, [_unpacked(take(key_of(partition, number))) for number in some])
        if begin == 0:  # the others will be much the same
            state.reserve_rows(state.row_count * len(numbers) // len(some))
            state.rings.reserve(len(numbers) / len(some))
        yield state
    state.next_close_us = LONG_AGO
    yield state


def _unpacked(raw: bytes) -> Page:
    page = _readable(raw, _decode)
    return page if page.format == FORMAT else upgraded(page)


def _readable(raw: bytes, decode: Callable[[bytes], Read]) -> Read:
    """Decode once the format is known: a newer one may be of another shape altogether."""
    try:
        if (found := _head(raw).format) <= FORMAT:
            return decode(raw)
    except msgspec.DecodeError as error:
        raise PageError(f"a state page cannot be read: {error}") from error
    raise PageError(
        f"a state page has format {found}, this version reads up to {FORMAT}: start the newer homebeat again"
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """Readings of one partition: how many came, and what became of them, by Outcome."""

    received: int
    outcomes: list[int]


def certified_up_to(pages: Mapping[bytes, bytes], partition: int) -> int:
    """The offset up to which everything is in these pages; -1 if they do not say. Raises PageError."""
    clock = pages.get(key_of(partition, CLOCK))
    return -1 if clock is None else applied_up_to(clock)


def counts(pages: Mapping[bytes, bytes]) -> dict[int, Counted]:
    """The durable side of the ledger, by partition."""
    totals: dict[int, Ints] = {}
    for key, raw in pages.items():
        partition = owner_of(key)
        totals.setdefault(partition, np.zeros(1 + len(Outcome), np.int64))
        totals[partition] += np.array(_unpacked(raw).counted, np.int64)
    return {partition: Counted(int(total[0]), total[1:].tolist()) for partition, total in totals.items()}


def applied_up_to(raw: bytes) -> int:
    """The offset up to which a page has been applied, read without the rest of it. Raises PageError."""
    return _readable(raw, _head).applied
