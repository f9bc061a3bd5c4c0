"""The balance of readings, partition by partition."""

from hypothesis import given
from hypothesis import strategies as st

from streams.checking.check import _balanced
from streams.worker.balance import Balance, summed

few = st.integers(0, 20)
balances = st.builds(Balance, few, few, few, few, few)


@given(st.dictionaries(st.integers(0, 7), balances))
def test_the_ledger_balances_when_every_partition_does_and_only_then(partitions: dict[int, Balance]) -> None:
    ledger = summed(partitions)
    off = [
        p
        for p, one in partitions.items()
        if one.received != sum((one.decided, one.rejected, one.duplicate, one.withheld))
    ]
    assert ledger.as_json()["balanced"] == (not off)
    assert sorted(ledger.unbalanced) == sorted(off)
    assert ledger.received == sum(one.received for one in partitions.values())
    assert ledger.difference == sum(one.difference for one in partitions.values())


def test_two_partitions_do_not_make_up_for_each_other() -> None:
    ledger = summed({0: Balance(10, 9, 0, 0, 0), 1: Balance(10, 11, 0, 0, 0), 2: Balance(5, 5, 0, 0, 0)})
    assert ledger.difference == 0
    checks = _balanced(ledger)
    assert [check.state for check in checks] == ["bad", "bad"]
    assert [check.found.split(":")[0] for check in checks] == ["partition 0", "partition 1"]
    assert all("replay --from-topic" in check.mend for check in checks)
    assert not ledger.as_json()["balanced"]


def test_a_ledger_that_balances_says_so_in_one_line() -> None:
    (check,) = _balanced(summed({0: Balance(10, 7, 1, 1, 1), 1: Balance(0, 0, 0, 0, 0)}))
    assert check.state == "ok"
    assert check.found == "received 10 = decided 7 + rejected 1 + duplicate 1 + withheld 1, in each of 2 partitions"


def test_each_partition_is_in_the_answer_with_its_difference() -> None:
    answer = summed({3: Balance(10, 9, 0, 0, 0)}).as_json()
    assert answer["partitions"] == [
        {"partition": 3, "received": 10, "decided": 9, "rejected": 0, "duplicate": 0, "withheld": 0, "difference": 1}
    ]
    assert {word: answer[word] for word in ("received", "decided", "rejected", "duplicate", "withheld")} == {
        "received": 10, "decided": 9, "rejected": 0, "duplicate": 0, "withheld": 0,
    }  # fmt: skip
