"""What stands above the clips: funnel, lengths of clips, widths of faces, seconds of each speaker."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import ShardError
from speechlip.files.strict_json import as_json
from speechlip.format import LEDGER
from speechlip.gallery.columns import ranges, stated
from speechlip.manifest import Manifest
from speechlip.remote.names import is_remote
from speechlip.shards.ledger_file import read_rows
from speechlip.shards.read.decode import decode_meta
from speechlip.shards.read.shardset import ShardSet
from speechlip.shards.read.tar_members import open_tar, plain_members, said_of
from speechlip.shards.sample_meta import SampleMeta
from speechlip.timing import FPS
from speechlip.wording import listed, shown

MAX_CLIPS = 20_000
"""Clips whose ``json`` is read for the distributions: a few seconds."""
MAX_SPEAKERS = 60
MAX_BINS = 24
TOLD_OPTIONS = (
    "recipe",
    "detector",
    "crop",
    "faces",
    "spectrogram",
    "lips_format",
    "sync_filter",
    "sync_correct",
)


@dataclass
class Distributions:
    """Numbers of many clips.

    lengths_s: of each clip.
    values: column of numbers → the value of each clip that says one.
    seconds: speaker → length of all clips.
    """

    lengths_s: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, meta: SampleMeta) -> None:
        """Count one clip by its ``json``."""
        length_s = meta.n_frames / FPS
        self.lengths_s.append(length_s)
        self.seconds[meta.speaker] += length_s
        for name, value in stated(meta):
            self.values[name].append(value)


def stored_metas(splits: Sequence[ShardSet]) -> Iterator[SampleMeta]:
    """The ``json`` of clips in shards on this disk, at most 20 000, with nothing else read.

    Raises ShardError where it cannot be read.
    """
    left = MAX_CLIPS
    for url in (url for split in splits for url in split.urls):
        with said_of(url), open_tar(url) as tar:
            for member in plain_members(tar):
                key, _, name = member.name.partition(".")
                if name == "json" and left and (file := tar.extractfile(member)):
                    left -= 1
                    yield decode_meta({"__key__": key, "__url__": url, "json": file.read()})


def on_this_disk(splits: Sequence[ShardSet]) -> bool:
    return not any(is_remote(url) for split in splits for url in split.urls)


def summary(name: str, splits: Sequence[ShardSet], distributions: Distributions) -> dict[str, Any]:
    """What stands above the clips: from manifest and ledger where there are any, else from the distributions
    alone.

    name: of the shards, as they were opened.
    """
    folder, manifest = splits[0].folder, splits[0].manifest
    seconds = ledger_seconds(folder / LEDGER) if folder else {}
    return {
        "name": name if is_remote(name) else Path(name).resolve().name,
        "funnel": as_json(manifest and manifest.funnel),
        "splits": as_json(manifest.splits if manifest else {}),
        "facts": _facts(manifest) if manifest else [],
        "clips": sum(split.n_clips or 0 for split in splits) or len(distributions.lengths_s),
        "counted": len(distributions.lengths_s),
        "lengths": histogram(distributions.lengths_s),
        "widths": histogram(distributions.values["face_width_px"]),
        "ranges": ranges(distributions.values),
        "speakers": _speakers(seconds or distributions.seconds),
    }


def ledger_seconds(path: Path) -> dict[str, float]:
    """Speaker → seconds kept, of all sources; empty where there is no ledger.

    Raises ShardError where it is damaged.
    """
    seconds: dict[str, float] = defaultdict(float)
    if not path.is_file():
        return seconds
    try:
        for row in read_rows(path):
            kept_s = float(row["seconds_kept"])
            if not 0 <= kept_s < float("inf"):
                raise ValueError(f"seconds_kept is {kept_s}")
            seconds[str(row["speaker"])] += kept_s
    except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise ShardError(
            f"{path} cannot be read ({error!r}); copy it again, then run verify-shards"
        ) from error
    return {speaker: kept_s for speaker, kept_s in seconds.items() if kept_s}


def histogram(values: Sequence[float]) -> dict[str, Any] | None:
    """Counts in equal bins from the least to the greatest value; None where there is no value.

    >>> histogram([1.0, 2.0, 2.5, 3.0])
    {'low': 1.0, 'high': 3.0, 'counts': [1, 0, 1, 2], 'median': 2.25, 'n': 4}
    """
    if not values:
        return None
    bins = int(np.clip(2 * np.sqrt(len(values)), 1, MAX_BINS))
    low, high = min(values), max(values)
    rim = 0.0 if high > low else max(abs(low) * 0.05, 0.5)
    counts, edges = np.histogram(values, bins, (low - rim, high + rim))
    return {
        "low": round(float(edges[0]), 3),
        "high": round(float(edges[-1]), 3),
        "counts": counts.tolist(),
        "median": round(float(np.median(values)), 3),
        "n": len(values),
    }


def _speakers(seconds: dict[str, float]) -> dict[str, Any]:
    """The speakers with most seconds, by name, and the others together."""
    ranked = sorted(seconds.items(), key=lambda item: (-item[1], item[0]))
    others = ranked[MAX_SPEAKERS:]
    first = [[name, round(length_s, 2)] for name, length_s in ranked[:MAX_SPEAKERS]]
    return {
        "first": first,
        "others": len(others),
        "others_s": round(sum(length_s for _, length_s in others), 2),
    }


def _facts(manifest: Manifest) -> list[list[str]]:
    """(name, text) of what a person asks first about a dataset."""
    about, options = manifest.about, manifest.options
    told = {
        "Licence": about and about.licence,
        "Access": about and about.access,
        "Made with": f"speechlip {manifest.speechlip}" if manifest.speechlip else None,
        "Several names": people_of_several_names(manifest),
        "Options": ", ".join(f"{name} {options[name]}" for name in TOLD_OPTIONS if options.get(name)),
    }
    return [[name, str(text)] for name, text in told.items() if text]


def people_of_several_names(manifest: Manifest) -> str:
    """Speakers in whose videos the same person is seen; empty for none, and where nobody compared."""
    groups = ["=".join(map(shown, each.speakers)) for each in manifest.alike or ()]
    return f"the same face under {listed(groups, most=10)}" if groups else ""


def of_all(metas: Iterable[SampleMeta]) -> Distributions:
    distributions = Distributions()
    for meta in metas:
        distributions.add(meta)
    return distributions
