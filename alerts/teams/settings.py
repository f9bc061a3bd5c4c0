"""The file of care teams, as an operator writes it. Unknown names and misspelt fields are refused with a sentence."""

import tomllib
from collections.abc import Iterable
from datetime import datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERYBODY = "everybody"
ROLE = "role:"


def _no_number(given: object) -> object:
    if isinstance(given, int | float):  # which would be seconds since midnight, or since 1970
        raise ValueError(f"a time is written 08:00:00, an instant 2026-01-07T20:00:00Z, and not {given}")
    return given


TimeOfDay = Annotated[time, BeforeValidator(_no_number)]
Instant = Annotated[AwareDatetime, BeforeValidator(_no_number)]
Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Model):
    """From an instant to another, the end not included."""

    begin: Instant
    end: Instant

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("the end should lie after the beginning")
        return self

    def holds(self, at: datetime) -> bool:
        return self.begin <= at < self.end


class Override(Span):
    """Somebody is on call instead of whom the rota names."""

    member: Name


class Member(_Model):
    """A person. reach: names of channels, the first one that works is used; away: then the stand-in is asked."""

    name: str = Field(min_length=1, max_length=100)
    roles: tuple[Name, ...] = ()
    reach: tuple[Name, ...] = Field(min_length=1, max_length=8)
    away: tuple[Span, ...] = ()
    stand_in: Name | None = None


class Shift(_Model):
    """A part of the day, in the team's time zone; one that ends no later than it begins goes on past midnight. Members
    take turns by the day on which the shift begins: each for `turn_days` in a row, counted from Monday 2024-01-01."""

    begin: TimeOfDay = time(0)
    end: TimeOfDay = time(0)
    days: tuple[Day, ...] = DAYS
    members: tuple[Name, ...] = Field(min_length=1, max_length=64)
    turn_days: int = Field(7, ge=1, le=366)


class Rota(_Model):
    """Who is on call when. The first shift that holds counts."""

    shifts: tuple[Shift, ...] = Field(min_length=1, max_length=64)
    overrides: tuple[Override, ...] = ()


class QuietHours(_Model):
    """When advisories and what is below wait, in the team's time zone."""

    begin: TimeOfDay
    end: TimeOfDay


class Team(_Model):
    """chain: whom each rung asks: a rota, a member, `role:NAME`, or `everybody`."""

    members: tuple[Name, ...] = Field(min_length=1, max_length=256)
    timezone: str = "UTC"
    rotas: dict[Name, Rota] = {}
    chain: tuple[str, ...] = Field(min_length=1, max_length=9)
    quiet_hours: QuietHours | None = None

    @model_validator(mode="after")
    def _zone(self) -> Self:
        if self.timezone not in available_timezones():
            raise ValueError(f"{self.timezone} is not a time zone, such as Europe/London")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Mail(_Model):
    """Where mail is handed in."""

    host: Filled
    port: int = Field(587, ge=1, le=65_535)
    sender: Filled
    tls: Literal["tls", "starttls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None


class EmailAddress(_Model):
    """safe: may carry the patient's id and readings."""

    kind: Literal["email"]
    to: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    safe: bool = False


class AppriseAddress(_Model):
    """An address in Apprise's own form; often a password."""

    kind: Literal["apprise"]
    url: Secret
    safe: bool = False


class WholeAlert(_Model):
    """A webhook, or a FHIR server: both get the whole alert, and so have to be marked safe."""

    kind: Literal["webhook", "fhir"]
    url: Secret
    safe: Literal[True]


Address = Annotated[EmailAddress | AppriseAddress | WholeAlert, Field(discriminator="kind")]


class Directory(_Model):
    """All teams, all people, and how each is reached. A FHIR server is told everything, whoever is asked."""

    members: dict[Name, Member] = Field(min_length=1)
    teams: dict[Name, Team] = Field(min_length=1)
    channels: dict[Name, Address] = Field(min_length=1)
    mail: Mail | None = None

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name, member in self.members.items():
            if member.stand_in is not None and member.stand_in not in self.members:
                raise ValueError(f"member {name}: the stand-in {member.stand_in} is nobody")
            for one in member.reach:
                if one not in self.channels or self.channels[one].kind == "fhir":
                    raise ValueError(f"member {name}: {one} is no channel that reaches a person")
        if self.mail is None and any(one.kind == "email" for one in self.channels.values()):
            raise ValueError("channels of kind email need [mail], the server that takes it")
        for name, team in self.teams.items():
            for where, one in _named(team):
                if one not in self.members:
                    raise ValueError(f"team {name}, {where}: {one} is not a member")
            for rung in team.chain:
                if not _known(rung, team, self.members):
                    raise ValueError(f"team {name}, chain: {rung} is neither a rota, a member, a role nor {EVERYBODY}")
        return self


def read_directory(document: str) -> Directory:
    """The file. Raises tomllib.TOMLDecodeError or pydantic.ValidationError."""
    return Directory.model_validate(tomllib.loads(document))


def _named(team: Team) -> Iterable[tuple[str, str]]:
    yield from (("members", one) for one in team.members)
    for rota_name, rota in team.rotas.items():
        yield from ((f"rota {rota_name}", one) for shift in rota.shifts for one in shift.members)
        yield from ((f"rota {rota_name}, overrides", one.member) for one in rota.overrides)


def _known(rung: str, team: Team, members: dict[str, Member]) -> bool:
    role = rung.removeprefix(ROLE)
    has_role = rung.startswith(ROLE) and any(role in members[one].roles for one in team.members)
    return has_role or rung in team.rotas or rung in members or rung == EVERYBODY
