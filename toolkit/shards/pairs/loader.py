"""Batches of training pairs from shards: which mix a split can have, and one epoch after another."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from speechlip.checks import check_kind, check_type
from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.batches import as_tensors
from speechlip.shards.pairs.mix import PairMix, parse_mix
from speechlip.shards.pairs.rules import PairRules
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS, SpeechWindows
from speechlip.shards.pairs.stream import PairCounts, PairStream
from speechlip.shards.read.positions import PositionedLoader
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import Shards, ShardSet, named_first
from speechlip.wording import counted

NOBODY_LISTENED = (
    "the samples do not say where somebody speaks, as an older release wrote them: pairs are taken anywhere"
)


class PairLoader(PositionedLoader):
    """Batches of pairs, as ``pair_loader`` makes it.

    ``mix`` is what is delivered, ``notes`` say where that is not the default mix.
    """

    source: "PairStream"

    def __init__(self, source: "PairStream", workers: int, pin_memory: bool, notes: Sequence[str]) -> None:
        super().__init__(source, workers, pin_memory)
        self._notes = tuple(notes)

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    @property
    def mix(self) -> PairMix:
        return self.source.mix

    @property
    def counts(self) -> PairCounts:
        """Of the epoch that was read last, as far as its workers have ended."""
        return sum((tally for tally in self.tallies if isinstance(tally, PairCounts)), PairCounts())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from map(as_tensors, super().__iter__())
        if not self.counts.pairs:
            raise ShardError(named_first(self.source.reader.shards, self._why_none()))

    def _why_none(self) -> str:
        counts, batch_size, per_clip = self.counts, self.source.batch_size, self.source.windows_per_clip
        why = []
        what_to_do = [
            "lower batch_size or workers",
            "raise windows_per_clip (train-encoder: --windows-per-clip)",
        ]
        if counts.clips * per_clip < batch_size:
            gives = "gives" if counts.clips == 1 else "give"
            why.append(
                f"{counted(counts.clips, 'clip')} {gives} at most {counted(counts.clips * per_clip, 'pair')} "
                f"an epoch (windows_per_clip {per_clip}), fewer than batch_size {batch_size}"
            )
        else:
            wanted = ", ".join(self.mix.kinds())
            why.append(f"{counted(counts.clips, 'clip')} gave no batch of {batch_size} pairs ({wanted})")
        if counts.wordless:
            why.append(
                f"{counted(counts.wordless, 'clip')} of them without a window of which "
                f"{self.source.rules.least_speech:.0%} is speech"
            )
            what_to_do.append("take windows without speech, too (--pairs any, PairRules(least_speech=0))")
        if counts.waited:
            waited = ", ".join(f"{kind} ({counted(n, 'time')})" for kind, n in counts.waited.items())
            why.append(f"kinds that clips could not serve: {waited}")
            what_to_do.append("leave those kinds out of the mix")
        return f"{'; '.join(why)}. To get batches, {', or '.join(what_to_do)}"


def pair_loader(
    shards: Shards,
    split: str | None = None,
    *,
    batch_size: int = 64,
    mix: PairMix | str | None = None,
    rules: PairRules | None = None,
    windows_per_clip: int = 8,
    pool_clips: int = 512,
    shuffle_clips: int = 64,
    workers: int = 0,
    seed: int = 0,
    rank: int | None = None,
    world_size: int | None = None,
    pin_memory: bool = False,
    reads: SpeechWindows = STFT_WINDOWS,
) -> PairLoader:
    """Batches of training pairs, one epoch a loop, with ``state_dict``, ``load_state_dict`` and ``epoch``.

    A batch is a dict of B = batch_size pairs:

    lips: (B, window, S, S, 3) uint8 RGB, S × S px: 96, or 256 of whole faces.
    spectrogram: (B, 5 window, 257) float16 (mel: 80); or in its place, as ``reads`` asks,
    waveform: (B, before + 640 window + after) int16.
    label: (B,) float32, 1 for positives.
    kind: (B,) int64, an index into ``KINDS``.
    offset: (B,) int64, speech start − lips start in frames, or ``NO_OFFSET``.
    lips_start, speech_start: (B,) int64, frames in their clips.
    keys: B tuples (lips key, speech key).

    mix: a ``PairMix`` or its text, such as ``shift:0.5,clip:0.5``; a stated mix is delivered or refused,
        never changed. None is the default mix less the kinds that the split cannot have, with a warning that
        says so.
    workers: each worker samples partners among the clips that it reads itself.
    reads: which speech; it changes no choice, so that a seed gives the same pairs in either form.

    Raises OptionError for a mix that the split cannot have, ShardError where a whole epoch gives no batch,
    and what ``open_shards`` raises.
    """
    check_type("mix", mix, PairMix | str | None)
    check_type("workers", workers, int)
    if rules is not None:
        check_kind("rules", rules, PairRules)
    stated = parse_mix(mix) if isinstance(mix, str) else mix
    reader = ClipReader(
        shards,
        split,
        fields=("lips", reads.field),
        shuffle_clips=shuffle_clips,
        seed=seed,
        rank=rank,
        world_size=world_size,
    )
    chosen, notes = possible_mix(stated, reader.shards)
    rules = rules or PairRules()
    if rules.least_speech and nobody_listened(reader.shards):
        notes.append(NOBODY_LISTENED)
    stream = PairStream(reader, batch_size, chosen, rules, windows_per_clip, pool_clips, reads)
    return PairLoader(stream, workers, pin_memory, notes)


def possible_mix(mix: PairMix | None, shards: ShardSet) -> tuple[PairMix, list[str]]:
    """The mix to deliver, and a sentence for each kind that the default mix had to leave out.

    Raises OptionError for a stated mix.
    """
    off = impossible_kinds(shards)
    wanted = mix or PairMix()
    reasons = [
        f"{kind!r} negatives cannot be drawn: {why}" for kind, why in off.items() if kind in wanted.kinds()
    ]
    if not reasons:
        return wanted, []
    if mix is not None:
        raise OptionError("; ".join(reasons) + "; leave them out of the mix, for instance shift:1")
    changed = wanted.without(tuple(off))
    note = (
        "; ".join(reasons)
        + "; the mix is "
        + ", ".join(f"{kind}:{share:.3g}" for kind, share in changed.shares().items() if share)
    )
    warnings.warn(note, stacklevel=3)
    return changed, [note]


def nobody_listened(shards: ShardSet) -> bool:
    """Whether the manifest tells that the samples do not say where somebody speaks."""
    funnel = shards.manifest and shards.manifest.funnel
    return bool(funnel and funnel.clips and funnel.no_speech_seconds is None)


def impossible_kinds(shards: ShardSet) -> dict[str, str]:
    """Kinds that a split cannot have, as far as its manifest tells, each with the reason."""
    off = {}
    if shards.n_speakers is not None and shards.n_clips == shards.n_speakers:
        off["clip"] = f"each speaker of split {shards.split!r} has one clip"
    if shards.n_speakers == 1:
        off["speaker"] = f"split {shards.split!r} has one speaker"
    return off
