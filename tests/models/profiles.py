"""Profiles for the tests of this folder: hand-written ones, and hypothesis strategies for any valid one."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from models.evidence import load
from models.profile import Profile
from models.vitals import VITALS

TODAY = date(2026, 1, 5)

EXAMPLE: dict[str, Any] = {
    "patient": "p-17",
    "version": 4,
    "updated": "2026-01-05T07:00:00Z",
    "birth_date": "1950-04-02",
    "sex": "female",
    "timezone": "Europe/London",
    "height_cm": 164,
    "weight_kg": 71.5,
    "skin_tone": {"scale": "monk", "value": 7},
    "conditions": [{"code": "heart_failure", "since": "2024-03-01"}],
    "medications": [{"code": "metoprolol", "start": "2025-12-01", "stop": None}],
    "genomics": [{"gene": "CYP2D6", "phenotype": "poor_metaboliser", "confirmed": True}],
    "trajectories": [{"condition": "heart_failure", "anchor": "discharge", "date": "2025-12-20"}],
    "usual": {"resting_heart_rate": 58},
    "targets": [{"vital": "spo2", "low": 88, "high": 92, "author": "dr-4", "reason": "hypercapnia risk"}],
    "devices": [{"device": "urn:dev:watch-9", "since": "2025-12-20", "until": None}],
    "consent": {
        "monitoring": True,
        "genomics": True,
        "research": False,
        "withheld_vitals": ["steps"],
        "since": "2025-12-20T00:00:00Z",
    },
    "care_team": "cardiology-home",
    "strata": {"ethnicity": None, "language": "en", "deprivation_quintile": 2},
}
"""The profile of CONTRACT 2, word for word."""

CONDITIONS = [entry["id"] for entry in load("conditions")["conditions"]]
DRUGS = [name for entry in load("medications")["classes"] for m in entry["members"] for name in m["name"].split("/")]
CLASSES = [entry["id"] for entry in load("medications")["classes"]]
ANCHORS = sorted({p["anchor"] for c in load("conditions")["conditions"] for p in c["phases"] if "anchor" in p})


def profile(**fields: Any) -> Profile:
    """A profile with these fields; the patient has agreed to everything unless `consent` says otherwise."""
    agreed = {"monitoring": True, "genomics": True}
    return Profile.model_validate({"patient": "p-1", "version": 1, "consent": agreed} | fields)


days = st.dates(date(1901, 1, 1), date(2199, 12, 31)).map(date.isoformat)
near_days = st.integers(-400, 400).map(lambda n: (TODAY + timedelta(days=n)).isoformat())
ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
names = st.text(st.sampled_from('aZ9 -"\\/é‰中😀'), min_size=1, max_size=8)
codings = st.fixed_dictionaries({"system": st.sampled_from(["ICD-10", "http://snomed.info/sct", "x"]), "code": names})
vital_names = st.sampled_from([vital.name for vital in VITALS])


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _several(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(required, optional=optional), max_size=3)


@st.composite
def usuals(draw: st.DrawFn) -> dict[str, float]:
    """Any stated levels within the physical ranges."""
    some = draw(st.lists(st.sampled_from(VITALS), unique_by=lambda vital: vital.name, max_size=5))
    return {vital.name: draw(st.floats(vital.low, vital.high)) for vital in some}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any valid profile, as the JSON document that comes in."""
    weight = next(vital for vital in VITALS if vital.name == "body_weight")
    optional = _optional(
        birth_date=st.dates(date(1901, 1, 1), date(2025, 12, 31)).map(date.isoformat),
        sex=st.sampled_from(["female", "male", "other", "unknown", None]),
        timezone=st.sampled_from(["Europe/London", "Asia/Kathmandu", "UTC"]),
        height_cm=st.floats(30, 260),
        weight_kg=st.floats(weight.low, weight.high),
        skin_tone=st.fixed_dictionaries({"scale": st.sampled_from(["monk", "fitzpatrick"]), "value": st.integers(1, 6)})
        | st.fixed_dictionaries({"scale": st.just("ita"), "value": st.floats(-90, 90)}),
        updated=st.just("2026-01-05T08:00:00+01:00"),
        conditions=_several({"code": st.sampled_from(CONDITIONS) | names | codings}, {"since": near_days}),
        medications=_several({"code": st.sampled_from(DRUGS + CLASSES) | names | codings}, {"start": near_days}),
        genomics=_several(
            {
                "gene": st.sampled_from(["CYP2D6", "CYP2C19", "XYZ1"]),
                "phenotype": st.sampled_from(["PM", "IM", "UM", "?"]),
            },
            {"confirmed": st.booleans()},
        ),
        trajectories=_several(
            {"condition": st.sampled_from(CONDITIONS), "anchor": st.sampled_from(ANCHORS), "date": near_days}, {}
        ),
        usual=usuals(),
        devices=_several({"device": ids}, {"since": days}),
        care_team=ids,
        strata=_optional(ethnicity=names, language=names, deprivation_quintile=st.integers(1, 5)),
    )
    consent = st.fixed_dictionaries(
        {"monitoring": st.booleans()},
        optional={"genomics": st.booleans(), "withheld_vitals": st.lists(vital_names, max_size=3)},
    )
    required = {"patient": draw(ids), "version": draw(st.integers(0, 2**63 - 1)), "consent": draw(consent)}
    return required | draw(optional)


profiles = documents().map(Profile.model_validate)
