"""Alerts in another language: nothing is left unsaid, figures and dates are written as its readers write them, and
what was decided is the same."""

import re
import string
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from alerts import explain, technical, unanswered
from alerts.episodes import Episode
from alerts.events import Evidence
from alerts.language import ENGLISH, languages, voice
from alerts.policy import PolicySettings, When
from alerts.sources import SourceChange, cleared, raised
from models import rules
from models.detectors import change_index
from models.evidence import load
from models.expectation import describe, expect
from models.findings import Rule
from models.phrases import counted, figure, joined, moment, say
from models.profile import Profile
from models.situation import Dose, Taken
from models.times import from_us
from models.vitals import VITALS
from models.wording import beyond_limit
from tests.alerts.scripts import evidence, us

ROOT = Path(__file__).parents[2]
OTHERS = [language for language in languages() if language != ENGLISH]
DE = voice("de")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every message in the source and in the evidence, found as a translator finds them."""
    found = tmp_path_factory.mktemp("words") / "homebeat.pot"
    folders = [str(ROOT / name) for name in ("alerts", "models", "streams")]
    keywords = ["-k", "phrase", "-k", "counted:1,2"]
    command = ["pybabel", "-q", "extract", "-F", str(ROOT / "pyproject.toml"), *keywords, "-o", str(found), *folders]
    CommandLineInterface().run(command)  # type: ignore[no-untyped-call]
    with found.open("rb") as file:
        return read_po(file)


def catalogue(language: str) -> Catalog:
    with (ROOT / "alerts" / "language" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def ids(found: Catalog) -> set[Any]:
    return {message.id for message in found if message.id}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_the_messages_of_source_and_evidence_are_found(written: Catalog) -> None:
    assert {"{vital} high for this patient", "Heart failure", "metoprolol", "after surgery"} <= ids(written)
    assert ("{n} day", "{n} days") in ids(written)
    assert len(written) > 300


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated_and_none_is_left_over(written: Catalog, language: str) -> None:
    said = catalogue(language)
    assert ids(written) - ids(said) == set(), "write these into the catalogue"
    assert ids(said) - ids(written) == set(), "nobody says these any more"
    for message in said:
        forms = message.string if isinstance(message.string, tuple | list) else [message.string]
        assert all(forms), message.id
        assert not message.id or not message.fuzzy, message.id


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_parts_of_its_message(language: str) -> None:
    said = catalogue(language)
    for message in (message for message in said if message.id):
        one = message.id if isinstance(message.id, str) else message.id[-1]
        forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
        assert isinstance(message.id, str) or len(forms) == said.num_plurals
        for form in forms:
            assert fields(str(form)) | {"n"} == fields(one) | {"n"}, message.id


def labels() -> list[str]:
    """What is told of conditions, drugs and limits."""
    said = [rule.title for rule in rules.limits()] + [rule.title for rule in rules.trends()]
    said += [explain.called(vital.name) for vital in VITALS] + [explain.named(vital.name) for vital in VITALS]
    both = Taken("beta_blocker", (Dose("metoprolol", 3, False), Dose("sotalol", 3, False)))
    return [*said, both.words(), change_index.TITLE]


ENGLISH_WORDS = frozenset(
    [
        "the",
        "of",
        "and",
        "for",
        "is",
        "has",
        "been",
        "below",
        "above",
        "with",
        "this",
        "patient",
        "or",
        "more",
        "own",
        "level",
        "days",
    ]
)


@pytest.mark.parametrize("label", dict.fromkeys(labels()))
def test_no_label_is_half_translated(label: str) -> None:
    said = say(label, DE)
    assert ENGLISH_WORDS.isdisjoint(said.lower().replace(",", " ").split())
    assert type(said) is str, "what travels is a plain string"


def taking(drug: str) -> dict[str, Any]:
    return {"medications": [{"code": drug, "start": "2025-11-01"}]}


def following(condition: str, anchor: str) -> dict[str, Any]:
    return {"trajectories": [{"condition": condition, "anchor": anchor, "date": "2025-12-20"}]}


def lives() -> Iterator[dict[str, Any]]:
    """People with one drug, or on one course, and one with all that moves a level otherwise."""
    yield from (taking(entry["id"]) for entry in load("medications")["classes"])
    for entry in load("conditions")["conditions"]:
        anchors = {row["anchor"] for row in entry["phases"] if "anchor" in row} | {"surgery"}
        yield from (following(entry["id"], anchor) for anchor in sorted(anchors))
    yield taking("metoprolol") | {
        "birth_date": "1950-04-02", "sex": "female", "weight_kg": 71.5, "usual": {"resting_heart_rate": 58},
        "skin_tone": {"scale": "monk", "value": 7}, "conditions": [{"code": "heart_failure"}],
        "genomics": [{"gene": "CYP2D6", "phenotype": "poor_metaboliser", "confirmed": True}],
        "consent": {"monitoring": True, "genomics": True},
    }  # fmt: skip


def test_no_modifier_of_anybody_is_half_translated() -> None:
    said = set[str]()
    for life in lives():
        profile = Profile.model_validate({"patient": "p", "version": 1, "consent": {"monitoring": True}} | life)
        expected = expect(profile, date(2026, 1, 5))
        said |= {say(text, DE) for vital in VITALS for text in describe(expected, vital.index)}
    assert len(said) > 100
    words = {text: set(re.split(r"\W+", text.lower())) for text in said}
    assert [text for text, found in words.items() if found & {*ENGLISH_WORDS, "lower", "higher", "day", "after"}] == []


class Careless:
    """A catalogue by somebody who changed the parts of a sentence."""

    def template(self, one: str, many: str | None, n: int) -> str:
        return "{Wert} {0} {"

    def figure(self, english: str) -> str:
        return english

    def moment(self, at: datetime) -> str:
        return str(at)

    def inside(self, text: str) -> str:
        return text


def test_a_sentence_that_cannot_be_said_is_told_in_english() -> None:
    text = technical.device_title("watch-9", [])
    assert say(text, Careless()) == "No data from watch-9"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (figure(1234.56, ",.1f"), "1.234,6"),
        (figure(0.974, ".0%"), "97 %"),
        (figure(-0.5, "g"), "-0,5"),
        (moment(from_us(us(0))), "5. Januar 2026, 08:00 Uhr (UTC)"),
        (explain.number(36.64, "Cel"), "36,6 °C"),
        (explain.number(8400, "{steps}"), "8400 Schritte"),
        (explain.number(None, "%"), "kein Wert"),
        (counted("{n} day", "{n} days", n=1), "1 Tag"),
        (counted("{n} day", "{n} days", n=0), "0 Tage"),
        (counted("{n} day", "{n} days", n=12), "12 Tage"),
        (technical.span(60), "1 Minute"),
        (technical.span(5400), "1,5 h"),
        (beyond_limit(True, False, 39.1, "Cel"), "bei 39,1 °C oder höher"),
        ("ask Mrs Jones, 1.5 days", "ask Mrs Jones, 1.5 days"),
    ],
)
def test_figures_dates_and_plurals_are_written_as_germans_write_them(text: str, said: str) -> None:
    assert say(text, DE).replace("\xa0", " ") == said


def shown(**changed: Any) -> Evidence:
    return msgspec.structs.replace(evidence(0), **changed)


def source(state: Any, **counts: int) -> SourceChange:
    since, at = from_us(us(0)), from_us(us(30))
    return SourceChange(source="urn:dev:watch", state=state, since=since, at=at, counts=counts)


def alarm() -> tuple[str, str]:
    """The end of a chain, with two alerts that nobody has answered."""
    when = When("p-17", "kardio", us(0), us(0), policy=PolicySettings(language="de"))
    left = [_left("a-1", "Herzfrequenz für diese Person zu hoch"), _left("a-2", "Temperatur über 39 °C")]
    made = unanswered.alarm_of([], when)
    unanswered.describe(made, left, when)
    return made.title, made.said or ""


def _left(alert_id: str, title: str) -> Episode:
    return Episode(
        alert_id=alert_id, problem="x", vital="heart_rate", title=title, kind="limit", category="clinical",
        state="open", rank=2, sequence=1, onset_us=us(0), event_us=us(0), retrospective=False,
        rule=Rule("r", "1", "DESIGN"), evidence=[], population=False, sources=[],
    )  # fmt: skip


def told() -> dict[str, tuple[str, str]]:
    """Title and explanation of one alert of each kind that is made."""
    high = rules.limits()[0]
    quiet = raised(source("quiet", patients=1))
    unsure, heart = shown(own_weight=0.1, baseline_days=1.0, quality=0.9), shown(vital="heart_rate", unit="/min")
    late = explain.explain("deviation", unsure, [], us(-30), True, True)
    found = {"low": 58.0, "high": 78.0}
    others = [msgspec.structs.replace(heart, value=v, score=z, **found) for v, z in ((96.0, 4.1), (49.0, -3.2))]
    return {
        "limit": (
            explain.title("spo2", "low", "limit", beyond_limit(False, True, 80, "%")),
            explain.explain("limit", shown(expected=None, own_weight=None), others, us(-30), True, False),
        ),
        "deviation": (explain.title("heart_rate", "high", "deviation", None), late),
        "drift": (
            explain.drifted_title("resting_heart_rate", True),
            explain.drifted("resting_heart_rate", 66.1, 60.2, 5, 4.2, 45),
        ),
        "change_index": (
            change_index.TITLE,
            explain.grounded(
                joined(
                    [
                        explain.together(3.1, [("resting_heart_rate", True, 2.1), ("steps", False, 1.6)]),
                        explain.accounted([("resting_heart_rate", [figure(1.5)])]),
                    ]
                ),
                "change_index",
                shown(),
                [],
                False,
            ),
        ),
        "condition": (
            explain.title(VITALS[high.vital].name, "high", "limit", high.title),
            explain.ahead(81.5, us(0), 70, 0.62),
        ),
        "silence": (technical.vital_title("spo2"), technical.vital_silent("spo2", "uhr-9", us(0), 600, 14_400)),
        "sensor": (technical.clock_title("", "behind"), technical.clock_wrong("uhr-9", "behind", us(0), us(180))),
        "source": (quiet.title, quiet.said or ""),
        "delivery": alarm(),
    }


GERMAN = {
    "limit": (
        "Sauerstoffsättigung unter 80 %",
        "Gemessen: 82 % am 5. Januar 2026, 08:00 Uhr (UTC). Es gibt noch keinen eigenen Bereich dieser Person zum "
        "Vergleich. Beginn: 5. Januar 2026, 07:30 Uhr (UTC). Gleichzeitig: Herzfrequenz 96 /min, über dem eigenen "
        "Bereich dieser Person (58,0 bis 78); Herzfrequenz 49,0 /min, unter dem eigenen Bereich dieser Person (58,0 "
        "bis 78). Dieser Grenzwert gilt für alle.",
    ),
    "deviation": (
        "Herzfrequenz für diese Person zu hoch",
        "Diese Messwerte kamen verspätet an: Es geht um die Vergangenheit, nicht um jetzt. Gemessen: 82 % am 5. Januar "
        "2026, 08:00 Uhr (UTC). Bei dieser Person erwartet: 96 %, eigener Bereich 93 bis 100 %, 4,2 "
        "Standardabweichungen entfernt. Der Bereich stammt überwiegend aus dem Profil (eigene Messwerte bisher: 1 "
        "Tag). Das Gerät meldet eine Signalqualität von 90 %. Beginn: 5. Januar 2026, 07:30 Uhr (UTC). Ein Grenzwert, "
        "der für alle gilt, hätte ebenfalls ausgelöst.",
    ),
    "drift": (
        "Ruhepuls steigt bei dieser Person allmählich",
        "Zuletzt 66 /min, bei dieser Person üblich 60 /min (gelernt über 45 Tage). Alle der letzten 6 Tage liegen auf "
        "dieser Seite; als Woche liegt das 4,2 Standardabweichungen entfernt; kein einzelner Tag muss außerhalb des "
        "Bereichs liegen.",
    ),
    "change_index": (
        "Mehrere Vitalwerte dieser Person verschlechtern sich gemeinsam",
        "In der letzten Woche haben sich mehrere Vitalwerte zusammen um 3,1 Standardabweichungen verschlechtert: "
        "Ruhepuls gestiegen (2,1), Schritte gesunken (1,6). Keiner davon muss für sich außerhalb des eigenen Bereichs "
        "liegen. Berücksichtigt: Ruhepuls (1,5). Der neueste Wert: Sauerstoffsättigung 82 %. Er verletzt keinen "
        "Grenzwert, der für alle gilt.",
    ),
    "condition": (
        "Herzfrequenz über 120 /min (Herzinsuffizienz)",
        "Gemessen: 82 mg/dL am 5. Januar 2026, 08:00 Uhr (UTC). So wie die Glukose bisher gefallen ist und sich bei "
        "dieser Person bewegt, fällt sie mit einer Wahrscheinlichkeit von 62 % innerhalb einer halben Stunde unter 70 "
        "mg/dL.",
    ),
    "silence": (
        "Keine Werte mehr: Sauerstoffsättigung",
        "Sauerstoffsättigung: Von uhr-9 kommen seit dem 5. Januar 2026, 08:00 Uhr (UTC) keine Werte mehr, obwohl das "
        "Gerät weiterhin andere Messwerte sendet. Die längste übliche Pause der letzten Zeit war 10 Minuten; gewartet "
        "wurde 4 h. Bitte prüfen, wie das Gerät getragen wird und ob diese Messung eingeschaltet ist.",
    ),
    "sensor": (
        "Die Uhr von einem Gerät ohne Namen geht falsch",
        "Die Uhr von uhr-9 geht falsch. Es hat einen Messwert auf den 5. Januar 2026, 08:00 Uhr (UTC) datiert, der am "
        "5. Januar 2026, 11:00 Uhr (UTC) ankam; vorher kamen seine Messwerte sofort an. Bitte Datum, Uhrzeit und "
        "Zeitzone neu einstellen.",
    ),
    "source": (
        "Keine Messwerte von urn:dev:watch",
        "Der letzte Messwert kam am 5. Januar 2026, 08:00 Uhr (UTC) an, seither (30 Minuten) keiner mehr. Die Quelle "
        "hatte innerhalb eines Tages Messwerte von 1 Person geliefert. Solange das andauert, wird ausbleibender "
        "Empfang nicht für jede Person einzeln gemeldet: Niemand sieht, wie es ihnen geht.",
    ),
    "delivery": (
        "Niemand hat geantwortet: Herzfrequenz für diese Person zu hoch und 1 weitere Meldung",
        "Alle Stufen der Kette von kardio (3) wurden nacheinander gefragt, und niemand hat bestätigt: Herzfrequenz für "
        "diese Person zu hoch; Temperatur über 39 °C. Jetzt werden das ganze Team und die Technik gefragt: Jemand muss "
        "nach der Person sehen, und jemand danach, warum niemand erreicht wurde.",
    ),
}


@pytest.mark.parametrize("kind", GERMAN)
def test_an_alert_of_each_kind_in_german(kind: str) -> None:
    said = tuple(say(text, DE).replace("\xa0", " ") for text in told()[kind])
    assert said == GERMAN[kind]


def test_what_is_over_is_told_in_german_too() -> None:
    over = cleared(source("flowing"))
    assert say(over.reason, DE) == "es kommen wieder Messwerte"
    assert say(over.said or "", DE).startswith("Nach dem 5. Januar 2026, 08:00 Uhr (UTC) war kein Messwert gekommen.")


def test_a_language_that_there_is_not_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="en, de"):
        PolicySettings(language="tlh")
    with pytest.raises(ValueError, match="en, de"):
        voice("tlh")


def test_english_needs_no_catalogue() -> None:
    assert voice(ENGLISH) is None
    assert type(say(change_index.TITLE, None)) is str
