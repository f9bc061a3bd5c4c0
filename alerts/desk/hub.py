"""From the store to the open pages: which alerts and patients have news, gathered for each page, bounded.

A page that is slow gets fewer and larger messages, never a growing queue: what it has not fetched yet is a set of ids,
and beyond the bound it is told to fetch everything anew.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.desk.moving import Former

GATHER_S = 0.25
"""How long news are gathered before they are sent: a page that redraws forty times a second helps nobody."""
NEWS_MAX = 200
PAGES_MAX = 200


@dataclass
class News:
    """What has changed since the last time. former: whose patient somebody was who has moved; everything: so much that
    the page should fetch it all."""

    alerts: set[str] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    former: Former = field(default_factory=dict)
    everything: bool = False

    def add(self, alerts: Iterable[str], patients: Iterable[str], former: Former) -> None:
        self.alerts.update(alerts)
        self.patients.update(patients)
        for patient, teams in former.items():
            self.former.setdefault(patient, set()).update(teams)
        if len(self.former) > NEWS_MAX:
            self.everything = True
            self.former.clear()
        if len(self.alerts) > NEWS_MAX:
            self.everything = True
            self.alerts.clear()
        if len(self.patients) > NEWS_MAX:
            self.everything = True
            self.patients.clear()


class Page:
    """One open page's subscription."""

    def __init__(self) -> None:
        self._news = News()
        self._changed = asyncio.Event()
        self._closed = False

    def tell(self, alerts: Iterable[str], patients: Iterable[str], former: Former) -> None:
        self._news.add(alerts, patients, former)
        self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    async def next(self, within_s: float) -> News | None:
        """The gathered news; empty when there were none within the bound; None when the desk closes."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), within_s)
            if not self._closed:
                await asyncio.sleep(GATHER_S)
        if self._closed:
            return None
        news, self._news = self._news, News()
        self._changed.clear()
        return news


class Hub:
    """All open pages. Used from the event loop only."""

    def __init__(self, pages_max: int = PAGES_MAX) -> None:
        self._pages: set[Page] = set()
        self._pages_max = pages_max
        self._closed = False

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def full(self) -> bool:
        return len(self._pages) >= self._pages_max

    def tell(self, alerts: Iterable[str] = (), patients: Iterable[str] = (), former: Former | None = None) -> None:
        """Something about these has changed in the store. former: whose patient somebody was who has moved."""
        alerts, patients = list(alerts), list(patients)
        if alerts or patients:
            for page in self._pages:
                page.tell(alerts, patients, former or {})

    def wake(self) -> None:
        """Something about those who listen may have changed: every page asks anew who it is for."""
        for page in self._pages:
            page.wake()

    @contextlib.contextmanager
    def page(self) -> Iterator[Page]:
        """A subscription for the length of the block."""
        page = Page()
        if self._closed:
            page.close()
        self._pages.add(page)
        try:
            yield page
        finally:
            self._pages.discard(page)

    def close(self) -> None:
        """The desk stops: every page's stream ends, also those that begin from now on."""
        self._closed = True
        for page in self._pages:
            page.close()
