"""`homebeat send` and `homebeat profile`: every line goes out as it stands, or is reported."""

import gzip
import json

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from models.fhir import readings_from_observation
from streams.lines import Line, line_batches
from streams.publish import (
    READING_LINE_BYTES_MAX,
    Problem,
    Record,
    addressed_profile,
    addressed_reading,
    profile_batches,
)
from tests.cli.command import Homebeat
from tests.cli.topic import records


def reading(patient: str, number: int) -> bytes:
    return (
        b'{"id":"r-%d", "patient": "%s", "code":"8867-4","value":72.50,"unit":"/min","at":"2026-01-05T08:00:00Z"}'
        % (
            number,
            patient.encode(),
        )
    )


def observation(subject: object) -> bytes:
    return json.dumps(
        {
            "resourceType": "Observation",
            "id": "o-1",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "subject": subject,
            "effectiveDateTime": "2026-01-05T08:00:00Z",
            "valueQuantity": {"value": 72, "system": "http://unitsofmeasure.org", "code": "/min"},
        }
    ).encode()


READINGS = [reading(f"p-{n % 7}", n) for n in range(100)]


def test_lines_are_published_byte_for_byte_under_their_patients_key(connected: Homebeat) -> None:
    (connected.folder / "readings.jsonl").write_bytes(b"\n".join(READINGS))
    answered = connected("send", "readings.jsonl", "--json")
    assert (answered.code, answered.err) == (0, "")
    assert (answered.json["sent"], answered.json["not_sent"]) == (100, 0)
    found = records(connected.settings["broker"], answered.json["topic"], 100)
    assert sorted(record.value for record in found) == sorted(READINGS)
    assert all(json.loads(record.value)["patient"].encode() == record.key for record in found)


def test_one_patient_stays_in_order(connected: Homebeat) -> None:
    connected.fed(b"\n".join(READINGS), "send", "-")
    found = records(connected.settings["broker"], connected.settings["topic_prefix"] + "readings", 100)
    for patient in {record.key for record in found}:
        ids = [int(json.loads(record.value)["id"][2:]) for record in found if record.key == patient]
        assert ids == sorted(ids)


def test_partitions_are_those_that_other_kafka_clients_choose(embedded: Homebeat) -> None:
    address, topic = embedded.settings["broker"], embedded.settings["topic_prefix"] + "readings"
    assert embedded.fed(b"\n".join(READINGS), "send", "-").code == 0
    other = Producer({"bootstrap.servers": address, "partitioner": "murmur2"})
    for line in READINGS:
        other.produce(topic, line, json.loads(line)["patient"].encode())
    assert other.flush(60) == 0
    homes: dict[bytes, set[int]] = {}
    for record in records(address, topic, 200):
        homes.setdefault(record.key, set()).add(record.partition)
    assert len(homes) == 7
    assert all(len(partitions) == 1 for partitions in homes.values())


def test_gzip_is_told_by_its_content(embedded: Homebeat) -> None:
    (embedded.folder / "readings").write_bytes(gzip.compress(b"\n".join(READINGS)))
    assert embedded("send", "readings", "--json").json["sent"] == 100


def test_damaged_gzip_is_said_after_what_was_whole_is_published(embedded: Homebeat) -> None:
    lines = [reading(f"p-{number * 7919 % 65_537}", number) for number in range(30_000)]
    (embedded.folder / "cut.gz").write_bytes(gzip.compress(b"\n".join(lines))[:-100])
    answered = embedded("send", "cut.gz", "--json")
    assert answered.code == 1
    assert answered.complaint.startswith("homebeat: cut.gz is not whole gzip")
    assert 0 < answered.json["sent"] < 30_000


def test_bad_lines_are_reported_by_number_and_the_rest_is_published(connected: Homebeat) -> None:
    lines = [READINGS[0], b"nonsense", b"", READINGS[1], b'{"id": "r-1"}', b"[1]", b'{"patient": 17}', READINGS[2]]
    answered = connected.fed(b"\r\n".join(lines), "send", "-", "--json")
    assert answered.code == 1
    assert (answered.json["sent"], answered.json["not_sent"]) == (3, 4)
    assert [problem["line"] for problem in answered.json["problems"]] == [2, 5, 6, 7]
    reported = answered.err.splitlines()
    assert reported[0].startswith("line 2: not JSON")
    assert reported[1] == "line 5: no patient"
    assert reported[-1] == "homebeat: lines not published: 4; mend them and send them again"
    found = records(connected.settings["broker"], answered.json["topic"], 3)
    assert sorted(record.value for record in found) == sorted(READINGS[:3])


def test_many_bad_lines_are_all_counted_and_the_first_described(embedded: Homebeat) -> None:
    answered = embedded.fed(b"nonsense\n" * 5000, "send", "-", "--json")
    assert answered.json["not_sent"] == 5000
    assert len(answered.json["problems"]) == 20
    assert len(answered.err.splitlines()) == 21


def test_too_large_reading_is_left_to_the_worker_to_answer(connected: Homebeat) -> None:
    large = b'{"patient": "p-1", "note": "%s"}' % (b"x" * 3_000_000)
    answered = connected.fed(large + b"\n" + READINGS[0], "send", "-", "--json")
    assert answered.json["sent"] == 2
    found = records(connected.settings["broker"], answered.json["topic"], 2)
    assert large in {record.value for record in found}


def test_what_the_topic_cannot_take_is_held_back() -> None:
    line = Line(9, b'{"patient": "p-1", "note": "%s"}' % (b"x" * READING_LINE_BYTES_MAX))
    assert isinstance(addressed_reading(line), Problem)


def test_hostile_nesting_is_held_back_like_any_other_bad_line() -> None:
    nested = b'{"patient": "p-1", "x": %s' % (b"[" * 100_000)
    assert isinstance(addressed_reading(Line(1, nested)), Problem)
    assert isinstance(addressed_profile(Line(1, nested)), Problem)
    assert sum(len(batch) for batch in profile_batches(Pieces([nested]))) == 1


def test_live_input_is_published_without_waiting_for_its_end(embedded: Homebeat) -> None:
    assert embedded.fed(b"", "send", "-").code == 0  # makes the topics
    sending = embedded.start("send", "-")
    try:
        assert sending.stdin is not None
        sending.stdin.write(READINGS[0] + b"\n")
        sending.stdin.flush()
        topic = embedded.settings["topic_prefix"] + "readings"
        (record,) = records(embedded.settings["broker"], topic, 1)
        assert record.value == READINGS[0]
        assert sending.poll() is None
        sending.stdin.close()
        assert sending.wait(60) == 0
    finally:
        sending.kill()
        sending.wait()


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p-17", "display": "someone"},
        {"reference": "https://fhir.example/r4/Patient/p-17"},
        {"reference": "Patient/p-17/_history/3"},
        {"identifier": {"system": "urn:mrn", "value": "p-17"}},
    ],
    ids=["relative", "absolute", "version", "identifier"],
)
def test_observation_goes_under_the_patient_that_the_engine_reads_in_it(subject: object) -> None:
    line = Line(1, observation(subject))
    (understood,) = readings_from_observation(line.content)
    assert addressed_reading(line) == Record(1, understood.patient.encode(), line.content)


@pytest.mark.parametrize("subject", [None, {}, {"display": "someone"}], ids=str)
def test_observation_of_nobody_is_held_back(subject: object) -> None:
    assert addressed_reading(Line(3, observation(subject))) == Problem(3, "no subject")


PROFILE = {"patient": "p-1", "version": 1, "consent": {"monitoring": True}}


def test_profiles_one_a_line_or_one_over_many_lines(connected: Homebeat) -> None:
    second = {**PROFILE, "patient": "p-2"}
    one_a_line = b"\n".join(json.dumps(profile).encode() for profile in (PROFILE, second))
    assert connected.fed(one_a_line, "profile", "put", "-", "--json").json["sent"] == 2
    over_many = json.dumps({**PROFILE, "version": 2}, indent=2).encode()
    answered = connected.fed(over_many, "profile", "put", "-", "--json")
    assert answered.json["sent"] == 1
    found = records(connected.settings["broker"], answered.json["topic"], 3)
    assert sorted((record.key, json.loads(record.value)["version"]) for record in found) == [
        (b"p-1", 1),
        (b"p-1", 2),
        (b"p-2", 1),
    ]


def test_profile_that_workers_would_refuse_is_not_published(connected: Homebeat) -> None:
    wrong = {**PROFILE, "consnt": {}}
    lines = b"\n".join(json.dumps(profile).encode() for profile in (wrong, PROFILE))
    answered = connected.fed(lines, "profile", "put", "-", "--json")
    assert answered.code == 1
    assert answered.json["sent"] == 1
    assert answered.json["problems"][0]["line"] == 1
    assert "consnt" in answered.json["problems"][0]["detail"]


def test_what_the_evidence_does_not_know_is_named_with_how_many_profiles_have_it(embedded: Homebeat) -> None:
    """They are monitored all the same: without it, a misspelt condition would go unwatched and nobody would know."""
    ill = b'{"patient":"p-%d","version":1,"consent":{"monitoring":true},"conditions":[{"code":"hart_failure"}]}'
    well = b'{"patient":"p-3","version":1,"consent":{"monitoring":true},"conditions":[{"code":"copd"}]}'
    answered = embedded.fed(b"\n".join([ill % 1, ill % 2, well]), "profile", "put", "-", "--json")
    assert (answered.code, answered.json["sent"]) == (0, 3)
    assert answered.json["without_effect"] == {"conditions: hart_failure": 2}
    assert "conditions: hart_failure (2)" in answered.err
    assert embedded.fed(well, "profile", "put", "-").err == ""


def test_forget_publishes_null_under_the_patients_key(connected: Homebeat) -> None:
    answered = connected("profile", "forget", "p-1", "--json")
    assert answered.code == 0
    (record,) = records(connected.settings["broker"], answered.json["topic"], 1)
    assert (record.key, record.value) == (b"p-1", None)


def test_forget_refuses_what_is_no_id(embedded: Homebeat) -> None:
    answered = embedded("profile", "forget", "p 1", "--json")
    assert answered.code == 1
    assert answered.json["sent"] == 0


def test_topics_with_other_partitions_are_not_written_to(embedded: Homebeat) -> None:
    assert embedded.fed(READINGS[0], "send", "-").code == 0
    answered = embedded.fed(READINGS[1], "send", "-", partitions="3")
    assert answered.code == 1
    assert "HOMEBEAT_PARTITIONS" in answered.complaint


class Pieces:
    """A stream that gives its content in the pieces that it is told."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read1(self, size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@given(
    st.lists(
        st.binary(max_size=12).map(lambda raw: raw.translate(bytes(b"\n\r x{}ab\n\n"[n % 10] for n in range(256))))
    )
)
def test_lines_are_the_same_however_the_file_arrives(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    found = [line for batch in line_batches(Pieces(pieces), 1000) for line in batch]
    expected = [
        Line(number, content.rstrip(b"\r")) for number, content in enumerate(whole.split(b"\n"), 1) if content.strip()
    ]
    assert found == expected


@given(st.integers(1, 50), st.lists(st.integers(1, 200), min_size=1, max_size=8))
def test_line_without_end_cannot_fill_the_memory(limit: int, sizes: list[int]) -> None:
    (line,) = [line for batch in line_batches(Pieces([b"x" * size for size in sizes]), limit) for line in batch]
    assert len(line.content) == min(sum(sizes), limit + 1)
