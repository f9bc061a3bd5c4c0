"""What has been applied of the topics that control records are sequenced from: the last place of each, per patient.

A signed record can be copied and published again, years later: an old null would forget the patient, an old profile
bring back somebody who was forgotten. Nothing at or before the last place applied is done again. Eight bytes for each
topic partition that a patient's records came on, usually one of `profiles` and one of `actions`.
"""

from collections.abc import Iterable, Iterator

from streams.control import OFFSETS_MAX, PARTITIONS_MAX, Origin

_TOPICS = ("profiles", "actions")
_BYTES = 8
NOTHING = b""


def is_repeat(known: bytes, origin: Origin) -> bool:
    """Whether a place is at or before the last one applied.

    >>> applied = with_origin(NOTHING, Origin("profiles", 3, 17))
    >>> is_repeat(applied, Origin("profiles", 3, 17)), is_repeat(applied, Origin("profiles", 3, 18))
    (True, False)
    """
    lane = _lane(origin)
    return any(place // OFFSETS_MAX == lane and origin.offset <= place % OFFSETS_MAX for place in _places(known))


def with_origin(known: bytes, origin: Origin) -> bytes:
    """The same, after this place has been applied."""
    lane = _lane(origin)
    places = [place for place in _places(known) if place // OFFSETS_MAX != lane]
    places.append(lane * OFFSETS_MAX + origin.offset)
    return b"".join(place.to_bytes(_BYTES) for place in sorted(places))


def latest(known: Iterable[bytes], topic: str, partition: int) -> int:
    """The last place in a partition of a topic that was applied of anybody; -1 if there is none.

    >>> latest([with_origin(NOTHING, Origin("profiles", 3, n)) for n in (17, 4)], "profiles", 3)
    17
    """
    lane = _lane(Origin(topic, partition, 0))
    return max((p % OFFSETS_MAX for one in known for p in _places(one) if p // OFFSETS_MAX == lane), default=-1)


def _lane(origin: Origin) -> int:
    """A number of its own for each topic and partition."""
    return _TOPICS.index(origin.topic) * PARTITIONS_MAX + origin.partition


def _places(known: bytes) -> Iterator[int]:
    for begin in range(0, len(known), _BYTES):
        yield int.from_bytes(known[begin : begin + _BYTES])
