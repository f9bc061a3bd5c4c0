"""A profile is accepted as a whole or refused with one clear line; consent in it is exact."""

import json
import re
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.profile import MAX_ITEMS, canonical, consents, parse_profile, sees, unrecognised
from models.readings import MAX_PROFILE_BYTES, Reason, Refused
from models.times import to_us
from models.vitals import BY_NAME, VITALS
from tests.models.profiles import EXAMPLE, documents, profile

LEAST = {"patient": "p-1", "version": 0, "consent": {"monitoring": True}}


def raw(**fields: Any) -> bytes:
    return json.dumps(LEAST | fields).encode()


def refusal(document: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        parse_profile(document)
    return refused.value


def test_the_profile_of_the_contract_is_accepted() -> None:
    known = parse_profile(json.dumps(EXAMPLE).encode())
    assert known.medications[0].code == "metoprolol"
    assert known.usual == {"resting_heart_rate": 58.0}
    assert unrecognised(known) == []


def test_only_patient_version_and_consent_are_required() -> None:
    assert parse_profile(raw()).timezone == "UTC"
    for field in LEAST:
        rest = {key: value for key, value in LEAST.items() if key != field}
        assert refusal(json.dumps(rest).encode()).detail == f"{field}: is required; add it"


def test_what_is_not_agreed_to_is_not_agreed() -> None:
    consent = parse_profile(raw()).consent
    assert not consent.genomics
    assert not consent.research


def test_the_canonical_form_is_the_shortest_that_says_it_all_in_one_order() -> None:
    known = raw(sex="female", care_team="Zuerich", birth_date=None, timezone="UTC", skin_tone=None)
    wanted = b'{"care_team":"Zuerich","consent":{"monitoring":true},"patient":"p-1","sex":"female","version":0}'
    assert canonical(parse_profile(known)) == wanted


@given(documents())
def test_the_canonical_form_gives_the_profile_back(document: dict[str, Any]) -> None:
    known = parse_profile(json.dumps(document).encode())
    compact = canonical(known)
    assert parse_profile(compact) == known
    assert canonical(parse_profile(compact)) == compact


def test_the_same_instant_in_another_offset_is_the_same_profile() -> None:
    london, berlin = "2026-01-05T07:00:00Z", "2026-01-05T08:00:00+01:00"
    assert canonical(parse_profile(raw(updated=london))) == canonical(parse_profile(raw(updated=berlin)))


def every_object(node: Any, path: str = "") -> list[str]:
    """Paths of the objects in a document whose fields are fixed (`usual` is a map of vitals)."""
    found = [path] if isinstance(node, dict) and path != ".usual" else []
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return found + [below for key, child in children for below in every_object(child, f"{path}.{key}")]


@pytest.mark.parametrize("path", every_object(EXAMPLE))
def test_an_unknown_field_is_refused_at_every_level(path: str) -> None:
    document = json.loads(json.dumps(EXAMPLE))
    place = document
    for step in path.split(".")[1:]:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place["surprise"] = 1
    refused = refusal(json.dumps(document).encode())
    assert refused.reason is Reason.BAD_PROFILE
    assert refused.detail.endswith("surprise: is not a field of a profile; correct its name or remove it")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"patient": "with space"}, "patient: "),
    ({"patient": "x" * 129}, "patient: "),
    ({"patient": "p-1\n"}, "patient: "),
    ({"patient": "é"}, "patient: "),
    ({"version": -1}, "version: "),
    ({"version": 2**63}, "version: "),
    ({"version": "4"}, "version: "),
    ({"version": True}, "version: "),
    ({"consent": {"monitoring": "yes"}}, "consent.monitoring: "),
    ({"consent": {}}, "consent.monitoring: is required; add it"),
    ({"consent": {"monitoring": True, "withheld_vitals": ["pulse"]}}, r"consent.withheld_vitals\[0\]: is not a vital"),
    ({"consent": {"monitoring": True, "since": "2026-01-05"}}, "consent.since: is not an RFC 3339 time"),
    ({"updated": "2026-01-05T07:00:00"}, "updated: is not an RFC 3339 time"),
    ({"updated": 1767596400}, "updated: is not an RFC 3339 time"),
    ({"updated": "9999-12-31T23:59:59-23:59"}, "updated: is a time that no calendar has"),
    ({"updated": "0001-01-01T00:00:00+23:59"}, "updated: is a time that no calendar has"),
    ({"birth_date": "02/04/1950"}, "birth_date: is not a date"),
    ({"birth_date": 0}, "birth_date: is not a date"),
    ({"birth_date": "1850-01-01"}, "birth_date: "),
    (
        {"birth_date": "2026-02-01", "updated": "2026-01-05T07:00:00Z"},
        "profile: birth_date and updated are in the wrong",
    ),
    ({"sex": "f"}, "sex: "),
    ({"timezone": "Europe/Atlantis"}, "timezone: is not an IANA time zone"),
    ({"timezone": "../../etc/passwd"}, "timezone: is not an IANA time zone"),
    ({"timezone": ""}, "timezone: is not an IANA time zone"),
    ({"height_cm": 1.64}, "height_cm: "),
    ({"height_cm": "164"}, "height_cm: "),
    ({"weight_kg": 7150}, "profile: body_weight must lie in 20..350 kg"),
    ({"skin_tone": {"scale": "monk", "value": 11}}, r"skin_tone: must lie in 1\.\.10"),
    ({"skin_tone": {"scale": "fitzpatrick", "value": 2.5}}, "skin_tone: must be a whole number"),
    ({"skin_tone": {"scale": "fitzpatrick", "value": 7}}, r"skin_tone: must lie in 1\.\.6"),
    ({"skin_tone": {"scale": "ita", "value": -91}}, "skin_tone: "),
    ({"skin_tone": {"scale": "ita", "value": 91}}, r"skin_tone: must lie in -90\.\.90"),
    ({"conditions": [{"code": {"system": "ICD-10"}}]}, r"conditions\[0\].code.code: is required"),
    ({"conditions": [{"code": ""}]}, r"conditions\[0\].code: "),
    ({"conditions": [{"code": "copd"}] * (MAX_ITEMS + 1)}, "conditions: "),
    (
        {"medications": [{"code": "x", "start": "2026-01-02", "stop": "2026-01-01"}]},
        r"medications\[0\]: start and stop",
    ),
    ({"devices": [{"device": "d", "since": "2026-01-02", "until": "2026-01-01"}]}, r"devices\[0\]: since and until"),
    ({"trajectories": [{"condition": "copd", "anchor": "surgery"}]}, r"trajectories\[0\].date: is required"),
    ({"usual": {"pulse": 60}}, "usual.pulse: is not a vital"),
    ({"usual": {"spo2": 101}}, r"profile: spo2 must lie in 50..100 %"),
    ({"targets": [{"vital": "spo2", "author": "a"}]}, r"targets\[0\]: needs low, high or both"),
    ({"targets": [{"vital": "spo2", "low": 92, "high": 88, "author": "a"}]}, r"targets\[0\]: low \(92\) must be below"),
    ({"targets": [{"vital": "spo2", "low": 92, "high": 92, "author": "a"}]}, r"targets\[0\]: low \(92\) must be below"),
    ({"targets": [{"vital": "spo2", "low": 8, "high": 92, "author": "a"}]}, r"targets\[0\]: spo2 must lie in"),
    ({"targets": [{"vital": "spo2", "low": 88}]}, r"targets\[0\].author: is required"),
    ({"targets": [{"vital": "spo2", "low": n, "author": "a"} for n in (88, 90)]}, "one vital has two targets"),
    ({"care_team": "a team"}, "care_team: "),
    ({"strata": {"deprivation_quintile": 6}}, "strata.deprivation_quintile: "),
    ({"two\nlines": 6}, r"two\?lines: is not a field"),
]


@pytest.mark.parametrize(("fields", "line"), BAD)
def test_a_bad_field_is_named_in_one_line(fields: dict[str, Any], line: str) -> None:
    refused = refusal(raw(**fields))
    assert refused.reason is Reason.BAD_PROFILE
    assert "\n" not in refused.detail
    assert re.search(line, refused.detail)


def test_a_refusal_does_not_repeat_what_is_said_about_the_patient() -> None:
    assert "secret-name" not in refusal(raw(birth_date="secret-name")).detail
    assert "secret-name" not in refusal(raw(sex="secret-name")).detail


@pytest.mark.parametrize("document", [b"", b"{", b"\xff", b'{"patient": NaN', b"[" * 100_000])
def test_what_is_not_json_is_refused_as_such(document: bytes) -> None:
    assert refusal(document).reason is Reason.NOT_JSON


@pytest.mark.parametrize("document", [b"null", b"[]", b'"p-1"', b"4"])
def test_what_is_not_an_object_is_a_bad_profile(document: bytes) -> None:
    assert refusal(document).reason is Reason.BAD_PROFILE


@given(st.binary(max_size=64) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode))
def test_any_bytes_are_a_profile_or_a_refusal(document: bytes) -> None:
    refusal(document)


def test_a_profile_above_the_limit_is_too_large() -> None:
    padding = b" " * (MAX_PROFILE_BYTES - len(raw()))
    assert parse_profile(raw() + padding).patient == "p-1"
    assert refusal(raw() + padding + b" ").reason is Reason.TOO_LARGE


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_a_number_that_is_none_is_refused(number: bytes) -> None:
    document = raw(usual={"spo2": 1234567}).replace(b"1234567", number)
    assert refusal(document).detail.startswith("usual.spo2")


def test_a_profile_is_frozen() -> None:
    with pytest.raises(ValidationError):
        profile().version = 2  # type: ignore[misc]


def test_an_unknown_condition_is_kept_listed_and_does_not_refuse_the_patient() -> None:
    known = profile(
        conditions=[{"code": "gout"}, {"code": "copd"}],
        medications=[{"code": {"system": "RxNorm", "code": "999"}}],
        genomics=[{"gene": "XYZ1", "phenotype": "PM"}, {"gene": "TPMT", "phenotype": "PM"}],
        trajectories=[{"condition": "gout", "anchor": "flare", "date": "2026-01-01"}],
    )
    assert unrecognised(known) == [
        "conditions[0]: gout",
        "medications[0]: 999 (RxNorm)",
        "genomics[0]: XYZ1",
        "trajectories[0]: gout",
    ]


def test_a_result_or_an_anchor_that_means_nothing_is_listed_where_it_would_matter() -> None:
    known = profile(
        genomics=[
            {"gene": "CYP2D6", "phenotype": "*4/*4"},
            {"gene": "CYP2D6", "phenotype": "Poor metaboliser"},
            {"gene": "KCNQ1", "phenotype": "c.1A>G"},
            {"gene": "HBB", "phenotype": "p.Glu7Val"},  # the condition carries it, whatever the result
        ],
        trajectories=[
            {"condition": "postop_joint", "anchor": "discharge", "date": "2026-01-01"},
            {"condition": "postop_joint", "anchor": "Surgery", "date": "2026-01-01"},
        ],
    )
    assert unrecognised(known) == [
        "genomics[0].phenotype: *4/*4", "genomics[2].phenotype: c.1A>G", "trajectories[0].anchor: discharge",
    ]  # fmt: skip


ICD, SNOMED, RX = (
    "http://hl7.org/fhir/sid/icd-10",
    "http://snomed.info/sct",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)


@pytest.mark.parametrize(
    ("system", "code", "known"),
    [
        (ICD, "I50.9", True),
        (ICD, "I50.22", True),
        (ICD, "i5022", True),
        (ICD, "I50", True),
        ("ICD-10", "E10.65", True),
        (ICD, "I45.81", True),
        (ICD, "O14.13", True),  # each trimester of it, as it is coded, not only the unspecified one
        (ICD, "O13.3", True),
        (ICD, "Z34.83", True),
        (ICD, "D70.9", True),
        (ICD, "D57.40", True),
        (ICD, "Z96.652", True),  # the left knee as the right one
        (ICD, "I45.0", False),  # another conduction disorder than long QT
        (ICD, "D57.3", False),  # sickle trait is not the disease
        (ICD, "Z48", False),  # aftercare of two different operations
        (ICD, "U0", False),  # too short to be a code, though only one condition lies below it
        (SNOMED, "84114007", True),
        (SNOMED, "1", False),
        ("urn:oid:1.2.3", "I50.9", False),
    ],
)
def test_a_coded_condition_is_recognised_where_it_means_one_condition(system: str, code: str, known: bool) -> None:
    coded = profile(conditions=[{"code": {"system": system, "code": code}}])
    assert (unrecognised(coded) == []) is known


@pytest.mark.parametrize(
    "code", ["beta_blocker", "metoprolol", "Metoprolol", "salbutamol", {"system": RX, "code": "6918"}]
)
def test_a_drug_is_recognised_by_class_name_or_rxnorm(code: str | dict[str, str]) -> None:
    assert unrecognised(profile(medications=[{"code": code}])) == []


def test_a_withheld_vital_is_never_decided() -> None:
    known = profile(consent={"monitoring": True, "withheld_vitals": ["steps", "spo2", "steps"]})
    mask = sees(known)
    assert mask.shape == (17,)
    assert [vital.name for vital in VITALS if not mask[vital.index]] == ["spo2", "steps"]
    assert not consents(known, BY_NAME["spo2"].index, 0)
    assert consents(known, BY_NAME["glucose"].index, 0)


def test_without_monitoring_nothing_is_decided() -> None:
    known = profile(consent={"monitoring": False})
    assert not sees(known).any()
    assert not any(consents(known, vital.index, 0) for vital in VITALS)


def test_consent_begins_at_its_instant() -> None:
    known = profile(consent={"monitoring": True, "since": "2025-12-20T00:00:00Z"})
    since = known.consent.since
    assert since is not None
    assert not consents(known, 0, to_us(since) - 1)
    assert consents(known, 0, to_us(since))


def best_of(runs: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(runs):
        begun = perf_counter()
        work()
        times.append(perf_counter() - begun)
    return min(times)


def test_a_profile_is_parsed_within_a_millisecond() -> None:
    document = json.dumps(EXAMPLE).encode()
    assert best_of(50, lambda: parse_profile(document)) < 1e-3
