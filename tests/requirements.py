"""What a test needs beyond the Python packages, and what happens when it is not there.

A missing requirement skips the test with one line. HOMEBEAT_TEST_REQUIRE (`kafka,browser,kcat,postgres,mqtt`) lists
those that must be there, so that on CI a broken installation fails instead of passing quietly.
"""

import os

import pytest

MUST = frozenset(filter(None, os.environ.get("HOMEBEAT_TEST_REQUIRE", "").split(",")))


def require(name: str, condition: object, message: str) -> None:
    """Skip the running test unless the condition holds; fail it when `name` is in HOMEBEAT_TEST_REQUIRE."""
    if condition:
        return
    if name in MUST:
        pytest.fail(f"{name} is required by HOMEBEAT_TEST_REQUIRE: {message}", pytrace=False)
    pytest.skip(message)
