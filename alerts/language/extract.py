"""What Babel finds in the files of evidence: labels and titles that stand in alerts (`pyproject.toml`, tool.babel)."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import IO, Any

import yaml

from models.wording import unbracketed

Found = tuple[int, str, str, list[str]]
"""Line, keyword, message, comments: what Babel asks of a method of extraction."""


def labels(
    file: IO[bytes], keywords: Collection[str], tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """The messages of one file of evidence, each with its line."""
    text = file.read().decode()
    for label in dict.fromkeys(_labels(PurePath(file.name).stem, yaml.safe_load(text))):
        yield text[: max(text.find(label), 0)].count("\n") + 1, "phrase", label, []


def _labels(name: str, document: dict[str, Any]) -> Iterator[str]:
    match name:
        case "vitals":
            yield from (unbracketed(entry["label"]) for entry in document["vitals"].values())
            yield from (level["label"] for level in document["vitals"]["consciousness"]["levels"].values())
        case "conditions":
            for entry in document["conditions"]:
                yield unbracketed(entry["label"])
                yield from (_spaced(row["anchor"]) for row in entry["phases"] if "anchor" in row)
        case "rules":
            rules = (*document["limits"], *document["trends"])
            yield from (rule[field] for rule in rules for field in ("label", "title") if field in rule)
        case "medications":
            for entry in document["classes"]:
                yield _spaced(entry["id"])
                yield from (drug for member in entry["members"] for drug in member["name"].split("/"))
        case "design":
            genes = document["genomics"]
            yield from (*document["anchors"]["words"].values(), *document["class_words"]["words"].values())
            yield from (_spaced(words[-2]) for words in genes["phenotypes"].values())
            yield from (drug["name"] for entry in genes["phenoconversion"] for drug in entry["drugs"])


def _spaced(id: str) -> str:
    return id.replace("_", " ")
