"""The episode ledger: what is raised, cleared and done, and time itself, become steps in the lives of a patient's
episodes. Each step goes through the table (`episodes.advance`) and the policy (`policy.decide`).

Pure: the caller owns the list of episodes, gives everything in log order, and publishes what comes back.
"""

from alerts import calm, unanswered
from alerts.episodes import (
    BEGAN_EARLIER,
    EVERYBODY,
    HAS_COME,
    REPEAT,
    UNARMED,
    Episode,
    NotAllowed,
    What,
    advance,
    begins_next,
    ease,
    ended_by_hand,
    find,
    next_due_us,
    repeats,
    seen,
    unseen,
)
from alerts.events import Action, AlertEvent
from alerts.explain import SEVERITY_WORDS
from alerts.outcome import ENDS, applied
from alerts.policy import (
    JOINS,
    Case,
    When,
    cause_of,
    decide,
    left_untold,
    protects,
    rise_with,
    same_change_us,
    told_as,
    told_with,
)
from alerts.policy.snooze import check
from alerts.raised import BETTER, RETURNED, Cleared, Raised, added, described, listed
from alerts.telling import event_of
from models.findings import SEVERITIES
from models.phrases import moment, phrase
from models.times import from_us

Told = list[AlertEvent]


def on_raised(episodes: list[Episode], raised: Raised, when: When) -> Told:
    """A new episode, a return, a turn for the worse, an earlier beginning; or nothing that is not known already."""
    episode = find(episodes, raised.problem, raised.retrospective, raised.onset_us)
    if episode is None:
        episode = added(episodes, raised, when)
        episode.furthest = calm.value_of(raised)
        _same_change(episodes, episode, raised)
        return _settled(episodes, when, _taken(episodes, episode, _opens(raised), when))
    alarming = protects(episode, raised.kind, raised.rank) or calm.is_further(episode, raised)
    seen(episode, raised.kind, raised.rank)
    returns, worse = episode.closed, raised.rank > episode.rank
    episode.risen = episode.risen and raised.rank < episode.rank
    if raised.retrospective and returns and not worse:
        return []
    earlier = raised.onset_us < episode.onset_us
    if earlier or (returns and not raised.retrospective):
        episode.onset_us = raised.onset_us
    if returns or worse or alarming:
        return _settled(episodes, when, _changed(episodes, episode, raised, when))
    calm.saw(episode, calm.value_of(raised))
    if episode.calm_until_us is not None:
        calm.relapsed(episode, raised, when)
    put_right = earlier and episode.state != "pending"
    told = _taken(episodes, episode, "earlier", when, reason=BEGAN_EARLIER) if put_right else []
    return _settled(episodes, when, told)


def on_again(episodes: list[Episode], raised: Raised, when: When) -> Told:
    """A limit that is open already is broken again: told once more after a day, and raised if it never was."""
    episode = find(episodes, raised.problem, raised.retrospective, raised.onset_us)
    if episode is None or episode.closed or raised.kind not in episode.sources:
        return on_raised(episodes, raised, when)
    if calm.is_further(episode, raised):
        return _settled(episodes, when, _changed(episodes, episode, raised, when))
    if not repeats(episode, raised.event_us):
        return []
    episode.event_us, episode.population = raised.event_us, raised.population
    episode.evidence = listed(raised)
    another = phrase("repeat: still beyond a limit: {title}", title=raised.title)
    still = REPEAT if when.say(raised.title) == episode.title else another
    return _taken(episodes, episode, "again", when, reason=still)


def on_lasting(episodes: list[Episode], raised: Raised, when: When) -> Told:
    """What a person has ended is seen as before, a day later: it is the same alert, and there again."""
    episode = ended_by_hand(episodes, raised.problem, when.decided_us)
    if episode is None:
        return []
    seen(episode, raised.kind, raised.rank)
    return _settled(episodes, when, _changed(episodes, episode, raised, when))


def on_earlier(episodes: list[Episode], problem: str, retrospective: bool, onset_us: int, when: When) -> Told:
    """A reading of the same run, measured before the one that was seen first: the onset is put right, nothing else."""
    episode = begins_next(episodes, problem, retrospective, onset_us)
    if episode is None:
        return []
    episode.onset_us = onset_us
    return [] if episode.state == "pending" else _taken(episodes, episode, "earlier", when, reason=BEGAN_EARLIER)


def on_cleared(episodes: list[Episode], cleared: Cleared, when: When) -> Told:
    """The last detector that saw the problem no longer does: after a while of calm the episode is resolved."""
    for episode in episodes:
        if episode.problem != cleared.problem or episode.retrospective or cleared.kind not in episode.sources:
            continue
        unseen(episode, cleared.kind)
        if episode.sources or episode.closed:
            episode.held = episode.held if episode.sources else None
            return []
        if episode.state == "pending":
            episodes.remove(episode)
            return []
        return _calmed(episodes, episode, cleared, when)
    return []


def on_action(episodes: list[Episode], action: Action, when: When) -> tuple[Episode, Told]:
    """What a member of the care team did. Raises NotAllowed, and then nothing has changed."""
    episode = next((e for e in episodes if e.alert_id == action.alert_id and e.state != "pending"), None)
    if episode is None:
        raise NotAllowed(f"patient {action.patient} has no alert {action.alert_id}")
    if action.type == "assign" and not action.to:
        raise NotAllowed("assign needs `to`")
    until_us = check(action, when.decided_us) if action.type == "snooze" else None
    told = _taken(episodes, episode, action.type, when, by=action.by, reason=_said(action), until_us=until_us)
    for one in unanswered.told_by(episode, episodes) if action.type == "acknowledge" else ():
        with_it = unanswered.WITH_IT
        told += _taken(episodes, one, "acknowledge", when, by=action.by, reason=with_it, quiet=with_it)
        ease(one)
    if action.type in ENDS:
        _seen_with(episodes, episode)
    ease(episode)
    return episode, _settled(episodes, when, told)


def _seen_with(episodes: list[Episode], ended: Episode) -> None:
    """Whoever ends an alert has looked at the patient: what was told with it is on their list, and waits its time."""
    for one in episodes:
        if one.told_with == ended.alert_id:
            one.told_with = None


def _said(action: Action) -> str | None:
    """The reason of an action in words; to whom, for an assignment."""
    if action.type != "assign":
        return action.reason
    if action.reason:
        return phrase("to {whom}: {reason}", whom=action.to, reason=action.reason)
    return phrase("to {whom}", whom=action.to)


def on_tick(episodes: list[Episode], when: When) -> Told:
    """What time alone brings: calm that has lasted, a snooze or a wait that is over, an answer that has not come."""
    told: Told = []
    for episode in list(episodes):
        while (due := next_due_us(episode)) is not None and due <= when.decided_us:
            told += _timed(episodes, episode, when, due)
    return _settled(episodes, when, told)


def _timed(episodes: list[Episode], episode: Episode, when: When, due_us: int) -> Told:
    """The one thing that is due for this episode, and since when."""
    now = when.decided_us
    if episode.held is not None:
        return _waited(episodes, episode, when)
    if episode.due_us == UNARMED:
        within = when.chain.answer_within_us[episode.rank]
        episode.due_us = None if within is None else now + within
        return []
    if episode.calm_until_us is not None:
        return _taken(episodes, episode, "clear", when, reason=episode.calm_reason)
    if episode.state == "snoozed":
        return _taken(episodes, episode, "wake", when, reason=phrase("the snooze is over"))
    if episode.deferred_until_us is not None and episode.deferred_until_us <= now:
        return _taken(episodes, episode, "tell", when, reason=phrase("its message has waited for its turn"))
    if not episode.is_alarm and episode.rung + 1 >= when.chain.rungs:
        episode.rung, episode.due_us = EVERYBODY, None
        return []
    late = phrase("not answered by {time}", time=moment(from_us(due_us)))
    return _taken(episodes, episode, "escalate", when, reason=late)


def on_handed_over(episodes: list[Episode], when: When) -> Told:
    """Another team answers for the patient: what waits, or was snoozed by the former team, is told to it."""
    told: Told = []
    for episode in list(episodes):
        former, episode.team = episode.team, when.care_team
        waits = episode.state in ("open", "escalated", "snoozed") and not episode.is_alarm
        if waits and former not in ("", when.care_team):
            now = phrase("{team} answers now", team=when.care_team or phrase("nobody"))
            told += _taken(episodes, episode, "hand_over", when, reason=now)
    return _settled(episodes, when, told)


def on_forgotten(episodes: list[Episode], due: list[Episode], when: When, reason: str) -> Told:
    """What these episodes are about is no longer ours to watch: those that are open expire."""
    told: Told = []
    for episode in due:
        if episode.state == "pending":
            episodes.remove(episode)
        elif not episode.closed:
            told += _taken(episodes, episode, "forget", when, reason=reason)
        else:
            episode.held = None
    return _settled(episodes, when, told)


def _opens(raised: Raised) -> What:
    return "recall" if raised.retrospective else "open"


def _changed(episodes: list[Episode], episode: Episode, raised: Raised, when: When) -> Told:
    """It returns, or is worse than it was."""
    returns, further = episode.closed, calm.further(episode, raised)
    described(episode, raised, when)
    episode.furthest = calm.value_of(raised)
    if returns:
        calm.returned(episode, when.decided_us)
        _same_change(episodes, episode, raised)
    if episode.state == "pending":
        return _taken(episodes, episode, "open", when, rank=max(episode.rank, raised.rank))
    what: What = "recall" if raised.retrospective else "raise" if returns else "worse"
    if returns:
        episode.rank, episode.rung, episode.told, episode.incident = 0, 0, [], None
    worse = further or phrase("now {severity}", severity=SEVERITY_WORDS[SEVERITIES[raised.rank]])
    reason = raised.returned if returns else worse
    return _taken(episodes, episode, what, when, rank=raised.rank, reason=reason)


def _calmed(episodes: list[Episode], episode: Episode, cleared: Cleared, when: When) -> Told:
    """It is over. A device that is back is back; readings that are well again may only be resting."""
    episode.event_us = episode.resolved_us = cleared.event_us
    episode.evidence = [cleared.evidence] if cleared.evidence else episode.evidence
    episode.said = when.say(cleared.said) if cleared.said else episode.said
    if episode.category == "technical" or cleared.reason not in BETTER or not when.policy.calm_us:
        return _settled(episodes, when, _taken(episodes, episode, "clear", when, reason=cleared.reason))
    calm.begin(episode, cleared, when)
    return []


def _settled(episodes: list[Episode], when: When, told: Told) -> Told:
    """What follows from the steps that were taken: what a cause held back, what was told with another alert that is
    over, and what nobody has answered."""
    told = [*told]
    for episode in [e for e in episodes if e.held is not None]:
        if cause_of(episode, episode.rank, episodes) is None:
            told += _released(episodes, episode, when)
        elif (known := told_with(episode, episodes)) is not None and known.closed:
            episode.deferred_until_us = episode.deferred_until_us or when.decided_us + same_change_us()
    for episode in left_untold(episodes):
        told += _taken(episodes, episode, "tell", when, reason=phrase("the alert that it was told with is over"))
    left = unanswered.unanswered(episodes)
    known = next((e for e in episodes if e.is_alarm and not e.closed), None)
    if known is not None and not left:
        quiet = unanswered.TAKEN if known.state == "acknowledged" else None
        known.resolved_us = when.decided_us
        return told + _taken(episodes, known, "clear", when, reason=unanswered.SETTLED, quiet=quiet)
    if news := unanswered.untold(left, known):
        told += _alarmed(episodes, left, news, when)
    return told


def _released(episodes: list[Episode], episode: Episode, when: When) -> Told:
    """What was held back is told."""
    returns = episode.closed
    return _taken(episodes, episode, "raise" if returns else "open", when, reason=RETURNED if returns else None)


def _waited(episodes: list[Episode], episode: Episode, when: When) -> Told:
    """The alert that told of the same change has been over for long, and this is not."""
    episode.deferred_until_us, known = None, told_with(episode, episodes)
    if known is not None and not known.closed:
        return []
    episode.told_with = None
    return _released(episodes, episode, when)


def _alarmed(episodes: list[Episode], left: list[Episode], news: list[Episode], when: When) -> Told:
    alarm = unanswered.alarm_of(episodes, when)
    what: What = "open" if alarm.state == "pending" else "raise" if alarm.closed else "worse"
    more = phrase("nobody has answered: {titles}", titles="; ".join(e.title for e in news))
    reason = {"open": None, "raise": RETURNED, "worse": more}[what]
    rank = max(e.rank for e in left)
    alarm.onset_us = when.decided_us if alarm.closed else alarm.onset_us
    if alarm.closed or rank > alarm.rank:
        alarm.told = []
    unanswered.describe(alarm, left, when)
    return _taken(episodes, alarm, what, when, rank=rank, reason=reason)


def _taken(
    episodes: list[Episode], episode: Episode, what: What, when: When, *, rank: int | None = None,
    by: str | None = None, reason: str | None = None, until_us: int | None = None, quiet: str | None = None,
) -> Told:  # fmt: skip
    """One step: what the policy says of it, the move along the table, and the event. Raises NotAllowed."""
    instead = phrase("{reason}: the alert about it is told instead", reason=HAS_COME)
    quiet = instead if reason == HAS_COME else quiet
    case = Case(episode, episodes, what, episode.rank if rank is None else rank, when, quiet)
    decision = decide(case)
    if decision.held is not None:
        episode.held, episode.rank = when.say(decision.held), case.rank
        return _joined(episodes, episode, when)
    waited = episode.waits and what != "hand_over"
    event = advance(episode, what)
    applied(episode, case, decision)
    if episode.waits and not waited:
        episode.asked_since = episode.sequence
    if what == "snooze":
        episode.snoozed_until_us, episode.snoozed_by = until_us, by
    told = [event_of(episode, event, when, decision, by, reason)]
    if not episode.waits:
        episode.asked_since = 0
    for mate in rise_with(episode, episodes) if what in JOINS else []:
        told += _rises(episodes, mate, episode, when)
    return told


def _same_change(episodes: list[Episode], episode: Episode, raised: Raised) -> None:
    """The alert, if there is one, that tells of the same change already."""
    known = told_as(episodes, raised.same_as, raised.event_us)
    episode.told_with = None if known is None else known.alert_id


def _joined(episodes: list[Episode], episode: Episode, when: When) -> Told:
    """What is held back because an alert tells of the same change is on that alert's record; no message is about it."""
    known = next((one for one in episodes if one.alert_id == episode.told_with), None)
    if known is None or known.closed:
        return []
    episode.incident = known.incident or known.alert_id
    seen = phrase("the same change in another way: {title}", title=episode.title)
    quiet = phrase("it is the change that is told already")
    return _taken(episodes, known, "join", when, reason=seen, quiet=quiet)


def _rises(episodes: list[Episode], mate: Episode, joined: Episode, when: When) -> Told:
    """What waits already becomes as severe as its incident. Its message is the one about what joined; if its own still
    waits for its turn, it waits no longer."""
    severity = SEVERITY_WORDS[SEVERITIES[joined.rank]]
    told = phrase("told with {title}, which waits for an answer", title=joined.title)
    quiet = told if mate.deferred_until_us is None else None
    reason = phrase("now {severity}", severity=severity)
    said = _taken(episodes, mate, "rise", when, rank=joined.rank, reason=reason, quiet=quiet)
    mate.told_with = joined.alert_id if quiet is not None else None
    return said
