"""What homebeat's speed is held against."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from streams.benching import throughput


@pytest.fixture
def threshold() -> Iterator[tuple[int, int, int]]:
    """How homebeat's commands, or anybody, may have set the garbage collector."""
    before, ours = gc.get_threshold(), (123_456, 20, 30)
    gc.set_threshold(*ours)
    yield ours
    gc.set_threshold(*before)


def test_a_plain_fetch_has_a_python_as_it_comes(threshold: tuple[int, int, int]) -> None:
    script = "import gc; print(*gc.get_threshold())"
    fresh = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True).stdout
    with throughput._python_as_it_comes():
        assert gc.get_threshold() == tuple(map(int, fresh.split()))
    assert gc.get_threshold() == threshold
