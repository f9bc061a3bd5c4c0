"""Kafka away: what is waited out, and what is not."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import errors
from faust.exceptions import ProducerSendError

from streams.configuration.settings import Settings
from streams.engine.pages import PageError
from streams.errors import BrokerUnreachable
from streams.kafka.broker_watch import BrokerWatch
from streams.kafka.outage import passing
from streams.worker.worker import faust_folder
from tests.brokers import ApacheKafka, running_kafka
from tests.worker.live import deployment, until

NOBODY = "NO BROKER ANSWERS"


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    "error",
    [
        errors.KafkaConnectionError("refused"),
        errors.KafkaTimeoutError(),
        errors.NotEnoughReplicasError(),
        errors.NotLeaderForPartitionError(),
        errors.CommitFailedError("rebalanced"),
        ConnectionResetError(),
        TimeoutError(),
        BrokerUnreachable("kafka-1:9092"),
        caused(ProducerSendError("crashed"), errors.RequestTimedOutError()),
        Exception("Controller node not found"),
        caused(RuntimeError("of a library"), errors.RequestTimedOutError()),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_kafka_may_get_over_is_waited_out(error: Exception) -> None:
    assert passing(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug of ours"),
        PageError("written by a newer homebeat"),
        errors.TopicAuthorizationFailedError("homebeat.alerts"),
        errors.SaslAuthenticationFailed(),
        errors.MessageSizeTooLargeError(),
        caused(errors.KafkaError("wrapped"), errors.GroupAuthorizationFailedError("homebeat")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_bug_or_a_refusal_is_not_waited_out(error: Exception) -> None:
    assert not passing(error)


def test_an_outage_is_said_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = BrokerWatch(Settings(broker="kafka-1:9092"))
    library = logging.getLogger("aiokafka")
    before = library.level
    with caplog.at_level(logging.INFO, logger="streams.kafka.broker_watch"):
        for up in (True, False, False, False):
            watch._note(up)
        assert "kafka-1:9092" in watch.why_not()
        assert not library.isEnabledFor(logging.ERROR)
        watch._note(True)
        watch._note(True)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert (watch.why_not(), library.level) == ("", before)


@pytest.fixture
def own_kafka() -> Iterator[ApacheKafka]:
    """A broker that a test may do anything to."""
    with running_kafka() as broker:
        yield broker


@pytest.mark.kafka
@pytest.mark.slow
def test_a_worker_waits_for_its_broker_and_goes_on_by_itself(
    own_kafka: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    """The broker stands still for longer than the worker tries to publish: it starts afresh, and nothing is lost."""
    process = own_kafka._process
    assert process is not None
    with deployment(own_kafka, prefix, tmp_path) as here:
        worker = here.start()
        here.enrol("p-1")
        here.read("p-1", code="spo2", value=78.0)
        first, said = here.told("p-1"), worker.log().count(NOBODY)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            until(lambda: "has answered for" in worker.get("/readyz")[1], "the reason on /readyz")
            assert (worker.get("/readyz")[0], worker.get("/healthz")[0]) == (503, 200)
            assert worker.metric("homebeat_broker_up") == 0
            until(lambda: "starting afresh" in worker.log(), "the session given up")
            assert worker.log().count(NOBODY) == said + 1, "not with every look"
        finally:
            os.kill(process.pid, signal.SIGCONT)
        until(lambda: worker.get("/readyz")[0] == 200, "ready again")
        assert worker.process.poll() is None
        assert worker.metric("homebeat_worker_restarts_total") >= 1
        here.enrol("p-2")
        here.read("p-2", code="spo2", value=78.0)
        here.told("p-2")
        assert here.told("p-1") == first
        assert worker.stop() == 0


def test_a_data_folder_that_cannot_be_written_is_said_and_gone_on_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.write_text("a file where the folder should be")
    folder = faust_folder(in_the_way)
    assert folder.parent != in_the_way
    assert "cannot be written" in caplog.text
    assert "HOMEBEAT_DATA_FOLDER" in caplog.text


def test_a_data_folder_that_can_be_written_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert faust_folder(tmp_path) == tmp_path / "faust"
    assert caplog.text == ""


@pytest.mark.kafka
@pytest.mark.slow
def test_a_worker_can_be_stopped_while_no_broker_answers(own_kafka: ApacheKafka, prefix: str, tmp_path: Path) -> None:
    process = own_kafka._process
    assert process is not None
    with deployment(own_kafka, prefix, tmp_path) as here:
        worker = here.start()
        here.enrol("p-1")
        os.kill(process.pid, signal.SIGSTOP)
        try:
            until(lambda: worker.get("/readyz")[0] == 503, "it has noticed")
            assert worker.stop() == 0, worker.log()[-2000:]
        finally:
            os.kill(process.pid, signal.SIGCONT)
