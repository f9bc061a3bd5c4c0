"""Where a run of the whole suite stands, every minute: it takes half an hour, and what hangs is to have a name."""

import threading
import time

import pytest

EVERY_S = 60.0


class Progress:
    """Told of every test that begins and ends, in whichever process, by pytest-xdist in the process that shares out."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal, self._began = terminal, time.monotonic()
        self._done, self._failed, self._at_work = 0, 0, dict[str, float]()
        self._ended = threading.Event()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._at_work[nodeid] = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed += report.failed

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._at_work.pop(nodeid, None)
        self._done += 1

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self._tell, daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        self._ended.set()

    def _tell(self) -> None:
        while not self._ended.wait(EVERY_S):
            self._terminal.write_line(f"\n{self.line(time.monotonic())}")

    def line(self, now: float) -> str:
        """How far it is, and for how long each of those at work has been."""
        at_work = (f"{name} ({now - since:.0f} s)" for name, since in list(self._at_work.items()))
        far = f"{(now - self._began) / 60:.0f} min: {self._done} tests done, {self._failed} failed; at work: "
        return far + (", ".join(at_work) or "none")


def follow(config: pytest.Config) -> None:
    """Where the work is shared out; a single process names its tests by itself."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and config.getoption("numprocesses", None):
        config.pluginmanager.register(Progress(terminal), "progress")
