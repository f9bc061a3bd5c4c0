"""Each record by itself, by the engine's own code: what can be told without knowing anything of the patient.

Whether the patient is known and has consented, whether a record came before, and whether its clock can be right, is
told in the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.readings import Reading, Reason, are_ids
from streams.engine.columns import Columns
from streams.engine.decode import Refusal, decode
from streams.engine.log import LogSlice
from streams.engine.problems import of_ids, of_patient, of_themselves
from streams.engine.step import DETAIL_CHARS_MAX
from streams.publish import subject_of


@dataclass(slots=True)
class Judged:
    """One record. patient: whose it is, None if it names nobody who could be one; taken: whether anything of it can be
    decided; refused: why it cannot, or what of it cannot."""

    raw: bytes
    patient: str | None = None
    taken: bool = False
    refused: list[Refusal] = field(default_factory=list)


def judge(records: Sequence[bytes]) -> list[Judged]:
    """What can be told of each, in their order."""
    judged = [Judged(raw) for raw in records]
    decoded = decode(_slice(records), range(len(records)))
    refused, named = list(decoded.refused), list[tuple[int, Reading]]()
    for index, reading in zip(decoded.index, decoded.readings, strict=True):
        if detail := of_ids(reading) or of_patient(reading.patient):
            refused.append(Refusal(index, Reason.BAD_SHAPE, detail, reading.device or None))
        else:
            named.append((index, reading))
            judged[index].patient = reading.patient
    for refusal in [*refused, *_undecidable(named, judged)]:
        judged[refusal.index].refused.append(refusal)
    for one in judged:
        if one.patient is None:
            one.patient = _addressee(one.raw)
    return judged


def _undecidable(named: list[tuple[int, Reading]], judged: list[Judged]) -> list[Refusal]:
    """Why readings cannot be decided; the records of the others are taken."""
    if not named:
        return []
    index, readings = np.array([i for i, _ in named], np.int64), [reading for _, reading in named]
    problems = of_themselves(Columns(readings))
    for i in index[~problems.bad].tolist():
        judged[i].taken = True
    return problems.refusals(problems.bad, index, readings)


def _addressee(raw: bytes) -> str | None:
    """The patient of a record that cannot be read otherwise."""
    patient = subject_of(raw)
    return patient if patient and are_ids([patient]) and not of_patient(patient) else None


def _slice(records: Sequence[bytes]) -> LogSlice:
    """Records that are on no log yet."""
    nowhere = np.full(len(records), -1, np.int64)
    return LogSlice("", -1, nowhere, nowhere, [None] * len(records), records)


def told(refusal: Refusal) -> str:
    """Its words, as long as those of any reject."""
    return refusal.detail[:DETAIL_CHARS_MAX]
