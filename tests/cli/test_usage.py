"""What a person meets first: help, and one clear line for whatever is wrong."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka.errors import NodeNotReadyError

from streams.cli import _sentence, run
from streams.commands.answers import reached
from streams.configuration.environment import load_settings
from streams.kafka.embedded import EmbeddedBroker
from tests.cli.command import Homebeat

COMMANDS = [
    "demo", "worker", "desk", "desk add-user", "desk remove-user", "desk users", "desk link",
    "gateway", "gateway add-key", "gateway remove-key", "gateway keys",
    "notifier", "send", "profile put", "profile forget", "redrive", "check",
    "replay", "score", "bench", "simulate", "evidence",
]  # fmt: skip

HEAVY = ("aiohttp", "aiokafka", "alerts", "faust", "models", "numpy", "prometheus_client", "pydantic", "sqlalchemy")
WEB = ("fastapi", "sqlalchemy", "starlette", "uvicorn")
LANGUAGES = ("babel",)
CHANNELS = ("alerts.channels.webhook", "aiosmtplib", "apprise", "cryptography", "tenacity")
LATER = ("fhir", "lark", "pint", "rich", "ucumvert")
NOT_NEEDED = {
    "streams.worker.worker": (*WEB, *LANGUAGES, *CHANNELS, *LATER, "alerts.desk"),
    "streams.worker.worker, streams.notifier.notifier, streams.assembly": (
        *WEB,
        *LANGUAGES,
        *LATER,
        "apprise",
        "alerts.desk",
    ),
    "streams.notifier.notifier, streams.assembly": (
        *WEB,
        *LANGUAGES,
        *LATER,
        "apprise",
        "faust",
        "streams.engine.step",
    ),
    "alerts.desk.server, streams.assembly": (
        *LANGUAGES,
        *CHANNELS[:3],
        *LATER,
        "aiohttp",
        "faust",
        "streams.engine.step",
    ),
    "streams.gateway.server": (*LANGUAGES, *CHANNELS, *LATER, "aiohttp", "alerts.desk.app", "faust", "sqlalchemy"),
    "streams.gateway.keys": (*WEB, *LANGUAGES, *CHANNELS, *LATER, "aiohttp", "aiokafka", "faust", "models.vitals"),
    "streams.checking.check, streams.checking.teams": (
        *WEB,
        *LANGUAGES,
        *CHANNELS,
        *LATER,
        "aiohttp",
        "faust",
        "streams.engine.step",
    ),
    "streams.publish": (*WEB, *LANGUAGES, *CHANNELS, *LATER, "aiohttp", "faust", "models.vitals", "numpy"),
    "streams.redrive": (*WEB, *LANGUAGES, *CHANNELS, *LATER, "aiohttp", "faust", "streams.engine.step"),
    "alerts.desk.accounts": (*LANGUAGES, *CHANNELS, *LATER, "aiohttp", "fastapi", "models.vitals", "numpy"),
    "streams.replaying.replay": (*WEB, *LANGUAGES, *CHANNELS, *LATER, "aiohttp", "faust"),
}
"""What a command imports before it works, and what it must do without: a restarted worker watches nobody meanwhile."""


def test_help_lists_every_command(homebeat: Homebeat) -> None:
    shown = homebeat("--help")
    assert shown.code == 0
    listed = shown.out.split("Commands:")[1]
    assert [line.split()[0] for line in listed.splitlines() if line.strip()] == list(
        dict.fromkeys(command.split()[0] for command in COMMANDS)
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example(homebeat: Homebeat, command: str) -> None:
    shown = homebeat(*command.split(), "--help")
    assert shown.code == 0
    assert "Example" in shown.out
    assert f"homebeat {command}" in shown.out.split("Example")[1]


def test_help_does_not_wait_for_heavy_imports() -> None:
    code = f"import sys, streams.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("modules", NOT_NEEDED)
def test_no_command_imports_before_it_works_what_only_others_need(modules: str) -> None:
    code = f"import sys, streams.cli, streams.configuration.environment, {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [one for one in NOT_NEEDED[modules] if one in loaded] == []


def test_version_is_that_of_the_package(homebeat: Homebeat) -> None:
    assert homebeat("--version").out.startswith("homebeat, version 0.")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing command"),
        (["demoo"], "No such command 'demoo'"),
        (["demo", "--fr", "3"], "--for"),
        (["demo", "--for", "soon"], "'--for'"),
        (["demo", "--port", "70000"], "'--port'"),
        (["send"], "FILE"),
        (["send", "no-such-file"], "does not exist"),
        (["replay"], "--readings"),
        (["replay", "--readings", "no-such-file"], "does not exist"),
        (["replay", "--from-topic", "--since", "yesterday"], "2026-01-05T08:00:00Z"),
        (["replay", "--from-topic", "--since", "2026-01-05T08:00:00"], "offset"),
        (["replay", "--since", "2026-01-05T08:00:00Z", "/dev/null"], "--from-topic"),
        (["replay", "--from-topic", "/dev/null"], "name no other files"),
        (["replay", "--readings", "/dev/null", "--out", "-"], "standard output is for the figures: name a file"),
        (["profile"], "Missing command. (homebeat profile --help says how)"),
        (
            ["replay", "--from-topic", "--since", "2026-01-06T00:00:00Z", "--until", "2026-01-05T00:00:00Z"],
            "not be after",
        ),
        (["score", "--alerts", "/dev/null"], "--labels"),
        (["bench", "speed"], "throughput"),
        (["bench", "scorecard"], "--data"),
        (["bench", "soak"], "--broker"),
        (["bench", "throughput", "--minutes", "5"], "soak"),
        (["bench", "recovery", "--rate", "5"], "soak"),
        (["bench", "throughput", "--database", "sqlite:///x"], "desk"),
        (["bench", "desk", "--patients", "5", "--patients", "6"], "once"),
        (["evidence", "no-such-figure"], "no evidence has the id 'no-such-figure': `homebeat evidence` lists them"),
        (["evidence", "hearth rate"], "heart_rate was probably meant"),
        (["evidence", "Metoprolol"], "it is a drug of beta_blocker"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_2(homebeat: Homebeat, arguments: list[str], says: str) -> None:
    answered = homebeat(*arguments)
    assert answered.code == 2
    assert says in answered.complaint
    assert answered.complaint.startswith("homebeat: ")
    assert answered.out == ""


@pytest.mark.parametrize(
    "command",
    [["send", "-"], ["profile", "put", "-"], ["profile", "forget", "p-1"], ["worker"], ["desk"], ["notifier"]],
    ids=" ".join,
)
def test_absent_broker_is_one_line_that_says_how_to_mend_it(homebeat: Homebeat, command: list[str]) -> None:
    answered = homebeat(*command, webhook_urls="http://127.0.0.1:1/", secret="s" * 16)
    assert answered.code == 1
    assert answered.complaint.startswith("homebeat: cannot reach the broker at 127.0.0.1:1 (")
    assert answered.complaint.endswith("start it or set HOMEBEAT_BROKER")


def test_traceback_is_shown_only_with_debug(homebeat: Homebeat) -> None:
    assert "Traceback" not in homebeat("send", "-").err
    answered = homebeat("--debug", "send", "-")
    assert answered.code == 1
    assert "Traceback" in answered.err
    assert answered.err.splitlines()[-1].startswith("homebeat: cannot reach the broker")


def test_server_warns_loudly_when_it_signs_with_the_public_secret(
    embedded_broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(reached(load_settings(broker=embedded_broker.address, secret="a secret of our own")))
    assert not caplog.records
    asyncio.run(reached(load_settings(broker=embedded_broker.address)))
    assert "PUBLIC development secret" in caplog.text


def test_a_broker_that_is_not_ready_is_no_fault_of_ours() -> None:
    sentence, code = _sentence(NodeNotReadyError("node 1"))
    assert sentence.startswith("Kafka failed this (NodeNotReadyError: node 1): ")
    assert "`homebeat check`" in sentence
    assert code == 1
    assert _sentence(ValueError("ours"))[0].startswith("a fault of homebeat itself")


def test_server_without_a_broker_says_one_line(homebeat: Homebeat) -> None:
    for server in ("worker", "desk"):
        answered = homebeat(server)
        assert (answered.code, len(answered.err.splitlines())) == (1, 1)


def test_notifier_without_anybody_to_tell_is_wrong_settings(homebeat: Homebeat) -> None:
    answered = homebeat("notifier", secret="s" * 16)
    assert answered.code == 2
    assert "HOMEBEAT_WEBHOOK_URLS" in answered.complaint


def test_run_returns_the_code_instead_of_leaving(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert run(["evidence", "no-such-figure"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("file", "there", "wrong", "said"),
    [
        ("floors", "id: hr_low_red, vital: heart_rate", "id: hr_low_red, vital: pulse", "nothing is called pulse"),
        ("daily", "src: [NIGHTSIGNAL_CODE, DESIGN]", "src: [NIGHTSIGNL_CODE]", "sources.yaml does not know"),
        ("vitals", "ucum_canonical:", "ucum_canonicl:", "ucum_canonical: is missing"),
    ],
)
def test_broken_evidence_is_one_line_before_anybody_is_decided_about(
    file: str, there: str, wrong: str, said: str, tmp_path: Path
) -> None:
    """Also in a file that is first needed a week later. The packages are a copy, as in another installation."""
    here = Path(__file__).parents[2]
    shutil.copytree(here / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("alerts", "streams"):
        (tmp_path / name).symlink_to(here / name)
    broken = tmp_path / "models" / "evidence" / f"{file}.yaml"
    text = broken.read_text()
    assert there in text
    broken.write_text(text.replace(there, wrong, 1))
    (tmp_path / "none.jsonl").write_text("")
    ended = subprocess.run(
        [sys.executable, "-m", "streams", "replay", "--readings", "none.jsonl"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"homebeat: the evidence is broken ({file}.yaml: ")
    assert said in line


def test_evidence_comes_with_its_sources_and_how_far_each_was_checked(homebeat: Homebeat) -> None:
    found = homebeat("evidence", "beta_blocker", "--json").json
    assert found["entries"][0]["file"] == "medications.yaml"
    cited = found["entries"][0]["content"]["effects"][0]["src"]
    assert cited
    assert all(found["sources"][source]["status"] for source in cited)


def test_evidence_lists_every_id_it_can_show(homebeat: Homebeat) -> None:
    listed = homebeat("evidence", "--json").json["evidence"]
    assert "heart_failure" in listed["conditions"]
    assert "spo2" in listed["vitals"]
    assert "RCP2017" in listed["sources"]
