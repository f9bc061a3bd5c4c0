"""How limits and units are said, wherever they come from."""

from models.phrases import figure, joined, phrase

UNITS = {"Cel": "°C", "mm[Hg]": "mmHg", "1": ""}


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
