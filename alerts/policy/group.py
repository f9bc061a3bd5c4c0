"""Group: problems of one patient within some hours are one incident.

With a second organ system an advisory becomes urgent, and so do those of the incident that wait for an answer:
whichever came first, the same findings mean the same. Mere information says of no system that it is affected. A second
problem of the same system is not told by a message of its own while the first one still waits for somebody to look;
unanswered, it is escalated like any other. An emergency always is; and what is urgent is when the first one ends by
itself, for then nobody waits for anybody to look.
"""

from collections.abc import Sequence
from functools import cache

from alerts.episodes import Episode
from alerts.explain import SEVERITY_WORDS, named
from alerts.policy.case import Case, Decision
from models import evidence
from models.findings import SEVERITIES
from models.phrases import Text, joined, phrase
from models.times import US_PER_S

STAGE = "group"
ADVISORY, URGENT, EMERGENCY = (SEVERITIES.index(one) for one in ("advisory", "urgent", "emergency"))
SYSTEM_WORDS = {
    "circulation": phrase("circulation"), "respiration": phrase("respiration"), "temperature": phrase("temperature"),
    "metabolism": phrase("metabolism"), "fluids": phrase("fluids"), "consciousness": phrase("consciousness"),
    "activity": phrase("activity"),
}  # fmt: skip
"""The organ systems of incidents.yaml."""
JOINS = frozenset({"open", "raise", "worse"})
WAITS = frozenset({"open", "escalated"})


def group(case: Case, so_far: Decision) -> Decision:
    """Find the incident, raise the severity if two systems are affected, and join what waits already."""
    episode = case.episode
    mates = mates_of(episode, case.others)
    if case.what not in JOINS | {"rise"} or not mates:
        return so_far
    first = min(mates, key=lambda one: (one.onset_us, one.problem))
    incident = first.incident or first.alert_id
    affected = [one for one in mates if one.rank >= ADVISORY]
    rank = _risen(so_far.rank, [_own(one) for one in affected], _systems([episode, *affected]))
    if rank > so_far.rank or case.what == "rise":
        raised = phrase(
            "{systems} in one incident: now {severity}",
            systems=_listed(_systems([episode, *affected])), severity=SEVERITY_WORDS[SEVERITIES[rank]],
        )  # fmt: skip
        kept = {} if case.what == "rise" else {"incident": incident}
        return so_far.says(STAGE, "raised", raised, rank=rank, **kept)
    said = phrase("{systems} in one incident", systems=_listed(_systems([episode, *mates])))
    waits = next((one for one in mates if _speaks_for(one, episode, rank)), None)
    if case.what == "worse" or waits is None:
        return so_far.says(STAGE, "joined", said, incident=incident)
    silent = phrase("told with {title}, which waits for an answer", title=waits.title)
    return so_far.says(STAGE, "joined", silent, incident=incident, silent=silent, told_with=waits.alert_id)


def mates_of(episode: Episode, others: Sequence[Episode]) -> list[Episode]:
    """The other problems of its incident."""
    if episode.category != "clinical" or episode.retrospective:
        return []
    return [one for one in others if one is not episode and _mate(one, episode)]


def rise_with(episode: Episode, others: Sequence[Episode]) -> list[Episode]:
    """Those that become as severe as the incident by what has just joined it: advisories that nobody has taken up, and
    that have not just ended. What somebody has taken up stays so: the news is told by what joined."""
    if not episode.risen:
        return []
    mates = mates_of(episode, others)
    return [one for one in mates if one.state in WAITS and one.rank == ADVISORY and one.calm_until_us is None]


def left_untold(episodes: Sequence[Episode]) -> list[Episode]:
    """What is urgent and waits, and was told with another alert only, which is over."""
    present = {one.alert_id for one in episodes if not one.closed}
    alone = [one for one in episodes if one.told_with is not None and one.told_with not in present]
    return [one for one in alone if one.state in WAITS and one.rank >= URGENT and one.calm_until_us is None]


def _own(one: Episode) -> int:
    """The severity of its own finding. Else a third system would find urgent what only counting made so, and stay
    behind: less severe than beside either of the two."""
    return ADVISORY if one.risen else one.rank


def _systems(episodes: Sequence[Episode]) -> list[str]:
    return sorted({system_of(one.vital) for one in episodes})


def _listed(systems: Sequence[str]) -> Text:
    return joined((SYSTEM_WORDS.get(system) or named(system) for system in systems), phrase(" and "))


def _mate(one: Episode, episode: Episode) -> bool:
    """Whether two problems may be one incident: both present, both of the body, and begun near each other."""
    live = one.category == "clinical" and one.state in ("open", "escalated", "acknowledged", "snoozed")
    live = live or (one.held is not None and one.told_with is not None)  # it is told with another one
    live = live and not one.retrospective  # acknowledged, it is still about the past
    return live and abs(one.onset_us - episode.onset_us) <= merge_within_us()


def _speaks_for(one: Episode, episode: Episode, rank: int) -> bool:
    told = one.state in WAITS and bool(one.told) and one.calm_until_us is None
    return told and EMERGENCY > rank <= one.rank and system_of(one.vital) == system_of(episode.vital)


def _risen(rank: int, others: Sequence[int], systems: Sequence[str]) -> int:
    rise = evidence.load("incidents")["rise"]
    begins = SEVERITIES.index(rise["from"])
    if len(systems) < rise["systems"] or max(others, default=rank) != begins or rank != begins:
        return rank
    return SEVERITIES.index(rise["to"])


@cache
def merge_within_us() -> int:
    """How near each other the beginnings of one incident lie [us]. Source: incidents.yaml."""
    return int(evidence.load("incidents")["merge_within_h"]["value"] * 3600 * US_PER_S)


@cache
def system_of(vital: str) -> str:
    """The organ system of a vital; a vital that has none is a system of its own.

    >>> system_of("spo2"), system_of("glucose")
    ('respiration', 'metabolism')
    """
    systems = evidence.load("incidents")["organ_systems"]
    return next((name for name, vitals in systems.items() if vital in vitals), vital)
