"""Which other problems of the same patient are one incident with an alert (`alerts.policy.group` says what that is),
and how the page says so. Blocking where the database is asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select

from alerts.desk.database import in_chunks
from alerts.desk.members import Scope
from alerts.desk.rows import standing_of_row
from alerts.desk.schema import STANDINGS
from alerts.desk.store import Store
from alerts.desk.wanted import within
from alerts.desk.worklist import Standing, incident_of, urgency
from alerts.language import ENGLISH, voice
from models.phrases import Text, counted, figure, joined, phrase, say

NAMED_MAX = 4
"""Other problems that the words on a row name: more are not read there. The words say how many more there are, and the
patient's page lists them all."""
STATE_WORDS = {
    "acknowledged": phrase("acknowledged"), "snoozed": phrase("snoozed"), "resolved": phrase("resolved"),
}  # fmt: skip


def others_of(store: Store, found: Sequence[Standing], scope: Scope) -> dict[str, list[Standing]]:
    """The other problems of the incident of each of these alerts, by its id; first those that wait for an
    answer, the most urgent before the others. Alerts that stand alone are left out."""
    incidents: dict[str, list[Standing]] = defaultdict(list)
    with store.reading() as connection:
        for one in _several(connection, {incident_of(one.latest) for one in found}, scope):
            incidents[incident_of(one.latest)].append(one)
    others = {}
    for one in found:
        mates = incidents[incident_of(one.latest)]
        mine = [mate for mate in mates if _beside(mate, one)]
        if mine:
            others[one.latest.alert_id] = sorted(mine, key=lambda mate: (mate.waiting_since_s is None, urgency(mate)))
    return others


def in_words(others: Sequence[Standing], language: str = ENGLISH) -> str:
    """That an alert is one of several problems, and which the others are. others: one or more."""
    named = [_named(one) for one in others[:NAMED_MAX]]
    if len(others) > NAMED_MAX:
        named.append(phrase("{n} more", n=figure(len(others) - NAMED_MAX)))
    said = counted(
        "One of {n} problem in this incident. Also: {others}", "One of {n} problems in this incident. Also: {others}",
        n=len(others) + 1, others=joined(named, "; "),
    )  # fmt: skip
    return say(said, voice(language))


def _named(one: Standing) -> Text:
    state = STATE_WORDS.get(one.latest.state)
    title = joined([one.latest.title])
    return title if state is None else phrase("{title} ({state})", title=title, state=state)


def _beside(mate: Standing, one: Standing) -> bool:
    return mate.latest.alert_id != one.latest.alert_id and mate.latest.patient == one.latest.patient


def _several(connection: Connection, incidents: set[str], scope: Scope) -> Iterable[Standing]:
    """The alerts of those of these incidents that have more than one. Which those are is asked first: most have one,
    and their alerts need not be read."""
    column = STANDINGS.c.incident
    for chunk in in_chunks(sorted(incidents)):
        asked = column.in_(chunk)
        many = select(column).where(asked).group_by(column).having(func.count() > 1)
        several = list(connection.execute(many).scalars())
        if several:
            query = select(STANDINGS).where(column.in_(several), *within(scope, STANDINGS.c.team))
            for row in connection.execute(query).mappings():
                yield standing_of_row(row)
