"""Pages put back where they were, many at a time: what is columns is joined first, and placed at once.

A hundred thousand patients are six thousand pages; page by page, most of a recovery was the same few calls for sixteen
patients each.
"""

from collections.abc import Sequence

import numpy as np

from models import windows
from models.detectors import crossings
from models.segments import Ints
from streams.engine import outside
from streams.engine.departed import Gone
from streams.engine.forms import Page
from streams.engine.origins import NOTHING
from streams.engine.people import Person
from streams.engine.rings import Remembered
from streams.engine.rows import PATIENT, ROW
from streams.engine.state import PATIENTS_PER_PAGE, PartitionState


def place(state: PartitionState, numbers: Sequence[int], pages: Sequence[Page]) -> None:
    """Put pages of these numbers, which ascend, where they were. Pages that a crash left out stay empty: their records
    come again."""
    state.reserve((numbers[-1] + 1) * PATIENTS_PER_PAGE)
    first_row = _place_rows(state, pages)
    for number, page, row in zip(numbers, pages, first_row.tolist(), strict=True):
        _place_page(state, number, page, row)
    state.links.place(b"".join(page.links for page in pages), state.row_of)
    _place_rings(state, numbers, pages)


def _place_rows(state: PartitionState, pages: Sequence[Page]) -> Ints:
    """Rows, and what they have in the pools; the place of each page's first."""
    count = np.array([len(page.rows) // ROW.itemsize for page in pages])
    rows = np.frombuffer(b"".join(page.rows for page in pages), ROW)
    first: Ints = state.place_rows(rows) + np.cumsum(count) - count
    held = np.frombuffer(b"".join(page.windows for page in pages), windows.STATE).copy()
    of_page = [len(page.windows) // windows.STATE.itemsize for page in pages]
    held["row"] += np.repeat(first, of_page).astype(held["row"].dtype)
    windows.place(state.rows["open"], state.windows, held)
    busy = [np.frombuffer(page.floor_rows, np.int32) + row for page, row in zip(pages, first, strict=True)]
    _place_floors(state, np.concatenate(busy), b"".join(page.floors for page in pages))
    beyond = np.frombuffer(b"".join(page.outside for page in pages), outside.STATE).copy()
    of_page = [len(page.outside) // outside.STATE.itemsize for page in pages]
    beyond["row"] += np.repeat(first, of_page).astype(beyond["row"].dtype)
    outside.note(state.rows["outside"], state.outside, beyond)
    return first


def _place_floors(state: PartitionState, rows: Ints, packed: bytes) -> None:
    if len(rows):
        places = state.floors.take(len(rows))
        state.floors.table[places] = np.frombuffer(packed, crossings.STATE)
        state.rows["floor"][rows] = places


def _place_page(state: PartitionState, number: int, page: Page, row: int) -> None:
    """What is not joined: people, counts, and what few of them have. row: the place of the page's first row."""
    first = number * PATIENTS_PER_PAGE
    state.people += [None] * (first + len(page.people) - len(state.people))
    state.seated += [0] * (number + 1 - len(state.seated))
    state.seated[number] = len(page.people)
    state.patients[first : first + len(page.people)] = np.frombuffer(page.patients, PATIENT)
    state.late.unpack(row, page.late, page.late_watch)
    state.forecasts.unpack(row, page.forecasts)
    state.rules.unpack(first, page.rules)
    if page.weeks or page.budgets:
        state.weeks.reach(len(state.rows), len(state.patients))
        state.weeks.unpack(row, page.weeks, page.waits, first, page.budgets)
    state.sensors.reach(len(state.rows))
    state.sensors.unpack(row, page.sensors, page.sensors_watched)
    state.applied[number] = page.applied
    state.received[number], state.counted[number] = page.counted[0], page.counted[1:]
    for (digest, offset), kept in zip(page.gone, page.gone_kept or [(NOTHING, 1)] * len(page.gone), strict=True):
        state.gone.note(number, digest, Gone(offset, *kept))
    for slot, person in enumerate(page.people, first):
        if person is not None:
            fields = person.name, person.document, person.episodes, person.actions, person.origins, person.life
            state.seat(slot, Person(*fields, person.devices, person.faults))
            if person.episodes:
                state.note_wake(slot)


def _place_rings(state: PartitionState, numbers: Sequence[int], pages: Sequence[Page]) -> None:
    """What was sent last; a page of a format without it remembers nothing."""
    known = [(number, page.sent) for number, page in zip(numbers, pages, strict=True) if page.sent is not None]
    if not known:
        return
    slots = [number * PATIENTS_PER_PAGE + np.arange(len(sent.counts)) for number, sent in known]
    counts = [count for _, sent in known for count in sent.counts]
    ids, contents, hours = (b"".join(getattr(sent, name) for _, sent in known) for name in ("ids", "contents", "hours"))
    state.rings.place(state.patients, np.concatenate(slots), Remembered(counts, ids, contents, hours))
