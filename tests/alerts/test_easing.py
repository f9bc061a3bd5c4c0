"""How severe an alert is by what goes on of it, once somebody has it: told by each detector that sees it."""

from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.episodes import Episode, Phase, eased, seen, unseen
from models.findings import SEVERITIES, Kind
from tests.alerts.scripts import Life
from tests.alerts.test_escalation import nobody_answers

ADVISORY, URGENT, EMERGENCY = (SEVERITIES.index(one) for one in ("advisory", "urgent", "emergency"))
KINDS: tuple[Kind, ...] = ("limit", "deviation", "condition")
Step = tuple[str, Kind, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["seen", "seen", "eased", "unseen"]), st.sampled_from(KINDS), st.integers(0, EMERGENCY)
    ),
    max_size=12,
)  # fmt: skip


def alert(state: Phase = "acknowledged", **fields: object) -> Episode:
    """An emergency that a limit has found, in this state."""
    life = Life()
    life.raised(0, "limit", "emergency")
    return msgspec.structs.replace(life.episodes[0], state=state, **fields)


def taken(one: Episode, step: Step) -> None:
    what, kind, rank = step
    if what == "seen":
        seen(one, kind, rank)
    elif what == "eased":
        eased([one], one.problem, kind, rank)
    elif kind in one.sources:
        unseen(one, kind)


class ByHand:
    """What each detector sees now, and what the alert is by that."""

    def __init__(self, eases: bool) -> None:
        self.sees: dict[Kind, int] = {"limit": EMERGENCY}
        self.rank, self.eases = EMERGENCY, eases

    def take(self, step: Step) -> None:
        what, kind, rank = step
        if what == "seen":
            self.sees[kind] = max(rank, self.sees.get(kind, rank))
        elif kind in self.sees:
            self.sees.pop(kind)
            if what == "eased":
                self.sees[kind] = rank
            if self.eases and self.sees:
                self.rank = min(self.rank, max(self.sees.values()))


@given(steps, st.sampled_from(["open", "escalated", "acknowledged", "snoozed"]), st.booleans())
def test_once_acknowledged_it_is_as_severe_as_the_worst_that_goes_on(
    taken_steps: list[Step], state: str, risen: bool
) -> None:
    one = alert(cast(Phase, state), risen=risen)
    wanted = ByHand(eases=state == "acknowledged" and not risen)
    for step in taken_steps:
        taken(one, step)
        wanted.take(step)
        assert ({kind: one.ranks[kind] for kind in one.sources}, one.rank) == (wanted.sees, wanted.rank)


def test_who_takes_it_up_has_what_goes_on_of_it_and_is_told_when_it_is_worse_again() -> None:
    life = Life()
    life.raised(0, "limit", "emergency")
    eased(life.episodes, "spo2.low", "limit", URGENT)
    assert life.episodes[0].rank == EMERGENCY, "nobody has it"
    life.acted(1, "acknowledge")
    assert life.episodes[0].rank == URGENT
    assert life.raised(2, "limit", "emergency") == [("updated", "open")]


def test_who_takes_up_an_alarm_has_what_goes_on_of_what_nobody_had_answered() -> None:
    life = nobody_answers("emergency")
    eased(life.episodes, "spo2.low", "limit", URGENT)
    life.acted(16, "acknowledge", life.told[-1].alert_id)
    assert [SEVERITIES[e.rank] for e in life.episodes] == ["urgent", "emergency"]


def test_what_a_detector_saw_before_the_alert_was_ended_says_nothing_of_what_it_sees_now() -> None:
    one = alert()
    one.sources.clear()
    seen(one, "limit", ADVISORY)
    assert one.ranks == {"limit": ADVISORY}


@pytest.mark.parametrize(
    "another",
    [{"problem": "heart_rate.high"}, {"retrospective": True}, {"sources": ["deviation"], "ranks": {}}],
    ids=["another problem", "about the past", "not seen by that detector"],
)
def test_no_other_alert_is_eased_with_it(another: dict[str, Any]) -> None:
    one, other = alert(), alert(**another)
    before = msgspec.structs.asdict(other)
    eased([other, one], "spo2.low", "limit", ADVISORY)
    assert one.rank == ADVISORY
    assert msgspec.structs.asdict(other) == before


@pytest.mark.parametrize(("kind", "rank"), [("limit", URGENT), ("condition", EMERGENCY)])
def test_of_an_alert_of_an_older_page_only_the_limit_says_how_severe_it_is(kind: Kind, rank: int) -> None:
    one = alert(sources=["limit", "condition"], ranks={})
    eased([one], one.problem, kind, URGENT)
    assert one.rank == rank
