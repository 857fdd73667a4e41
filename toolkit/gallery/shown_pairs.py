"""The pairs of the clips that are shown: the frozen ones where a split has them, else drawn from these clips by the same rules."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speechlip.format import pairs_file
from speechlip.gallery.images import coloured, levels, webp
from speechlip.remote.mirror import shards_at
from speechlip.remote.names import is_remote
from speechlip.shards.pairs.frozen import FrozenPair, freeze_pairs, read_pairs
from speechlip.shards.pairs.lookup import ClipLookup
from speechlip.shards.pairs.rules import PairClip
from speechlip.shards.read.decode import decode_field, decode_meta
from speechlip.shards.read.shardset import ShardSet, read_manifest
from speechlip.timing import HOPS_PER_FRAME

WINDOW_ROWS = 64


@dataclass
class ShownPairs:
    """rows: pairs whose lips are shown. speech: (key, start frame) of speech that is not shown → base64 of its spectrogram, a WebP."""

    rows: list[FrozenPair] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    speech: dict[tuple[str, int], str] = field(default_factory=dict)

    def by_clip(self) -> dict[str, list[list[Any]]]:
        """Clip → its pairs as the page draws them: lips start, speech's clip, speech start, window, kind, offset or None."""
        pairs: dict[str, list[list[Any]]] = defaultdict(list)
        for row in self.rows:
            drawn = [
                row.lips_start_frame,
                row.audio_key,
                row.audio_start_frame,
                row.window,
                row.kind,
                row.offset_frames,
            ]
            pairs[row.lips_key].append(drawn)
        return dict(pairs)


def shown_pairs(
    shards: str, splits: Sequence[ShardSet], clips: dict[str | None, list[PairClip]]
) -> ShownPairs:
    """The pairs of ``clips``, which are those that are shown by split. Raises ShardError where frozen pairs are missing or damaged."""
    pairs = ShownPairs()
    seed = 0 if shards.endswith(".tar") else read_manifest(shards).seed
    for split in splits:
        there = clips.get(split.split, [])
        if split.split in (None, "train"):
            pairs.rows += freeze_pairs(there, seed).rows
        else:
            _add_frozen(pairs, shards, split, {clip.key for clip in there})
    return pairs


def _add_frozen(pairs: ShownPairs, shards: str, split: ShardSet, keys: set[str]) -> None:
    rows = [
        row for row in read_pairs(shards_at(shards) / pairs_file(str(split.split))) if row.lips_key in keys
    ]
    pairs.rows += rows
    pairs.frozen.append(str(split.split))
    absent = [row for row in rows if row.audio_key not in keys]
    if absent and not any(map(is_remote, split.urls)):
        pairs.speech |= dict(_windows(shards, str(split.split), absent))


def _windows(shards: str, split: str, rows: Sequence[FrozenPair]) -> Iterator[tuple[tuple[str, int], str]]:
    """Spectrograms of windows of clips that are not shown, each clip read once."""
    lookup = ClipLookup(shards, split)
    wanted = defaultdict(list)
    for row in rows:
        wanted[row.audio_key].append(row)
    for key, own in wanted.items():
        raw = lookup.raw(key)
        spectrum = levels(decode_field(raw, "spectrogram", decode_meta(raw).n_frames))
        for row in own:
            yield (key, row.audio_start_frame), webp(window_of(spectrum, row.audio_start_frame, row.window))


def window_of(spectrum: np.ndarray, start: int, window: int) -> np.ndarray:
    """The columns of video frames start … start + window − 1 as a picture, (64, 5 window, 3) uint8."""
    return coloured(spectrum[HOPS_PER_FRAME * start : HOPS_PER_FRAME * (start + window)], height=WINDOW_ROWS)
