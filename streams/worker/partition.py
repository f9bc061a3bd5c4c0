"""One partition of ours between two checkpoints: its state, what waits for the broker, and what is packed."""

from dataclasses import dataclass, field
from typing import Protocol

from streams.engine.pages import Checkpoint, pack_dirty
from streams.engine.state import PATIENTS_PER_PAGE, PartitionState
from streams.worker.publisher import Sent


class Receipt(Protocol):
    """What is kept of a chunk until its checkpoint."""

    @property
    def offset(self) -> int:
        """Of the chunk's last record."""

    @property
    def span(self) -> tuple[int, int]:
        """Positions [start, end) that the chunk covers: those of a partition join without a hole."""

    def ack(self) -> None:
        """The chunk need not come again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chunk that waits for its checkpoint, since `since_s` of the event loop's clock."""

    receipt: Receipt
    since_s: float


@dataclass(slots=True)
class Held:
    """One partition of ours: its state, chunks not yet acknowledged, effects not yet known to be on the broker.

    torn: a checkpoint of it is under way, or was cut off: what the changelog has of it is not known.
    untold: a chunk has been applied, and its effects are not all sent: no page may be written of it.
    position: the state has been given every record before it.
    """

    state: PartitionState
    position: int
    waiting: list[Waiting] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    torn: bool = False
    untold: bool = False

    @property
    def stands(self) -> bool:
        """Whether the state can be gone on with."""
        return not (self.torn or self.untold)

    def touch_all(self) -> None:
        """Every page counts as changed."""
        self.state.touch(range(0, len(self.state.seated) * PATIENTS_PER_PAGE, PATIENTS_PER_PAGE))


@dataclass(frozen=True, slots=True)
class Packed:
    """One partition at a checkpoint."""

    partition: int
    held: Held
    effects: list[Sent]
    checkpoint: Checkpoint
    keys: list[bytes]
    """Of its pages, in their order. A page itself is let go of once it is on its way."""

    @classmethod
    def of(cls, partition: int, held: Held, bytes_max: int | None) -> "Packed":
        """What has changed, which counts as torn until the broker has all of it."""
        checkpoint = pack_dirty(held.state, partition, bytes_max)
        packed = cls(partition, held, held.sent, checkpoint, list(checkpoint.pages))
        held.sent, held.torn = [], True
        return packed

    def acknowledge(self) -> None:
        """The chunks whose records are all in written pages need not come again."""
        certified, waiting = self.checkpoint.certified, self.held.waiting
        self.held.waiting = [one for one in waiting if one.receipt.offset > certified]
        self.held.torn = False
        for one in waiting:
            if one.receipt.offset <= certified:
                one.receipt.ack()
