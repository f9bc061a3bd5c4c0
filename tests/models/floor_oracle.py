"""The safety floors as `evidence/floors.yaml` describes them, one reading at a time, in plain Python."""

from dataclasses import dataclass, field
from operator import ge, gt, le, lt
from typing import Any

from models.evidence import load
from models.findings import SEVERITIES

META = load("floors")["meta"]
FLOORS: list[dict[str, Any]] = load("floors")["floors"]
BEYOND = {"<": lt, "<=": le, ">": gt, ">=": ge}
SIDES = {"<": 0, "<=": 0, ">": 1, ">=": 1}
S = 1_000_000

Crossing = tuple[str, int, int, str | None, int]
"""raise, clear, earlier, again or eased; side; rank; rule; beginning of the run (of the readings back inside, at a
clear) [us]."""


def rank(rule: dict[str, Any]) -> int:
    return SEVERITIES.index(rule["severity"])


def lasted(inside: list[int]) -> bool:
    """Whether readings inside are enough, and over long enough."""
    wanted: dict[str, int] = META["clear"]
    return len(inside) >= wanted["readings"] and inside[-1] - inside[0] >= wanted["for_s"] * S


@dataclass
class Device:
    """What one device of a lane remembers: its latest reading, and its own runs."""

    last: int
    value: float = 0.0
    runs: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Lane:
    """What one patient's vital remembers of one lane."""

    rules: list[dict[str, Any]]
    step_us: int = 1
    live: bool = True
    runs: dict[str, tuple[int, int]] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    inside: dict[int, list[int]] = field(default_factory=lambda: {0: [], 1: []})
    eased: dict[int, list[int]] = field(default_factory=lambda: {0: [], 1: []})
    devices: dict[int, "Device"] = field(default_factory=dict)

    def reading(
        self,
        value: float,
        at: int,
        *,
        rest: bool,
        spot: bool,
        apart: bool = False,
        same: bool = False,
        now: "Lane | None" = None,
        device: int = 1,
    ) -> list[Crossing]:
        """Judge one reading; `spot`: nothing of this vital for spot_gap_s before it; apart: nothing late before a late
        one; same: in the second of the one before; now: the lane of what is in order, if the reading was overtaken and
        is live."""
        before, broken, lasts = dict(self.open), set(), set()
        relayed = self.live and self._is_relayed(device, value, at)
        mine = self._device(device, at)
        for rule in self.rules:
            if rule["rest"] and not rest:
                continue
            stays_quiet = rule.get("spot") and not spot and rule["id"] not in self.open
            if not BEYOND[rule["op"]](value, rule["limit"]) or stays_quiet:
                self.runs.pop(rule["id"], None)
                mine.runs.pop(rule["id"], None)
                continue
            broken.add(rule["id"])
            long_enough = self._extend(rule, at, spot, apart or spot, same, relayed, mine)
            if long_enough and (spot or not rule.get("spot")):
                lasts.add(rule["id"])
            if (long_enough and now is None) or rule["id"] in self.open:
                self.open[rule["id"]] = self.runs[rule["id"]][1]
        told, shown = before, self.open
        if now is not None:
            told, shown = dict(now.open), now.opened({name: self.runs[name][1] for name in broken}, lasts)
        found = self._raised(told, shown) + self._earlier(told, shown) + self._again(before, broken)
        for side in (0, 1):
            found += self._cleared(side, at, rest, broken, mine)
            found += self._eased(side, at, rest, broken, mine) if self.live else []
        mine.value = value
        return found

    def _is_relayed(self, name: int, value: float, at: int) -> bool:
        """Whether another device that is beyond a limit has just measured the same."""
        others = [one for other, one in self.devices.items() if other != name and one.runs]
        return any(one.value == value and abs(at - one.last) < META["relayed_s"] * S for one in others)

    def _device(self, name: int, at: int) -> "Device":
        """The runs of one device; those of one that has not been heard of for as long as makes a spot are over."""
        mine = self.devices.setdefault(name, Device(at))
        if at - mine.last > META["spot_gap_s"] * S:
            mine.runs.clear()
        mine.last = max(mine.last, at) if mine.runs else at
        return mine

    def _extend(
        self, rule: dict[str, Any], at: int, spot: bool, apart: bool, same: bool, relayed: bool, mine: "Device"
    ) -> bool:
        """One more reading of a run; whether it is long enough now."""
        wanted = rule.get("repeat", 1)
        runs = rule["id"] in self.runs
        n, since = self.runs.get(rule["id"], (0, at))
        if apart and wanted == 1:
            n, since = 0, at
        n, since = n if n and (same or relayed) else n + 1, min(since, at)
        if self.live:
            own_n, own_since = mine.runs.get(rule["id"], (0, at))
            own_n, own_since = own_n if own_n and same else own_n + 1, min(own_since, at)
            mine.runs[rule["id"]] = own_n, own_since
            n = max(n, own_n) if wanted == 1 or runs else n
            since = min(since, own_since) if wanted == 1 else since
        self.runs[rule["id"]] = n, since
        persists = spot or at - since >= rule["persist_s"] * S or n >= rule.get("readings", n + 1)
        return n >= wanted and bool(persists)

    def opened(self, broken: dict[str, int], lasts: set[str]) -> dict[str, int]:
        """What live readings raise that were overtaken is open here, since when their run began; all that is open."""
        for name, since in broken.items():
            if name in self.open or name in lasts:
                n, begun = self.runs.get(name, (0, since))
                self.open[name] = min(since, begun, self.open.get(name, since))
                self.runs |= {name: (n, self.open[name])} if n else {}
        return self.open

    def _raised(self, before: dict[str, int], after: dict[str, int]) -> list[Crossing]:
        """A side speaks when its worst open rule is worse than what was open before."""
        found: list[Crossing] = []
        for side in (0, 1):
            was = [rank(r) for r in self._of(side) if r["id"] in before]
            now = [r for r in self._of(side) if r["id"] in after]
            worst = max(map(rank, now), default=-1)
            if worst > max(was, default=-1):
                name = next(r["id"] for r in now if rank(r) == worst)
                found.append(("raise", side, worst, name, min(after[r["id"]] for r in now)))
        return found

    def _earlier(self, before: dict[str, int], after: dict[str, int]) -> list[Crossing]:
        """A side that is open began before what was seen first."""
        found: list[Crossing] = []
        for side in (0, 1):
            held = [r["id"] for r in self._of(side) if r["id"] in before]
            if held and min(after[i] for i in held) // self.step_us < min(before[i] for i in held) // self.step_us:
                begins = min(held, key=lambda i: after[i])
                found.append(("earlier", side, 0, begins, after[begins]))
        return found

    def _again(self, before: dict[str, int], broken: set[str]) -> list[Crossing]:
        """A live reading breaks what was open before, and nothing became worse."""
        found: list[Crossing] = []
        for side in (0, 1):
            still = [r for r in self._of(side) if r["id"] in before and r["id"] in broken]
            was, now = ([rank(r) for r in self._of(side) if r["id"] in held] for held in (before, self.open))
            if self.live and still and max(now) == max(was):
                worst = max(still, key=rank)
                found.append(("again", side, rank(worst), worst["id"], self.runs[worst["id"]][1]))
        return found

    def _cleared(self, side: int, at: int, rest: bool, broken: set[str], device: "Device") -> list[Crossing]:
        """Readings back inside of every rule that is open, enough of them, over long enough, and no other device is
        beyond one of them."""
        still = [r for r in self._of(side) if r["id"] in self.open]
        if not still or any(r["id"] in broken for r in self._of(side)):
            self.inside[side] = []
            return []
        if any(r["rest"] and not rest for r in still) or (self.live and self._beside(still, device, at)):
            return []
        self.inside[side].append(at)
        if not lasted(self.inside[side]):
            return []
        for r in still:
            del self.open[r["id"]]
        since, self.inside[side] = self.inside[side][0], []
        return [("clear", side, 0, None, since)]

    def _eased(self, side: int, at: int, rest: bool, broken: set[str], device: "Device") -> list[Crossing]:
        """The same of the worst rules that are open, where milder ones are left, and no other device is beyond them."""
        still = [r for r in self._of(side) if r["id"] in self.open]
        worst = max(map(rank, still), default=-1)
        mine, left = ([r for r in still if (rank(r) == worst) == is_worst] for is_worst in (True, False))
        if not still or any(r["id"] in broken and rank(r) >= worst for r in self._of(side)):
            self.eased[side] = []
            return []
        if any(r["rest"] and not rest for r in mine) or self._beside(mine, device, at):
            return []
        self.eased[side].append(at)
        if not lasted(self.eased[side]) or not left:
            return []
        for r in mine:
            del self.open[r["id"]]
        self.eased[side] = []
        milder = max(left, key=rank)
        return [("eased", side, rank(milder), milder["id"], self.open[milder["id"]])]

    def _beside(self, rules: list[dict[str, Any]], device: "Device", at: int) -> bool:
        """Whether another device that has been heard of lately is beyond one of these rules."""
        near_us = META["spot_gap_s"] * S
        others = [one for one in self.devices.values() if one is not device and at - one.last <= near_us]
        return any(rule["id"] in one.runs for one in others for rule in rules)

    def _of(self, side: int) -> list[dict[str, Any]]:
        return [r for r in self.rules if SIDES[r["op"]] == side]
