"""What was found out about patients by their profiles, and has to be found out anew with another version of one."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.segments import Ints
from streams.engine.rows import grown

if TYPE_CHECKING:
    from streams.engine.state import PartitionState

NEVER_ASKED = -2


class Versions:
    """By slot, the version of the profile that was asked about last. Derived, so that nothing of it need be stored."""

    def __init__(self) -> None:
        self._asked: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def changed(self, state: "PartitionState", slot: Ints) -> list[int]:
        """Those of these patients whose profile is another one since; from now on they are known. Slots in order."""
        if len(self._asked) < len(state.patients):
            self._asked = grown(self._asked, len(state.patients), NEVER_ASKED)
        version = state.patients["version"]
        stale = np.unique(slot[self._asked[slot] != version[slot]])
        self._asked[stale] = version[stale]
        found: list[int] = stale.tolist()
        return found
