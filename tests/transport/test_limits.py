"""How the bounds of the stream layer relate: what one part sends, the next must be able to take."""

from streams import limits
from streams.kafka.chunks import Bounds
from streams.kafka.topics import topics_of
from streams.kafka.transport import faust_settings
from streams.serving.process import STOP_WITHIN_S


def test_a_reading_far_too_large_fits_on_readings_and_its_reject_on_rejects() -> None:
    topics = topics_of("homebeat.", 4)
    assert topics.readings.max_message_bytes > 10 * limits.MIB > limits.READING_BYTES_MAX
    words_and_headers = 64 * limits.KIB
    assert topics.rejects.max_message_bytes >= topics.readings.max_message_bytes * 4 / 3 + words_and_headers


def test_a_profile_fits_on_every_topic_that_carries_it() -> None:
    topics = topics_of("homebeat.", 4)
    assert min(topics.profiles.max_message_bytes, topics.readings.max_message_bytes) > limits.PROFILE_BYTES_MAX


def test_our_producer_may_send_what_the_topics_take() -> None:
    largest = max(topic.max_message_bytes for topic in topics_of("homebeat.", 4))
    assert faust_settings()["producer_max_request_size"] >= largest


def test_one_fetch_gives_no_more_records_than_a_chunk_may_hold() -> None:
    assert faust_settings(Bounds(records=77))["broker_max_poll_records"] == 77
    assert limits.PARTITION_FETCH_BYTES_MAX <= limits.CHUNK_BYTES_MAX


def test_a_dead_worker_is_noticed_by_its_heartbeats() -> None:
    settings = faust_settings()
    assert 3 * settings["broker_heartbeat_interval"] <= settings["broker_session_timeout"]
    assert settings["broker_heartbeat_interval"] > limits.BROKER_FETCH_WAIT_MAX_MS / 1000


def test_a_hand_over_fits_into_the_time_that_the_group_gives() -> None:
    settings = faust_settings()
    assert settings["broker_rebalance_timeout"] >= limits.STOP_CHECKPOINT_S + limits.COMMIT_WITHIN_S
    assert settings["broker_rebalance_timeout"] < settings["broker_request_timeout"]
    assert settings["broker_session_timeout"] < settings["broker_request_timeout"]


def test_a_worker_that_stops_is_done_before_it_is_killed() -> None:
    assert limits.STOP_CHECKPOINT_S + limits.STOP_WITHIN_S + limits.CLOSE_WITHIN_S < STOP_WITHIN_S


def test_a_worker_that_reads_ahead_comes_before_its_name_is_given_up_and_stops_when_it_is_told() -> None:
    assert 4 * limits.AHEAD_QUIET_S < limits.SESSION_S
    assert limits.AHEAD_WITHIN_S + limits.CLOSE_WITHIN_S < STOP_WITHIN_S


def test_publishing_goes_on_for_longer_than_a_cluster_needs_for_another_leader() -> None:
    kraft_broker_session_s = 9.0
    assert 2 * kraft_broker_session_s < limits.PUBLISH_WITHIN_S


def test_a_page_written_late_is_covered_before_the_changelog_forgets_ours() -> None:
    assert limits.PAGES_KEPT_MS / 1000 >= 2 * limits.UNWRITTEN_MAX_S


def test_a_page_fits_into_a_segment_of_its_changelog() -> None:
    assert limits.PAGES_SEGMENT_BYTES > limits.PAGE_MESSAGE_BYTES_MAX


def test_what_the_gateway_takes_fits_on_the_topics() -> None:
    topics, framing = topics_of("homebeat.", 4), 64 * limits.KIB
    assert limits.GATEWAY_UNPACKED_BYTES_MAX + framing < topics.readings.max_message_bytes
    assert limits.GATEWAY_UNPACKED_BYTES_MAX * 4 / 3 + framing < topics.rejects.max_message_bytes
    assert limits.PROFILE_BYTES_MAX * 4 / 3 + framing < topics.rejects.max_message_bytes
    assert limits.PROFILE_BYTES_MAX < limits.GATEWAY_UNPACKED_BYTES_MAX


def test_a_gateway_that_stops_is_done_before_it_is_killed() -> None:
    assert limits.GATEWAY_KAFKA_WITHIN_S < limits.GATEWAY_STOP_S
    assert limits.GATEWAY_STOP_S + 2 * limits.CLOSE_WITHIN_S < STOP_WITHIN_S
