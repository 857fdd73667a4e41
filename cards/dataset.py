"""The card of prepared shards: ``README.md`` with the YAML that loaders read, images in ``card/``,
``croissant.json``.

Made from manifest and ledger and never typed; what a person adds between the marked lines stays when it is
made anew.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData

from speechlip.cards.columns import ColumnFacts, column_facts
from speechlip.cards.croissant import needed, write_croissant
from speechlip.cards.features import MEMBER_FEATURES, declared, member_words, size_category
from speechlip.cards.images import CROP, Distribution, distributions, write_images
from speechlip.cards.kept import YOURS, with_kept
from speechlip.cards.text import Markdown, filled
from speechlip.errors import ShardError
from speechlip.faces.crops import PRESETS
from speechlip.files.strict_json import as_json
from speechlip.files.writing import write_text
from speechlip.format import CARD, IMAGES_FOLDER, shard_file
from speechlip.licences import is_unknown, licence_fields
from speechlip.manifest import Edit, LicenceTotals, Manifest
from speechlip.shards.leaks import SplitsOf, leaking_people, shared_recordings, splits_of_speakers
from speechlip.shards.ledger import LedgerRow, format_funnel, licences
from speechlip.shards.ledger_file import stored_ledger
from speechlip.shards.read.shardset import read_manifest

__all__ = ["MEMBER_FEATURES", "card_data", "dataset_card", "renew_card", "write_card"]
TEMPLATE = "dataset.md.jinja"
NO_COLUMNS = ColumnFacts()
TAGS = ["webdataset", "audio", "video", "talking-head", "lip-sync", "speechlip"]
TASKS = ["feature-extraction"]
LANGUAGE = re.compile(r"[a-z]{2,3}|multilingual")
SYNTHETIC = ("synthetic",)
"""Recipes whose faces and voices are nobody's."""
GATE = (
    "These are faces and voices of people: biometric data. "
    "With access you agree to use them for the purposes that the card names, to identify nobody, to "
    "imitate nobody without their consent, and to delete what a person seen here asks you to delete."
)
DEALT = {
    "speaker": "No speaker is in two splits.",
    "file": (
        "Videos were dealt one by one, so a speaker may be in several splits, on purpose: "
        "results say little of people who were not learned from."
    ),
    "time": (
        "Every video was cut in time, so each speaker is in every split, on purpose, "
        "and no clip crosses a border: results are about these people, and say nothing of others."
    ),
}
"""What is in one split only, by the option ``split_by``."""
NAMED = {
    "by-name": "speakers are named by folders or lists and not checked against faces",
    "check": "speakers are named by folders or lists; faces that look alike under two names are said below",
    "by-face": "speakers are told apart by their faces, which errs at times",
}
"""Who a speaker is, by the option ``speakers``."""
GATE_FIELDS = {
    "Affiliation": "text",
    "What I will use the data for": "text",
    "I agree to these conditions": "checkbox",
}


def renew_card(folder: Path) -> Path:
    """Make the card of a finished folder anew; returns its path.

    Raises what ``write_card`` raises, and ShardError for an unfinished folder.
    """
    manifest = read_manifest(folder)
    try:
        return write_card(folder, manifest, stored_ledger(folder))
    except (KeyError, TypeError, AttributeError) as error:
        raise ShardError(
            f"manifest or ledger of {folder} lack or garble {error}, which the card tells; "
            f"prepare the folder again"
        ) from error


def write_card(folder: Path, manifest: Manifest, rows: Iterable[LedgerRow]) -> Path:
    """Write card, images and Croissant into ``folder``, keeping what a person added; returns the card's
    path.

    rows: of the ledger; they are gone through several times, and not held.

    Raises OptionError where the marks of the card that is there do not come in pairs.
    """
    path = folder / CARD
    told = LedgerFacts.of(rows)
    card = _card(manifest, told, column_facts(folder, manifest))
    if path.is_file():
        card = with_kept(card, path.read_text(encoding="utf-8", errors="replace"))
    write_images(folder, told.distributions, manifest.crop)
    write_croissant(folder, manifest, told.licences)
    write_text(path, card)
    return path


@dataclass(frozen=True)
class LedgerFacts:
    """What a card tells of a ledger.

    licences: licence → what is under it.
    distributions: of lengths, widths and sync.
    copies: of one recording in several splits.
    splits_of: speaker → their splits.
    """

    licences: Mapping[str, LicenceTotals]
    distributions: Sequence[Distribution]
    copies: Sequence[Sequence[LedgerRow]]
    splits_of: SplitsOf

    @classmethod
    def of(cls, rows: Iterable[LedgerRow]) -> "LedgerFacts":
        return cls(licences(rows), distributions(rows), shared_recordings(rows), splits_of_speakers(rows))


def dataset_card(manifest: Manifest, rows: Iterable[LedgerRow], columns: ColumnFacts = NO_COLUMNS) -> str:
    """The whole README.md of a prepared folder, from its manifest, its ledger, and what its columns hold."""
    return _card(manifest, LedgerFacts.of(rows), columns)


def _card(manifest: Manifest, told: LedgerFacts, columns: ColumnFacts) -> str:
    facts = facts_of(manifest, told) | {"ranges": columns.ranges, "texts": columns.texts}
    return filled(TEMPLATE, DatasetCardData(**card_data(manifest, told)).to_yaml(), facts)


def card_data(manifest: Manifest, told: LedgerFacts) -> dict[str, Any]:
    """The YAML part: licence, tags, where each split lies, the type of every member, and what one agrees to
    where access is gated.
    """
    about, funnel = needed(manifest.about, "about"), needed(manifest.funnel, "funnel")
    splits, stated = manifest.splits, told.licences
    homepage = about.homepage if list(stated) == [needed(about.licence, "licence")] else ""
    places = [{"split": name, "path": shard_file(f"{name}-*.tar")} for name in splits]
    return {
        **licence_fields(stated, homepage),
        **({"language": [about.language]} if LANGUAGE.fullmatch(about.language) else {}),
        "pretty_name": " ".join(needed(about.title, "title").split()),
        "size_categories": [size_category(funnel.clips)],
        "task_categories": TASKS,
        "tags": TAGS,
        **({} if is_synthetic(manifest) else {"extra_gated_prompt": GATE, "extra_gated_fields": GATE_FIELDS}),
        **({"configs": [{"config_name": "default", "data_files": places}]} if places else {}),
        "dataset_info": {
            "features": declared(manifest.fields, manifest.columns),
            "splits": [
                {"name": name, "num_bytes": bytes_of(manifest, name), "num_examples": split.clips}
                for name, split in splits.items()
            ],
            "download_size": sum(shard.bytes for shard in manifest.shards),
            "dataset_size": sum(shard.bytes for shard in manifest.shards),
        },
    }


def bytes_of(manifest: Manifest, split: str) -> int:
    return sum(shard.bytes for shard in manifest.shards if shard.split == split)


def facts_of(manifest: Manifest, told: LedgerFacts) -> dict[str, Any]:
    """What the template tells."""
    by_licence = told.licences
    return {
        "splits": as_json(manifest.splits),
        "funnel": as_json(needed(manifest.funnel, "funnel")),
        "versions": manifest.versions,
        "about": as_json(needed(manifest.about, "about")),
        "speechlip": manifest.speechlip,
        "options": {name: shown_option(value) for name, value in manifest.options.items()},
        "synthetic": is_synthetic(manifest),
        "dealt": Markdown(DEALT[manifest.split_by]),
        "licences": as_json(by_licence),
        "unknown": sum(share.sources for name, share in by_licence.items() if is_unknown(name)),
        "members": {name: Markdown(member_words(manifest.crop)[name]) for name in manifest.fields},
        "funnel_lines": format_funnel(needed(manifest.funnel, "funnel")),
        "clips_table": manifest.clips is not None,
        "edits": [as_json(edit) | {"arguments": shown_arguments(edit)} for edit in manifest.edited or ()],
        "copies": told.copies,
        "leaking": people_apart(manifest, told.splits_of),
        "speakers": Markdown(NAMED[manifest.options.get("speakers", "by-name")]),
        "distributions": told.distributions,
        "crop_image": Markdown(f"{IMAGES_FOLDER}/{CROP}") if manifest.options.get("crop") in PRESETS else "",
        "split": first_split(manifest.splits),
        "shards": shard_pattern([shard.split for shard in manifest.shards]),
        "yours": Markdown(YOURS.rstrip()),
    }


def people_apart(manifest: Manifest, splits: SplitsOf) -> list[list[tuple[str, str]]]:
    """People who are in different splits under several names: (name, splits) of each, by person."""
    return [
        [(name, ", ".join(splits[name])) for name in each.speakers if name in splits]
        for each in leaking_people(manifest.alike or (), splits)
    ]


def is_synthetic(manifest: Manifest) -> bool:
    return manifest.recipe in SYNTHETIC


def shown_option(value: Any) -> str:
    """An option as the command line has it.

    >>> shown_option({"train": 0.9, "test": 0.1}), shown_option(False), shown_option("")
    ('train=0.9,test=0.1', 'no', '')
    """
    if isinstance(value, Mapping):
        return ",".join(f"{name}={share}" for name, share in value.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def shown_arguments(edit: Edit) -> dict[str, str]:
    """The arguments of an edit in words; hashes are in the manifest."""
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else shown_option(value)
        for name, value in edit.arguments.items()
        if not name.endswith("sha256")
    }


def first_split(splits: Iterable[str]) -> str:
    return "train" if "train" in splits else next(iter(splits), "")


def shard_pattern(splits: Sequence[str]) -> str:
    """The shards of the first split as webdataset's pattern. splits: of each shard.

    >>> shard_pattern(["test", "test", "test"])
    'data/test-{00000..00002}-of-00003.tar'
    """
    split = first_split(list(dict.fromkeys(splits)))
    count = list(splits).count(split)
    number = "00000" if count < 2 else f"{{00000..{count - 1:05d}}}"
    return shard_file(f"{split}-{number}-of-{count:05d}.tar")
