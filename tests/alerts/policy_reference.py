"""What ledger and policy should tell over several problems of one patient, as rules to be read from top to bottom. It
knows no code of ours.
"""

from dataclasses import dataclass, field

SYSTEM = {
    "heart_rate.high": "heart", "systolic_bp.high": "heart", "spo2.low": "lungs", "body_weight.high": "fluids",
}  # fmt: skip
SENSOR, MUTED = "spo2.sensor", "spo2.low"
PROBLEMS = (*SYSTEM, SENSOR)
INFO, ADVISORY, URGENT, EMERGENCY = range(4)
WITHIN = {
    "team-1": {ADVISORY: 900, URGENT: 600, EMERGENCY: 400}, "team-2": {ADVISORY: 1000, URGENT: 500, EMERGENCY: 350},
}  # fmt: skip
"""Minutes to answer, of each team."""
SHARE, DAY, INCIDENT_MIN, ENDS_MIN, PAST_MIN = 2, 1440, 360, 3000, -100
Key = tuple[str, bool]
Told = tuple[Key, str, str, int, str | None, Key | None, int, float | None]
"""Whose (problem, about the past), event, state, severity, message, incident, rung, to be answered by."""
WAITING, LIVE = ("open", "escalated"), ("open", "escalated", "acknowledged", "snoozed")
AFTER = {
    "acknowledge": ("open escalated snoozed retrospective", "acknowledged", "acknowledged"),
    "assign": ("open escalated acknowledged snoozed retrospective", "", "assigned"),
    "comment": ("open escalated acknowledged snoozed retrospective resolved expired", "", "updated"),
    "resolve": ("open escalated acknowledged snoozed retrospective", "resolved", "resolved"),
    "new_normal": ("open escalated acknowledged snoozed retrospective", "resolved", "resolved"),
    "snooze": ("open escalated acknowledged", "snoozed", "snoozed"),
}
"""What a person does: in which phases, the phase after it (empty: the same), the event."""


@dataclass
class One:
    """One problem. own: the severity of its own finding; rank: with its incident."""

    key: Key
    began: float
    own: int
    rank: int = INFO
    phase: str = "pending"
    rung: int = 0
    due: float | None = None
    wake: float | None = None
    ended: float = 0.0
    deferred: float | None = None
    told: set[str] = field(default_factory=set)
    spent: list[float] = field(default_factory=list)
    incident: Key | None = None
    told_with: Key | None = None
    team: str = "team-1"
    muted: bool = False

    @property
    def clinical(self) -> bool:
        return self.key[0] != SENSOR


@dataclass
class Reference:
    ones: dict[Key, One] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    team: str = "team-1"

    def due(self, at: float, rank: int) -> float | None:
        """By when the team that has the patient now has to answer."""
        return None if rank == INFO else at + WITHIN[self.team][rank]

    def raised(self, at: float, problem: str, rank: int, past: bool) -> None:
        one = self.ones.get((problem, past))
        if one is None:
            one = self.ones[problem, past] = One((problem, past), PAST_MIN if past else at, rank, rank, team=self.team)
            self.recalled(at, one) if past else self.joins(at, one, "opened", "first")
            self.release(at)
        elif past:
            self.recalled_again(at, one, rank)
        elif one.phase in ("resolved", "expired"):
            one.own, one.began, one.rung, one.incident, one.told = rank, at, 0, None, set()
            self.joins(at, one, "reopened", "returned")
            self.release(at)
        elif rank > one.rank:
            one.own = rank
            first = one.phase == "pending"
            self.joins(at, one, "opened" if first else "updated", "first" if first else "worse")
            self.release(at)
        else:
            one.own = rank if rank == one.rank else one.own

    def joins(self, at: float, one: One, event: str, notice: str) -> None:
        """It begins, returns, or is worse: which incident is it, how severe is it, and is anybody told?"""
        rank, silent, risen, speaker = one.own, False, False, one.told_with
        mates = [m for m in self.ones.values() if self.mates(one, m)]
        affected = [m for m in mates if m.rank >= ADVISORY]
        systems = {SYSTEM[m.key[0]] for m in [*affected, one]} if one.clinical else set()
        incident = one.incident
        if mates:
            first = min(mates, key=lambda m: (m.began, m.key[0]))
            incident = first.incident or first.key
            if rank == ADVISORY and len(systems) > 1 and all(m.own == ADVISORY or m.rank == INFO for m in mates):
                rank, risen = URGENT, True
            elif notice != "worse" and rank < EMERGENCY:
                speaker = next((m.key for m in mates if self.speaks_for(m, one, rank)), None)
                silent = speaker is not None
        if notice != "worse" and one.key[0] == MUTED and rank < URGENT and self.sensor_off():
            one.phase, one.rank = "pending" if notice == "first" else one.phase, one.own
            one.muted = True
            return
        one.muted = False
        one.rank, one.incident, one.deferred, one.told_with = rank, incident, None, speaker
        if notice != "worse" and rank <= ADVISORY and not silent:
            one.deferred = self.wait_for_turn(at)
        begins = at if one.deferred is None else one.deferred
        one.due = self.due(begins, rank)
        if one.phase in ("acknowledged", "snoozed", "pending", "resolved", "expired"):
            one.phase, one.wake = "open", None
        again = notice == "returned" and rank < URGENT and any(at - then < DAY for then in one.spent)
        known = f"worse {rank}" in one.told if notice == "worse" else False
        self.tell(at, one, event, notice, quiet=silent or one.deferred is not None or again or known)
        if notice == "worse" and not known and rank > INFO:
            one.told.add(f"worse {rank}")
        if risen:
            self.rise(at, one)

    def rise(self, at: float, joined: One) -> None:
        """All of the incident that waits becomes as severe; told with what joined, unless its own message waits."""
        for m in list(self.ones.values()):
            if self.mates(joined, m) and m.phase in WAITING and m.rank == ADVISORY:
                quiet = m.deferred is None or f"worse {URGENT}" in m.told
                m.told_with = joined.key if m.deferred is None else None
                m.rank, m.deferred, m.due = URGENT, None, self.due(at, URGENT)
                self.tell(at, m, "updated", "worse", quiet=quiet)
                if not quiet:
                    m.told.add(f"worse {URGENT}")

    def mates(self, one: One, other: One) -> bool:
        body = one.clinical and other.clinical and not other.key[1]
        return body and other is not one and other.phase in LIVE and abs(other.began - one.began) <= INCIDENT_MIN

    def speaks_for(self, m: One, one: One, rank: int) -> bool:
        same = SYSTEM[m.key[0]] == SYSTEM[one.key[0]]
        return m.phase in WAITING and bool(m.told) and m.rank >= rank and same

    def sensor_off(self) -> bool:
        sensor = self.ones.get((SENSOR, False))
        return sensor is not None and sensor.phase not in ("resolved", "expired")

    def wait_for_turn(self, at: float) -> float | None:
        spent = sorted(then for one in self.ones.values() for then in one.spent if at - then < DAY)
        return None if len(spent) < SHARE else spent[-SHARE] + DAY

    def tell(self, at: float, one: One, event: str, notice: str | None, *, quiet: bool = False) -> None:
        """One step is told. Information calls nobody, nor does the past, nor the end of what nobody was told of."""
        if one.key[1] or (one.rank == INFO and notice != "resolved") or (notice == "resolved" and not one.told):
            quiet = True
        said = None if quiet else notice
        one.told_with = one.told_with if one.phase in WAITING else None
        if one.phase in ("resolved", "expired") and event != "updated":
            one.ended = at
        state = {"escalated": "open", "expired": "resolved", "retrospective": "open"}.get(one.phase, one.phase)
        if said is not None:
            one.told.add(said)
            one.told_with = None
            if one.rank <= ADVISORY and said in ("first", "returned"):
                one.spent.append(at)
        due = one.due if one.phase in WAITING else None
        self.told.append((one.key, event, state, one.rank, said, one.incident, one.rung, due))

    def cleared(self, at: float, problem: str) -> None:
        one = self.ones.get((problem, False))
        if one is not None and one.phase == "pending":
            del self.ones[one.key]
        elif one is not None and one.muted:
            one.muted = False
        elif one is not None and one.phase in LIVE:
            one.phase, one.deferred, one.wake = "resolved", None, None
            self.tell(at, one, "resolved", "resolved")
            self.release(at)

    def release(self, at: float) -> None:
        """What the sensor muted, and is still there without it; and what is urgent, and was told with what is over."""
        muted = self.ones.get((MUTED, False))
        if muted is not None and muted.muted and not self.sensor_off():
            first = muted.phase == "pending"
            self.joins(at, muted, "opened" if first else "reopened", "first" if first else "returned")
        for one in self.ones.values():
            alone = one.told_with is not None and self.ones[one.told_with].phase not in LIVE
            if alone and one.phase in WAITING and one.rank >= URGENT:
                self.tell(at, one, "updated", "first")

    def is_one_episode(self, at: float, problem: str) -> bool:
        """Whether a return would still belong to the same episode: another one is not told of here."""
        one = self.ones.get((problem, False))
        return one is None or one.muted or one.phase not in ("resolved", "expired") or at - one.ended < DAY

    def recalled(self, at: float, one: One) -> None:
        event = (
            "opened" if one.phase == "pending" else "reopened" if one.phase in ("resolved", "expired") else "updated"
        )
        one.phase, one.rank = "retrospective", one.own
        self.tell(at, one, event, None)

    def recalled_again(self, at: float, one: One, rank: int) -> None:
        if rank > one.rank:
            one.own = rank
            self.recalled(at, one)
            self.release(at)

    def acted(self, at: float, key: Key, what: str, minutes: int) -> bool:
        one, (phases, after, event) = self.ones[key], AFTER[what]
        if one.phase not in phases.split() or (what == "snooze" and (one.rank == EMERGENCY or one.key[1])):
            return False
        asked = one.phase in WAITING and one.rank >= URGENT and bool(one.told)
        notice = "taken" if asked and what in ("acknowledge", "snooze") else None
        if after:
            one.phase, one.deferred = after, None
            one.wake = at + minutes if what == "snooze" else None
            one.rung = one.rung if after == "resolved" else 0
        for other in self.ones.values():
            if after == "resolved" and other.told_with == key:
                other.told_with = None
        self.tell(at, one, event, "resolved" if after == "resolved" else notice)
        self.release(at)
        return True

    def tick(self, at: float) -> None:
        for one in list(self.ones.values()):
            if one.phase == "snoozed" and one.wake is not None and one.wake <= at:
                one.phase, one.wake, one.due = "open", None, self.due(at, one.rank)
                self.tell(at, one, "updated", "woken")
            if one.phase in WAITING and one.deferred is not None and one.deferred <= at:
                one.deferred = None
                self.tell(at, one, "updated", "first")
            if one.phase in WAITING and one.due is not None and one.due <= at:
                one.phase, one.due, one.rung = "escalated", self.due(at, one.rank), one.rung + 1
                self.tell(at, one, "escalated", "escalated")
        self.release(at)

    def handed_over(self, at: float, team: str) -> None:
        self.team = team
        for one in list(self.ones.values()):
            former, one.team = one.team, team
            if former != team and one.phase in (*WAITING, "snoozed"):
                one.phase, one.rung, one.wake, one.deferred = "open", 0, None, None
                one.due = self.due(at, one.rank)
                self.tell(at, one, "updated", "handed_over")
        self.release(at)

    def forgotten(self, at: float) -> None:
        for one in list(self.ones.values()):
            one.muted = False
            if one.phase == "pending":
                del self.ones[one.key]
            elif one.phase not in ("resolved", "expired"):
                one.phase, one.deferred, one.wake = "expired", None, None
                self.tell(at, one, "expired", None)
