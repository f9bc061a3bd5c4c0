"""What `homebeat check` says of the gateway: nothing where there is none, and what is wrong where there is one."""

from pathlib import Path

import pytest

from streams.checking.gateway import gateway
from streams.checking.result import Check
from streams.configuration.environment import load_settings
from streams.errors import WrongSettings
from streams.gateway.keys import add_key


def found(folder: Path, **settings: object) -> dict[str, Check]:
    return {one.name: one for one in gateway(load_settings(data_folder=folder, **settings))}


def test_where_there_is_no_gateway_nothing_is_said(tmp_path: Path) -> None:
    assert found(tmp_path) == {}


def test_a_file_of_keys_is_looked_at_wherever_it_is(tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    assert found(tmp_path, gateway_keys_file=named)["gateway keys"].state == "warn"
    assert "add-key" in found(tmp_path, gateway_keys_file=named)["gateway keys"].mend
    for path, settings in ((named, {"gateway_keys_file": named}), (tmp_path / "gateway-keys.toml", {})):
        add_key(path, "watch-vendor", ("readings",), replace=False)
        one = found(tmp_path, **settings)["gateway keys"]
        assert (one.state, one.found) == ("ok", "watch-vendor")
        path.write_text("[keys")
        one = found(tmp_path, **settings)["gateway keys"]
        assert (one.state, str(path) in one.found) == ("bad", True)


def test_an_mqtt_broker_that_is_not_there_is_a_warning_without_its_password(tmp_path: Path) -> None:
    one = found(tmp_path, mqtt_url="mqtt://user:secret-word@127.0.0.1:1")["mqtt"]
    assert (one.state, "127.0.0.1:1" in one.found) == ("warn", True)
    assert "secret-word" not in str(one)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("mqtt_url", "http://user:secret-word@example.org", "should be an mqtt:// or mqtts:// address"),
        ("mqtt_url", "mqtt://user:secret-word@example.org:port", "should be an mqtt:// or mqtts:// address"),
        ("mqtt_topic", "a/#/b", "topic filter"),
        ("mqtt_topic", "a+/b", "topic filter"),
        ("mqtt_topic", "$share/group", "topic filter"),
        ("mqtt_client_id", "a b", "should be made of"),
        ("mqtt_cafile", "/nowhere", "a file that can be read"),
    ],
)
def test_settings_that_cannot_be_are_told_how_to_mend_them(setting: str, value: str, words: str) -> None:
    with pytest.raises(WrongSettings, match=words) as wrong:
        load_settings(**{setting: value})
    assert "secret-word" not in str(wrong.value)


@pytest.mark.parametrize("topic", ["#", "+/readings", "homebeat/readings/#", "$share/homebeat/ward/+/readings", "a"])
def test_topic_filters_that_are_taken(topic: str) -> None:
    assert load_settings(mqtt_topic=topic).mqtt_topic == topic
