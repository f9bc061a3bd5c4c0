"""Evidence in which one file does not fit another stops a process before it decides about anybody."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from models import checked, checked_figures, checked_names
from models.evidence import EvidenceError, load, names, sound
from streams.errors import Failed
from streams.evidence_view import require_sound

Documents = dict[str, dict[str, Any]]
Change = Callable[[Documents], object]


def test_the_evidence_in_use_fits_together() -> None:
    checked.checked()


def by_id(known: Documents, file: str, section: str, wanted: str) -> dict[str, Any]:
    (found,) = [entry for entry in known[file][section] if entry.get("as", entry.get("id")) == wanted]
    entry: dict[str, Any] = found
    return entry


def put(file: str, section: str, wanted: str, **changes: Any) -> Change:
    """Other values in the entry of that id."""
    return lambda known: by_id(known, file, section, wanted).update(changes)


def other_unit(known: Documents) -> None:
    known["conditions"]["conditions"][0]["shifts"][1]["unit"] = "kg"


def same_dimension(known: Documents) -> None:
    by_id(known, "medications", "classes", "opioid")["effects"][0]["unit"] = "/h"


def misspelt_owner(known: Documents) -> None:
    known["design"]["applies"][0]["of"] = "ivabradinee"


def applies_to_nothing(known: Documents) -> None:
    known["design"]["applies"][0]["vital"] = "glucose"


def misspelt_anchor(known: Documents) -> None:
    known["design"]["courses"][0]["anchor"] = "surgry"


def misspelt_vital(known: Documents) -> None:
    by_id(known, "medications", "classes", "beta_blocker")["effects"][0]["vital"] = "heart_rat"


def misspelt_member(known: Documents) -> None:
    line = next(line for line in known["design"]["applies"] if "members" in line)
    line["members"] = [*line["members"], "prednisolon"]


def vital_in_two_groups(known: Documents) -> None:
    known["cadence"]["groups"][0]["vitals"].append("body_weight")


def vital_in_no_class(known: Documents) -> None:
    for entry in known["detectors"]["classes"].values():
        entry["vitals"] = [vital for vital in entry["vitals"] if vital != "glucose"]


def misspelt_side(known: Documents) -> None:
    known["incidents"]["hovers"]["further"]["spo2.lower"] = 3


def unknown_key(known: Documents) -> None:
    known["daily"]["drift"]["milder"]["pulse"] = 1


def unreachable_part(known: Documents) -> None:
    line = next(line for line in known["rules"]["trends"] if "at_once" in line)
    line["at_once"]["of"][0]["value"] = 9000


def leap_of_a_giant(known: Documents) -> None:
    known["sensors"]["vitals"]["body_weight"]["jump"]["least"] = 5000


def hole_in_the_table(known: Documents) -> None:
    known["news2"]["tables"]["pulse"]["bands"][1]["lo"] += 3


def other_unit_of_a_sign(known: Documents) -> None:
    known["news2"]["tables"]["temperature"]["unit"] = "[degF]"


def unknown_unit(known: Documents) -> None:
    known["vitals"]["vitals"]["diastolic_bp"]["ucum_accepted"][1]["unit"] = "furlong"


def wrong_factor(known: Documents) -> None:
    known["vitals"]["vitals"]["body_temperature"]["ucum_accepted"][1]["add"] = 273


def spread_in_another_unit(known: Documents) -> None:
    known["vitals"]["vitals"]["body_temperature"]["sd_within"]["unit"] = "[degF]"


def effect_out_of_its_range(known: Documents) -> None:
    effects = by_id(known, "medications", "classes", "beta_blocker")["effects"]
    next(row for row in effects if "range" in row)["delta"] = 2


def misspelt_anchor_of_a_rule(known: Documents) -> None:
    by_id(known, "rules", "limits", "po_temp_hi")["days"] = ["surgry", 0, 90]


def in_another_unit_of_an_alert(known: Documents) -> None:
    next(row for row in known["conditions"]["conditions"][0]["alerts"] if row["id"] == "hf_spo2")["unit"] = "1"


def misspelt_gene(known: Documents) -> None:
    by_id(known, "rules", "limits", "tpmt_fever")["gene"] = ["TPTM"]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (other_unit, "conditions.yaml: heart_failure: respiratory_rate is in '/min', the effect in 'kg'"),
        (same_dimension, "medications.yaml: opioid: respiratory_rate is in '/min', the effect in '/h'"),
        (applies_to_nothing, "design.yaml: a line of applies fits 0 effects: ivabradine glucose"),
        (misspelt_anchor, "design.yaml: a course is about nothing: postop_major_abdominal resting_heart_rate surgry"),
        (misspelt_owner, "design.yaml: applies, ivabradinee heart_rate: nothing is called ivabradinee"),
        (misspelt_vital, "medications.yaml: medications.classes[0] (beta_blocker).effects[0].vital: nothing is call"),
        (misspelt_member, "members: nothing is called prednisolon"),
        (misspelt_gene, "rules.yaml: tpmt_fever.gene: nothing is called TPTM"),
        (misspelt_anchor_of_a_rule, "rules.yaml: po_temp_hi: days of a course: nothing is called surgry"),
        (misspelt_side, "incidents.yaml: hovers.further: spo2.lower is no side of a vital"),
        (unknown_key, "daily.yaml: drift.milder: nothing is called pulse"),
        (vital_in_two_groups, "cadence.yaml: groups: body_weight is named 2 times, not once"),
        (vital_in_no_class, "detectors.yaml: neither classes nor silent_vitals name glucose"),
        (put("floors", "floors", "hr_low_red", vital="pulse"), "(hr_low_red).vital: nothing is called pulse"),
        (put("floors", "floors", "hr_low_red", id="hr_low_critical"), "two entries have the id hr_low_critical"),
        (put("floors", "floors", "sbp_high_advisory", spoken_for=["hypertensive"]), "nothing is called hypertensive"),
        (
            put("rules", "limits", "hf_spo2", of="heart_failur"),
            "rules.yaml: hf_spo2.of: nothing is called heart_failur",
        ),
        (put("rules", "limits", "clozapine_fever", drugs=["clozapin"]), "nothing is called clozapin"),
        (put("rules", "limits", "clozapine_fever", classes=["dibenzo"]), "nothing is called dibenzo"),
    ],
)
def test_a_name_that_nothing_answers_to_is_said(broken: Change, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said in refused(broken, monkeypatch)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            put("floors", "floors", "hr_low_red", limit=4),
            "floors.yaml: hr_low_red: 4 is not a possible heart_rate (20 to",
        ),
        (
            put("floors", "floors", "hr_low_red", unit="/s"),
            "floors.yaml: hr_low_red: heart_rate is in '/min', not '/s'",
        ),
        (
            put("floors", "floors", "hr_low_red", limit=25),
            "heart_rate: a milder limit lies further out than every more",
        ),
        (
            put("rules", "limits", "clozapine_fever", value=100.4),
            "clozapine_fever: 100.4 is not a possible body_temper",
        ),
        (in_another_unit_of_an_alert, "conditions.yaml: heart_failure: hf_spo2: spo2 is in '%', not '1'"),
        (unreachable_part, "9000 is not a possible"),
        (unknown_unit, "vitals.yaml: diastolic_bp has the unit 'furlong': not a UCUM unit"),
        (wrong_factor, "vitals.yaml: body_temperature: the factors of "),
        (spread_in_another_unit, "vitals.yaml: body_temperature, sd_within: is in 'Cel', not '[degF]'"),
        (leap_of_a_giant, "sensors.yaml: body_weight.jump: no body_weight can differ by 5000 kg"),
        (effect_out_of_its_range, "medications.yaml: beta_blocker, "),
        (hole_in_the_table, "news2.yaml: tables.pulse: from 40 to 44 is no step of a band"),
        (other_unit_of_a_sign, "news2.yaml: tables.temperature: body_temperature is in 'Cel', not '[degF]'"),
    ],
)
def test_a_figure_that_cannot_be_is_said(broken: Change, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said in refused(broken, monkeypatch)


def refused(broken: Change, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of evidence that was changed so; no process starts with it."""
    known = {name: copy.deepcopy(load(name)) for name in names()}
    broken(known)
    for module in (checked, checked_figures, checked_names):
        monkeypatch.setattr(module, "load", known.__getitem__)
    with pytest.raises(EvidenceError) as wrong:
        checked.checked()
    with pytest.raises(Failed, match="the evidence is broken"):
        require_sound()
    return str(wrong.value)


def test_every_file_is_read_at_the_start_also_what_is_needed_in_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[str]()

    def noted(name: str) -> None:
        read.append(name)
        sound(name)

    monkeypatch.setattr(checked, "sound", noted)
    checked.checked()
    assert read == names()
