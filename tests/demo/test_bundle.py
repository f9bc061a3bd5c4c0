"""What is bundled is whole, small, sorted, and readable by the records of the contract."""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import msgspec
import pytest

from models.profile import parse_profile
from models.readings import Reading
from streams.demo import BundledData, bundled

MAX_BYTES = 4_000_000


@pytest.fixture(scope="module")
def data() -> BundledData:
    return bundled()


@pytest.fixture(scope="module")
def readings(data: BundledData) -> list[Reading]:
    decoder = msgspec.json.Decoder(Reading)
    with gzip.open(data.readings, "rb") as file:
        return [decoder.decode(line) for line in file]


def test_every_file_is_what_the_manifest_says(data: BundledData) -> None:
    manifest = json.loads(data.manifest.read_bytes())
    for name, expected in manifest["files"].items():
        stored = (data.manifest.parent / name).read_bytes()
        content = gzip.decompress(stored) if name.endswith(".gz") else stored
        assert hashlib.sha256(content).hexdigest() == expected["sha256_of_content"], name
        assert (content.count(b"\n"), len(stored)) == (expected["lines"], expected["bytes"]), name


def test_the_bundle_is_small(data: BundledData) -> None:
    assert sum(path.stat().st_size for path in data.manifest.parent.iterdir()) < MAX_BYTES


def test_readings_are_sorted_unique_and_as_many_as_the_manifest_says(
    data: BundledData, readings: list[Reading]
) -> None:
    manifest = json.loads(data.manifest.read_bytes())
    instants = [reading.at for reading in readings]
    assert instants == sorted(instants)
    assert len({(reading.patient, reading.id) for reading in readings}) == len(readings) == manifest["readings"]
    assert Counter(reading.code for reading in readings) == manifest["readings_by_code"]


def test_everybody_starts_in_the_first_week(readings: list[Reading]) -> None:
    first: dict[str, datetime] = {}
    for reading in readings:
        first.setdefault(reading.patient, reading.at)
    assert len(first) == 28
    assert all("2026-01-05" <= at.isoformat()[:10] <= "2026-01-11" for at in first.values())


def test_no_quality_is_invented(readings: list[Reading]) -> None:
    assert all(reading.quality is None for reading in readings)


def test_only_nights_and_the_heart_rates_beside_steps_have_an_activity(readings: list[Reading]) -> None:
    told = {(reading.code, reading.context.activity) for reading in readings if reading.context is not None}
    assert told == {("9279-1", "sleep"), ("40443-4", "sleep"), ("8867-4", "rest"), ("8867-4", "active")}
    pulses = [reading for reading in readings if reading.code == "8867-4" and reading.patient.startswith("tihm-")]
    assert all(reading.context is None for reading in pulses)


def test_the_impossible_values_are_in_it_to_show_the_rejects(readings: list[Reading]) -> None:
    skin = [reading.value for reading in readings if reading.code == "skin_temperature"]
    assert max(value for value in skin if isinstance(value, float)) > 70


def test_labels_and_profiles_are_about_the_people_of_the_readings(data: BundledData, readings: list[Reading]) -> None:
    people = {reading.patient for reading in readings}
    profiles = [parse_profile(line) for line in data.profiles.read_bytes().splitlines()]
    assert {profile.patient for profile in profiles} == people
    assert all(profile.consent.monitoring for profile in profiles)
    labels = list(_lines(data.labels.read_bytes()))
    assert {label["patient"] for label in labels} <= people
    assert all(datetime.fromisoformat(label["start"]) < datetime.fromisoformat(label["end"]) for label in labels)


def test_the_notice_names_sources_and_licences(data: BundledData) -> None:
    notice = data.notice.read_text()
    for needed in ("10.1038/s41597-023-02519-y", "CC BY 4.0", "10.1038/s41551-020-00640-6", "MIT", "manifest.json"):
        assert needed in notice
    assert "Permission is hereby granted" in (data.notice.parent / "LICENSE-stanford.txt").read_text()


def _lines(text: bytes) -> Iterator[dict[str, str]]:
    return (json.loads(line) for line in text.splitlines())
