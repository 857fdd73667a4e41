"""Excerpts out of a stream of clips, each clip read once an epoch.

A clip gives as many excerpts as fit into it (at least one), each from a random start of an equal stretch of
its starts, so that an epoch hears nearly all of it. They wait in a queue, from which a batch takes its own at
random; those still queued when the epoch ends are not used. A clip that is shorter than an excerpt is one,
padded.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speechlip.checks import check_type
from speechlip.errors import OptionError
from speechlip.format import CROP_SIZE
from speechlip.shards.excerpts.segments import (
    NOBODY,
    ClipPhones,
    Segments,
    clip_phones,
    most_segments,
    segments_in,
)
from speechlip.shards.pairs.rules import WINDOW
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS
from speechlip.shards.read.decode import decode_field, decode_meta, open_filmstrip, said_of_member
from speechlip.shards.read.lip_windows import LipWindow
from speechlip.shards.read.positions import Consumer, Tally
from speechlip.shards.read.reader import ClipReader, generator, take
from speechlip.shards.read.shard import RawClip
from speechlip.timing import HOPS_PER_FRAME

BESIDE = WINDOW // 2
"""Frames of lips before and after an excerpt, so that each of its frames has a window of five."""
QUEUED_BATCHES = 4
"""How many batches' worth of excerpts the queue holds, so that a batch mixes many clips; 150 kB each as
coded."""
LEAST_FRAMES = WINDOW
SEGMENT_BYTES = 32
SAMPLING = 1
"""Which way of sampling excerpts this is; another one gives others for the same seed."""


@dataclass
class ExcerptCounts(Tally):
    """What became of an epoch.

    clips: read.
    excerpts: delivered.
    too_short: clips of fewer than 5 frames.
    phoneless: excerpts without a phone of 40 ms, which are left out.
    unused: excerpts still queued at the end.
    unknown: labels that are no phone of the table → how many segments.
    """

    clips: int = 0
    excerpts: int = 0
    too_short: int = 0
    phoneless: int = 0
    unused: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


@dataclass
class _Excerpt:
    """An excerpt in the queue.

    before, after: frames of ``lips`` that lie beyond the clip and are repeated.
    """

    key: str
    start: int
    n_frames: int
    lips: LipWindow
    before: int
    after: int
    spectrogram: np.ndarray
    segments: Segments


class ExcerptStream:
    """The excerpts of each consumer: a ``Streams`` for ``PositionedLoader``."""

    def __init__(self, reader: ClipReader, batch_size: int, length: int) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("length", length, LEAST_FRAMES)):
            check_type(name, value, int)
            if value < least:
                raise OptionError(f"{name} must be at least {least}, but is {value}")
        self.reader, self.batch_size, self.length = reader, batch_size, length
        self.seed, self.epoch, self.rank, self.world_size = (
            reader.seed,
            reader.epoch,
            reader.rank,
            reader.world_size,
        )

    @property
    def item_bytes(self) -> int:
        """Of a batch, at most."""
        lips = (self.length + 2 * BESIDE) * CROP_SIZE**2 * 3
        return self.batch_size * (
            lips + STFT_WINDOWS.n_bytes(self.length) + SEGMENT_BYTES * most_segments(self.length)
        )

    def fingerprint(self) -> dict[str, Any]:
        """What a saved position is only good for: sizes and seed, and the reader's own."""
        return {
            **self.reader.fingerprint(),
            "excerpts": SAMPLING,
            "batch_size": self.batch_size,
            "length": self.length,
        }

    def stream(self, consumer: Consumer, epoch: int, skip: int = 0) -> Iterator[dict[str, Any] | Tally]:
        """One consumer's batches of one epoch without the first ``skip``, for which no image is decoded;
        then an ``ExcerptCounts``.
        """
        cutting = _Cutting(self, generator(self.seed, epoch, consumer.index, 2), skip)
        for raw in self.reader.raw_stream(consumer, epoch):
            yield from cutting.add(raw)
        yield from cutting.drain()
        yield cutting.counts


class _Cutting:
    """The state of one stream: the queue, and how many batches are still to be skipped."""

    def __init__(self, stream: ExcerptStream, rng: np.random.Generator, skip: int) -> None:
        self.length, self.batch_size = stream.length, stream.batch_size
        self.rng, self.skip = rng, skip
        self.counts = ExcerptCounts()
        self.queue: list[_Excerpt] = []

    def add(self, raw: RawClip) -> Iterator[dict[str, Any]]:
        """Queue the excerpts of one clip; yields batches for which the queue has become too long."""
        n_frames = decode_meta(raw).n_frames
        self.counts.clips += 1
        if n_frames < LEAST_FRAMES:
            self.counts.too_short += 1
            return
        phones = phones_of(raw, n_frames)
        self.counts.unknown += phones.unknown
        strip, spectrogram = open_filmstrip(raw, n_frames), decode_field(raw, "spectrogram", n_frames)
        for start in self._starts(n_frames):
            length = min(self.length, n_frames)
            segments = segments_in(phones, start, length)
            if not len(segments.phone):
                self.counts.phoneless += 1
                continue
            first, stop = max(0, start - BESIDE), min(n_frames, start + length + BESIDE)
            lips = LipWindow(raw, strip, first, stop - first)
            excerpt = _Excerpt(
                raw["__key__"],
                start,
                length,
                lips if self.skip else lips.cut(),
                first - start + BESIDE,
                start + length + BESIDE - stop,
                spectrogram[HOPS_PER_FRAME * start : HOPS_PER_FRAME * (start + length)].copy(),
                segments,
            )
            self.queue.append(excerpt)
            if len(self.queue) >= QUEUED_BATCHES * self.batch_size:
                yield from self._batch()

    def drain(self) -> Iterator[dict[str, Any]]:
        """The batches that can still be made of the queue when the epoch ends."""
        while len(self.queue) >= self.batch_size:
            yield from self._batch()
        self.counts.unused += len(self.queue)

    def _starts(self, n_frames: int) -> Iterator[int]:
        """A random start of each equal stretch of the clip's starts."""
        starts = max(1, n_frames - self.length + 1)
        count = max(1, n_frames // self.length)
        for number in range(count):
            low, high = number * starts // count, (number + 1) * starts // count
            yield int(self.rng.integers(low, max(high, low + 1)))

    def _batch(self) -> Iterator[dict[str, Any]]:
        excerpts = [take(self.queue, self.rng) for _ in range(self.batch_size)]
        self.counts.excerpts += len(excerpts)
        if not self.skip:
            yield collate(excerpts, self.length)
            return
        self.skip -= 1
        if not self.skip:
            for excerpt in self.queue:
                excerpt.lips.cut()


def phones_of(raw: RawClip, n_frames: int) -> ClipPhones:
    """The segments of a sample. Raises ShardError that names it where they are none."""
    phones = decode_field(raw, "phones", n_frames)
    with said_of_member(raw, "phones.json"):
        return clip_phones(phones)


def collate(excerpts: Sequence[_Excerpt], length: int) -> dict[str, Any]:
    """One batch of arrays, as ``excerpt_loader`` states it."""
    count, most = len(excerpts), most_segments(length)
    lips = np.zeros((count, length + 2 * BESIDE, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    width = excerpts[0].spectrogram.shape[1]
    spectrogram = np.zeros((count, HOPS_PER_FRAME * length, width), np.float16)
    segments = {
        "phone": np.full((count, most), NOBODY),
        "first": np.zeros((count, most), np.int64),
        "stop": np.zeros((count, most), np.int64),
        "centre": np.zeros((count, most), np.float32),
    }
    for number, excerpt in enumerate(excerpts):
        whole = excerpt.n_frames + 2 * BESIDE
        own = lips[number, excerpt.before : whole - excerpt.after]
        excerpt.lips.decode(own)
        lips[number, : excerpt.before] = own[0]
        lips[number, whole - excerpt.after : whole] = own[-1]
        spectrogram[number, : len(excerpt.spectrogram)] = excerpt.spectrogram
        for name, values in segments.items():
            own_values = getattr(excerpt.segments, name)
            values[number, : len(own_values)] = own_values
    return {
        "lips": lips,
        "spectrogram": spectrogram,
        "n_frames": [excerpt.n_frames for excerpt in excerpts],
        **segments,
        "lips_start": np.array([excerpt.start for excerpt in excerpts]),
        "keys": [(excerpt.key, excerpt.key) for excerpt in excerpts],
    }
