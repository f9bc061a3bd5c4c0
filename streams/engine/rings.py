"""What each patient sent last, as hashes: rings that grow by powers of two with what must be remembered.

Twenty bytes a reading. The place of a reading in its ring follows from how many came before, so the answer depends on
neither batches nor partitions; how large a ring happens to be changes no answer either.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from models.pool import Pool
from models.segments import Bools, Ints, lasts, starts

Hashes = npt.NDArray[np.uint64]
Patients = npt.NDArray[Any]

ALWAYS = 32
"""Readings of a patient in which a repeat is found, however long ago they came: what a device buffers and sends again
when it is back in reach. Without it, a scale that is used once a week would never be known to repeat itself."""
HOURS = 24
"""Hours back in which a repeat is found, of the patient's arrivals: an integration that restarts sends its day again.
Whole hours are compared, so that two bytes tell when a reading came: at least 24 hours, and less than 25."""
MOST = 1024
"""Readings in which it is, within those hours. 1,024 are 20 KiB, ten times all else that is known of a patient, and are
written at each checkpoint that finds the patient's page changed: somebody who sends more a day pays with the window."""
SIZES = tuple(8 << k for k in range(8))
"""Places in a ring, up to MOST."""
_PLACES = np.array((0, *SIZES))
"""The same by `ring_size`."""
IDLE_LEAST, IDLE_SHARE = 64, 3
"""Rings of one size that lie idle before their room is given back: so many, and so many for each one used. Each time
all patients are looked through, a millisecond for 100,000 of them."""
BLOCK_BYTES = 1 << 20
"""Of rings looked through at a time: so much stays in the processor's cache."""


def _ring(size: int) -> np.dtype[np.void]:
    """marks: the last 16 bits of the ids, which are looked through first; hours: of arrival, modulo 65,536."""
    return np.dtype([("ids", "u8", size), ("contents", "u8", size), ("marks", "u2", size), ("hours", "u2", size)])


def is_near(back: Ints, hours: Ints) -> Bools:
    """Whether a reading that came `back` readings and `hours` hours before is still remembered."""
    near: Bools = (back <= ALWAYS) | ((back <= MOST) & (hours <= HOURS))
    return near


def _places(flags: Bools) -> tuple[Ints, Ints]:
    """Row and column of the flags (n, m) that are set, which are few: as `nonzero`, and several times as fast."""
    hit, at = np.divmod(np.flatnonzero(flags), flags.shape[1])
    return hit, at


def _by_size(sizes: npt.NDArray[np.integer[Any]]) -> Iterator[tuple[int, Ints]]:
    """The index into SIZES of each size that is there, and the places at which it is; sizes (n,): as of `ring_size`."""
    for size in sorted(set(sizes.tolist()) - {0}):
        yield size - 1, np.flatnonzero(sizes == size)


class Remembered(msgspec.Struct, array_like=True):
    """The rings of a page's patients on the wire: how many readings of each, and their hashes and hours as bytes."""

    counts: list[int]
    ids: bytes
    contents: bytes
    hours: bytes


class Rings:
    """The rings of a partition's patients.

    In the patients' columns: accepted (readings taken so far), held (of them in the ring), ring_size (1 + index into
    SIZES, 0: no ring yet), ring (the place in its pool), ring_hour (of the last reading).
    """

    def __init__(self) -> None:
        self.pools = [Pool(_ring(size), least=2) for size in SIZES]

    def find(self, patients: Patients, slot: Ints, place: Ints, hour: Ints, key: Hashes, name: str) -> Bools:
        """Whether the key of each reading (n,) is remembered; name: "ids" or "contents". place: readings of the patient
        before it; hour: its arrival."""
        found, sizes = np.zeros(len(slot), bool), patients["ring_size"][slot]
        for k, of in _by_size(sizes):
            block = BLOCK_BYTES // (8 * SIZES[k])
            for first in range(0, len(of), block):
                part = of[first : first + block]
                found[part] = self._find(patients, k, slot[part], place[part], hour[part], key[part], name)
        return found

    def _find(
        self, patients: Patients, k: int, slot: Ints, place: Ints, hour: Ints, key: Hashes, name: str
    ) -> Bools:  # fmt: skip
        """The same, for patients whose rings are of one size."""
        table, ring, found = self.pools[k].table, patients["ring"][slot], np.zeros(len(slot), bool)
        if name == "ids":
            hit, at = _places(table["marks"][ring] == key.astype(np.uint16)[:, None])
            same = table["ids"][ring[hit], at] == key[hit]
            hit, at = hit[same], at[same]
        else:
            hit, at = _places(table[name][ring] == key[:, None])
        if len(hit):
            accepted = patients["accepted"][slot[hit]]
            seen = accepted - 1 - (accepted - 1 - at) % SIZES[k]
            hours = (hour[hit].astype(np.uint16) - table["hours"][ring[hit], at]).astype(np.int64)
            there = seen >= accepted - patients["held"][slot[hit]]
            found[hit[there & is_near(place[hit] - seen, hours)]] = True
        return found

    def remember(self, patients: Patients, slot: Ints, place: Ints, hour: Ints, ids: Hashes, contents: Hashes) -> None:
        """Take readings (n,) in, sorted by patient and in the order in which they came."""
        begin, last = np.flatnonzero(starts(slot)), lasts(slot)
        slots, count = slot[begin], last - begin + 1
        self._make_room(patients, slots, begin, count, hour)
        total, size = patients["accepted"][slots] + count, _PLACES[patients["ring_size"][slots]]
        kept = place >= np.repeat(total - size, count)
        self._write(patients, slot[kept], place[kept], hour[kept], ids[kept], contents[kept])
        patients["held"][slots] = np.minimum(size, patients["held"][slots] + count)
        patients["accepted"][slots], patients["ring_hour"][slots] = total, hour[last]

    def _write(
        self, patients: Patients, slot: Ints, place: Ints, hour: Ints, ids: Hashes, contents: Hashes
    ) -> None:  # fmt: skip
        for k, of in _by_size(patients["ring_size"][slot]):
            at, table = (patients["ring"][slot[of]], place[of] % SIZES[k]), self.pools[k].table
            table["ids"][at], table["contents"][at] = ids[of], contents[of]
            table["marks"][at], table["hours"][at] = ids[of].astype(np.uint16), hour[of].astype(np.uint16)

    def _make_room(self, patients: Patients, slots: Ints, begin: Ints, count: Ints, hour: Ints) -> None:
        """Larger rings for those who would lose what must still be found."""
        size, held = _PLACES[patients["ring_size"][slots]], patients["held"][slots].astype(np.int64)
        full = np.flatnonzero(held + count > size)
        if not len(full):
            return
        slots, begin, count, held = slots[full], begin[full], count[full], held[full]
        accepted, last = patients["accepted"][slots], hour[begin + count - 1]
        k = np.maximum(patients["ring_size"][slots].astype(np.int64) - 1, 0)
        while True:
            lost = accepted + count - np.array(SIZES)[k] - 1
            fresh = lost >= accepted
            then = np.where(fresh, hour[begin + np.where(fresh, lost - accepted, 0)], 0)
            then[~fresh] = last[~fresh] - self._hours_since(patients, slots[~fresh], lost[~fresh], last[~fresh])
            small = (lost >= accepted - held) & (k < len(SIZES) - 1)
            small &= is_near(np.array(SIZES)[k] + 1, last - then)
            if not small.any():
                break
            k[small] += 1
        grows = k + 1 > patients["ring_size"][slots]
        self._move(patients, slots[grows], k[grows])

    def _hours_since(self, patients: Patients, slots: Ints, place: Ints, hour: Ints) -> Ints:
        """Hours from the reading at each patient's place until `hour`. Of places that are not there, anything."""
        since = np.zeros(len(slots), np.int64)
        for k, of in _by_size(patients["ring_size"][slots]):
            then = self.pools[k].table["hours"][patients["ring"][slots[of]], place[of] % SIZES[k]]
            since[of] = hour[of].astype(np.uint16) - then
        return since

    def _move(self, patients: Patients, slots: Ints, k: Ints) -> None:
        """Put rings into larger ones."""
        before = patients["ring_size"][slots].astype(np.int64) - 1
        for old, new in sorted(set(zip(before.tolist(), k.tolist(), strict=True))):
            of = slots[(before == old) & (k == new)]
            places = self.pools[new].take(len(of))
            if old >= 0:
                which = patients["accepted"][of][:, None] - 1 - np.arange(SIZES[old])
                source, target = self.pools[old].table, self.pools[new].table
                for name in target.dtype.names or ():
                    moved = source[name][patients["ring"][of][:, None], which % SIZES[old]]
                    target[name][places[:, None], which % SIZES[new]] = moved
                self.pools[old].give(patients["ring"][of])
            patients["ring"][of], patients["ring_size"][of] = places, new + 1
            if old >= 0:
                self._settle(patients, old)

    def _settle(self, patients: Patients, k: int) -> None:
        """Patients who send much pass through every size: their former rings would be as large again together."""
        pool = self.pools[k]
        if pool.idle >= IDLE_LEAST and pool.idle > IDLE_SHARE * pool.used:
            of = np.flatnonzero(patients["ring_size"] == k + 1)
            patients["ring"][of] = pool.settle(patients["ring"][of])

    def drop(self, patients: Patients, slot: int) -> None:
        """Forget what a patient sent."""
        k = int(patients["ring_size"][slot])
        if k:
            self.pools[k - 1].give(patients["ring"][slot : slot + 1])
        patients["ring"][slot] = patients["ring_size"][slot] = patients["held"][slot] = 0

    def pack(self, patients: Patients, slots: Sequence[int]) -> "Remembered":
        """What must still be found of these patients, oldest first."""
        counts, parts = [], []
        for slot in slots:
            one = patients[slot]
            k, accepted = int(one["ring_size"]), int(one["accepted"])
            if not k:
                counts.append(0)
                continue
            ring = self.pools[k - 1].table[int(one["ring"])]
            places = np.arange(accepted - int(one["held"]), accepted)
            at = places % SIZES[k - 1]
            hours = ring["hours"][at]
            near = is_near(accepted - places, (one["ring_hour"].astype(np.uint16) - hours).astype(np.int64))
            counts.append(int(near.sum()))
            parts.append((ring["ids"][at[near]], ring["contents"][at[near]], hours[near]))
        if not parts:
            return Remembered(counts, b"", b"", b"")
        return Remembered(counts, *(np.concatenate(column).tobytes() for column in zip(*parts, strict=True)))

    def reserve(self, times: float) -> None:
        """Room for that many times the rings there are."""
        for pool in self.pools:
            pool.reserve(math.ceil(times * len(pool.reached)))

    def place(self, patients: Patients, slots: Ints, remembered: Remembered) -> None:
        """Put the rings of the patients in these slots back; their `accepted` is known."""
        count = np.array(remembered.counts, np.int64)
        slots, count = slots[count > 0], count[count > 0]
        k = np.searchsorted(SIZES, count)
        for size in set(k.tolist()):
            patients["ring"][slots[k == size]] = self.pools[size].take(int((k == size).sum()))
        patients["ring_size"][slots], patients["held"][slots] = k + 1, count
        slot, end = np.repeat(slots, count), np.cumsum(count)
        place = patients["accepted"][slot] + np.arange(len(slot)) - np.repeat(end, count)
        hashes = (np.frombuffer(raw, np.uint64) for raw in (remembered.ids, remembered.contents))
        self._write(patients, slot, place, np.frombuffer(remembered.hours, np.uint16), *hashes)
