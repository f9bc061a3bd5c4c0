"""A worker tells people by itself, or says that it tells nobody."""

from pathlib import Path

from tests.brokers import Broker
from tests.faults.phones import SECRET, pagers, teams_file, told
from tests.worker.live import deployment, until


def test_care_teams_are_told_by_a_worker_that_has_no_other_address(broker: Broker, prefix: str, tmp_path: Path) -> None:
    with pagers() as phones, deployment(broker, prefix, tmp_path, webhook_secret=SECRET) as here:
        here.homebeat.settings["teams_file"] = str(teams_file(tmp_path, phones))
        here.start()
        here.enrol("p-1", care_team="home")
        here.read("p-1", code="spo2", value=72.0)
        here.settle()
        until(lambda: told(phones["ann"], "alert", 0), "ann is told")
        assert told(phones["bob"], "alert", 0) == {}


def test_a_worker_whose_alerts_reach_nobody_says_so(broker: Broker, prefix: str, tmp_path: Path) -> None:
    with deployment(broker, prefix, tmp_path) as here:
        assert "alerts reach nobody: set HOMEBEAT_TEAMS_FILE" in here.start().log()
