"""From signals to people: findings for the record, episodes for the care team.

Few things come this far, so this part may be plain Python, one signal at a time, in log order.
"""

import hashlib

import numpy as np

from alerts import calm, ledger
from alerts.episodes import HAS_COME, Episode, NotAllowed, eased, ended_by_hand, may_repeat
from alerts.events import Action, AlertEvent
from alerts.explain import title
from alerts.language import voice
from alerts.outcome import ENDS
from alerts.policy import When
from alerts.raised import OUTSIDE, UNSURE, WELL, Cleared, Raised
from models.detectors import change_index, crossings, deviation, floors, forecast
from models.findings import SEVERITIES, Finding, Kind, Rule
from models.phrases import phrase, say
from models.pool import NOWHERE
from models.readings import Reason, Refused
from models.rules import together as asked
from models.times import rfc3339
from models.vitals import BY_NAME, VITALS
from streams.engine import evidence
from streams.engine.agenda import Agenda
from streams.engine.clock import NEVER, Clocks
from streams.engine.courses import day_of
from streams.engine.notices import finding_about, told_about
from streams.engine.outside import Moves
from streams.engine.pieces import Pieces
from streams.engine.scales import shown
from streams.engine.signals import Notice, Recurrence, Signal
from streams.engine.silences import faults_gone, silence_ended, unwatched
from streams.engine.state import PartitionState
from streams.engine.zones import local_date

ACTIONS_REMEMBERED = 64
"""Action ids of a patient that are known as done: sequencing may repeat an action, and a person may press twice. A
repeat from further back meets the table of states, where acknowledging twice is not allowed."""
NOT_JUDGED = phrase("by the profile, this vital is no longer held against the patient's own band")
"""Why an alert ends of which no reading will say that it is over."""
OWN_BAND: tuple[Kind, ...] = ("deviation", "drift")
"""Kinds of what is held against the patient's own band."""
OF_SEVERAL = phrase("It was about several vitals together, and consent to one of them was withdrawn.")
"""Instead of the words of an alert that named it."""


def to_people(
    state: PartitionState, signals: "list[Signal | Recurrence | Notice]", moves: Moves, clocks: Clocks,
    alerts: list[AlertEvent], findings: list[Finding],
) -> Pieces[None]:  # fmt: skip
    """Signals, and what time alone brings, in log order, into findings and the ledger. moves: of the stretch."""
    agenda = Agenda(state, clocks)
    for signal in signals:
        for clock, slot in agenda.until(signal.position, _decided_us(signal)):
            alerts += _woken(state, slot, clock)
            yield
        _tell(state, signal, moves, alerts, findings)
        agenda.note(signal.slot, signal.position)
        yield
    for clock, slot in agenda.until(NEVER):
        alerts += _woken(state, slot, clock)
        yield


def _decided_us(signal: "Signal | Recurrence | Notice") -> int:
    return NEVER if isinstance(signal, Recurrence) else signal.decided_us


def _woken(state: PartitionState, slot: int, clock: int) -> list[AlertEvent]:
    state.touch([slot])
    return ledger.on_tick(state.person(slot).episodes, _when(state, slot, clock, clock))


def _tell(
    state: PartitionState, signal: "Signal | Recurrence | Notice", moves: Moves, alerts: list[AlertEvent],
    findings: list[Finding],
) -> None:  # fmt: skip
    """One signal: a finding for the record, if it is a new one, and a step of its episode, if there is one to tell."""
    if not _is_news(state.person(signal.slot).episodes, signal):
        return
    signal = signal.whole() if isinstance(signal, Recurrence) else signal
    if isinstance(signal, Signal) and signal.eased:
        eased(state.person(signal.slot).episodes, _problem(signal), signal.kind, signal.rank)
        return
    usual = isinstance(signal, Signal) and signal.usual
    if signal.raised and not signal.earlier and not (usual and isinstance(signal, Signal) and signal.again):
        findings.append(_finding(state, signal))
    alerts += _come(state, signal)
    if not usual:
        alerts += _ledger(state, signal, moves)


def _is_news(episodes: list[Episode], signal: "Signal | Recurrence | Notice") -> bool:
    """Whether anybody need know of what goes on as before."""
    if isinstance(signal, Recurrence):
        problem = problem_of(signal.vital, signal.high)
        further = calm.news(episodes, problem, signal.value, signal.rank)
        return further or (signal.kind == "limit" and may_repeat(episodes, problem, signal.event_us))
    if isinstance(signal, Notice) and signal.lasts:
        return ended_by_hand(episodes, signal.problem, signal.decided_us) is not None
    return True


def _come(state: PartitionState, signal: "Signal | Notice") -> list[AlertEvent]:
    """The forecast ends when what it foretold is raised: it is one problem, and has one alert."""
    if not isinstance(signal, Signal) or not signal.raised or signal.retrospective:
        return []
    if _problem(signal) != forecast.FORETELLS:
        return []
    when = _when(state, signal.slot, signal.arrived_us, signal.decided_us)
    cleared = Cleared(forecast.PROBLEM, "condition", signal.event_us, None, HAS_COME)
    return ledger.on_cleared(state.person(signal.slot).episodes, cleared, when)


def _ledger(state: PartitionState, signal: "Signal | Notice", moves: Moves) -> list[AlertEvent]:
    person = state.person(signal.slot)
    if isinstance(signal, Notice):
        when = _when(state, signal.slot, signal.decided_us, signal.decided_us)
        return told_about(person.episodes, signal, when)
    when = _when(state, signal.slot, signal.arrived_us, signal.decided_us)
    problem = _problem(signal)
    if signal.earlier:
        return ledger.on_earlier(person.episodes, problem, signal.retrospective, signal.onset_us, when)
    if not signal.raised:
        seen = evidence.of_signal(state, signal)
        cleared = Cleared(problem, signal.kind, signal.event_us, seen, signal.reason or _better(signal), signal.said)
        return ledger.on_cleared(person.episodes, cleared, when)
    told = ledger.on_again if signal.again else ledger.on_raised
    return told(person.episodes, _raised(state, signal, problem, moves), when)


def _better(signal: Signal) -> str:
    """Why an alert is over by its readings. What the own band sees ends inside it; the end of a limit, or of a rule,
    may be far from what is normal for the patient, or nobody knows yet what is."""
    if signal.kind not in ("limit", "condition") or VITALS[signal.vital].categorical:
        return WELL
    if signal.band is None or not signal.band.known:
        return UNSURE
    return WELL if signal.band.low <= signal.value <= signal.band.high else OUTSIDE


def problem_of(vital: int, high: bool) -> str:
    """Vital and direction: what findings of one episode share."""
    return f"{VITALS[vital].name}.{'high' if high else 'low'}"


def _problem(signal: Signal) -> str:
    return signal.problem or problem_of(signal.vital, signal.high)


def _raised(state: PartitionState, signal: Signal, problem: str, moves: Moves) -> Raised:
    vital = VITALS[signal.vital]
    named = signal.title or title(vital.name, "high" if signal.high else "low", signal.kind, signal.limit)
    return Raised(
        problem=problem, vital=vital.name, title=named, kind=signal.kind, rank=signal.rank, rule=_rule(signal),
        onset_us=signal.onset_us, event_us=signal.event_us, retrospective=signal.retrospective,
        evidence=evidence.of_signal(state, signal), population=evidence.breaks_a_limit(signal), said=signal.said,
        others=evidence.of_others(state, moves, signal), same_as=_same_as(signal),
    )  # fmt: skip


def _same_as(signal: Signal) -> list[str]:
    """Problems that would be the same change as this one: several vitals together, and each of those that get worse."""
    worse = change_index.settings().worse
    if signal.kind == "change_index":
        return [problem_of(v, bool(worse[v] > 0)) for v in signal.vitals]
    gets_worse = worse[signal.vital] == (1 if signal.high else -1)
    return [change_index.PROBLEM] if gets_worse and signal.kind in ("deviation", "drift") else []


def _rule(signal: Signal) -> Rule:
    if signal.rule is None:
        raise ValueError(f"a raised signal has no rule: {signal}")
    return signal.rule


def _finding(state: PartitionState, signal: "Signal | Notice") -> Finding:
    if isinstance(signal, Notice):
        return finding_about(signal, state.person(signal.slot).name)
    vital, band, problem = VITALS[signal.vital], signal.band, _problem(signal)
    name, rule = state.person(signal.slot).name, _rule(signal)
    parts = [name, problem, rule.id, str(signal.onset_us), str(signal.event_us), str(signal.retrospective)]
    return Finding(
        patient=name, finding_id="f-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16], problem=problem,
        kind=signal.kind, severity="info" if signal.usual else SEVERITIES[signal.rank],
        vitals=[VITALS[v].name for v in signal.vitals] or [vital.name],
        direction="high" if signal.high else "low", event_at=rfc3339(signal.event_us),
        arrived_at=rfc3339(signal.arrived_us), value=shown(signal.value), unit=vital.unit,
        expected=shown(band.expected) if band else None, low=shown(band.low) if band else None,
        high=shown(band.high) if band else None, score=round(band.score, 2) if band else None, rule=rule,
        retrospective=signal.retrospective, reason=_spoken(state, signal.reason),
    )  # fmt: skip


def _spoken(state: PartitionState, reason: str | None) -> str | None:
    return None if reason is None else say(reason, voice(state.policy.language))


def _when(state: PartitionState, slot: int, arrived_us: int, decided_us: int) -> When:
    person = state.person(slot)
    return When(person.name, _care_team(state, slot), arrived_us, decided_us, person.life, state.policy)


def _care_team(state: PartitionState, slot: int) -> str | None:
    profile = state.profile(slot)
    return profile.care_team if profile else None


def acted(state: PartitionState, slot: int, action: Action, arrived_us: int) -> list[AlertEvent] | None:
    """Apply an action once. None if it was done before; Refused (bad_action), and nothing changed, if not allowed."""
    person = state.person(slot)
    if action.action_id in person.actions:
        return None
    when = _when(state, slot, arrived_us, arrived_us)
    try:
        episode, events = ledger.on_action(person.episodes, action, when)
    except NotAllowed as error:
        raise Refused(Reason.BAD_ACTION, str(error)) from error
    person.actions = [*person.actions, action.action_id][-ACTIONS_REMEMBERED:]
    if action.type in ENDS and episode.category == "clinical":
        _rearm(state, slot, episode, learn_anew=action.type == "new_normal", at_us=arrived_us)
    elif action.type in ENDS:
        silence_ended(state, slot, episode.problem, arrived_us)
    state.note_wake(slot)
    return events


def _rearm(state: PartitionState, slot: int, episode: Episode, *, learn_anew: bool, at_us: int) -> None:
    """Resolved by a person: detectors begin anew, so that what goes on is raised again rather than taken for known.

    Only on the episode's side: the other one may have an episode of its own, which still waits to be cleared. And what
    was said of the past leaves alone what is live.
    """
    state.rules.ended(slot, episode.problem)
    row, high = int(state.row_of[slot, BY_NAME[episode.vital].index]), episode.problem.endswith(".high")
    if row < 0:
        return
    if episode.problem == forecast.PROBLEM:
        state.forecasts.rearm(row)
        return
    if episode.problem == change_index.PROBLEM:
        _rearm_together(state, slot, learn_anew=learn_anew, at_us=at_us)
        return
    past = episode.retrospective
    _rearm_floors(state, row, high, crossings.PAST if past else slice(None))
    one = state.late.watch.get(row, _CALM) if past else state.rows["deviation"][row : row + 1]
    if one["open"][0] == 0 or (one["open_sign"][0] > 0) == high:
        deviation.rearm(one)
    if not past:
        state.weeks.rearm(row, high, anew=learn_anew)
    if learn_anew:
        state.set_prior(row, at_us)


_CALM = np.zeros(1, deviation.STATE)


def _rearm_together(state: PartitionState, slot: int, *, learn_anew: bool, at_us: int) -> None:
    """Of several vitals together. What those that bring it are now is their normal, if that was said; a problem of one
    of them has an episode of its own, which still waits to be cleared."""
    vital = np.flatnonzero(state.row_of[slot] >= 0)
    rows = state.row_of[slot, vital].astype(np.int64)
    if learn_anew:
        bring = state.weeks.getting_worse(rows, vital)
        state.weeks.relearn(bring)
        for row in bring.tolist():
            state.set_prior(row, at_us)
    state.weeks.rearm_together(slot, rows)


def _rearm_floors(state: PartitionState, row: int, high: bool, lanes: slice) -> None:
    """Forget the runs and the open problems of one side."""
    place = state.rows["floor"][row : row + 1]
    if place[0] == NOWHERE:
        return
    one = state.floors.table[place]
    side = floors.SIDES["high" if high else "low"]
    for name in ("run_n", "since", "open"):
        one[name][:, lanes, side] = 0
    for name in ("ok_n", "ok_since"):
        one[name][:, lanes, crossings.HIGH if high else crossings.LOW] = 0
    if lanes != crossings.PAST:
        one["eased_n"][:, crossings.HIGH if high else crossings.LOW] = 0
        one["of_device"]["n"][:, :, side] = 0
    one["busy"] = crossings.is_busy(one)
    state.floors.table[place] = one
    if not one["busy"][0]:
        state.floors.give(place)
        place[:] = NOWHERE


def forgotten(state: PartitionState, slot: int, arrived_us: int) -> list[AlertEvent]:
    """The patient's open episodes end."""
    person, when = state.person(slot), _when(state, slot, arrived_us, arrived_us)
    return ledger.on_forgotten(person.episodes, list(person.episodes), when, phrase("the profile was withdrawn"))


def withdrawn(state: PartitionState, slot: int, arrived_us: int) -> list[AlertEvent]:
    """Vitals without consent and devices given back: what is known of them is dropped, and their open episodes end. So
    does what several vitals said together, one of which is lost: the others say it again if it stands without that."""
    vitals = state.withheld_vitals(slot)
    lost = {vital for vital in vitals if state.row_of[slot, vital] >= 0}
    state.drop_rows(slot, vitals)
    person, names = state.person(slot), {VITALS[v].name for v in vitals}
    when = _when(state, slot, arrived_us, arrived_us)
    together = [e for e in person.episodes if lost and (e.problem == change_index.PROBLEM or lost & asked(e.rule.id))]
    for episode in person.episodes if names else ():
        episode.evidence = evidence.without(episode.evidence, names, all_of_it=episode in together)
    for episode in together:
        episode.said = when.say(OF_SEVERAL)
    due = [e for e in person.episodes if e.vital in names or e in together]
    events = ledger.on_forgotten(person.episodes, due, when, phrase("consent was withdrawn"))
    due = unwatched(state, slot, arrived_us) + faults_gone(state, slot, bool(lost))
    events += ledger.on_forgotten(person.episodes, due, when, phrase("the device is no longer watched"))
    state.note_wake(slot)
    return events


def unjudged(state: PartitionState, slot: int, arrived_us: int) -> list[AlertEvent]:
    """What a condition makes meaningless is held against the own band no more: what that has told is over, for no
    window would ever say so. Limits stay."""
    person, when, events = state.person(slot), _when(state, slot, arrived_us, arrived_us), list[AlertEvent]()
    for v in state.unjudged.of(state, slot, day_of(local_date(state, slot, arrived_us))):
        row = int(state.row_of[slot, v])
        for high in (True, False) if row >= 0 else ():
            deviation.rearm(state.rows["deviation"][row : row + 1])
            state.weeks.rearm(row, high, anew=False)
            for kind in OWN_BAND:
                over = Cleared(problem_of(v, high), kind, arrived_us, None, NOT_JUDGED)
                events += ledger.on_cleared(person.episodes, over, when)
    state.note_wake(slot)
    return events


def handed_over(state: PartitionState, slot: int, arrived_us: int) -> list[AlertEvent]:
    """The profile may name another team: it is told what waits."""
    events = ledger.on_handed_over(state.person(slot).episodes, _when(state, slot, arrived_us, arrived_us))
    state.note_wake(slot)
    return events
