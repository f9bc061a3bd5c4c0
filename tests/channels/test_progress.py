"""How far the notifier may say that it has come, and what it remembers as told: against the rule by hand."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.progress import Progress, Told
from alerts.channels.protocol import Outcome

Step = tuple[str, str, int]
steps = st.lists(
    st.tuples(st.sampled_from(["took", "took", "done", "done", "more", "commit", "forget"]), st.sampled_from("ab"),
              st.integers(0, 3)), max_size=40,
)  # fmt: skip


class ByHand:
    """Every record that was read, with how many of its outcomes are missing, and what was committed last."""

    def __init__(self) -> None:
        self.missing: dict[str, list[int]] = {"a": [], "b": []}
        self.committed: dict[str, int] = {}

    def reached(self) -> dict[str, int]:
        """The oldest record of each partition of which an outcome is missing; else the one that comes next."""
        at = {name: next((n for n, left in enumerate(rows) if left), len(rows)) for name, rows in self.missing.items()}
        return {name: n for name, n in at.items() if self.missing[name] and self.committed.get(name) != n}

    def change(self, name: str, offset: int, by: int) -> bool:
        """One outcome more or fewer is missing, of what is still missing; whether none is any more."""
        rows = self.missing[name]
        if offset >= len(rows) or not rows[offset]:
            return False
        rows[offset] += by
        return not rows[offset]


@given(steps)
def test_nothing_is_committed_beyond_a_record_of_which_an_outcome_is_missing(taken: list[Step]) -> None:
    progress, wanted = Progress[str](), ByHand()
    for what, name, number in taken:
        match what:
            case "took":
                progress.took(name, len(wanted.missing[name]), number)
                wanted.missing[name].append(number)
            case "done":
                assert progress.done(name, number) is wanted.change(name, number, -1)
            case "more":
                progress.more(name, number)
                wanted.change(name, number, 1)
            case "commit":
                progress.committed(progress.committable())
                wanted.committed |= wanted.reached()
            case "forget":
                progress.forget()
                wanted = ByHand()
        assert progress.committable() == wanted.reached()


names = st.sampled_from(["d-1", "d-2", "d-3", "d-4"])
records = st.lists(
    st.tuples(names, st.booleans(), st.sampled_from([None, "mail", "pager"]), st.integers(0, 3), st.booleans()),
    max_size=20,
)  # fmt: skip


@given(records)
def test_the_newest_deliveries_are_remembered_as_the_log_has_them(
    taken: list[tuple[str, bool, str | None, int, bool]],
) -> None:
    told, kept = Told(3), OrderedDict[str, tuple[bool, int, tuple[str, ...]]]()
    failing: dict[str, bool] = {}
    for name, failed, channel, again, named in taken:
        told.unrecorded[name] = Outcome("delivered", 1)
        whom = ("ann", "bob") if named else ()
        told.recorded(name, failed=failed, channel=channel, again=again, whom=whom)
        _, before, who = kept.pop(name, (False, 0, ()))
        kept[name] = (failed, max(before, again), whom if whom and not failed else who)
        while len(kept) > 3:
            kept.popitem(last=False)
        failing |= {} if channel is None else {channel: failed}
        assert not told.unrecorded
        for one in ("d-1", "d-2", "d-3", "d-4"):
            assert (one in told) is (one in kept)
            assert (told.failed(one), told.again(one), told.whom(one)) == kept.get(one, (False, 0, ()))
        assert [told.failing(one) for one in ("mail", "pager")] == [
            failing.get(one, False) for one in ("mail", "pager")
        ]
