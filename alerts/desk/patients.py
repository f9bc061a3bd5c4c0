"""What the desk keeps of a profile."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PatientProfile:
    """Whose patient it is; body: the profile as it was published, None when the patient is to be forgotten."""

    patient: str
    version: int
    team: str | None
    body: str | None
