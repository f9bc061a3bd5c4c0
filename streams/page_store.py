"""Where the pages of partitions lie: on their changelog, and in memory as Faust recovered them."""

from collections.abc import Mapping
from typing import Any, cast

from faust.types.tables import TableT

from streams.engine.pages import owner_of
from streams.publisher import Sent


class TableChangelog:
    """The changelog of Faust's table of pages."""

    def __init__(self, table: TableT[bytes, bytes]) -> None:
        self._table = table

    def send(self, partition: int, key: bytes, value: bytes) -> Sent:
        """Into the table's own copy, from which a reassignment restores, and to the broker."""
        store = cast(Any, self._table.data)
        store.data[key] = value
        store._key_partition[key] = partition
        return cast(Sent, self._table.send_changelog(partition, key, value))

    def pages(self, partition: int) -> Mapping[bytes, bytes]:
        """The pages of one partition."""
        return {key: value for key, value in self._table.items() if owner_of(key) == partition}
