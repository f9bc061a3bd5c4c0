"""The runs of single devices among the readings of a row that come in their order, beyond floors (`crossings`).

Who wears a watch that says 96 % beside an oximeter that says 82 % is not told to be well by every other reading. What
one device measures inside ends its own run, and that of all together, but not the run of another one.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.detectors.floors import MOST_COUNTED, SLOTS, Floors
from models.segments import Bools, Ints

if TYPE_CHECKING:
    from models.detectors.crossings import Judged

NOW = 0
"""The lane of readings in their order."""
DEVICES_MAX = 3
"""Devices of a row that are followed at once while each of them measures beyond a floor. One more takes the place of
the one that was heard of last the longest ago."""
OF_DEVICE = np.dtype(
    [("since", "i8", SLOTS), ("device", "u8"), ("last", "i8"), ("value", "f8"), ("n", "i2", SLOTS)], align=True
)
"""The runs of one device in lane 0; last: its latest reading that was judged; value: of the one judged last. Empty when
it has none."""


def relayed(floors: Floors, states: npt.NDArray[np.void], one: "Judged") -> Bools:
    """Which readings (n,) in their order are those of another device once more, as when two apps relay one."""
    known = states["of_device"][one.row]
    other = known["n"].any(axis=2) & (known["device"] != one.device[:, None])
    near = np.abs(one.at[:, None] - known["last"]) < floors.relayed_us
    equal = known["value"] == one.value[:, None]
    is_relayed: Bools = (one.lane == NOW) & np.any(other & near & equal, axis=1)
    return is_relayed


def follow(
    floors: Floors, states: npt.NDArray[np.void], one: "Judged", judged: Bools, broken: Bools, run_n: Ints, since: Ints
) -> None:
    """Go on with the runs of the devices. Where a device's own is longer, because another one measured inside in
    between, it is the row's too: run_n, since (n, 8) are updated in place. Of rules that ask for several readings in a
    row, only where there was none in between: what another device finds is the second opinion that they wait for."""
    now = np.flatnonzero(one.lane == NOW)
    if not len(now):
        return
    readings, mine = one.take(now), broken[now]
    known = states["of_device"][readings.row]
    known[readings.at[:, None] - known["last"] > floors.spot_gap_us] = 0
    at = np.arange(len(now)), _place_of(known, readings.device)
    own = known[at] = _gone_on(known[at], readings, judged[now], mine)
    states["of_device"][readings.row] = known
    goes_on = mine & (floors.repeat[readings.line] == 1) & (own["n"] > 0)
    counts = goes_on | (mine & (states["run_n"][readings.row, NOW] > 0))
    run_n[now] = np.where(counts, np.maximum(run_n[now], own["n"]), run_n[now])
    since[now] = np.where(goes_on, np.minimum(since[now], own["since"]), since[now])


def _gone_on(own: npt.NDArray[np.void], one: "Judged", judged: Bools, broken: Bools) -> npt.NDArray[np.void]:
    """The runs of the devices (n,), dtype OF_DEVICE, with one reading more of each; empty where nothing is left."""
    own[own["device"] != one.device] = 0
    at, before = one.at[:, None], own["n"].astype(np.int64)
    longer = np.where(before == 0, 1, np.minimum(before + ~one.same[:, None], MOST_COUNTED))
    own["since"] = np.where(broken & (before == 0), at, np.minimum(own["since"], at))
    own["n"] = np.where(judged, np.where(broken, longer, 0), before)
    own["device"], own["last"], own["value"] = one.device, np.maximum(own["last"], one.at), one.value
    own[~own["n"].any(axis=1)] = 0
    return own


def beside(states: npt.NDArray[np.void], one: "Judged", asked: Bools) -> Bools:
    """Of each reading (n,) the rules of those that are asked about beyond which another device measures, (n, 8). Few
    are asked about, and only these are looked at."""
    found, some = np.zeros_like(asked), np.flatnonzero(asked.any(axis=1))
    known = states["of_device"][one.row[some]]
    other = (known["device"] != one.device[some, None])[:, :, None]
    found[some] = asked[some] & (other & (known["n"] > 0)).any(axis=1)
    return found


def _place_of(known: npt.NDArray[np.void], device: npt.NDArray[np.uint64]) -> Ints:
    """The place of each device (n,) among those known of its row, (n, DEVICES_MAX): a free one, or the oldest, if it
    has none."""
    runs = known["n"].any(axis=2)
    same = runs & (known["device"] == device[:, None])
    age = np.where(same, -2, np.where(runs, np.maximum(known["last"], 0), -1))
    place: Ints = age.argmin(axis=1)
    return place
