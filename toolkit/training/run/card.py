"""The card of a trained encoder: what it is, what it learned from, how well it does, how to use it.

Made from what a run leaves (``checkpoint.json``, ``history.csv``, ``cosines.csv``) and never typed; what a
person adds between the marked lines stays when it is made anew.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from speechlip.cards.kept import YOURS, with_kept
from speechlip.cards.text import Markdown, filled
from speechlip.encoders.checkpoint import CheckpointFacts, open_checkpoint
from speechlip.encoders.registry import LEARN_FROM_PHONES
from speechlip.errors import ModelError
from speechlip.files.writing import write_text
from speechlip.format import CARD
from speechlip.licences import licence_fields, stated_licences
from speechlip.training.run.cosines import auc_by_kind, read_cosines
from speechlip.training.run.picture import NAME as PICTURE

TEMPLATE = "encoder.md.jinja"
TAGS = ["speechlip", "lip-sync", "talking-head", "audio-visual", "speech", "feature-extraction"]
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""What the Hub takes for the name of a dataset; other titles stay in the text."""


def write_card(run: Path) -> Path:
    """Write ``README.md`` of a run, keeping what a person added; returns its path.

    Raises what ``made_anew`` raises.
    """
    write_text(run / CARD, made_anew(run))
    return run / CARD


def made_anew(run: Path) -> str:
    """The card of a run's last checkpoint, made anew; nothing is written.

    What a person added to the one that is there stays. Raises ModelError for a folder without a whole
    checkpoint, OptionError where the marks of the card that is there do not come in pairs.
    """
    facts, path = open_checkpoint(run).facts, run / CARD
    try:
        card = encoder_card(
            run.resolve().name, facts, auc_by_kind(read_cosines(run)), (run / PICTURE).is_file()
        )
    except (KeyError, TypeError) as error:
        raise ModelError(
            f"the checkpoint of {run} lacks {error}, which its card tells; train on with this release, or "
            "train again"
        ) from error
    return with_kept(card, path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else card


def encoder_card(
    name: str, facts: CheckpointFacts, auc: Mapping[str, tuple[float, int]], pictured: bool
) -> str:
    """The whole card.

    facts: ``checkpoint.json``. auc: as ``auc_by_kind`` gives it, possibly empty. pictured: whether the
    picture lies beside it.
    """
    counted = {field: facts.data[field] for field in ("clips", "speakers", "seconds")}
    data = {"title": "Shards without a title", "access": ""} | facts.data | counted
    data |= {"licences": stated_licences(facts.data)}
    told = asdict(facts)
    told |= {
        "excerpts": facts.options.get("encoder") in LEARN_FROM_PHONES,
        "name": name,
        "data": data,
        "auc": auc,
        "picture": Markdown(PICTURE if pictured else ""),
        "yours": Markdown(YOURS.rstrip()),
    }
    return filled(TEMPLATE, ModelCardData(**card_data(facts.data)).to_yaml(), told)


def card_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The YAML part.

    The licences are those of the videos: no other is known for what was learned from them.

    >>> card_data({"licences": ["CC BY 4.0", "MIT"], "title": "someone/talks"})["license"]
    ['cc-by-4.0', 'mit']
    """
    title = data.get("title", "")
    named = {"datasets": [title]} if HUB_NAME.fullmatch(title) else {}
    return {
        "library_name": "speechlip",
        "pipeline_tag": "feature-extraction",
        **licence_fields(stated_licences(data)),
        **named,
        "tags": TAGS,
    }
