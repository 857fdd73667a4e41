"""Prepared shards as a ``datasets.IterableDataset`` whose types are declared, not guessed from the first
samples.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechlip.shards.read.shardset import open_shards

if TYPE_CHECKING:
    from datasets import IterableDataset


def as_dataset(path: str | Path, split: str = "train") -> "IterableDataset":
    """One split as a typed stream of rows: ``__key__``, ``__url__`` and a column for every member,
    ``lips.jpg`` as an image.

    path: a prepared folder, ``hf://user/name[@revision]`` or ``https://…``. Audio stays FLAC bytes;
    ``cast_column("audio.flac", Audio())`` decodes it where FFmpeg's libraries are. Raises what
    ``open_shards`` raises.
    """
    from datasets import load_dataset

    shards = open_shards(path, split)
    types = features(shards.fields or (), shards.columns or ())
    return load_dataset(
        "webdataset", data_files={split: list(shards.urls)}, split=split, streaming=True, features=types
    )


def features(fields: tuple[str, ...], columns: tuple[str, ...] = ()) -> Any:
    """``datasets.Features`` of a sample with these members, and these columns in its ``json``: the same that
    the card declares.
    """
    from datasets import Features

    from speechlip.cards.features import declared

    return Features._from_yaml_list(declared(fields, columns))
