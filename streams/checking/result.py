"""What one look at a deployment found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from alerts.channels.asking import Answer

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. found: what is; mend: what to do about it, empty when it is well."""

    name: str
    state: State
    found: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.state:<4}  {self.name}: {self.found}" + (f" -> {self.mend}" if self.mend else "")


def answered(name: str, answer: "Answer", mend: str) -> Check:
    """What the other side of a channel said. mend: what to do where it is not well."""
    return Check(name, "ok", answer.said) if answer.well else Check(name, "warn", answer.said, mend)
