"""Which clips are shown: dealt over the shards, read one after another, each decoded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.rules import PairClip, pair_clip
from speechlip.shards.read.decode import MEMBERS, ClipSample, decode_clip, decode_meta
from speechlip.shards.read.shard import RawClip, read_shard
from speechlip.shards.read.shardset import ShardSet

NEEDED = ("lips", "spectrogram", "audio")
DECODED = ("lips", "spectrogram", "landmarks", "phones")
"""Fields that are decoded; the audio is handed on as it is stored."""
LOOK_AHEAD = 4
"""Of how many clips that are read one is shown: neighbours in a shard are often of one video, and reading a
shard to its end may be slow."""


@dataclass(frozen=True)
class GalleryClip:
    """One clip of the gallery.

    split: None for a bare shard.
    sample: with all fields that the shard has, but the audio.
    flac: ``audio.flac`` as it lies in the shard.
    """

    split: str | None
    sample: ClipSample
    flac: bytes

    @property
    def pair_clip(self) -> PairClip:
        """What pairing needs to know of it."""
        return pair_clip(self.sample.key, self.sample.meta)


@dataclass(frozen=True)
class Reading:
    """How one shard is read.

    split: None for a bare shard.
    url: of the shard.
    clips: how many of it are shown at most.
    stride: of how many clips that are read one is shown.
    """

    split: str | None
    url: str
    clips: int
    stride: int


def gallery_clips(splits: Sequence[ShardSet], n: int, speaker: str | None = None) -> Iterator[GalleryClip]:
    """At most ``n`` clips, decoded one at a time; of one speaker where ``speaker`` is given.

    Raises OptionError where there is none, ShardError for a clip that cannot be read.
    """
    left = n
    for reading in _readings(splits, n, by_speaker=speaker is not None):
        for raw in _chosen(reading, min(reading.clips, left), speaker):
            left -= 1
            yield _decoded(reading.split, raw)
    if left == n:
        raise OptionError(
            f"no clip of the speaker {speaker!r} in these shards; "
            "the ledger names the speakers, and --split narrows the search"
        )


def deal(clips: Sequence[int], n: int) -> list[int]:
    """How many of ``n`` clips each shard gives, which holds so many.

    One each in turn; evenly spaced shards where there are more shards than clips.

    >>> deal([10, 1, 10], 6), deal([5, 5, 5, 5], 2), deal([2, 1], 50)
    ([3, 1, 2], [1, 0, 0, 1], [2, 1])
    """
    chosen: Sequence[int] = range(len(clips))
    if len(clips) > n:
        chosen = sorted({round(turn * (len(clips) - 1) / max(1, n - 1)) for turn in range(n)})
    dealt = [0] * len(clips)
    turns = chain.from_iterable(zip_longest(*([shard] * clips[shard] for shard in chosen)))
    for shard in (shard for shard in turns if shard is not None):
        if sum(dealt) == n:
            break
        dealt[shard] += 1
    return dealt


def _readings(splits: Sequence[ShardSet], n: int, by_speaker: bool) -> Iterator[Reading]:
    places = [(shards.split, url) for shards in splits for url in shards.urls]
    counts = [count for shards in splits for count in shards.clips or [n] * len(shards.urls)]
    quotas = [n] * len(places) if by_speaker else deal(counts, n)
    for (split, url), count, quota in zip(places, counts, quotas, strict=True):
        if quota:
            yield Reading(split, url, quota, 1 if by_speaker else min(LOOK_AHEAD, count // quota))


def _chosen(reading: Reading, at_most: int, speaker: str | None) -> Iterator[RawClip]:
    if not at_most:
        return
    chosen = 0
    for number, raw in enumerate(read_shard(reading.url)):
        if number % reading.stride or (speaker is not None and decode_meta(raw).speaker != speaker):
            continue
        yield raw
        chosen += 1
        if chosen == at_most:
            return


def _decoded(split: str | None, raw: RawClip) -> GalleryClip:
    there = [field for field, members in MEMBERS.items() if any(member in raw for member in members)]
    missing = [field for field in NEEDED if field not in there]
    if missing:
        raise ShardError(
            f"sample {raw['__key__']} has no {' and no '.join(missing)}; "
            f"a gallery needs {', '.join(NEEDED)}: run verify-shards"
        )
    fields = [field for field in DECODED if field in there]
    return GalleryClip(split, decode_clip(raw, fields), raw["audio.flac"])
