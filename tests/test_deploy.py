"""What deploy/ and the README say exists: names that go wrong silently when something is renamed."""

import re
from pathlib import Path

from streams.configuration.environment import load_settings
from streams.configuration.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent


def test_every_setting_that_is_named_exists() -> None:
    texts = [ROOT / "README.md", ROOT / "deploy/README.md", ROOT / "deploy/homebeat.env"]
    named = {name for path in texts for name in re.findall(rf"{PREFIX}[A-Z_]+[A-Z]", path.read_text())}
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields} | {f"{PREFIX}SETTINGS_FILE"}
    assert named & known
    assert named <= known | _read_by_tests()


def _read_by_tests() -> set[str]:
    """The variables with which the suite itself can be told to go further: each is asked for somewhere in it."""
    asked = re.compile(rf"(?:environ\.get\(|getenv\(|environ\[)\s*\"({PREFIX}[A-Z_]+)\"")
    return {name for path in (ROOT / "tests").rglob("*.py") for name in asked.findall(path.read_text())}


def test_every_folder_of_the_map_exists_and_no_other() -> None:
    named = set(re.findall(r"^\| `([a-z]+)/` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert there <= named
    assert all((ROOT / name).is_dir() for name in named)


def test_the_two_commands_are_the_ones_that_ci_runs() -> None:
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()
    test = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"
    assert test in readme
    assert test in ci
    assert load_settings().partitions > 0
