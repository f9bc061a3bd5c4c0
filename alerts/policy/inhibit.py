"""Inhibit: a known cause mutes its effects. What is held back stays pending, and opens when the cause has gone first;
what had ended and returns meanwhile stays ended, and is there again then.

A sensor that is known to be off or broken mutes what the patient's own band says of its own vital, never a limit that
protects, and nothing urgent. What was foretold is muted by its coming.
"""

from collections.abc import Sequence

from alerts.episodes import Episode
from alerts.policy.case import Case, Decision
from models.detectors import forecast
from models.findings import SEVERITIES, Kind
from models.phrases import phrase

STAGE = "inhibit"
EFFECTS: dict[str, str] = {forecast.PROBLEM: forecast.FORETELLS}
"""Problem -> the problem that makes it old news."""
PERSONAL: frozenset[Kind] = frozenset({"deviation", "drift", "change_index", "early_warning"})
"""What a broken sensor can imitate. A limit is not among them: it has to be looked at even if the sensor is wrong."""


def inhibit(case: Case, so_far: Decision) -> Decision:
    """Hold the episode back while its cause is there."""
    if case.what not in ("open", "raise") or case.episode.retrospective:
        return so_far
    if (cause := cause_of(case.episode, so_far.rank, case.others)) is not None:
        held = phrase("held back while there is: {title}", title=cause.title)
        return so_far.says(STAGE, "held", held, held=held)
    if case.episode.held is not None:
        released = phrase("it was {held}; that is over, and this is not", held=case.episode.held)
        return so_far.says(STAGE, "released", released)
    return so_far


def cause_of(episode: Episode, rank: int, others: Sequence[Episode]) -> Episode | None:
    """What explains this episode, if anything does."""
    present = [one for one in others if one is not episode and not one.closed and not one.retrospective]
    known = EFFECTS.get(episode.problem)
    for one in present:
        if known is not None and one.problem == known and one.state != "pending":
            return one
        if _blind(one, episode) and rank < SEVERITIES.index("urgent"):
            return one
    return None


def _blind(sensor: Episode, episode: Episode) -> bool:
    return sensor.kind == "sensor" and sensor.vital != "" and sensor.vital == episode.vital and episode.kind in PERSONAL
