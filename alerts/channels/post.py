"""Which channels an event goes to: everybody's, the hospital's record, those of the people who are asked now, and of
whoever it was given to. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.assigning import assigned_to
from alerts.channels.protocol import Channel
from alerts.episodes import UNANSWERED
from alerts.events import AlertEvent
from alerts.policy.settings import RUNGS_MAX
from alerts.teams import Asked, Directory, Person, ask, given
from alerts.teams.asked import WAITS
from alerts.teams.cover import of_team


@dataclass(frozen=True)
class Letter:
    """One event for one channel. rest: channels to try when this one fails; not_before: quiet hours are over then,
    which may be past: what came in them is still told as what waited for their end; again: of a dead letter that is
    sent again, for the how manieth time; also: the letters of others who are reached by the same channel, and have ways
    of their own when it fails; given: to whom the alert was assigned, who may be the only one to know."""

    channel: str
    person: Person | None = None
    why: str | None = None
    rest: tuple[str, ...] = ()
    not_before: datetime | None = None
    again: int = 0
    also: tuple["Letter", ...] = ()
    given: bool = False

    @property
    def each(self) -> "tuple[Letter, ...]":
        """Of everybody whom it reaches, their own."""
        return (replace(self, also=()), *self.also)

    @property
    def members(self) -> list[str]:
        """Whom it reaches, by name, each once."""
        return list(dict.fromkeys(one.person.member for one in self.each if one.person is not None))

    @property
    def next(self) -> "list[Letter]":
        """The same to the same people, another way: each by their own."""
        return shared(replace(one, channel=one.rest[0], rest=one.rest[1:]) for one in self.each if one.rest)


def shared(letters: Iterable[Letter]) -> list[Letter]:
    """At most one letter for each channel, in their order: the first, with those of the others who share it."""
    found: dict[str, dict[Letter, None]] = {}
    for letter in letters:
        found.setdefault(letter.channel, {}).update(dict.fromkeys(letter.each))
    return [replace(first, also=tuple(others)) for first, *others in found.values()]


Reached = Callable[[str, int], Iterable[str]]
"""Whom a channel of people has told of a step (or is just telling): by the channel's name and the step's sequence."""


def _nobody(channel: str, step: int) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Post:
    """broadcast: told whatever a message is about; records: told every event; people: by name, for those asked."""

    broadcast: Sequence[Channel]
    records: Sequence[Channel] = ()
    people: Mapping[str, Channel] | None = None
    directory: Directory | None = None

    @property
    def channels(self) -> list[Channel]:
        return [*self.broadcast, *self.records, *(self.people or {}).values()]

    def letters(self, event: AlertEvent, silent: bool, now: datetime, reached: Reached = _nobody) -> list[Letter]:
        """What has to be sent about an event, one letter for each channel."""
        found = [Letter(channel.name) for channel in self.records]
        if not silent:
            found += [Letter(channel.name) for channel in self.broadcast]
            found += self._to_people(event, now)
        found += self._to_whom_it_was_given(event, now)
        found += self._to_whoever_was_asked(event, reached, {one.person.member for one in found if one.person})
        return shared(found)

    def quiet_until(self, event: AlertEvent, now: datetime) -> datetime | None:
        """When the quiet hours of those who would be asked are over, or were; None where it does not wait for that."""
        asked = self._asked(self.directory, event, now) if self.directory is not None else []
        return max((one.not_before for one in asked if one.not_before is not None), default=None)

    def _to_people(self, event: AlertEvent, now: datetime) -> list[Letter]:
        """Nobody is told that they themselves have ended it."""
        if self.directory is None:
            return []
        found = [letter for asked in self._asked(self.directory, event, now) for letter in _letters(asked)]
        return [one for one in found if one.person is None or one.person.member != event.by]

    def _to_whom_it_was_given(self, event: AlertEvent, now: datetime) -> list[Letter]:
        """Somebody else has assigned it to them: they alone hear of that, the team sees it on the desk. What is about
        the past wakes nobody, and nobody hears of patients of other teams."""
        if self.directory is None or event.event != "assigned" or event.retrospective:
            return []
        to = assigned_to(event)
        if to is None or to == event.by or to not in of_team(self.directory, event.care_team):
            return []
        decided = datetime.fromisoformat(event.decided_at)
        return _letters(given(self.directory, event.care_team, to, event.severity, now, decided), given=True)

    def _to_whoever_was_asked(self, event: AlertEvent, reached: Reached, known: set[str]) -> list[Letter]:
        """Who was asked about something urgent since it began to wait, and did not take it, hears who has it, or that
        it is over: once, by the channel that had reached them, also when they are no longer on call."""
        if self.directory is None or event.severity in WAITS or event.notify not in ("taken", "resolved"):
            return []
        steps = range(event.asked_since, event.sequence) if event.asked_since else ()
        ways = {member: channel for step in steps for channel in self.people or () for member in reached(channel, step)}
        why = f"was asked, and {event.by} has it" if event.notify == "taken" else "was asked, and it is over"
        return [
            Letter(channel, Person(member, (channel,)), why)
            for member, channel in sorted(ways.items())
            if member not in known and member != event.by
        ]

    def _asked(self, directory: Directory, event: AlertEvent, now: datetime) -> list[Asked]:
        """Who was asked about it hears of its end as well. The alarm that nobody has answered asks everybody, also
        where the chain in the file is longer than the rungs that the ledger counts."""
        rungs = range(event.rung + 1) if event.notify == "resolved" else [event.rung]
        if event.problem == UNANSWERED:
            rungs = [RUNGS_MAX]
        decided = datetime.fromisoformat(event.decided_at)
        return [ask(directory, event.care_team, rung, event.severity, now, decided) for rung in rungs]


def _letters(asked: Asked, *, given: bool = False) -> list[Letter]:
    """One to each of them, by the first of their channels."""
    return [
        Letter(person.reach[0], person, asked.why, person.reach[1:], asked.not_before, given=given)
        for person in asked.people
    ]
