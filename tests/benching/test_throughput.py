"""What homebeat's speed is held against."""

import subprocess
import sys

PROBE = """
import gc
fresh = gc.get_threshold()
gc.set_threshold(1_000_000, 2, 3)
from streams.benching import throughput
with throughput._python_as_it_comes():
    assert gc.get_threshold() == fresh
assert gc.get_threshold() == (1_000_000, 2, 3)
"""
"""In a process of its own, whose collector nobody has set before."""


def test_a_plain_fetch_has_a_python_as_it_comes() -> None:
    subprocess.run([sys.executable, "-c", PROBE], check=True)
