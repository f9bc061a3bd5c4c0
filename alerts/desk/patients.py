"""What the desk keeps of a profile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.desk.consent import Consent


@dataclass(frozen=True)
class PatientProfile:
    """Whose patient it is; body: the profile as it was published, None when the patient is to be forgotten; consent:
    None when nothing readable is said of it, which leaves what was said before."""

    patient: str
    version: int
    team: str | None
    body: str | None
    consent: Consent | None = None


def newest_of(profiles: Iterable[PatientProfile], known: Mapping[str, int]) -> dict[str, PatientProfile]:
    """What counts of profiles in the order in which they came, each patient once. known: versions held, by patient.

    The highest version counts, of equal ones the last, as in a topic of which only the last is kept; who was forgotten
    begins anew.
    """
    held, counts = dict(known), dict[str, PatientProfile]()
    for one in profiles:
        if one.body is None:
            held.pop(one.patient, None)
        elif one.version < held.get(one.patient, 0):
            continue
        else:
            held[one.patient] = one.version
        counts[one.patient] = one
    return counts
