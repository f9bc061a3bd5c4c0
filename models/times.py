"""Times as integers: microseconds since 1970 UTC inside, RFC 3339 on the wire."""

from datetime import UTC, datetime, timedelta

US_PER_S = 1_000_000
US_PER_DAY = 86_400 * US_PER_S
LONG_AGO = -(2**62)
"""Before any time [us], in the place of one that is not known yet."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UTC = _EPOCH.replace(tzinfo=None)  # what is added to it is written without an offset
_US = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970 of an aware time, exactly.

    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (at - _EPOCH) // _US


def from_us(us: int) -> datetime:
    """The aware time (UTC) of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=int(us))


def rfc3339(us: int) -> str:
    """RFC 3339 in UTC, with as many decimals as needed (none, three or six).

    >>> rfc3339(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    us = int(us)
    spec = "seconds" if us % US_PER_S == 0 else "milliseconds" if us % 1000 == 0 else "microseconds"
    return (_EPOCH_UTC + timedelta(microseconds=us)).isoformat(timespec=spec) + "Z"
