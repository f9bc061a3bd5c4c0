"""A pool gives each place to one at a time, empty, and uses again what was given back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.pool import NOWHERE, Pool

RECORD = np.dtype([("n", "i4"), ("m", "i8", 2)])


SETTLE = 31


@given(st.lists(st.integers(-30, SETTLE), max_size=30))
def test_nobody_shares_a_place_and_nothing_is_left_in_it(moves: list[int]) -> None:
    pool, taken, number = Pool(RECORD, least=2), dict[int, int](), 0
    for move in moves:
        if move == SETTLE:
            places = pool.settle(np.array(list(taken), np.int64)).tolist()
            taken = dict(zip(places, taken.values(), strict=True))
            assert pool.idle == 0
            assert len(pool.table) == len(taken) + 1
        elif move < 0:
            places = list(taken)[: -move // 2]
            pool.give(np.array(places, np.int64))
            for place in places:
                del taken[place]
        else:
            places = pool.take(move).tolist()
            assert len(set(places)) == move
            assert not set(places) & {NOWHERE, *taken}
            assert not pool.table["m"][places].any()
            for place in places:
                number += 1
                taken[place] = pool.table["n"][place] = number
                pool.table["m"][place] = number
        assert pool.used == len(taken)
        assert all(pool.table["n"][place] == n for place, n in taken.items())
    assert not pool.table["m"][NOWHERE].any()


def test_places_that_are_given_back_are_used_before_the_table_grows() -> None:
    pool = Pool(RECORD, least=2)
    for _ in range(100):
        pool.give(pool.take(50))
    assert len(pool.table) < 200
