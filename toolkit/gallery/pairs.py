"""The pairs of the clips that are shown: the frozen ones where a split has them, else made of these clips
alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speechlip.format import pairs_file
from speechlip.gallery.images import coloured, levels, webp
from speechlip.remote.names import is_remote
from speechlip.shards.pairs.freeze import freeze_pairs
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs
from speechlip.shards.pairs.lookup import ClipLookup
from speechlip.shards.pairs.rules import PairClip, PairRules, rules_for
from speechlip.shards.read.decode import decode_field, decode_meta
from speechlip.shards.read.shardset import ShardSet
from speechlip.timing import HOPS_PER_FRAME

WINDOW_ROWS = 64
ClipsBySplit = Mapping[str | None, Sequence[PairClip]]
Window = tuple[str, int]
"""Key of a clip, and the frame in it where the window starts."""


@dataclass
class GalleryPairs:
    """What the page says of pairs.

    rows: pairs whose lips are shown.
    frozen: splits whose pairs are the frozen ones.
    speech: windows of clips that are not shown → base64 of their spectrogram, a WebP.
    """

    rows: list[FrozenPair] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    speech: dict[Window, str] = field(default_factory=dict)

    def by_clip(self) -> dict[str, list[list[Any]]]:
        """Clip → its pairs as the page has them: lips start, speech's clip, speech start, window, kind,
        offset.
        """
        pairs: dict[str, list[list[Any]]] = defaultdict(list)
        for row in self.rows:
            speech = [row.audio_key, row.audio_start_frame, row.window]
            pairs[row.lips_key].append([row.lips_start_frame, *speech, row.kind, row.offset_frames])
        return dict(pairs)


def gallery_pairs(splits: Sequence[ShardSet], clips: ClipsBySplit) -> GalleryPairs:
    """The pairs of the shown ``clips``. Raises ShardError where frozen pairs are missing or damaged."""
    pairs = GalleryPairs()
    for split in splits:
        there = clips.get(split.split, [])
        if split.split in (None, "train"):
            manifest = split.manifest
            rules = rules_for(manifest.options.get("pairs", "speech")) if manifest else PairRules()
            pairs.rows += freeze_pairs(there, manifest.seed if manifest else 0, rules=rules).rows
        else:
            _add_frozen(pairs, split, {clip.key for clip in there})
    return pairs


def _add_frozen(pairs: GalleryPairs, split: ShardSet, keys: set[str]) -> None:
    name, folder = str(split.split), split.folder
    assert folder is not None  # a split has a folder
    rows = [row for row in read_pairs(folder / pairs_file(name)) if row.lips_key in keys]
    pairs.rows += rows
    pairs.frozen.append(name)
    absent = [row for row in rows if row.audio_key not in keys]
    if absent and not any(map(is_remote, split.urls)):
        pairs.speech |= dict(_windows(ClipLookup(folder, name), absent))


def _windows(lookup: ClipLookup, rows: Sequence[FrozenPair]) -> Iterator[tuple[Window, str]]:
    """Spectrograms of windows of clips that are not shown, each clip read once."""
    wanted = defaultdict(list)
    for row in rows:
        wanted[row.audio_key].append(row)
    for key, own in wanted.items():
        raw = lookup.raw(key)
        spectrum = levels(decode_field(raw, "spectrogram", decode_meta(raw).n_frames))
        for row in own:
            yield (key, row.audio_start_frame), webp(window_of(spectrum, row.audio_start_frame, row.window))


def window_of(spectrum: np.ndarray, start: int, window: int) -> np.ndarray:
    """The columns of video frames start … start + window − 1 as an image, (64, 5 window, 3) uint8."""
    return coloured(spectrum[HOPS_PER_FRAME * start : HOPS_PER_FRAME * (start + window)], height=WINDOW_ROWS)
