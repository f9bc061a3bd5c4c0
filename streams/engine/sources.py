"""Sources: the integrations and sites that readings come from; which of them are in trouble, and since which offset.

A source is what the record says of itself (header `homebeat-source`), or the device's id without its last part. What a
partition knows of sources is a record of its own among the pages, with the offset up to which it has been applied.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from xxhash import xxh3_64_intdigest

from alerts import ledger, sources
from alerts.episodes import DAY_US, Episode, NotAllowed, next_wake_us
from alerts.events import Action, AlertEvent
from alerts.outcome import ENDS
from alerts.policy import PolicySettings, When
from alerts.sources import INGEST, TROUBLE_OF, SourceChange, Trouble
from models import mending
from models.readings import MAX_ID_CHARS, Reason, Refused
from models.times import LONG_AGO, to_us
from streams.control import Origin
from streams.engine import tallies
from streams.engine.columns import Columns
from streams.engine.log import LogSlice
from streams.engine.origins import NOTHING, is_repeat, with_origin
from streams.engine.tallies import OTHER, Counting, PackedCounting

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

SOURCE_HEADER = "homebeat-source"
REDRIVEN_HEADER = "homebeat-redriven"
NO_DEVICE = "no-device"
RESERVED = {INGEST, OTHER}
DIVIDERS = ":/-._#"
"""What divides the parts of a device's id: URNs, paths, host names and serial numbers."""
NAME_CHARS_MAX = MAX_ID_CHARS - len(sources.PATIENT_PREFIX)
DIGEST_CHARS = 16
STANDINGS_MAX = 1024
"""Sources whose state is remembered; one that is in no trouble makes room. A name and an alert each: 2 KiB at most."""
MOVES_KEPT = 16
"""Times a source went quiet or came back that are remembered with their offsets. What comes again after a crash lies a
few checkpoints back, and a source changes once a minute at most."""
ACTIONS_REMEMBERED = 64
"""As for a patient."""


@lru_cache(maxsize=65_536)
def source_of(device: str, header: bytes | None = None) -> str:
    """The source of a reading: printable ASCII without spaces, NAME_CHARS_MAX characters at most.

    >>> source_of("urn:dev:watch-9"), source_of("watch"), source_of(""), source_of("urn:dev:watch-9", b"site 3")
    ('urn:dev:watch', 'watch', 'no-device', 'site_3')
    """
    if header:
        return _bounded(header.decode(errors="replace"))
    at = max(map(device.rfind, DIVIDERS))
    return _bounded(device[:at] if at > 0 else device) if device else NO_DEVICE


def _bounded(name: str) -> str:
    """The name as an id. One that is too long keeps its beginning, and a digest so that it stays apart from others."""
    printable = "".join(c if "!" <= c <= "~" else "_" for c in name)
    if printable in RESERVED:
        printable = f"source-{printable}"
    if len(printable) <= NAME_CHARS_MAX:
        return printable
    return f"{printable[: NAME_CHARS_MAX - DIGEST_CHARS - 1]}~{xxh3_64_intdigest(name):016x}"


def declared(log: LogSlice, index: int) -> bytes | None:
    """What a record says itself of its source."""
    return next((value for name, value in log.headers_of(index) if name == SOURCE_HEADER), None)


def is_redriven(log: LogSlice, index: int) -> bool:
    """Whether somebody put the record back from the dead letters."""
    return any(name == REDRIVEN_HEADER for name, _ in log.headers_of(index))


def sources_of(log: LogSlice, columns: Columns, index: Ints) -> tuple[Hashes, dict[int, str]]:
    """The source of each reading (n,) as its hash, and the names of the hashes. Each device is looked at once, and each
    name, of which there are few, is hashed once."""
    names = list(map(source_of, columns.distinct_devices))
    place = {name: hash_of(name) for name in set(names)}
    known = {source: name for name, source in place.items()}
    hashes = np.array(list(map(place.__getitem__, names)), np.uint64)[columns.device]
    for j in np.flatnonzero(log.has_headers(index)).tolist() if len(log.headed) else ():
        if header := declared(log, int(index[j])):
            name = source_of("", header)
            hashes[j] = hash_of(name)
            known[hash_of(name)] = name
    return hashes, known


def is_source(patient: str) -> bool:
    """Whether the patient of an action or an alert is a source."""
    return patient.startswith(sources.PATIENT_PREFIX)


def parse_action(document: bytes) -> Action:
    """An action as it came. Raises Refused."""
    try:
        return Action.model_validate_json(document)
    except ValidationError as error:
        raise Refused(Reason.BAD_ACTION, mending.of_document(error, "an action")) from error


def hash_of(source: str) -> int:
    """What stands for a source in columns: 64 bits."""
    return xxh3_64_intdigest(source)


class Standing(msgspec.Struct, array_like=True):
    """One source. since_us, at_us: of each trouble, when it began (None: not in it), and the latest change applied;
    moves: (offset, quiet from there on); actions, origins: what has been done, as of a patient; again_us: when people
    are told again of a trouble that lasts, and of which a person has ended the alert."""

    since_us: dict[Trouble, int | None] = msgspec.field(default_factory=dict)
    at_us: dict[Trouble, int] = msgspec.field(default_factory=dict)
    moves: list[tuple[int, bool]] = []
    episodes: list[Episode] = []
    actions: list[str] = []
    origins: bytes = NOTHING
    again_us: dict[Trouble, int] = {}

    @property
    def wake_us(self) -> int | None:
        """When time alone will bring something; None: never."""
        wakes = (next_wake_us(self.episodes), *self.again_us.values())
        return min((us for us in wakes if us is not None), default=None)

    def ended(self, problem: str, now_us: int) -> None:
        """A person has ended an alert."""
        lasts = (trouble for trouble, since in self.since_us.items() if since is not None)
        self.again_us |= {trouble: now_us + DAY_US for trouble in lasts if problem == f"source.{trouble}"}

    def told_again(self, when: When) -> list[AlertEvent]:
        """What lasts a day after a person has ended its alert: nobody sees to it, nor to its patients."""
        due = [trouble for trouble, at in sorted(self.again_us.items()) if at <= when.decided_us]
        alerts = [one for one in self.episodes if one.closed and one.problem in {f"source.{t}" for t in due}]
        for trouble in due:
            del self.again_us[trouble]
        said = (sources.lasting(one, when.decided_us) for one in alerts)
        return [event for raised in said for event in ledger.on_raised(self.episodes, raised, when)]

    @property
    def idle(self) -> bool:
        """In no trouble, and nobody is working on an alert."""
        return not any(at is not None for at in self.since_us.values()) and all(
            episode.closed for episode in self.episodes
        )


@dataclass(slots=True)
class Sources:
    """What a partition knows of sources. applied: the offset up to which all of this has been applied; policy: of the
    deployment, set before each step, and not stored."""

    applied: int = -1
    standing: dict[str, Standing] = field(default_factory=dict)
    counting: Counting = field(default_factory=Counting)
    policy: PolicySettings = field(default_factory=PolicySettings)

    def quiet_at(self, source_hash: Hashes, offset: int | Ints) -> Bools:
        """Which sources (n,) were known to be quiet at an offset of the log (one, or one each (n,))."""
        quiet = np.zeros(len(source_hash), bool)
        for name, one in self.standing.items():
            if not one.moves:
                continue
            moves = np.array([move[0] for move in one.moves], np.int64)
            after = np.array([not one.moves[0][1], *[move[1] for move in one.moves]], bool)
            then = after[np.searchsorted(moves, offset, side="right")]
            quiet |= then & ((source_hash == np.uint64(hash_of(name))) | (name == INGEST))
        return quiet

    def in_trouble(self, trouble: Trouble) -> dict[str, int]:
        """Sources in this trouble, and since when [us]."""
        found = ((name, one.since_us.get(trouble)) for name, one in sorted(self.standing.items()))
        return {name: since for name, since in found if since is not None}

    def change(self, change: SourceChange, offset: int, *, home: bool) -> tuple[str, list[AlertEvent]]:
        """Apply a change once: what became of it (for the metrics), and the alert events at the source's home.

        A change that is repeated, or older than the last one applied, does nothing.
        """
        one, trouble = self._of(change.source), TROUBLE_OF[change.state]
        if one is None:
            return "refused", []
        begins = change.state == trouble
        if to_us(change.at) <= one.at_us.get(trouble, LONG_AGO) or begins == (one.since_us.get(trouble) is not None):
            return "ignored", []
        one.at_us[trouble] = to_us(change.at)
        one.since_us[trouble] = to_us(change.since) if begins else None
        one.again_us.pop(trouble, None)
        if trouble == "quiet":
            one.moves = [*one.moves, (offset, begins)][-MOVES_KEPT:]
        return "applied", _told(one, change, begins, self.policy) if home else []

    def _of(self, name: str) -> Standing | None:
        """The source's standing; None if there are too many in trouble already."""
        if name not in self.standing:
            if len(self.standing) >= STANDINGS_MAX:
                idle = next((known for known, one in self.standing.items() if one.idle), None)
                if idle is None:
                    return None
                del self.standing[idle]
            self.standing[name] = Standing()
        return self.standing[name]

    def acted(self, patient: str, document: bytes, origin: Origin | None, arrived_us: int) -> list[AlertEvent] | None:
        """Something done about a source's alert; None if it was done before. Refused (bad_action): nothing changes."""
        one = self.standing.get(patient.removeprefix(sources.PATIENT_PREFIX))
        if one is None:
            raise Refused(Reason.BAD_ACTION, f"{patient:.140} is neither a patient nor a source with an alert")
        if origin is not None:
            if is_repeat(one.origins, origin):
                return None
            one.origins = with_origin(one.origins, origin)
        action = parse_action(document)
        if action.patient != patient:
            raise Refused(Reason.BAD_ACTION, f"the action is about {action.patient}, its key says {patient:.140}")
        if action.action_id in one.actions:
            return None
        try:
            when = When(action.patient, None, arrived_us, arrived_us, policy=self.policy)
            episode, events = ledger.on_action(one.episodes, action, when)
        except NotAllowed as error:
            raise Refused(Reason.BAD_ACTION, str(error)) from error
        if action.type in ENDS:
            one.ended(episode.problem, arrived_us)
        one.actions = [*one.actions, action.action_id][-ACTIONS_REMEMBERED:]
        return events

    def woken(self, ticks: Ints, offset: Ints) -> list[AlertEvent]:
        """What time alone brings, each at the first of these ticks (and their offsets in the log) that reaches it. A
        tick that comes again after a crash has passed for what knew it."""
        told, tick_us = [], ticks[offset > self.applied]
        for name, one in sorted(self.standing.items()):
            while (wake := one.wake_us) is not None and len(tick_us) and wake <= tick_us[-1]:
                clock = int(tick_us[np.searchsorted(tick_us, wake)])
                when = When(sources.patient_of(name), None, clock, clock, policy=self.policy)
                told += one.told_again(when) + ledger.on_tick(one.episodes, when)
        return sorted(told, key=lambda event: (event.decided_at, event.alert_id))

    def next_wake_us(self) -> int | None:
        """When time alone will bring something next; None: never."""
        return min((us for one in self.standing.values() if (us := one.wake_us) is not None), default=None)

    def open_alerts(self) -> int:
        """Alerts about sources that are not resolved, of those at home here."""
        return sum(not episode.closed for one in self.standing.values() for episode in one.episodes)


def _told(one: Standing, change: SourceChange, begins: bool, policy: PolicySettings) -> list[AlertEvent]:
    when = sources.when(change, policy)
    if begins:
        return ledger.on_raised(one.episodes, sources.raised(change), when)
    return ledger.on_cleared(one.episodes, sources.cleared(change), when)


class _Packed(msgspec.Struct, array_like=True):
    """The record on the wire. Later versions may add fields at the end."""

    standing: dict[str, Standing]
    counting: PackedCounting


_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(known: Sources) -> bytes:
    """What the record among the pages carries."""
    return msgspec.msgpack.encode(_Packed(known.standing, tallies.pack(known.counting)))


def unpack(raw: bytes, applied: int) -> Sources:
    """The same, restored. Raises msgspec.DecodeError."""
    packed = _decode(raw)
    return Sources(applied, packed.standing, tallies.unpack(packed.counting))
