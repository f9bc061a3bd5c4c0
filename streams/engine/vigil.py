"""One patient's links, gone through arrival by arrival and tick by tick: who is silent, and whose clock is wrong.

Most arrivals are worked on in bulk (`silences`). Here comes what that leaves: new devices, pauses that are too long,
what has been told, and clocks that are odd. Only a tick notices silence.

A link that is due is judged in this order: a device that was handed back, and a device whose vital flows from another
one, are silent by right; a quiet source speaks for itself; if nothing at all has come from the device for as long as
its most frequent link may be silent, the device is silent; if it has sent something else since, only this vital is.
"""

import numpy as np

from alerts import technical
from alerts.raised import RETURNED
from models.detectors import device_clock, silence
from models.detectors.device_clock import Hand
from models.detectors.silence import LATEST_S, NEVER_S, Pace
from models.times import US_PER_S
from models.vitals import VITALS
from models.windows import WIDTH_US
from streams.engine.clock import Clocks
from streams.engine.links import DEVICES_PER_ROW_MAX
from streams.engine.newcomers import Turn
from streams.engine.problems import FIRST_YEAR_US
from streams.engine.signals import Notice
from streams.engine.watching import (
    ENDED,
    SETTLED,
    UNTOLD,
    Around,
    Arrival,
    Arrivals,
    Link,
    Told,
    Watched,
    called,
    empty,
    seconds,
)  # fmt: skip

DEVICES_PER_PATIENT_MAX = 64
"""Devices of a patient whose clock faults are counted. Beyond it nobody is told of another one's clock."""
END = 2**62


class Vigil:
    """The links of one patient. Loaded from the table, and stored back by `store`."""

    def __init__(self, slot: int, person: str, links: list[Link], faults: dict[int, int], around: Around) -> None:
        self.slot, self.person = slot, person
        self.links, self.faults, self.dropped = links, faults, list[Link]()
        self.out = Watched()
        self._around = around
        self._sooner_s = self._offset = 0

    def run(self, arrivals: Arrivals, clocks: Clocks) -> Watched:
        """Everything of a stretch, in log order."""
        by_key = {(link.row, link.device): link for link in self.links}
        columns = arrivals.position, arrivals.at_s, arrivals.event_s, arrivals.row, arrivals.device
        for k, (position, at_s, event_s, row, device) in enumerate(zip(*columns, strict=True)):
            if at_s >= self._sooner_s:
                self._look(position, clocks)
            link = by_key.get((row, device))
            if link is not None and not self.faults and link.passes(at_s, event_s):
                continue
            self._step(arrivals.whole(k))
            by_key = {(link.row, link.device): link for link in self.links}
        self._look(END, clocks)
        return self.out

    def _step(self, arrival: Arrival) -> None:
        """One arrival with which something may happen."""
        self._sooner_s = 0
        if arrival.row < 0:
            self._refused(arrival)
        else:
            self._arrived(arrival)

    def _look(self, until: int, clocks: Clocks) -> None:
        """The ticks before a position at which a link is due."""
        while self.links:
            due_s = min(map(self._due_s, self.links))
            tick = int(np.searchsorted(clocks.ticks, due_s * US_PER_S))
            never = due_s > LATEST_S or tick >= len(clocks.ticks)  # the latest time that links know is never over
            if never or 2 * int(clocks.tick_before[tick]) > until:
                self._sooner_s = min(link.sooner_s for link in self.links)
                return
            self._offset = int(clocks.tick_offset[tick]) - 1
            self._examine(int(clocks.ticks[tick]), 2 * int(clocks.tick_before[tick]))

    def _due_s(self, link: Link) -> int:
        if link.due_s is None:
            link.due_s = link.pace.last_s + self._allowed_s(link)
        return link.due_s

    def _examine(self, now_us: int, position: int) -> None:
        """Links that are due at a tick."""
        now_s = seconds(now_us)
        due = [link for link in self._in_order() if self._due_s(link) <= now_s]
        for link in due:
            if not link.stale:
                link.stale = True
                self._too_old(link.pace.vital, now_us, position)
        for link in due:
            if link.told not in SETTLED:
                self._judge(link, now_us, position)
            if link.told in SETTLED:
                link.due_s = NEVER_S

    def _in_order(self) -> list[Link]:
        return sorted(self.links, key=lambda link: (link.name, link.pace.vital))

    def _too_old(self, vital: int, now_us: int, position: int) -> None:
        """The vital is unknown from here on, unless it comes from another device."""
        if any(link.pace.vital == vital and not link.stale for link in self.links):
            return
        start = now_us - now_us % int(WIDTH_US[vital])
        self.out.summaries.append(((position, self.slot, vital, start), empty(self.person, vital, start, "unknown")))

    def _judge(self, link: Link, now_us: int, position: int) -> None:
        """What the silence of a link means."""
        now_s, recheck_s = seconds(now_us), silence.settings().recheck_s
        same = [one for one in self.links if one.pace.vital == link.pace.vital and one is not link]
        if self._around.withdrawn(link.name, now_us):
            link.told = Told.WITHDRAWN
        elif any(not one.stale for one in same):
            link.told = Told.REPLACED
        elif self._around.quiet(link.source, self._offset):
            if link.told != Told.INHIBITED:
                self._tell_vital(link, now_us, position, inhibited=True)
            late_s = (now_s - self._due_s(link)) % recheck_s  # asked in the same turn whichever ticks came meanwhile
            link.told, link.due_s = Told.INHIBITED, now_s - late_s + recheck_s
        elif link.told == Told.INHIBITED:
            link.told, link.due_s = Told.NOTHING, now_s + self._allowed_s(link)
        else:
            self._raise(link, now_us, position)

    def _raise(self, link: Link, now_us: int, position: int) -> None:
        """The device is silent, or only this vital, or it is too early to say which."""
        now_s, recheck_s = seconds(now_us), silence.settings().recheck_s
        device = [one for one in self.links if one.device == link.device]
        latest_s = max(one.pace.last_s for one in device)
        waited_from_s = self._due_s(link) - (recheck_s if link.told == Told.WAITING else 0)
        untold = [one for one in device if one.told in UNTOLD]
        if latest_s + min(map(self._allowed_s, untold)) <= now_s:
            self._tell_device(untold, latest_s, now_us, position)
        elif latest_s >= waited_from_s or link.told == Told.VITAL_ENDED:
            self._tell_vital(link, now_us, position)
            link.told = Told.VITAL
        else:
            link.told, link.due_s = Told.WAITING, now_s + recheck_s

    def _allowed_s(self, link: Link) -> int:
        return link.pace.allowed_s(self._around.part(link.pace.last_s * US_PER_S))

    def _tell_device(self, untold: list[Link], latest_s: int, now_us: int, position: int) -> None:
        first = min(untold, key=lambda one: (self._allowed_s(one), one.pace.vital))
        lasts = any(one.told in ENDED.values() for one in untold)
        for link in untold:
            link.told = Told.DEVICE
        allowed_s, usual_s = self._allowed_s(first), self._usual_s(first)
        vitals = sorted({one.pace.vital for one in untold})
        self._notice(
            position, first.pace.vital, f"silence.{called(first.name)}", now_us, latest_s * US_PER_S, vitals=vitals,
            title=technical.device_title(first.name, [VITALS[one].name for one in vitals]),
            rank=max(int(_rank(one)) for one in untold),
            said=technical.device_silent(first.name, latest_s * US_PER_S, usual_s, allowed_s), lasts=lasts,
        )  # fmt: skip

    def _tell_vital(self, link: Link, now_us: int, position: int, *, inhibited: bool = False) -> None:
        vital, since_us = link.pace.vital, link.pace.last_s * US_PER_S
        name, allowed_s, usual_s = VITALS[vital].name, self._allowed_s(link), self._usual_s(link)
        self._notice(
            position, vital, f"silence.{name}", now_us, since_us, vitals=[vital], of_vital=True, inhibited=inhibited,
            title=technical.vital_title(name), rank=int(_rank(link)),
            said=technical.vital_silent(name, link.name, since_us, usual_s, allowed_s),
            lasts=link.told in ENDED.values(),
        )  # fmt: skip

    def _usual_s(self, link: Link) -> int | None:
        """Longest usual pause; None while it is not known, or too short to have been kept."""
        usual_s = link.pace.usual_s(self._around.part(link.pace.last_s * US_PER_S))
        return usual_s if link.pace.known and usual_s else None

    def _notice(
        self, position: int, vital: int, problem: str, now_us: int, onset_us: int, *, vitals: list[int], title: str,
        rank: int, said: str, of_vital: bool = False, inhibited: bool = False, lasts: bool = False,
    ) -> None:  # fmt: skip
        self.out.notices.append(
            Notice(
                position=position, slot=self.slot, vital=vital, raised=True, kind="silence", problem=problem,
                of_vital=of_vital, vitals=vitals, rank=rank, rule=silence.settings().rule, onset_us=onset_us,
                decided_us=now_us, title=title, said=said, inhibited=inhibited,
                reason=technical.LASTS if lasts else technical.SILENT_AGAIN,
            )
        )  # fmt: skip

    def _arrived(self, arrival: Arrival) -> None:
        """Data come over a link."""
        link = next((one for one in self.links if (one.row, one.device) == (arrival.row, arrival.device)), None)
        wrong = self._wrong(arrival.device)
        self.faults.pop(arrival.device, None)
        if link is None:
            self._new(arrival)
        else:
            self._again(link, arrival)
        self._tell_clock(arrival, wrong)

    def _again(self, link: Link, arrival: Arrival) -> None:
        """Data of a link that is known: what was told of it is over, and its device has come back."""
        now_s, pace = seconds(arrival.clock_us), link.pace
        if link.told == Told.VITAL:
            self._over(arrival, f"silence.{VITALS[pace.vital].name}")
        part = self._part_before(pace, now_s)
        link.hand.compare(pace.last_s, now_s, seconds(arrival.event_us), device_clock.settings().late_s[pace.vital])
        pace.arrive(now_s, part, learn=link.told != Told.INHIBITED)
        self._device_back(arrival)
        link.source = arrival.source
        link.told, link.stale = Told.NOTHING, False
        link.due_s = now_s + self._allowed_s(link)

    def _device_back(self, arrival: Arrival) -> None:
        """A device that was silent sends something again. It may bring the rest in a moment."""
        silent = [one for one in self._of(arrival.device) if one.told in (Told.DEVICE, Told.DEVICE_ENDED)]
        if silent:
            self._over(arrival, f"silence.{called(arrival.name)}")
        for one in silent:
            one.told, one.due_s = Told.NOTHING, seconds(arrival.clock_us) + self._allowed_s(one)

    def _part_before(self, pace: Pace, now_s: int) -> int:
        """The part of the day in which a pause began; it does not matter for a short one."""
        if now_s - pace.last_s <= silence.settings().least_s[pace.vital]:
            return silence.DAY
        return self._around.part(pace.last_s * US_PER_S)

    def _of(self, device: int) -> list[Link]:
        return [link for link in self.links if link.device == device]

    def _new(self, arrival: Arrival) -> None:
        """A device brings a vital for the first time."""
        if not self._room(arrival):
            self.out.unwatched += 1
            return
        now_s, habit = seconds(arrival.clock_us), int(silence.settings().group_of[arrival.vital])
        pace = Pace(now_s, now_s, [[0] * silence.PARTS for _ in range(silence.PERIODS)], arrival.vital, habit)
        hand = Hand(now_s, seconds(arrival.event_us), 0, 0, device_clock.FINE)
        self.links.append(Link(-1, arrival.row, arrival.device, arrival.name, arrival.source, pace, hand))
        self._turn(self.links[-1], arrival.position, came=True)
        self._device_back(arrival)
        device = self._of(arrival.device)
        habit = max(one.pace.habit for one in device)
        for one in device:
            one.pace.habit = habit
            if one.told == Told.NOTHING and not one.stale:
                one.due_s = None

    def _room(self, arrival: Arrival) -> bool:
        """Room for one more device of a vital: one that has been silent for long, and is known to be, makes it."""
        row = [link for link in self.links if link.row == arrival.row]
        if len(row) < DEVICES_PER_ROW_MAX:
            return True
        settled = [link for link in row if link.told in SETTLED]
        if not settled:
            return False
        oldest = min(settled, key=lambda link: (link.pace.last_s, link.name))
        wrong = self._wrong(oldest.device)
        self.links.remove(oldest)
        self.dropped.append(oldest)
        self._turn(oldest, arrival.position, came=False)
        if oldest.told == Told.VITAL:
            self._over(arrival, f"silence.{VITALS[oldest.pace.vital].name}")
        if oldest.told == Told.DEVICE and not self._of(oldest.device):
            self._over(arrival, f"silence.{called(oldest.name)}")
        if wrong and not self._wrong(oldest.device):
            self._over(arrival, f"clock.{called(oldest.name)}")
        return True

    def _turn(self, link: Link, position: int, *, came: bool) -> None:
        """A device that has a name comes or goes."""
        if link.name:
            self.out.turns.append(Turn(link.row, position, link.pace.first_s, came))

    def _over(self, arrival: Arrival, problem: str) -> None:
        """What was told is over."""
        of_silence = problem.startswith("silence.")
        self.out.notices.append(
            Notice(
                position=arrival.position, slot=self.slot, vital=arrival.vital, raised=False,
                kind="silence" if of_silence else "sensor", problem=problem, onset_us=arrival.clock_us,
                decided_us=arrival.clock_us,
                reason=technical.BACK_AGAIN if of_silence else technical.CLOCK_RIGHT_AGAIN,
            )
        )  # fmt: skip

    def _refused(self, arrival: Arrival) -> None:
        """A reading whose time cannot be true."""
        if arrival.device not in self.faults and len(self.faults) >= DEVICES_PER_PATIENT_MAX:
            self.out.unwatched += 1
            return
        wrong = self._wrong(arrival.device)
        count = self.faults.get(arrival.device, 0)
        self.faults[arrival.device] = min(count + 1, device_clock.MOST_COUNTED)
        self._tell_clock(arrival, wrong)

    def _wrong(self, device: int) -> bool:
        """Whether the device's clock is known to be wrong."""
        refused = self.faults.get(device, 0) >= device_clock.settings().refused
        return refused or any(link.hand.wrong for link in self._of(device))

    def _tell_clock(self, arrival: Arrival, before: bool) -> None:
        """Once when a device's clock is found to be wrong, and once when it is right again; while it is wrong, again a
        day after a person has ended the alert."""
        now, problem = self._wrong(arrival.device), f"clock.{called(arrival.name)}"
        if before and not now:
            self._over(arrival, problem)
        if now and not before:
            self._clock_notice(arrival, problem)
        if now and before and self._around.told_again(problem, arrival.name, arrival.clock_us):
            self._clock_notice(arrival, problem, lasts=True)

    def _clock_notice(self, arrival: Arrival, problem: str, *, lasts: bool = False) -> None:
        s, fault = device_clock.settings(), self._clock_fault(arrival)
        self.out.notices.append(
            Notice(
                position=arrival.position, slot=self.slot, vital=arrival.vital, raised=True, kind="sensor",
                problem=problem, vitals=[arrival.vital] if arrival.row >= 0 else [],
                rank=s.rank, rule=s.rule, onset_us=arrival.clock_us, decided_us=arrival.clock_us,
                title=technical.clock_title(arrival.name, fault), lasts=lasts,
                said=technical.clock_wrong(arrival.name, fault, arrival.event_us, arrival.clock_us),
                reason=technical.LASTS if lasts else RETURNED,
            )
        )  # fmt: skip

    def _clock_fault(self, arrival: Arrival) -> technical.Fault:
        faults = {link.hand.fault for link in self._of(arrival.device) if link.hand.wrong}
        if device_clock.STUCK in faults:
            return "stuck"
        if faults:
            return "behind" if device_clock.BEHIND in faults else "late"
        return "lost" if arrival.event_us < FIRST_YEAR_US else "ahead"


def _rank(link: Link) -> int:
    return int(silence.settings().rank[link.pace.vital])
