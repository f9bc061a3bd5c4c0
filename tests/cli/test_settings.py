"""Settings: a wrong one is one line that names it and how to mend it, and a secret is shown by nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.times import US_PER_S
from models.windows import check_settings
from streams.configuration.environment import load_settings, misspelt
from streams.configuration.settings import CLOCK_TOLERANCE_MAX_S, DEVELOPMENT_SECRET, Settings
from streams.errors import WrongSettings
from tests.cli.command import Homebeat

SECRET = "do-not-show-this-to-anyone"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HOMEBEAT_{name.upper()}", raising=False)
    monkeypatch.delenv("HOMEBEAT_SETTINGS_FILE", raising=False)


def complaint(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(f"HOMEBEAT_{name.upper()}", value)
    with pytest.raises(WrongSettings) as wrong:
        load_settings()
    return str(wrong.value)


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("partitions", "many", "should be a whole number ('many' was given), for example HOMEBEAT_PARTITIONS=4"),
        ("partitions", "0", "should be at least 1"),
        ("http_port", "70000", "should be at most 65535"),
        ("chunk_bytes", "1", "should be at least 65536"),
        ("tick_s", "soon", "should be a whole number"),
        ("checkpoint_s", "soon", "should be a number"),
        ("checkpoint_s", "nan", "should be at"),
        ("ticks", "yes", "should be 'on' or 'off'"),
        ("unknown_patients", "ignore", "should be 'reject' or 'monitor'"),
        ("language", "tlh", "should be one of en, de"),
        ("broker", "kafka-1", "should be HOST:PORT"),
        ("broker", "kafka-1:9092,", "should be HOST:PORT"),
        ("broker", "http://kafka-1:9092", "should be HOST:PORT"),
        ("broker", "kafka-1:99999", "should be HOST:PORT"),
        (
            "topic_prefix",
            "home beat",
            "should be made of letters, digits and . _ -, 100 at most ('home beat' was given)",
        ),
        ("worker_id", "worker 1", "should be made of letters, digits and . _ -"),
        ("desk_url", "desk.example.org", "should be an http:// or https:// address, such as https://desk"),
        ("webhook_urls", "pager.example", "should be http:// or https:// addresses"),
        ("webhook_urls", "http://", "should be http:// or https:// addresses"),
        ("webhook_urls", "http://pager:many/", "should be http:// or https:// addresses"),
        ("desk_hosts", "desk.example.org,https://desk.example.org", "should be names without https:// and port"),
        ("desk_hosts", "desk.example.org:8460", "should be names without https:// and port"),
        ("desk_database_url", "nonsense", "such as sqlite:///desk.sqlite or postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("desk_database_url", "mysql://host/desk", "should be one of sqlite, postgresql, not mysql"),
        ("desk_database_url", "sqlite://", "should be a file"),
        ("desk_accounts_url", "postgresql://host:port/desk", "should be an address such as"),
        ("secret", "short", "should have at least 16 characters"),
        ("ssl_cafile", "/no/such/file", "should be a file that can be read"),
        ("ssl_cafile", 300 * "x", "should be a file that can be read"),
        ("ssl_cafile", __file__, "should be a file of certificates in PEM"),
        ("security_protocol", "TLS", "'SASL_SSL'"),
    ],
)
def test_wrong_setting_names_the_variable_and_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, mend: str
) -> None:
    said = complaint(monkeypatch, **{name: value})
    assert said.startswith(f"HOMEBEAT_{name.upper()} ")
    assert mend in said
    assert "\n" not in said


@pytest.mark.parametrize("name", ["desk_database_url", "desk_accounts_url"])
def test_a_wrong_address_of_a_database_does_not_tell_its_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for address in (f"postgresql://desk:{SECRET}@db:port/desk", f"mysql://desk:{SECRET}@db/desk"):
        assert SECRET not in complaint(monkeypatch, **{name: address})


def test_wrong_setting_ends_the_command_with_exit_2(homebeat: Homebeat) -> None:
    answered = homebeat("check", partitions="many")
    assert answered.code == 2
    assert answered.complaint.startswith("homebeat: HOMEBEAT_PARTITIONS should be a whole number")
    assert answered.out == ""


def test_several_wrong_settings_are_still_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint(monkeypatch, partitions="many", tick_s="0", ticks="maybe")
    assert said.startswith("HOMEBEAT_PARTITIONS ")
    assert said.endswith("(also wrong: tick_s, ticks)")


def test_sasl_without_a_login_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint(monkeypatch, security_protocol="SASL_SSL", sasl_username="homebeat")
    assert "HOMEBEAT_SASL_PASSWORD" in said


def test_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in complaint(monkeypatch, secret="hunter2")
    assert "token" not in complaint(monkeypatch, webhook_urls="pager.example/token")


def test_environment_wins_over_file_and_option_over_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "homebeat.toml"
    file.write_text(
        'broker = "file:1"\ngroup = "from-file"\npartitions = 8\nwebhook_urls = ["http://a/", "http://b/"]\n'
    )
    monkeypatch.setenv("HOMEBEAT_SETTINGS_FILE", str(file))
    monkeypatch.setenv("HOMEBEAT_BROKER", "environment:1")
    monkeypatch.setenv("HOMEBEAT_HTTP_PORT", "1000")
    settings = load_settings(http_port=2000)
    assert settings.broker == "environment:1"
    assert settings.group == "from-file"
    assert settings.webhook_urls == ("http://a/", "http://b/")
    assert settings.http_port == 2000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('brokr = "kafka:9092"', "brokr in FILE is not a setting; did you mean broker?"),
        ("partitions = 0", "partitions in FILE should be at least 1"),
        ("partitions = true", "partitions in FILE should be a number (True was given)"),
        ("http_port = true", "http_port in FILE should be a number (True was given)"),
        ("brake = true", "brake in FILE should be 'on' or 'off' (True was given)"),
        ("partitions: 4", "HOMEBEAT_SETTINGS_FILE=FILE is not TOML"),
        (None, "HOMEBEAT_SETTINGS_FILE=FILE cannot be read: No such file or directory"),
    ],
)
def test_wrong_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "homebeat.toml"
    if content is not None:
        file.write_text(content)
    said = complaint(monkeypatch, settings_file=str(file))
    assert said.startswith(
        says.replace("FILE is", f"{file} is").replace("in FILE", f"in {file}").replace("=FILE", f"={file}")
    )


def test_variable_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEBEAT_HTTP_PORT", "")
    settings = load_settings()
    assert settings.http_port is None
    assert (settings.port_of("desk"), settings.port_of("worker"), settings.port_of("notifier")) == (8460, 8461, 8463)


def test_comma_lists_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEBEAT_BROKER", "kafka://a:9092, b:9092")
    monkeypatch.setenv("HOMEBEAT_WEBHOOK_URLS", " http://a/x , https://b/y,")
    settings = load_settings()
    assert settings.broker == "a:9092,b:9092"
    assert settings.webhook_urls == ("http://a/x", "https://b/y")


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().partitions = 8  # type: ignore[misc]


def test_longest_clock_tolerance_is_one_that_the_engine_takes() -> None:
    longest = Settings(clock_tolerance_s=CLOCK_TOLERANCE_MAX_S)
    check_settings(longest.clock_tolerance_s * US_PER_S)


def test_misspelt_variables_are_noticed_and_others_left_alone() -> None:
    environment = {
        "HOMEBEAT_PARTITION": "4",
        "HOMEBEAT_BROKR": "kafka:9092",
        "HOMEBEAT_BROKER": "kafka:9092",
        "HOMEBEAT_TEST_KAFKA": "/jars",
        "HOMEBEAT_DESK_SERVICE_HOST": "10.0.0.1",
        "HOMEBEAT_PORT_8460_TCP_ADDR": "10.0.0.1",
        "PATH": "/bin",
    }
    assert misspelt(environment) == {
        "HOMEBEAT_PARTITION": "HOMEBEAT_PARTITIONS",
        "HOMEBEAT_BROKR": "HOMEBEAT_BROKER",
    }


def test_check_shows_every_setting_and_no_secret(homebeat: Homebeat) -> None:
    hidden = {
        "secret": SECRET,
        "webhook_secret": SECRET,
        "sasl_password": SECRET,
        "webhook_urls": f"http://{SECRET}@127.0.0.1:1/{SECRET}?{SECRET}",
        "desk_database_url": f"postgresql://desk:{SECRET}@db/desk",
        "desk_accounts_url": f"postgresql://db/accounts?user=desk&password={SECRET}",
    }
    for arguments in (["check"], ["check", "--json"]):
        answered = homebeat(*arguments, **hidden)
        assert SECRET not in answered.out + answered.err
    assert set(answered.json["settings"]) == set(Settings.model_fields)


@given(st.text(st.characters(categories=["L", "N"]), min_size=16, max_size=40).filter(lambda s: s not in "*" * 40))
def test_shown_settings_hide_any_secret(secret: str) -> None:
    settings = Settings(
        secret=secret,
        webhook_secret=secret,
        webhook_urls=(f"https://user:{secret}@hooks.example/{secret}",),
        desk_database_url=f"postgresql://u:{secret}@db/d",
    )
    assert secret not in json.dumps(settings.shown(), ensure_ascii=False)


def test_receivers_of_webhooks_never_learn_the_key_of_control_records() -> None:
    settings = Settings()
    assert settings.development_secret
    assert DEVELOPMENT_SECRET.encode() not in settings.webhook_key
    other = Settings(webhook_secret="a secret of its own")
    assert other.webhook_key == b"a secret of its own"
