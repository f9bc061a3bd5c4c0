"""Evidence in which one file does not fit another stops a process before it decides about anybody."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from models import checked
from models.evidence import EvidenceError, load
from streams.errors import Failed
from streams.evidence_view import require_sound

Documents = dict[str, dict[str, Any]]


def test_the_evidence_in_use_fits_together() -> None:
    checked.checked()


def other_unit(known: Documents) -> None:
    known["conditions"]["conditions"][0]["shifts"][1]["unit"] = "kg"


def same_dimension(known: Documents) -> None:
    (opioid,) = [entry for entry in known["medications"]["classes"] if entry["id"] == "opioid"]
    opioid["effects"][0]["unit"] = "/h"


def misspelt_owner(known: Documents) -> None:
    known["design"]["applies"][0]["of"] = "ivabradinee"


def no_source(known: Documents) -> None:
    del known["medications"]["classes"][0]["effects"][0]["src"]


def misspelt_anchor(known: Documents) -> None:
    known["design"]["courses"][0]["anchor"] = "surgry"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (other_unit, "conditions.yaml: heart_failure: respiratory_rate is in '/min', the effect in 'kg'"),
        (same_dimension, "medications.yaml: opioid: respiratory_rate is in '/min', the effect in '/h'"),
        (misspelt_owner, "design.yaml: a line of applies fits 0 effects: ivabradinee heart_rate"),
        (no_source, "medications.yaml: beta_blocker: the effect on heart_rate cites no source"),
        (misspelt_anchor, "design.yaml: a course is about nothing: postop_major_abdominal resting_heart_rate surgry"),
    ],
)
def test_a_typing_error_in_one_file_is_named(
    broken: Callable[[Documents], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name: copy.deepcopy(load(name)) for name in ("conditions", "medications", "design")}
    broken(known)
    monkeypatch.setattr(checked, "load", known.__getitem__)
    with pytest.raises(EvidenceError) as wrong:
        checked.checked()
    assert str(wrong.value) == said
    with pytest.raises(Failed, match="the evidence is broken"):
        require_sound()
