"""How a vital stands, in a word: unknown and withheld are never normal, and old words are not believed for ever."""

from typing import Any

import pytest

from alerts.desk.chart import Window
from alerts.desk.states import standing_of, state_of

DAY_S = 86_400.0


def window(state: str, n: int = 12, start_s: float = 0.0) -> Window:
    figures: dict[str, Any] = dict.fromkeys(("mean", "min", "max", "expected", "low", "high"), 72.0 if n else None)
    return Window(start_s=start_s, period_s=900.0, n=n, state=state, **figures)


@pytest.mark.parametrize("state", ["normal", "deviating", "unknown", "withheld"])
def test_the_newest_window_has_the_last_word(state: str) -> None:
    assert state_of(window(state), 1000.0) == state


@pytest.mark.parametrize("state", ["normal", "deviating"])
def test_a_word_that_is_older_than_any_device_may_be_silent_is_not_believed(state: str) -> None:
    assert state_of(window(state), 40 * DAY_S) == state
    assert state_of(window(state), 50 * DAY_S) == "unknown"
    assert state_of(window("withheld"), 50 * DAY_S) == "withheld"


def test_the_last_value_is_that_of_the_newest_window_with_readings() -> None:
    known = window("normal", start_s=100.0)
    told = standing_of("heart_rate", window("unknown", 0, 5000.0), known, 9000.0)
    assert (told["state"], told["last_value"], told["last_at"]) == ("unknown", 72.0, "1970-01-01T00:16:40Z")
    assert standing_of("heart_rate", window("withheld", 0, 5000.0), known, 9000.0)["last_value"] is None
    assert standing_of("heart_rate", window("unknown", 0), None, None)["last_at"] is None
