"""Everyone of TIHM (Palermo et al. 2023, doi 10.1038/s41597-023-02519-y, CC BY 4.0).

A label is the 30 hours before staff checked an alert: they did so a median 22 h after the reading.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from streams.demo import tihm
from streams.demo.people import Person

LOOKS_BACK = timedelta(hours=30)
EVENTS = {problem: kind.lower().replace(" ", "_") for kind, problem in tihm.PROBLEMS.items()}


def people(folder: Path) -> Iterator[Person]:
    """Everyone who has a reading, by patient. Raises OSError, KeyError or ValueError for files of another shape."""
    for person in tihm.people(folder, LOOKS_BACK):
        person.labels = [{**label, "event": EVENTS[label["problem"]]} for label in person.labels]
        yield person
