"""Training pairs out of a stream of clips, in exact proportions, each clip read once an epoch.

Every clip of the stream gives ``windows_per_clip`` windows of lips. Each is paired at once, with speech of
the same clip or of one of the last ``pool_clips`` clips, and waits in the queue of its kind. A batch takes
its quota of every kind, at random from the queues. So the proportions are those of the mix, to one pair,
however many batches are taken: a clip that is too short or too alone for a kind serves other kinds, and the
kind waits for a clip that can. ``PairCounts`` counts that; pairs still queued when the epoch ends are not
used.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from speechlip.checks import check_type
from speechlip.errors import OptionError
from speechlip.faces.crops import crop_size
from speechlip.shards.pairs.batches import collate
from speechlip.shards.pairs.mix import PairMix
from speechlip.shards.pairs.rules import SAMPLING, PairRules, pair_clip
from speechlip.shards.pairs.speech_pool import Speech, SpeechPool
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS, SpeechWindows
from speechlip.shards.read.decode import decode_field, decode_meta, open_filmstrip
from speechlip.shards.read.filmstrip import Filmstrip
from speechlip.shards.read.lip_windows import LipWindow
from speechlip.shards.read.positions import Consumer, Tally
from speechlip.shards.read.reader import ClipReader, generator, take
from speechlip.shards.read.shard import RawClip

POOL_WINDOWS_PER_CLIP = 4
"""Windows of speech that a clip leaves in the pool for later clips; 13 kB each at most, so 512 clips hold 26
MB."""
QUEUED_BATCHES = 8
"""How many batches' worth of pairs the queues hold, so that a batch mixes many clips; a pair takes 30 kB, or
150 kB where lips are no JPEG with restart markers; of faces 120 kB, or 1 MB."""
NUMBERS_BYTES = 64
"""Of what else a batch says of a pair, at most."""


@dataclass
class PairCounts(Tally):
    """What became of an epoch.

    pairs: delivered, by kind.
    waited: by kind, how often a clip was asked for a pair and could not serve it.
    clips: read.
    too_short: of these, clips shorter than a window.
    wordless: of these, clips without a window with enough speech.
    unused: windows that no kind took, or that were still queued at the end.
    """

    pairs: Counter[str] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    clips: int = 0
    too_short: int = 0
    wordless: int = 0
    unused: int = 0


class _OpenClip:
    """A clip being paired."""

    def __init__(self, raw: RawClip, window: int, reads: SpeechWindows) -> None:
        meta = decode_meta(raw)
        self.raw, self.window, self.reads = raw, window, reads
        self.facts = pair_clip(raw["__key__"], meta)
        self.speech: np.ndarray = decode_field(raw, reads.field, self.facts.n_frames)

    @cached_property
    def strip(self) -> Filmstrip:
        return open_filmstrip(self.raw, self.facts.n_frames)

    def lips_from(self, start: int) -> LipWindow:
        return LipWindow(self.raw, self.strip, start, self.window)

    def speech_from(self, start: int) -> Speech:
        return Speech(self.facts, start, self.reads.cut(self.speech, start, self.window))


@dataclass
class _Pair:
    """A pair in a queue.

    clip_number: in the order of reading.
    """

    kind: str
    clip_number: int
    lips_key: str
    lips: LipWindow
    speech: Speech


class PairStream:
    """The pairs of each consumer: a ``Streams`` for ``PositionedLoader``."""

    def __init__(
        self,
        reader: ClipReader,
        batch_size: int,
        mix: PairMix,
        rules: PairRules,
        windows_per_clip: int,
        pool_clips: int,
        reads: SpeechWindows = STFT_WINDOWS,
    ) -> None:
        for name, value in (
            ("batch_size", batch_size),
            ("windows_per_clip", windows_per_clip),
            ("pool_clips", pool_clips),
        ):
            check_type(name, value, int)
            if value < 1:
                raise OptionError(f"{name} must be at least 1, but is {value}")
        self.reader, self.batch_size, self.mix, self.rules = reader, batch_size, mix, rules
        self.windows_per_clip, self.pool_clips, self.reads = windows_per_clip, pool_clips, reads
        self.seed, self.epoch, self.rank, self.world_size = (
            reader.seed,
            reader.epoch,
            reader.rank,
            reader.world_size,
        )

    @property
    def item_bytes(self) -> int:
        """Of a batch, at most; of shards without a manifest, if they hold mouths."""
        manifest = self.reader.shards.manifest
        lips = self.rules.window * crop_size(manifest.crop if manifest else "lips") ** 2 * 3
        return self.batch_size * (lips + self.reads.n_bytes(self.rules.window) + NUMBERS_BYTES)

    def fingerprint(self) -> dict[str, Any]:
        """What a saved position is only good for: rules, mix, sizes and seed, and the reader's own."""
        pairing = {
            "drawing": SAMPLING,
            "batch_size": self.batch_size,
            "windows_per_clip": self.windows_per_clip,
            "pool_clips": self.pool_clips,
        }
        return {
            **self.reader.fingerprint(),
            **pairing,
            "mix": str(self.mix),
            "rules": str(self.rules),
            "reads": str(self.reads),
        }

    def stream(self, consumer: Consumer, epoch: int, skip: int = 0) -> Iterator[dict[str, Any] | Tally]:
        """One consumer's batches of one epoch without the first ``skip``, for which no image is decoded;
        then a ``PairCounts``.
        """
        pairing = _Pairing(self, generator(self.seed, epoch, consumer.index, 1), skip)
        for raw in self.reader.raw_stream(consumer, epoch):
            yield from pairing.add(raw)
        yield from pairing.drain()
        yield pairing.counts


class _Pairing:
    """The state of one stream: queues of pairs by kind, the pool of speech, how many batches are still to be
    skipped.
    """

    def __init__(self, stream: PairStream, rng: np.random.Generator, skip: int) -> None:
        self.stream, self.rules, self.rng, self.skip = stream, stream.rules, rng, skip
        self.counts = PairCounts()
        self.shares = {kind: share for kind, share in stream.mix.shares().items() if share > 0}
        self.room = {
            kind: math.ceil(share * stream.batch_size * QUEUED_BATCHES) + 1
            for kind, share in self.shares.items()
        }
        self.queues: dict[str, list[_Pair]] = {kind: [] for kind in self.shares}
        self.due: Counter[str] = Counter()
        self.quota = self._next_quota()
        self.pool = SpeechPool(stream.pool_clips * POOL_WINDOWS_PER_CLIP, stream.rules)

    def add(self, raw: RawClip) -> Iterator[dict[str, Any]]:
        """Draw the windows of one clip; yields batches that became full."""
        clip = _OpenClip(raw, self.rules.window, self.stream.reads)
        self.counts.clips += 1
        if not self.rules.starts(clip.facts.n_frames):
            self.counts.too_short += 1
            return
        if not self.rules.open_starts(clip.facts.n_frames, clip.facts.spoken):
            self.counts.wordless += 1
            return
        for _ in range(self.stream.windows_per_clip):
            self._queue_one(clip)
            if all(len(queue) >= self.room[kind] for kind, queue in self.queues.items()):
                yield from self._batch()
        for _ in range(POOL_WINDOWS_PER_CLIP):
            self.pool.add(clip.speech_from(self._start(clip)))

    def drain(self) -> Iterator[dict[str, Any]]:
        """The batches that can still be made of the queues when the epoch ends."""
        while all(len(queue) >= self.quota[kind] for kind, queue in self.queues.items()):
            yield from self._batch()
        self.counts.unused += sum(map(len, self.queues.values()))

    def _queue_one(self, clip: _OpenClip) -> None:
        """One window of ``clip`` for the kind whose queue is emptiest, or for the next one that the clip can
        serve.
        """
        with_room = [kind for kind, queue in self.queues.items() if len(queue) < self.room[kind]]
        for kind in sorted(with_room, key=lambda kind: len(self.queues[kind]) / self.room[kind]):
            sampled = self._sample(kind, clip)
            if sampled is None:
                self.counts.waited[kind] += 1
                continue
            lips_start, speech = sampled
            lips = clip.lips_from(lips_start)
            if not self.skip:
                lips.cut()
            self.queues[kind].append(_Pair(kind, self.counts.clips, clip.facts.key, lips, speech))
            return
        self.counts.unused += 1

    def _sample(self, kind: str, clip: _OpenClip) -> tuple[int, Speech] | None:
        """(lips start, speech) of one pair of this kind, or None where neither the clip nor the pool can
        serve it.
        """
        if kind == "shift":
            if not self.rules.can_shift(clip.facts.n_frames, clip.facts.spoken):
                return None
            lips_start, speech_start = self.rules.sample_shift(
                clip.facts.n_frames, self._below, clip.facts.spoken
            )
            return lips_start, clip.speech_from(speech_start)
        lips_start = self._start(clip)
        if kind == "positive":
            return lips_start, clip.speech_from(lips_start)
        speech = self.pool.partner(clip.facts, lips_start, kind == "clip", self._below)
        return (lips_start, speech) if speech else None

    def _batch(self) -> Iterator[dict[str, Any]]:
        pairs = [take(self.queues[kind], self.rng) for kind in self.queues for _ in range(self.quota[kind])]
        order = self.rng.permutation(len(pairs))
        self.counts.pairs.update(self.quota)
        self.quota = self._next_quota()
        if self.skip:
            self.skip -= 1
            if not self.skip:
                self._cut_queued()
            return
        yield _collate_pairs([pairs[position] for position in order], self.stream.reads.form)

    def _cut_queued(self) -> None:
        """Cut the lips of all queued pairs, clip by clip, so that one filmstrip at a time is decoded."""
        waiting = [pair for queue in self.queues.values() for pair in queue]
        for pair in sorted(waiting, key=lambda pair: pair.clip_number):
            pair.lips.cut()

    def _next_quota(self) -> Counter[str]:
        """Pairs of each kind in the next batch: each pair goes to the kind that is furthest behind its share
        of all pairs so far.
        """
        before = Counter(self.due)
        for _ in range(self.stream.batch_size):
            total = self.due.total() + 1
            self.due[max(self.shares, key=lambda kind: self.shares[kind] * total - self.due[kind])] += 1
        return self.due - before

    def _start(self, clip: _OpenClip) -> int:
        return self.rules.sample_start(clip.facts.n_frames, self._below, clip.facts.spoken)

    def _below(self, n: int) -> int:
        return int(self.rng.integers(n))


def _collate_pairs(pairs: Sequence[_Pair], form: str) -> dict[str, Any]:
    return collate(
        [pair.lips for pair in pairs],
        [pair.speech.values for pair in pairs],
        [pair.kind for pair in pairs],
        [(pair.lips.start, pair.speech.start) for pair in pairs],
        [(pair.lips_key, pair.speech.clip.key) for pair in pairs],
        form,
    )
