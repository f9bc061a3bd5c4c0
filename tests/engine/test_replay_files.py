"""What a replay cannot write is said with the name of the file."""

from pathlib import Path

import pytest

from streams.errors import Failed
from tests.engine.factories import START_US, profile
from tests.engine.folder import Folder
from tests.engine.test_replay import low

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this machine")
@pytest.mark.parametrize("hours", [30, 500], ids=["at the end", "on the way"])
def test_a_full_disk_is_said_of_the_summaries_too(hours: int, tmp_path: Path) -> None:
    """It was "[Errno 28] No space left on device", of whatever file."""
    folder = Folder(tmp_path)
    folder.write("readings.jsonl", [low(START_US + n * 3_600_000_000, 97.0) for n in range(hours)])
    folder.profiles = folder.write("profiles.jsonl", [profile()])
    with pytest.raises(Failed, match="/dev/full cannot be written: No space left on device"):
        folder.replay(summaries=FULL)
