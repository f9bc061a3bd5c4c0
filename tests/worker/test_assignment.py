"""Partitions come with their state or not at all: the group's leader may not know the changelog yet."""

import asyncio
from pathlib import Path
from typing import Any, cast

from faust.assignor.client_assignment import ClientAssignment
from faust.types import TP

from streams.configuration.settings import Settings
from streams.kafka.outage import StateNotAssigned, passing
from streams.kafka.topics import changelog_topic
from streams.worker.session import Session


def shared_out(session: Session, readings: set[int], pages: set[int]) -> None:
    """The group gives us these partitions of both topics, as Faust hands it on."""
    actives = {session.settings.topic("readings"): readings, changelog_topic(session.settings): pages}
    cast(Any, session.app.assignor)._assignment = ClientAssignment(
        actives={topic: sorted(numbers) for topic, numbers in actives.items()}, standbys={}
    )
    given = {TP(topic, number) for topic, numbers in actives.items() for number in numbers}
    asyncio.run(session._assigned(session.app, given))


def test_readings_without_the_changelog_of_their_state_are_not_taken(tmp_path: Path) -> None:
    session = Session(Settings(), tmp_path)
    shared_out(session, {0, 1}, {1})
    assert isinstance(session.failure, StateNotAssigned)
    assert "[0]" in str(session.failure)
    assert passing(session.failure), "a fresh start, with a fresh look at the topics, mends it"
    assert session.keeper.partitions == frozenset(), "nothing is decided before that"


def test_readings_with_the_changelog_of_their_state_are_ours(tmp_path: Path) -> None:
    session = Session(Settings(), tmp_path)
    shared_out(session, {0, 1}, {0, 1})
    assert session.failure is None
    assert session.keeper.partitions == frozenset({0, 1})
