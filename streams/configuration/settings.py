"""Every setting of homebeat: one typed, frozen model, made once at the edge and handed down.

Values come from `HOMEBEAT_*` environment variables, then from the TOML file that `HOMEBEAT_SETTINGS_FILE` names
(`broker = "kafka-1:9092,kafka-2:9092"`, the fields' own names), then from the defaults below. A variable that is set
to nothing counts as not set. `homebeat check` prints the outcome with secrets hidden.
"""

import hmac
import os
import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from alerts.language import ENGLISH, languages
from alerts.policy.settings import LEAST_PER_MONTH, MINUTE_US, MOST_PER_MONTH, RUNGS_MAX, Chain, PolicySettings
from streams.configuration.addresses import is_address, is_web_address, without_login, without_path
from streams.configuration.team_answers import EXAMPLE, MINUTES_MAX, TEAMS_MAX, TeamAnswers, TeamName, parsed

PREFIX = "HOMEBEAT_"
FILE_VARIABLE = "HOMEBEAT_SETTINGS_FILE"
DEVELOPMENT_SECRET = "homebeat-development-secret"
"""Public, as it stands here: whoever can write to the topics can sign control records with it. Never for patients."""

DEFAULT_PORTS = {"desk": 8460, "worker": 8461, "gateway": 8462, "notifier": 8463}

CLOCK_TOLERANCE_MAX_S = 1800
"""Further ahead, and the engine could not keep the windows apart (models.windows.check_settings)."""

OnOff = Literal["on", "off"]
NUMBERS = (int, float, int | None)
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class Settings(BaseSettings):
    """What an operator may choose. Every field: its bounds, its unit in the name, and what it is for."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    broker: str = Field("localhost:9092", description="Kafka's bootstrap servers, HOST:PORT, several with commas.")
    broker_timeout_s: float = Field(10.0, ge=0.5, le=300, description="How long to wait for the broker to answer.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak with Kafka."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How to log in to Kafka, with a SASL protocol."
    )
    sasl_username: str | None = Field(None, description="The user, with a SASL protocol.")
    sasl_password: SecretStr | None = Field(None, description="The password, with a SASL protocol.")
    ssl_cafile: Path | None = Field(None, description="The authority that signed the broker's certificate, PEM.")

    topic_prefix: str = Field(
        "homebeat.", pattern=r"^[A-Za-z0-9._-]{0,100}$", description="What every topic's name begins with."
    )
    group: str = Field(
        "homebeat", pattern=r"^[A-Za-z0-9._-]{1,100}$", description="The consumer group that shares the work."
    )
    worker_id: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
        description="A worker's own name, kept over its restarts: then one pauses its own patients only, and briefly.",
    )
    partitions: int = Field(4, ge=1, le=1024, description="Partitions of each keyed topic. Cannot change later.")
    replication: int = Field(1, ge=1, le=9, description="Copies of each topic; 3 in production.")
    standby_replicas: int = Field(
        1, ge=0, le=5, description="Workers that keep the pages of another's patients at hand, to take over quickly."
    )
    secret: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET), min_length=16, description="Signs control records; the same for every process."
    )
    unknown_patients: Literal["reject", "monitor"] = Field(
        "reject", description="What to do with readings of a patient without a profile."
    )
    modifiers_off: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), max_length=256, description="Ids of modifiers of the expectation that are left out, several with commas."
    )

    tick_s: int = Field(10, ge=1, le=300, description="The grid of ticks, by which time passes without data.")
    ticks: OnOff = Field("on", description="Whether workers write ticks; off when a replay feeder writes them.")
    clock_tolerance_s: int = Field(
        300,
        ge=0,
        le=CLOCK_TOLERANCE_MAX_S,
        description="How far a device's clock may be ahead of its reading's arrival.",
    )
    chunk_records: int = Field(
        10_000, ge=1, le=100_000, description="Readings in one engine step at most: bounds memory and latency."
    )
    chunk_bytes: int = Field(
        8 * 1024 * 1024, ge=64 * 1024, le=256 * 1024 * 1024, description="Bytes in one engine step at most."
    )
    checkpoint_s: float = Field(5.0, ge=0.1, le=300, description="How often changed state pages are written.")

    checkpoint_bytes: int = Field(
        32 * 1024 * 1024,
        ge=256 * 1024,
        le=1024 * 1024 * 1024,
        description="Bytes of state pages in one checkpoint of a worker: with one in 5 s about 50 Mbit/s to Kafka.",
    )

    answer_emergency_min: int = Field(
        5, ge=1, le=MINUTES_MAX, description="Minutes to answer an emergency, on each rung."
    )
    answer_urgent_min: int = Field(
        60, ge=1, le=MINUTES_MAX, description="Minutes to answer what is urgent, on each rung."
    )
    answer_advisory_min: int = Field(
        1440, ge=1, le=MINUTES_MAX, description="Minutes to answer an advisory, on each rung."
    )
    rungs: int = Field(
        3, ge=1, le=RUNGS_MAX, description="How many are asked in turn, before it is an alarm that nobody answers."
    )
    team_answers: Annotated[dict[TeamName, TeamAnswers], NoDecode, BeforeValidator(parsed)] = Field(
        {}, max_length=TEAMS_MAX,
        description="Teams with times and rungs of their own, as JSON: " + EXAMPLE,
    )  # fmt: skip
    calm_min: int = Field(
        15, ge=0, le=1440,
        description="Minutes a problem has to stay away to be resolved; an urgent one that comes back in a day longer.",
    )  # fmt: skip
    advisories_per_day: int = Field(
        4, ge=1, le=1000, description="Messages about advisories that one patient may cause in 24 h; more of them wait."
    )
    advisories_per_month: float = Field(
        0.25, ge=LEAST_PER_MONTH, le=MOST_PER_MONTH,
        description="Advisories a month of 30 days that a patient may cause of whom nothing is wrong (alert budget).",
    )  # fmt: skip
    language: str = Field(
        ENGLISH, description="In which alerts are told, the same for every process: " + ", ".join(languages())
    )

    http_host: str = Field("127.0.0.1", min_length=1, description="Where HTTP listens.")
    http_port: int | None = Field(
        None, ge=0, le=65_535, description="Port of HTTP; 0 is any free one. Default: " + str(DEFAULT_PORTS)
    )
    brake: OnOff = Field(
        "on", description="Whether a worker stops when everything is refused, whoever sends it: then it is our fault."
    )
    notifier: OnOff = Field("on", description="Whether a worker also runs the notifier.")
    webhook_urls: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (),
        max_length=32,
        description="Where whole alerts are posted, patient and readings included, as to a channel marked safe; "
        "several with commas.",
    )
    teams_file: Path | None = Field(None, description="Care teams, rotas and how people are reached, TOML.")
    desk_url: str | None = Field(
        None, max_length=500, description="Where people open the desk, for links in messages, such as https://desk/."
    )
    webhook_secret: SecretStr | None = Field(
        None, min_length=16, description="Signs what is posted, so that receivers know us. Default: made from `secret`."
    )
    data_folder: Path = Field(Path("homebeat-data"), description="Where a process keeps files of its own.")
    desk_database_url: str | None = Field(
        None, description="The desk's database, as an SQLAlchemy URL. Default: SQLite in the data folder."
    )
    desk_accounts_url: str | None = Field(
        None,
        description="Where the desk's accounts are kept, as an SQLAlchemy URL. Default: beside the database if it is "
        "PostgreSQL, else SQLite in the data folder.",
    )
    desk_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), max_length=32, description="Names under which people reach the desk, beside its address, with commas."
    )
    desk_banner: str | None = Field(
        None, max_length=300, description="A line above the desk's page, such as what it must not be used for."
    )
    gateway_keys_file: Path | None = Field(
        None, description="Keys of integrations, TOML, by `homebeat gateway add-key`. Default: in the data folder."
    )
    mqtt_url: SecretStr | None = Field(
        None, description="The MQTT broker that the gateway reads from, mqtt:// or mqtts://, with user and password."
    )
    mqtt_topic: str = Field(
        "homebeat/readings/#", min_length=1, max_length=1000,
        description="What the gateway subscribes to there: a topic filter; $share/NAME/... shares it among gateways.",
    )  # fmt: skip
    mqtt_client_id: str = Field(
        "homebeat-gateway", pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Under which the MQTT broker keeps what is not acknowledged: its own for each gateway, kept.",
    )  # fmt: skip
    mqtt_cafile: Path | None = Field(None, description="The authority that signed the MQTT broker's certificate, PEM.")
    log_level: LogLevel = Field("info", description="The least that is logged, on stderr.")
    log_format: LogFormat = Field("text", description="text for people, json for machines.")

    @field_validator("broker")
    @classmethod
    def _bootstrap_servers(cls, broker: str) -> str:
        servers = [server.strip().removeprefix("kafka://") for server in broker.split(",")]
        for server in servers:
            host, _, port = server.rpartition(":")
            if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65_536:
                raise ValueError("should be HOST:PORT, several with commas")
        return ",".join(servers)

    @field_validator("webhook_urls")
    @classmethod
    def _http_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_web_address(url) for url in urls):
            raise ValueError("should be http:// or https:// addresses, several with commas")
        return urls

    @field_validator("desk_url")
    @classmethod
    def _desk_address(cls, url: str | None) -> str | None:
        if url is not None and not is_web_address(url):
            raise ValueError("should be an http:// or https:// address, such as https://desk.example.org")
        return url

    @field_validator("desk_hosts")
    @classmethod
    def _host_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(
            re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", host) for host in hosts
        ):
            raise ValueError("should be names without https:// and port, such as desk.example.org, several with commas")
        return hosts

    @field_validator("desk_database_url", "desk_accounts_url")
    @classmethod
    def _database(cls, url: str | None) -> str | None:
        if url is not None:
            from alerts.desk.config import DeskError
            from alerts.desk.database import address  # a library that nobody needs who names no database

            try:
                address(url, "it")
            except DeskError as wrong:
                raise ValueError(str(wrong).removeprefix("it ")) from None
        return url

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, given: object, info: ValidationInfo) -> object:
        """`partitions = true` in the file would be one partition, which cannot be changed later."""
        if isinstance(given, bool) and cls.model_fields[str(info.field_name)].annotation in NUMBERS:
            raise ValueError("should be a number")
        return given

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, level: object) -> object:
        return level.lower() if isinstance(level, str) else level

    @field_validator("language")
    @classmethod
    def _known_language(cls, language: str) -> str:
        if language not in languages():
            raise ValueError(f"should be one of {', '.join(languages())}")
        return language

    @field_validator("mqtt_url")
    @classmethod
    def _mqtt_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not is_address(url.get_secret_value(), ("mqtt", "mqtts")):
            raise ValueError("should be an mqtt:// or mqtts:// address, such as mqtts://user:password@mqtt.example.org")
        return url

    @field_validator("mqtt_topic")
    @classmethod
    def _topic_filter(cls, topic: str) -> str:
        levels = topic.split("/")
        wrong = "#" in levels[:-1] or any(len(one) > 1 and ("#" in one or "+" in one) for one in levels)
        if wrong or "\0" in topic or (levels[0] == "$share" and len(levels) < 3):
            raise ValueError("should be a topic filter of MQTT, such as homebeat/readings/#")
        return topic

    @field_validator("ssl_cafile", "mqtt_cafile")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        if not os.access(path, os.R_OK) or not path.is_file():  # the second raises for a name that is too long
            raise ValueError("should be a file that can be read")
        try:
            ssl.create_default_context(cafile=path)
        except ssl.SSLError:
            raise ValueError("should be a file of certificates in PEM (-----BEGIN CERTIFICATE-----)") from None
        return path

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{PREFIX}SASL_USERNAME and {PREFIX}SASL_PASSWORD are needed with a SASL protocol")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = os.environ.get(FILE_VARIABLE)
        file = (TomlConfigSettingsSource(settings_cls, Path(path)),) if path else ()
        return (init_settings, env_settings, *file)

    @property
    def development_secret(self) -> bool:
        """Whether control records are signed with the secret that everybody knows."""
        return self.secret.get_secret_value() == DEVELOPMENT_SECRET

    @property
    def policy(self) -> PolicySettings:
        """Who is told when: part of the engine's settings, the same for every worker and for a replay."""
        minutes = (self.answer_advisory_min, self.answer_urgent_min, self.answer_emergency_min)
        general = Chain((None, *(MINUTE_US * one for one in minutes)), self.rungs)
        return PolicySettings(
            general.answer_within_us, general.rungs, MINUTE_US * self.calm_min, self.advisories_per_day, self.language,
            self.advisories_per_month, {team: own.chain(general) for team, own in self.team_answers.items()},
        )  # fmt: skip

    @property
    def tells_somebody(self) -> bool:
        """Whether a notifier would have anybody to tell: addresses for every alert, or care teams."""
        return bool(self.webhook_urls) or self.teams_file is not None

    @property
    def webhook_key(self) -> bytes:
        """What signs webhooks. Never `secret` itself: a receiver that knew it could sign control records."""
        if self.webhook_secret is not None:
            return self.webhook_secret.get_secret_value().encode()
        return hmac.digest(self.secret.get_secret_value().encode(), b"homebeat webhook", "sha256").hex().encode()

    @property
    def gateway_keys(self) -> Path:
        """Where the keys of integrations are, the default filled in."""
        return self.gateway_keys_file or self.data_folder / "gateway-keys.toml"

    @property
    def desk_database(self) -> str:
        """The desk's database as an SQLAlchemy URL, the default filled in."""
        return self.desk_database_url or f"sqlite:///{self.data_folder / 'desk.sqlite'}"

    @property
    def desk_accounts(self) -> str:
        """The desk's accounts as an SQLAlchemy URL, the default filled in: never in the cache, which is thrown away."""
        if self.desk_accounts_url:
            return self.desk_accounts_url
        cache = self.desk_database
        return f"sqlite:///{self.data_folder / 'desk-accounts.sqlite'}" if cache.startswith("sqlite") else cache

    @property
    def desk_key(self) -> bytes:
        """What signs the desk's sessions. Never `secret` itself."""
        return hmac.digest(self.secret.get_secret_value().encode(), b"homebeat desk", "sha256")

    def topic(self, name: str) -> str:
        """The full name of one of CONTRACT 1's topics: `readings` -> `homebeat.readings`."""
        return self.topic_prefix + name

    def port_of(self, process: Literal["desk", "worker", "gateway", "notifier"]) -> int:
        """Where this process serves HTTP; 0 means any free port."""
        return DEFAULT_PORTS[process] if self.http_port is None else self.http_port

    def shown(self) -> dict[str, Any]:
        """Every setting as plain JSON values, secrets hidden: what `homebeat check` prints."""
        shown = self.model_dump(mode="json")
        shown["team_answers"] = {team: own.model_dump(exclude_none=True) for team, own in self.team_answers.items()}
        shown["webhook_urls"] = [without_path(url) for url in self.webhook_urls]
        shown["desk_database_url"] = without_login(self.desk_database)
        shown["desk_accounts_url"] = without_login(self.desk_accounts)
        shown["mqtt_url"] = None if self.mqtt_url is None else without_login(self.mqtt_url.get_secret_value())
        return shown
