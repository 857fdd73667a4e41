"""Batches of excerpts from shards, and whether shards have the phones that these want."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from speechlip.checks import check_type
from speechlip.errors import ShardError
from speechlip.phones import RECOGNISED
from speechlip.shards.excerpts.segments import clip_phones
from speechlip.shards.excerpts.stream import LEAST_FRAMES, ExcerptCounts, ExcerptStream
from speechlip.shards.pairs.batches import as_tensors
from speechlip.shards.read.positions import PositionedLoader
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import Shards, ShardSet, named_first, open_shards
from speechlip.wording import counted

EXCERPT_FRAMES = 50
"""Two seconds."""
MANY_LABELS = 5
WHERE_PHONES_ARE = (
    "align transcripts in them (speechlip align SHARDS -o OUT), or prepare the videos again with TextGrids "
    "beside them or with --phones align; recipe synthetic has phones, and grid where an .align or a TextGrid "
    "lies beside a video"
)


class ExcerptLoader(PositionedLoader):
    """Batches of excerpts, as ``excerpt_loader`` makes it."""

    source: ExcerptStream
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> ExcerptCounts:
        """Of the epoch that was read last, as far as its workers have ended."""
        return sum((tally for tally in self.tallies if isinstance(tally, ExcerptCounts)), ExcerptCounts())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from map(as_tensors, super().__iter__())
        if not self.counts.excerpts:
            raise ShardError(named_first(self.source.reader.shards, self._why_none()))

    def _why_none(self) -> str:
        counts = self.counts
        why = [
            f"{counted(counts.clips, 'clip')} gave {counted(counts.unused, 'excerpt')} an epoch, fewer than "
            f"batch_size {self.source.batch_size}"
        ]
        if counts.phoneless:
            why.append(f"{counted(counts.phoneless, 'excerpt')} had no phone of 40 ms")
        if counts.unknown:
            why.append(f"labels that are no phones of the table: {labels_in_words(counts.unknown)}")
        if counts.too_short:
            why.append(f"{counted(counts.too_short, 'clip')} had fewer than {LEAST_FRAMES} frames")
        return f"{'; '.join(why)}. To get batches, lower batch_size or workers, or prepare more clips"


def excerpt_loader(
    shards: Shards,
    split: str | None = None,
    *,
    batch_size: int = 16,
    length: int = EXCERPT_FRAMES,
    shuffle_clips: int = 64,
    workers: int = 0,
    seed: int = 0,
    rank: int | None = None,
    world_size: int | None = None,
    pin_memory: bool = False,
) -> ExcerptLoader:
    """Batches of excerpts, one epoch a loop, with ``state_dict``, ``load_state_dict`` and ``epoch``.

    An excerpt is ``length`` = T successive frames of a clip, fewer of a shorter one. A batch is a dict of B =
    batch_size excerpts, each with zeros beyond its own frames:

    lips: (B, T + 4, 96, 96, 3) uint8 RGB; frame i of an excerpt is at i + 2. Beyond a clip's ends its first
        and last frame are repeated.
    spectrogram: (B, 5 T, 257) float16 (mel: 80).
    n_frames: B whole numbers, of the excerpt's own.
    phone: (B, T + 1) int64, number of each segment's phone in ``metrics.phones.classes.TABLE``, −1 where
        there is none.
    first, stop: (B, T + 1) int64, the frames that a segment touches; centre: (B, T + 1) float32, its middle.
    lips_start: (B,) int64, where the excerpt begins in its clip.
    keys: B tuples (key, key).

    Phones under 40 ms are no segments; excerpts without any segment are left out and counted. The same seed
    gives the same batches; ranks and workers share the clips as ``pair_loader``'s do.

    Raises ShardError for shards without phones and where a whole epoch gives no batch, and what
    ``open_shards`` raises.
    """
    check_type("workers", workers, int)
    opened = open_shards(shards, split)
    refuse_without_phones(opened)
    reader = ClipReader(
        opened,
        fields=("lips", "spectrogram", "phones"),
        shuffle_clips=shuffle_clips,
        seed=seed,
        rank=rank,
        world_size=world_size,
    )
    return ExcerptLoader(ExcerptStream(reader, batch_size, length), workers, pin_memory)


def refuse_without_phones(shards: ShardSet) -> None:
    """Raise ShardError where shards say that they have no phones."""
    if shards.fields is not None and "phones.json" not in shards.fields:
        raise ShardError(
            f"{shards.folder} carries no phones, which this encoder learns from; {WHERE_PHONES_ARE}"
        )


@dataclass(frozen=True)
class PhonesSeen:
    """The phones of some clips.

    clips: how many were read.
    phoneless: of these, clips without any segment.
    phones: number of ``TABLE`` → segments of 40 ms and more.
    unknown: label that is no phone of the table → segments.
    recognised: how many phones were recognised without a transcript.
    """

    clips: int
    phoneless: int
    phones: Counter[int]
    unknown: Counter[str]
    recognised: int


def phones_seen(shards: ShardSet, clips: int, seed: int = 0) -> PhonesSeen:
    """Look at the phones of so many clips of a split, at most. Raises ShardError for what are no phones."""
    refuse_without_phones(shards)
    reader = ClipReader(shards, fields=("phones",), seed=seed, rank=0, world_size=1)
    phones, unknown = Counter[int](), Counter[str]()
    read = phoneless = recognised = 0
    for clip in islice(reader, clips):
        try:
            own = clip_phones(clip.phones or ())
        except ValueError as error:
            raise ShardError(f"sample {clip.key}: phones.json: {error}; run verify-shards") from error
        read, phoneless = read + 1, phoneless + (not len(own.phone))
        phones.update(own.phone.tolist())
        unknown += own.unknown
        recognised += sum(row.get("source") == RECOGNISED for row in clip.phones or ())
    return PhonesSeen(read, phoneless, phones, unknown, recognised)


def labels_in_words(unknown: dict[str, int]) -> str:
    """
    >>> labels_in_words({"spn": 3, "tʃ": 12})
    "'tʃ' (12 times), 'spn' (3 times)"
    """
    most = sorted(unknown.items(), key=lambda entry: (-entry[1], entry[0]))
    left = f" and {len(most) - MANY_LABELS} more" if len(most) > MANY_LABELS else ""
    return ", ".join(f"{label!r:.20} ({counted(n, 'time')})" for label, n in most[:MANY_LABELS]) + left
