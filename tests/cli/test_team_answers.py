"""Answer times of single teams: from a variable or a file into the policy, and one line where they are wrong."""

import json
from pathlib import Path

import pytest

from alerts.policy import Chain
from alerts.policy.settings import MINUTE_US
from streams.configuration.environment import load_settings
from streams.configuration.settings import Settings
from streams.configuration.team_answers import TEAMS_MAX
from streams.demo.children import environment
from streams.errors import WrongSettings

VARIABLE = "HOMEBEAT_TEAM_ANSWERS"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "settings_file"):
        monkeypatch.delenv(f"HOMEBEAT_{name.upper()}", raising=False)


def minutes(chain: Chain) -> tuple[float | None, ...]:
    return tuple(None if one is None else one / MINUTE_US for one in chain.answer_within_us)


def test_what_a_team_does_not_say_is_as_it_is_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEBEAT_ANSWER_URGENT_MIN", "45")
    monkeypatch.setenv("HOMEBEAT_RUNGS", "4")
    monkeypatch.setenv(VARIABLE, '{"stroke-unit": {"emergency_min": 2, "rungs": 2}, "home": {"advisory_min": 2880}}')
    policy = load_settings().policy
    assert (minutes(policy.chain_of("stroke-unit")), policy.chain_of("stroke-unit").rungs) == ((None, 1440, 45, 2), 2)
    assert (minutes(policy.chain_of("home")), policy.chain_of("home").rungs) == ((None, 2880, 45, 5), 4)
    assert policy.chain_of("cardiology") == policy.chain_of(None) == policy.general
    assert minutes(policy.general) == (None, 1440, 45, 5)


def test_a_file_says_the_same_in_tables_and_the_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "homebeat.toml"
    file.write_text("[team_answers.stroke-unit]\nemergency_min = 2\nrungs = 2\n[team_answers.home]\nurgent_min = 90\n")
    monkeypatch.setenv("HOMEBEAT_SETTINGS_FILE", str(file))
    assert {team: own.urgent_min for team, own in load_settings().team_answers.items()} == {
        "stroke-unit": None, "home": 90,
    }  # fmt: skip
    monkeypatch.setenv(VARIABLE, '{"stroke-unit": {"emergency_min": 3}}')
    policy = load_settings().policy
    assert (minutes(policy.chain_of("stroke-unit"))[3], policy.chain_of("stroke-unit").rungs) == (3, 3)
    assert policy.chain_of("home") == policy.general


MANY = json.dumps({f"team-{n}": {} for n in range(TEAMS_MAX + 1)})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{", " is not JSON: Expecting property name enclosed in double quotes, at character 2"),
        ("home", " is not JSON: Expecting value, at character 1 ('home' was given), for example " + VARIABLE),
        ("[" * 100_000, " is not JSON of teams and minutes: too many brackets"),
        ("[]", " should be names and values ([] was given), for example " + VARIABLE + '={"cardiology-home": {'),
        ('{"a": 5}', ", a: should be names and values (5 was given)"),
        ('{"a": {"emergency_min": 0}}', ", a.emergency_min: should be at least 1 (0 was given)"),
        ('{"a": {"urgent_min": 10081}}', ", a.urgent_min: should be at most 10080 (10081 was given)"),
        ('{"a": {"advisory_min": true}}', ", a.advisory_min: should be a whole number (True was given)"),
        ('{"a": {"advisory_min": 1.5}}', ", a.advisory_min: should be a whole number (1.5 was given)"),
        ('{"a": {"rungs": 10}}', ", a.rungs: should be at most 9 (10 was given)"),
        ('{"a": {"emergncy_min": 5}}', ", a.emergncy_min: is not known; did you mean emergency_min?"),
        ('{"a b": {}}', ", a b: should be the name of a team, without spaces ('a b' was given)"),
        ('{"a\\nb": {}}', ", 'a\\nb': should be the name of a team"),
        (json.dumps({"a" * 10_000: {}}), ", 'aaa"),
        ('{"a": {"rungs": 1}, "a": {"rungs": 2}}', " gives a twice"),
        (MANY, " should have at most 1000 entries"),
        ('{"a": {"rungs": 0, "urgent_min": 0}}', ", a.urgent_min: should be at least 1 (0 was given) (also wrong: "
         "team_answers.a.rungs)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_its_place(monkeypatch: pytest.MonkeyPatch, value: str, says: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(WrongSettings) as wrong:
        load_settings()
    said = str(wrong.value)
    assert said.startswith(VARIABLE + says)
    assert "\n" not in said
    assert len(said) < 400


def test_what_is_wrong_in_a_file_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "homebeat.toml"
    monkeypatch.setenv("HOMEBEAT_SETTINGS_FILE", str(file))
    for content, says in (
        ("emergency_min = 0", f"team_answers.home.emergency_min in {file} should be at least 1 (0 was given)"),
        ("rung = 3", f"team_answers.home.rung in {file} is not known; did you mean rungs?"),
    ):
        file.write_text("[team_answers.home]\n" + content)
        with pytest.raises(WrongSettings) as wrong:
            load_settings()
        assert str(wrong.value) == says


def test_it_is_shown_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, '{"home": {"urgent_min": 90}}')
    assert load_settings().shown()["team_answers"] == {"home": {"urgent_min": 90}}


def test_the_processes_of_the_demo_have_no_team_answers_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, '{"ops": {"emergency_min": 1}}')
    monkeypatch.setenv("HOMEBEAT_SETTINGS_FILE", "/etc/homebeat.toml")
    given = environment(answer_emergency_min="10080")
    assert {name for name in given if name.startswith("HOMEBEAT_")} == {"HOMEBEAT_ANSWER_EMERGENCY_MIN"}
