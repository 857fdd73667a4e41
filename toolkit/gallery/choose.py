"""Which clips are shown: dealt over the shards, read one after another, each decoded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.rules import PairClip, pair_clip
from speechlip.shards.read.decode import MEMBERS, ClipSample, decode_clip, decode_meta
from speechlip.shards.read.reader import RawClip, read_shard
from speechlip.shards.read.shardset import ShardSet, open_shards, read_manifest

NEEDED = ("lips", "spectrogram", "audio")
PICTURED = ("lips", "spectrogram", "landmarks", "phones")
"""Fields that are decoded; the sound is handed on as it is stored."""
LOOK_AHEAD = 4
"""Of how many clips that are read one is shown: neighbours in a shard are often of one video, and reading a shard to its end may be slow."""


@dataclass(frozen=True)
class Shown:
    """One clip of the gallery. split: None for a bare shard. flac: ``audio.flac`` as it lies in the shard."""

    split: str | None
    clip: ClipSample
    flac: bytes

    @property
    def facts(self) -> PairClip:
        """What pairing needs to know of it."""
        return pair_clip(self.clip.key, self.clip.meta)


def open_splits(shards: str, split: str | None = None) -> tuple[ShardSet, ...]:
    """The shards of every split that has clips, or of ``split`` alone; of a bare ``.tar``, those without a split.

    Raises what ``open_shards`` raises, and ShardError where no split has a clip.
    """
    if shards.endswith(".tar") or split is not None:
        return (open_shards(shards, split),)
    names = dict.fromkeys(row.split for row in read_manifest(shards).shards if row.clips)
    if not names:
        raise ShardError(f"{shards} holds no clip; ledger.jsonl says what became of its sources")
    return tuple(open_shards(shards, name) for name in names)


def shown_clips(splits: Sequence[ShardSet], n: int, speaker: str | None = None) -> Iterator[Shown]:
    """At most ``n`` clips, decoded one at a time; of one speaker where ``speaker`` is given.

    Raises OptionError where there is none, ShardError for a clip that cannot be read.
    """
    if n < 1:
        raise OptionError(f"at least one clip must be shown, but -n is {n}")
    left = n
    for split, url, quota, stride in _readings(splits, n, by_speaker=speaker is not None):
        for raw in _taken(url, min(quota, left), stride, speaker):
            left -= 1
            yield _decoded(split, raw)
    if left == n:
        raise OptionError(
            f"no clip of the speaker {speaker!r} in these shards; the ledger names the speakers, and --split narrows the search"
        )


def deal(clips: Sequence[int], n: int) -> list[int]:
    """How many of ``n`` clips each shard gives, which holds so many: one each in turn; evenly spaced shards where there are more than clips.

    >>> deal([10, 1, 10], 6), deal([5, 5, 5, 5], 2), deal([2, 1], 50)
    ([3, 1, 2], [1, 0, 0, 1], [2, 1])
    """
    chosen = (
        sorted({round(turn * (len(clips) - 1) / max(1, n - 1)) for turn in range(n)})
        if len(clips) > n
        else range(len(clips))
    )
    dealt = [0] * len(clips)
    turns = chain.from_iterable(zip_longest(*([shard] * clips[shard] for shard in chosen)))
    for shard in (shard for shard in turns if shard is not None):
        if sum(dealt) == n:
            break
        dealt[shard] += 1
    return dealt


def _readings(
    splits: Sequence[ShardSet], n: int, by_speaker: bool
) -> Iterator[tuple[str | None, str, int, int]]:
    """(split, shard, clips wanted of it, of how many that are read one is taken)."""
    places = [(shards.split, url) for shards in splits for url in shards.urls]
    counts = [count for shards in splits for count in shards.clips or [n] * len(shards.urls)]
    quotas = [n] * len(places) if by_speaker else deal(counts, n)
    for (split, url), count, quota in zip(places, counts, quotas, strict=True):
        if quota:
            yield split, url, quota, 1 if by_speaker else min(LOOK_AHEAD, count // quota)


def _taken(url: str, quota: int, stride: int, speaker: str | None) -> Iterator[RawClip]:
    if not quota:
        return
    taken = 0
    for number, raw in enumerate(read_shard(url)):
        if number % stride or (speaker is not None and decode_meta(raw).speaker != speaker):
            continue
        yield raw
        taken += 1
        if taken == quota:
            return


def _decoded(split: str | None, raw: RawClip) -> Shown:
    there = [field for field, members in MEMBERS.items() if any(member in raw for member in members)]
    missing = [field for field in NEEDED if field not in there]
    if missing:
        raise ShardError(
            f"sample {raw['__key__']} has no {' and no '.join(missing)}; a gallery needs {', '.join(NEEDED)}: run verify-shards"
        )
    fields = [field for field in PICTURED if field in there]
    return Shown(split, decode_clip(raw, fields), raw["audio.flac"])
