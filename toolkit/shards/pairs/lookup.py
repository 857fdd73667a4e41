"""The frozen evaluation pairs as batches, read by random access from shards on this disk; those elsewhere are
fetched first.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import OptionError, ShardError
from speechlip.format import pairs_file
from speechlip.progress import SILENT, Progress
from speechlip.remote.mirror import keep_shards, shards_at
from speechlip.remote.names import is_remote
from speechlip.shards.pairs.batches import as_tensors, collate
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS, SpeechWindows
from speechlip.shards.read.decode import decode_field, decode_meta, members_of, open_filmstrip
from speechlip.shards.read.filmstrip import Filmstrip
from speechlip.shards.read.lip_windows import LipWindow
from speechlip.shards.read.shard import RawClip
from speechlip.shards.read.shardset import open_shards
from speechlip.shards.read.tar_members import open_tar, plain_members, said_of

CACHED_STRIPS = 8
CACHED_SPEECH = 128
"""Clips kept at hand: about 2 MB a strip and 0.6 MB a spectrogram, 0.3 MB a waveform.

Pairs are sorted by lips; their speech comes from anywhere."""


class ClipLookup:
    """Clips of one split by their key, to cut lips and the speech that ``reads`` asks for.

    Tar headers are read once; then a member is one seek away. ``progress`` hears of shards that are fetched.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str,
        reads: SpeechWindows = STFT_WINDOWS,
        progress: Progress = SILENT,
    ) -> None:
        folder = shards_at(folder)
        shards = open_shards(folder, split)
        if any(map(is_remote, shards.urls)):
            keep_shards(folder, split, progress)
            shards = open_shards(folder, split)
        self.reads = reads
        self.members = members_of(("lips", reads.field), shards.fields)
        self.places: dict[str, dict[str, tuple[str, int, int]]] = {}
        for url in shards.urls:
            self._index(url)
        self._strip = lru_cache(CACHED_STRIPS)(self._open)
        self._speech = lru_cache(CACHED_SPEECH)(self._decode)

    def raw(self, key: str) -> RawClip:
        """One sample, undecoded. Raises ShardError for a key that no shard of the split has."""
        if key not in self.places:
            raise ShardError(
                f"no clip {key!r} in these shards; the pairs belong to another dataset, run verify-shards"
            )
        members: dict[str, Any] = {"__key__": key}
        for member, (url, offset, size) in self.places[key].items():
            members["__url__"] = url
            with Path(url).open("rb") as file:
                file.seek(offset)
                members[member] = file.read(size)
        return members

    def lips(self, key: str, start: int, length: int) -> LipWindow:
        """The lips from frame ``start`` of a clip."""
        raw, strip = self._strip(key)
        return LipWindow(raw, strip, start, length).cut()

    def speech(self, key: str, start: int, length: int) -> np.ndarray:
        """What ``reads`` cuts from frame ``start`` of a clip."""
        stored = self._speech(key)
        if not 0 <= start <= self.reads.n_frames(stored) - length:
            raise ShardError(
                f"frames {start} … {start + length - 1} reach beyond clip {key}; "
                f"the pairs belong to another dataset"
            )
        return self.reads.cut(stored, start, length)

    def whole_speech(self, key: str) -> np.ndarray:
        """All of a clip's field that ``reads`` cuts from."""
        return self._speech(key)

    def _open(self, key: str) -> tuple[RawClip, Filmstrip]:
        raw = self.raw(key)
        return raw, open_filmstrip(raw, decode_meta(raw).n_frames)

    def _decode(self, key: str) -> np.ndarray:
        raw = self.raw(key)
        return decode_field(raw, self.reads.field, decode_meta(raw).n_frames)

    def _index(self, url: str) -> None:
        with said_of(url), open_tar(url) as tar:
            for member in plain_members(tar):
                key, _, name = member.name.partition(".")
                if name in self.members:
                    self.places.setdefault(key, {})[name] = (url, member.offset_data, member.size)


def evaluation_batches(
    folder: str | Path, split: str, batch_size: int = 64, reads: SpeechWindows = STFT_WINDOWS
) -> Iterator[dict[str, Any]]:
    """The frozen pairs of ``split`` in the order of their file, in the layout of ``pair_loader``; the last
    batch may be smaller.

    Raises ShardError where the pairs are missing or do not fit the shards.
    """
    if batch_size < 1:
        raise OptionError(f"batch_size must be at least 1, but is {batch_size}")
    folder = shards_at(folder)
    rows, clips = iter(read_pairs(folder / pairs_file(split))), ClipLookup(folder, split, reads)
    while batch := list(islice(rows, batch_size)):
        yield collate_frozen(batch, clips)


def collate_frozen(rows: Sequence[FrozenPair], clips: ClipLookup) -> dict[str, Any]:
    """Frozen pairs as one batch of tensors (``pair_loader`` states them)."""
    return as_tensors(
        collate(
            [clips.lips(row.lips_key, row.lips_start_frame, row.window) for row in rows],
            [clips.speech(row.audio_key, row.audio_start_frame, row.window) for row in rows],
            [row.kind for row in rows],
            [(row.lips_start_frame, row.audio_start_frame) for row in rows],
            [(row.lips_key, row.audio_key) for row in rows],
            clips.reads.form,
        )
    )
