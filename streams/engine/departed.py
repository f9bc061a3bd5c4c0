"""Who was forgotten, on which page and at which offset. Known by a digest only: a name must not outlive its person."""

import hashlib
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

from streams.control import Origin
from streams.engine.origins import NOTHING, with_origin


@dataclass(frozen=True, slots=True)
class Gone:
    """The offset at which somebody was forgotten, after which control records (see `origins`), and for how many times
    by then: a life that begins anew has alerts of its own."""

    offset: int
    origins: bytes = NOTHING
    times: int = 1


NEVER = Gone(-1, times=0)


def digest_of(name: str) -> int:
    """64 bits that stand for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


class Departed:
    """Everybody who was forgotten. A page keeps its own note of it, also when the patient came back on another one:
    records that come again from before must not bring anybody back, whichever of the pages were written."""

    def __init__(self) -> None:
        self._of_page: dict[int, dict[int, Gone]] = {}
        self._pages: dict[int, set[int]] = {}

    def note(self, page: int, digest: int, gone: Gone) -> None:
        """Somebody was forgotten on this page (also on restore)."""
        self._of_page.setdefault(page, {})[digest] = gone
        self._pages.setdefault(digest, set()).add(page)

    def of_page(self, page: int) -> list[tuple[int, Gone]]:
        """(digest, how) of all who were forgotten on a page, in the order in which they were."""
        return list(self._of_page.get(page, {}).items())

    def pages_of(self, name: str) -> Set[int]:
        """The pages on which this name was forgotten."""
        return self._pages.get(digest_of(name), set()) if self._pages else set()

    def last(self, name: str) -> Gone:
        """When this name was forgotten last; NEVER if it was not."""
        page = self._last_page(name)
        return NEVER if page is None else self._of_page[page][digest_of(name)]

    def origins(self) -> Iterator[bytes]:
        """Which control records have been applied of each."""
        return (gone.origins for of_page in self._of_page.values() for gone in of_page.values())

    def note_origin(self, name: str, origin: Origin) -> int | None:
        """A control record was applied since. The page that has changed; None if nobody of this name was forgotten."""
        page, digest = self._last_page(name), digest_of(name)
        if page is not None:
            gone = self._of_page[page][digest]
            self._of_page[page][digest] = replace(gone, origins=with_origin(gone.origins, origin))
        return page

    def _last_page(self, name: str) -> int | None:
        pages, digest = self.pages_of(name), digest_of(name) if self._pages else 0
        return max(pages, key=lambda page: self._of_page[page][digest].offset, default=None)
