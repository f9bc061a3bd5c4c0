"""What a stage of the policy looks at, and what it may say."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from alerts.episodes import Episode, What
from alerts.events import Answer, Notice
from alerts.language import voice
from alerts.policy.settings import Chain, PolicySettings
from models.phrases import say


@dataclass(frozen=True, slots=True)
class When:
    """Whose, at which log times (arrival and decision [us]), and under which policy. life: how often the patient was
    forgotten before."""

    patient: str
    care_team: str | None
    arrived_us: int
    decided_us: int
    life: int = 0
    policy: PolicySettings = field(default_factory=PolicySettings)

    @property
    def chain(self) -> Chain:
        """How the patient's team is asked."""
        return self.policy.chain_of(self.care_team)

    def say(self, text: str) -> str:
        """A text of ours in the language of the deployment; what a person wrote as it is."""
        return say(text, voice(self.policy.language))


@dataclass(frozen=True, slots=True)
class Case:
    """One step of one episode before it is taken. Nothing here is changed by a stage.

    others: all episodes of the patient; rank: the severity that the step gives; ended: the readings ended it, and it
    was worth telling that it began; quiet: why nobody has to hear of this step, decided by who asked for it.
    """

    episode: Episode
    others: Sequence[Episode]
    what: What
    rank: int
    when: When
    quiet: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the stages have said so far. held: nothing is told, and the episode stays pending; silent: why no message is
    sent; told_with: the alert whose message is about it as well; deferred_until_us: when its own will be sent; due_us:
    by when somebody has to answer; notify: what a message says."""

    rank: int
    incident: str | None = None
    held: str | None = None
    silent: str | None = None
    told_with: str | None = None
    deferred_until_us: int | None = None
    due_us: int | None = None
    notify: Notice | None = None
    answers: tuple[Answer, ...] = ()

    def says(self, stage: str, answer: str, reason: str, **effects: Any) -> "Decision":
        """The decision after a stage has had its say. `silent` of an earlier stage stands."""
        if self.silent is not None:
            effects.pop("silent", None)
        return replace(self, answers=(*self.answers, Answer(stage, answer, reason)), **effects)
