"""How limits and units are said, wherever they come from."""

from math import ceil, floor

from models.phrases import figure, joined, phrase
from models.vitals import LEVEL_LABELS, Vital

UNITS = {"Cel": "°C", "mm[Hg]": "mmHg", "1": ""}


def limit_of(vital: Vital, high: bool, strict: bool, limit: float) -> str:
    """The limit of a vital, as it is read out: of one with levels, the first level that is beyond it.

    >>> from models.vitals import BY_NAME
    >>> limit_of(BY_NAME["spo2"], False, True, 80), limit_of(BY_NAME["consciousness"], True, False, 1)
    ('below 80 %', 'New confusion or worse')
    """
    if vital.categorical and high:
        return phrase("{level} or worse", level=level_of(floor(limit) + 1 if strict else ceil(limit)))
    return beyond_limit(high, strict, limit, vital.unit)


def level_of(number: float) -> str:
    """The level that a number stands for.

    >>> level_of(2.0)
    'Responds to voice'
    """
    return phrase(LEVEL_LABELS[min(round(number), max(LEVEL_LABELS))])


def beyond_limit(high: bool, strict: bool, limit: float, unit: str) -> str:
    """A limit, as it is read out; unit: UCUM.

    >>> beyond_limit(False, True, 80, "%"), beyond_limit(True, False, 39.1, "Cel")
    ('below 80 %', 'at or above 39.1 °C')
    """
    said = joined(filter(None, [figure(limit, "g"), UNITS.get(unit, unit)]))
    if high:
        return phrase("above {limit}", limit=said) if strict else phrase("at or above {limit}", limit=said)
    return phrase("below {limit}", limit=said) if strict else phrase("at or below {limit}", limit=said)


def unbracketed(label: str) -> str:
    """A label of the evidence without what it has in brackets.

    >>> unbracketed("Glucose (meter or CGM)")
    'Glucose'
    """
    return label.split(" (")[0]


def in_sentence(label: str) -> str:
    """A label of the evidence as it stands inside a sentence: names of genes, diseases and people stay as they are.

    >>> in_sentence("Heart failure"), in_sentence("CYP2D6 ultrarapid on codeine"), in_sentence("Parkinson's disease")
    ('heart failure', 'CYP2D6 ultrarapid on codeine', "Parkinson's disease")
    """
    first, rest = label.split()[0], label[1:]
    named = first.endswith("'s") or first[1:] != first[1:].lower() or any(letter.isdigit() for letter in first)
    return label if named else label[0].lower() + rest
