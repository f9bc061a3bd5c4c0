"""From the codes that people write to the ids of the evidence: by the system they name, and by no other."""

import pytest

from models.terminology import Drug, anchors, condition_id, drug, gene_known

SNOMED, ICD10, RXNORM = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10", "RxNorm"


@pytest.mark.parametrize(
    ("code", "system", "condition"),
    [
        (" Heart_Failure", None, "heart_failure"), ("84114007", None, None), ("I50", None, None),
        ("84114007", SNOMED, "heart_failure"), ("84114007", "Snomed CT ", "heart_failure"), ("84114007", ICD10, None),
        ("84114007", RXNORM, None), ("84114007", "urn:oid:1.2.3", None), ("heart_failure", SNOMED, None),
        ("I50", ICD10, "heart_failure"), ("i50.22", ICD10, "heart_failure"), (" I5022", "ICD10", "heart_failure"),
        ("I5", ICD10, None), ("I50", SNOMED, None),
    ],
)  # fmt: skip
def test_a_condition_is_known_by_its_code_in_its_own_system(
    code: str, system: str | None, condition: str | None
) -> None:
    assert condition_id(code, system) == condition


METOPROLOL = Drug(("beta_blocker",), "metoprolol")


@pytest.mark.parametrize(
    ("code", "system", "found"),
    [
        (" Metoprolol", None, METOPROLOL), ("6918", RXNORM, METOPROLOL), ("6918", None, None), ("6918", SNOMED, None),
        ("6918", "urn:oid:1.2.3", None), ("metoprolol", RXNORM, None), ("1", RXNORM, None),
        ("beta_blocker", None, Drug(("beta_blocker",), "")), ("32937", RXNORM, Drug((), "paroxetine")),
    ],
)  # fmt: skip
def test_a_drug_is_known_by_its_name_its_class_or_its_ingredient(
    code: str, system: str | None, found: Drug | None
) -> None:
    assert drug(code, system) == found


def test_a_gene_is_known_by_its_symbol_alone() -> None:
    assert gene_known(" cyp2d6")
    assert not gene_known("CYP2D6", SNOMED)
    assert not gene_known("CYP2D7")


def test_a_condition_is_counted_from_its_own_events_alone() -> None:
    assert "discharge" in anchors("heart_failure")
    assert "surgery" in anchors("postop_joint")
    assert not anchors("heart_failure") & anchors("postop_joint")
    assert anchors("gout") == frozenset()
