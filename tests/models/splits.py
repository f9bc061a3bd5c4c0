"""Batches at random: what a kernel says must not depend on where a batch begins or ends."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st


@st.composite
def cuts(draw: st.DrawFn, n: int) -> list[slice]:
    """0..n in consecutive pieces: one, a few, or n of a single element each."""
    inner: Iterable[int] = draw(
        st.one_of(st.just(()), st.sets(st.integers(1, max(n - 1, 1)), max_size=8), st.just(range(1, n)))
    )
    places = [0, *sorted(p for p in inner if 0 < p < n), n]
    return [slice(a, b) for a, b in pairwise(places)]
