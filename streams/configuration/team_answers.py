"""Answer times and rungs of single care teams, as an operator sets them: what is not said is as it is for all teams."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.policy.settings import MINUTE_US, RUNGS_MAX, Chain

TEAMS_MAX = 1000
"""Teams with times of their own: beyond what one deployment has of teams at all. More are refused when it starts."""
MINUTES_MAX = 10_080
"""A week, as for all teams: beyond, nobody is waited for any more."""
EXAMPLE = '{"cardiology-home": {"emergency_min": 3, "rungs": 2}}'
Minutes = Annotated[int, Field(strict=True, ge=1, le=MINUTES_MAX)]
TeamName = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]
"""What a profile may give as `care_team`."""


class TeamAnswers(BaseModel):
    """Of one team: minutes to answer on each rung, and how many are asked in turn."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    emergency_min: Minutes | None = None
    urgent_min: Minutes | None = None
    advisory_min: Minutes | None = None
    rungs: Annotated[int, Field(strict=True, ge=1, le=RUNGS_MAX)] | None = None

    def chain(self, general: Chain) -> Chain:
        """What holds for the team: its own, else the general one [us, by rank]."""
        own = (None, *(None if one is None else MINUTE_US * one for one in self._minutes))
        within = tuple(
            usual if mine is None else mine for mine, usual in zip(own, general.answer_within_us, strict=True)
        )
        return Chain(within, self.rungs or general.rungs)

    @property
    def _minutes(self) -> tuple[int | None, ...]:
        return (self.advisory_min, self.urgent_min, self.emergency_min)


def parsed(value: object) -> object:
    """The teams of a text of JSON (a variable), or what a file gave as it is. Raises ValueError with the place."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, object_pairs_hook=_once)
    except json.JSONDecodeError as wrong:
        raise ValueError(f"is not JSON: {wrong.msg}, at character {wrong.pos + 1}") from None
    except RecursionError:
        raise ValueError("is not JSON of teams and minutes: too many brackets") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. A name that is given twice would lose one of its two times silently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"gives {twice} twice")
    return found
