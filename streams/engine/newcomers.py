"""A device that is new: what the own band was learned from, and what a rule counts a rise from, may be another one's.

A replaced scale that reads 2 kg more looks like 2 kg gained. Nothing is held back for that, for it may be both; but who
reads the alert has to know. Which devices there were is said as of the place in the log at which the alert is decided,
and a stretch of it is watched before anybody is told: so what came and went in it is kept until then.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.evidence import load
from models.phrases import Text, moment, phrase
from models.times import US_PER_DAY, US_PER_S, from_us

if TYPE_CHECKING:
    from streams.engine.state import PartitionState

DAY_S = US_PER_DAY // US_PER_S


@dataclass(frozen=True, slots=True)
class Turn:
    """A device of a row that came or went in the stretch at hand. position: where; first_s: when it first sent [s]."""

    row: int
    position: int
    first_s: int
    came: bool


def said(state: "PartitionState", slot: int, vital: int, position: int, now_us: int) -> Text | None:
    """What has to be said of a vital at a place in the log and a time [us]; None if no device of it is new."""
    settings, row = load("sensors")["new_device"], int(state.row_of[slot, vital])
    firsts = _firsts(state, slot, row, position) if row >= 0 else []
    if len(firsts) < 2 or firsts[-1] - firsts[0] < settings["apart_days"] * DAY_S:
        return None
    if now_us // US_PER_S - firsts[-1] >= settings["days"] * DAY_S:
        return None
    since = moment(from_us(firsts[-1] * US_PER_S))
    return phrase(
        "a new device since {moment}, which may read differently: what is usual was learned with another "
        '("New normal" has it learned anew)',
        moment=since,
    )


def _firsts(state: "PartitionState", slot: int, row: int, position: int) -> list[int]:
    """When each named device of a row that was known at this place first sent it [s], in order."""
    table, names = state.links.table, state.person(slot).devices
    places = [place for place in state.links.of_row(row) if names.get(int(table["device"][place]))]
    found = [int(table["pace"]["first_s"][place]) for place in places]
    for turn in reversed(state.links.turns):
        if turn.row == row and turn.position > position:
            if turn.came:
                found.remove(turn.first_s)
            else:
                found.append(turn.first_s)
    return sorted(found)
