"""What a deployment may choose about its alerts. Part of the engine's settings, so that a replay decides the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from alerts.language import ENGLISH, voice
from models.findings import SEVERITIES
from models.times import US_PER_S

MINUTE_US = 60 * US_PER_S
RUNGS_MAX = 9
LEAST_PER_MONTH, MOST_PER_MONTH = 0.02, 4.0
"""Advisories a patient-month from noise: one in four years, and one a week. Beyond, nobody has measured how rare what a
patient's limit lets pass is."""


OPS = "ops"
"""The team that is asked where none is named (patients without one, sources), and at the end of any chain."""


@dataclass(frozen=True, slots=True)
class Chain:
    """How a team is asked. answer_within_us: by rank (info first), how long each rung has to answer, None for ever;
    rungs: how many are asked, one after the other, before nobody's answer is an alarm of its own."""

    answer_within_us: tuple[int | None, ...]
    rungs: int

    def __post_init__(self) -> None:
        within = self.answer_within_us
        if len(within) != len(SEVERITIES) or any(us is not None and us <= 0 for us in within):
            raise ValueError("each severity needs a time to answer above zero, or none")
        if not 1 <= self.rungs <= RUNGS_MAX:
            raise ValueError("rungs lie between 1 and 9")


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """answer_within_us, rungs: as of Chain, for every team that `teams` does not name; CONTRACT 2 gives 1440, 60 and 5
    minutes. calm_us: how long a problem has to stay away before its alert is resolved. advisories_per_day: messages
    about advisories that one patient may cause within 24 h; the next one waits. language: in which alerts are told, of
    `alerts.language.languages()`. advisories_per_month: how often a patient of whom nothing is wrong may cause one
    (`models.budget`). teams: those that are asked otherwise, by name."""

    answer_within_us: tuple[int | None, ...] = (None, 1440 * MINUTE_US, 60 * MINUTE_US, 5 * MINUTE_US)
    rungs: int = 3
    calm_us: int = 15 * MINUTE_US
    advisories_per_day: int = 4
    language: str = ENGLISH
    advisories_per_month: float = 0.25
    teams: Mapping[str, Chain] = field(default_factory=dict)
    general: Chain = field(init=False, repr=False, compare=False)
    """How a team is asked that is not named."""

    @property
    def unescalated(self) -> "PolicySettings":
        """The same, where nobody has to answer."""
        return replace(self, answer_within_us=(None,) * len(SEVERITIES), teams={})

    def chain_of(self, team: str | None) -> Chain:
        """How this team is asked. None: nobody's patients, and sources, which are ops'."""
        return self.teams.get(team or OPS) or self.general

    def __post_init__(self) -> None:
        object.__setattr__(self, "general", Chain(self.answer_within_us, self.rungs))  # raises for what cannot be
        if self.calm_us < 0 or self.advisories_per_day < 1:
            raise ValueError("calm is not negative, and one advisory a day must be possible")
        if not LEAST_PER_MONTH <= self.advisories_per_month <= MOST_PER_MONTH:
            raise ValueError("advisories_per_month lies between 0.02 and 4")
        voice(self.language)  # read now, so that a catalogue that cannot be read stops the start and not an alert
