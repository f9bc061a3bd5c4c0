"""`homebeat check`: what is wrong with this deployment, and how to mend it.

Looks, and changes nothing. A warning is what runs but should not stay so; bad is what does not run.
"""

import asyncio
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models import evidence
from models.checked import checked
from models.expectation import modifier_ids
from streams.checking.desk import databases
from streams.checking.gateway import gateway
from streams.checking.placement import homes
from streams.checking.result import Check, answered
from streams.checking.teams import care_teams
from streams.configuration.environment import misspelt
from streams.configuration.settings import PREFIX, Settings
from streams.errors import BrokerUnreachable, PartitionsChanged
from streams.evidence_view import summary
from streams.kafka.connection import admin_client
from streams.kafka.topics import COPARTITIONED, changelog_topic, partition_counts, topics_of

if TYPE_CHECKING:
    from streams.worker.balance import Ledger


@dataclass(frozen=True)
class Report:
    """The settings as they took effect, secrets hidden, and every check; `ledger` where it was asked for."""

    settings: dict[str, Any]
    checks: list[Check]
    ledger: dict[str, Any] | None = None

    @property
    def bad(self) -> list[Check]:
        return [check for check in self.checks if check.state == "bad"]

    def as_json(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        found = {"ok": not self.bad, "settings": self.settings, "checks": [asdict(check) for check in self.checks]}
        return found if self.ledger is None else {**found, "ledger": self.ledger}

    def __str__(self) -> str:
        settings = [_shown(name, value) for name, value in self.settings.items()]
        return "\n".join([*settings, "", *map(str, self.checks)])


def _shown(name: str, value: object) -> str:
    """A setting under what it means, as in a file of variables."""
    return f"# {Settings.model_fields[name].description}\n{PREFIX}{name.upper()}={_plain(value)}"


async def run_check(settings: Settings, *, ledger: bool = False) -> Report:
    """Look at everything. Does not raise for what it finds bad; that is in the report."""
    checks = [*_settings(settings), *_evidence(settings)]
    reached = await _kafka(settings)
    checks += reached
    checks += await _webhooks(settings)
    checks += await care_teams(settings, connected=reached[0].state == "ok")
    checks += await asyncio.to_thread(lambda: [*databases(settings), *gateway(settings)])
    balance = None
    if ledger and reached[0].state == "ok":
        from streams.worker.balance import read_ledger  # with the engine, which the other checks do without

        found = await read_ledger(settings)
        balance = found.as_json()
        checks += _balanced(found)
    return Report(settings.shown(), checks, balance)


def _settings(settings: Settings) -> list[Check]:
    mistaken = [
        Check("settings", "warn", f"nothing reads {variable}", f"{meant} was probably meant")
        for variable, meant in misspelt(os.environ).items()
    ]
    return [*(mistaken or [Check("settings", "ok", "understood")]), _secret(settings)]


def _secret(settings: Settings) -> Check:
    if not settings.development_secret:
        return Check("secret", "ok", "set")
    return Check(
        "secret",
        "warn",
        "the public development secret is in use: anybody who can write to the topics can sign control records",
        "set HOMEBEAT_SECRET, 16 characters or more, the same for every process",
    )


def _evidence(settings: Settings) -> list[Check]:
    try:
        found = summary()
        checked()
        return [_entries(found), *_modifiers(settings)]
    except evidence.EvidenceError as wrong:
        return [
            Check(
                "evidence",
                "bad",
                str(wrong),
                "install homebeat again; changed evidence must cite its sources and fit together",
            )
        ]


def _modifiers(settings: Settings) -> list[Check]:
    """Ids of modifiers to be left out that none has: what somebody believes to be off is on."""
    unknown = sorted(set(settings.modifiers_off) - modifier_ids())
    mend = (
        "a drug goes by the id of its class; `homebeat evidence` lists conditions, classes and pairs of genes and drugs"
    )
    return [
        Check("modifiers off", "warn", f"no modifier has the id {id!r}: nothing is left out", mend) for id in unknown
    ]


def _entries(found: dict[str, Any]) -> Check:
    figures = sum(len(ids) for ids in found["evidence"].values())
    sources = ", ".join(f"{count} {status}" for status, count in found["sources_by_status"].items())
    versions = " ".join(f"{file} {version}" for file, version in found["versions"].items())
    files = f"{len(found['evidence'])} files (versions: {versions})"
    return Check("evidence", "ok", f"{figures} entries in {files}; sources: {sources}")


async def _kafka(settings: Settings) -> list[Check]:
    """The broker first; without it the topics cannot be looked at."""
    pages = changelog_topic(settings)
    try:
        async with admin_client(settings) as admin:
            brokers = (await admin.describe_cluster())["brokers"]
            names = [topic.name for topic in topics_of(settings.topic_prefix, settings.partitions)]
            known = set(await admin.list_topics())
            counts = await partition_counts(admin, [name for name in (*names, pages) if name in known])
    except BrokerUnreachable as wrong:
        return [Check("broker", "bad", str(wrong), "then run `homebeat check` again")]
    answers = Check("broker", "ok", f"{settings.broker} answers, {len(brokers)} in the cluster")
    looked = _topics(settings, names, counts, pages)
    if not any(check.state == "bad" for check in looked):
        looked += await homes(settings, counts.get(settings.topic("profiles"), 0))
    return [answers, _replication(settings, len(brokers)), *looked]


def _replication(settings: Settings, brokers: int) -> Check:
    if settings.replication > brokers:
        mend = f"set HOMEBEAT_REPLICATION to {brokers} at most"
        return Check("replication", "bad", f"{settings.replication} copies on {brokers} brokers", mend)
    if settings.replication == 1:
        mend = "for patients use three brokers and HOMEBEAT_REPLICATION=3"
        return Check("replication", "warn", "one copy: a lost broker loses readings", mend)
    return Check("replication", "ok", f"{settings.replication} copies")


def _topics(settings: Settings, names: list[str], counts: dict[str, int], pages: str) -> list[Check]:
    """pages: the topic of the state, whose number of partitions is that of the patients it has."""
    missing = [name for name in names if name not in counts]
    wrong = {
        name: counts[name]
        for name in map(settings.topic, COPARTITIONED)
        if counts.get(name, settings.partitions) != settings.partitions
    }
    checks = []
    if not wrong and counts.get(pages, settings.partitions) != settings.partitions:
        found = f"{settings.partitions} partitions are set, but {pages} was made with {counts[pages]}"
        checks.append(Check("topics", "bad", found, PartitionsChanged.MEND.format(changelog=pages)))
    if missing:
        checks.append(Check("topics", "warn", f"not there yet: {', '.join(missing)}", "the first worker makes them"))
    if wrong:
        found = ", ".join(f"{name} has {count}" for name, count in wrong.items())
        mend = "set HOMEBEAT_PARTITIONS to what readings has; topics keyed by patient must all have that number"
        checks.append(Check("topics", "bad", f"{settings.partitions} partitions are set, but {found}", mend))
    return checks or [Check("topics", "ok", f"all {len(names)}, {settings.partitions} partitions for each keyed one")]


async def _webhooks(settings: Settings) -> list[Check]:
    if not settings.webhook_urls:
        if settings.teams_file is not None:
            return [Check("webhooks", "ok", "none: the care teams are told")]
        return [Check("webhooks", "warn", "none: alerts are on the desk only", "set HOMEBEAT_WEBHOOK_URLS")]
    from alerts.channels.asking import ask_webhook, shown  # HTTP, a fifth of the start of a check that asks nobody

    mend = "start it or mend HOMEBEAT_WEBHOOK_URLS"
    answers = await asyncio.gather(*map(ask_webhook, settings.webhook_urls))
    told = Check(
        "webhooks", "ok", "each is told whole alerts, patient and readings included: it has to be safe for them"
    )
    return [told] + [
        answered(f"webhook {shown(url)}", one, mend) for url, one in zip(settings.webhook_urls, answers, strict=True)
    ]


def _balanced(ledger: "Ledger") -> list[Check]:
    """DESIGN 4.4: received = decided + rejected + duplicate + withheld, exactly, in each partition."""
    if not ledger.unbalanced:
        return [Check("ledger", "ok", f"{ledger}, in each of {len(ledger.partitions)} partitions")]
    return [
        Check("ledger", "bad", f"partition {number}: {one} is off by {one.difference}", _mend(number))
        for number, one in ledger.unbalanced.items()
    ]


def _mend(partition: int) -> str:
    """A difference is a bug of ours, never the operator's: what to do so that nobody is harmed and it can be found."""
    return (
        f"readings of partition {partition} are unaccounted for. No alert is taken back, but do not trust its counts: "
        "run `homebeat replay --from-topic` over its readings and compare the alerts, keep the topic and the workers' "
        "logs, and report it"
    )


def _plain(value: object) -> str:
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
