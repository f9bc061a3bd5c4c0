"""Files of care teams, whose people are reached by webhooks."""

import json
from collections.abc import Iterable, Mapping, Sequence


def written(webhooks: Mapping[str, str], people: Mapping[str, Sequence[str]], *sections: str) -> str:
    """A file of care teams. webhooks: the address of each channel; people: by which channels each is reached; sections:
    the teams, and what else there is to say."""
    return "".join([*map(_channel, webhooks.items()), *map(_member, people.items()), *sections])


def team(name: str, members: Sequence[str], chain: Iterable[str] | None = None) -> str:
    """A team, whose members are asked one by one, if no other chain is given."""
    rungs = json.dumps(list(members if chain is None else chain))
    return f"[teams.{name}]\nmembers = {json.dumps(list(members))}\nchain = {rungs}\n"


def _channel(one: tuple[str, str]) -> str:
    name, url = one
    return f'[channels.{name}]\nkind = "webhook"\nurl = "{url}"\nsafe = true\n'


def _member(one: tuple[str, Sequence[str]]) -> str:
    name, reach = one
    return f'[members.{name}]\nname = "{name.title()}"\nreach = {json.dumps(list(reach))}\n'
