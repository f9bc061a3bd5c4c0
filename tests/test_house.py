"""The house is in order: lint, format, types and the direction of imports, each with its tool's own words."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "lint": ["ruff", "check", "--no-fix"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy"],
    "import_direction": ["lint-imports"],
}


@pytest.mark.timeout(900)  # of types that nobody has looked at before there are many
@pytest.mark.parametrize("check", CHECKS)
def test_the_house_is_in_order(check: str) -> None:
    program, *arguments = CHECKS[check]
    done = subprocess.run(
        [str(BIN / program), *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        pytest.fail(f"{program} {' '.join(arguments)}\n{done.stdout}", pytrace=False)


@pytest.mark.parametrize("package", ["models", "alerts", "streams"])
def test_the_map_of_a_package_names_all_of_it(package: str) -> None:
    """Whoever opens a folder reads its docstring first."""
    missing = [
        f"{one.parent.relative_to(ROOT)}: {one.stem}"
        for one in sorted((ROOT / package).rglob("*.py"))
        if not one.stem.startswith("__") and one.stem not in map_of(one.parent)
    ]
    assert not missing, "\n".join(missing)


def map_of(folder: Path) -> set[str]:
    """The names that the docstring of a package has in backticks."""
    told = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    return {name for words in re.findall(r"`([\w.]+)`", told) for name in words.split(".")}
