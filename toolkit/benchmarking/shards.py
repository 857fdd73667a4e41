"""Facts of the shards that a table is made from, and what a reader of the table must know of them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from speechlip.benchmarking.evaluation.evaluate import LEAST_COMMON
from speechlip.benchmarking.options import MIDDLE, BenchmarkOptions
from speechlip.benchmarking.records import PROTOCOL, ShardsFacts
from speechlip.errors import OptionError, ShardError
from speechlip.format import MANIFEST, pairs_file
from speechlip.metrics.sync.lse import MAX_SHIFT
from speechlip.shards.leaks import shared_recordings
from speechlip.shards.ledger_file import stored_ledger
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.pairs.loader import impossible_kinds
from speechlip.shards.pairs.rules import KINDS, NEGATIVES, WINDOW
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import manifest_of, open_shards, read_manifest
from speechlip.wording import counted

CROP = "lips"
LEAST_FRAMES = WINDOW - 1 + 2 * MAX_SHIFT + LEAST_COMMON


def evaluated_split(shards: Path, asked: str) -> str:
    """The split to evaluate: the one that was asked for, else test, else validation.

    Raises ShardError, OptionError where there are no pairs.
    """
    manifest = read_manifest(shards)
    crop = manifest.crop
    if crop != CROP:
        raise ShardError(
            f"{shards} holds crops {crop!r}, {PROTOCOL} compares encoders on {CROP!r}; prepare the videos "
            f"with --crop {CROP}"
        )
    with_pairs = sorted(split for split, file in manifest.pairs.items() if file.rows)
    split = asked or next((name for name in ("test", "validation") if name in with_pairs), "")
    if split not in with_pairs:
        wanted = (
            f"split {asked!r} of {shards} has"
            if asked
            else f"neither split test nor validation of {shards} has"
        )
        raise OptionError(
            f"{wanted} no frozen pairs; there are some for: {', '.join(with_pairs) or 'none'}. Prepare with "
            "--split train=…,test=…"
        )
    return split


def shards_facts(shards: Path, split: str) -> tuple[ShardsFacts, tuple[str, ...]]:
    """Facts of the data, and the keys of the evaluated clips in their order."""
    train_split, evaluated = open_shards(shards, "train"), open_shards(shards, split)
    pairs = read_pairs(shards / pairs_file(split))
    manifest = manifest_of(evaluated)
    clips = sorted(
        ClipReader(evaluated, fields=(), shuffle_clips=0, rank=0, world_size=1), key=lambda clip: clip.key
    )
    counts = {kind: sum(pair.kind == kind for pair in pairs) for kind in KINDS}
    if not counts["positive"] or not any(counts[kind] for kind in NEGATIVES):
        raise ShardError(
            f"the frozen pairs of split {split!r} lack matches or mismatches ({counts}); prepare more clips "
            "for it"
        )
    validation = choosing_split(shards, split)
    why = impossible_kinds(evaluated) | manifest.pairs[split].off
    facts = ShardsFacts(
        name=shards.resolve().name,
        manifest_sha256=hashlib.sha256((shards / MANIFEST).read_bytes()).hexdigest(),
        crop=manifest.crop,
        split=split,
        splits={
            name: {part: getattr(manifest.splits[name], part) for part in ("clips", "speakers", "seconds")}
            for name in filter(None, ("train", validation, split))
        },
        pairs=counts,
        off={kind: why.get(kind, "no such pair could be drawn") for kind in NEGATIVES if not counts[kind]},
        gallery=counts["positive"],
        too_short=sum(clip.meta.n_frames < LEAST_FRAMES for clip in clips),
        train_digest=train_split.digest,
        landmarks=landmarks_of(clips[0].meta.detector or "") if "landmarks.npy" in manifest.fields else "",
        validation=validation,
    )
    return facts, tuple(clip.key for clip in clips)


def choosing_split(shards: Path, split: str) -> str:
    """The split whose people choose learning rates: validation, with matches and mismatches; else empty.

    split: the one that is evaluated, which must not choose.
    """
    name = "validation"
    if name == split or name not in read_manifest(shards).pairs:
        return ""
    labels = {pair.label for pair in read_pairs(shards / pairs_file(name))}
    return name if labels == {0, 1} else ""


def landmarks_of(detector: str) -> str:
    """
    >>> landmarks_of("sidecar"), landmarks_of("landmarker")
    ('given with the videos', 'found by landmarker')
    """
    return (
        "given with the videos" if detector == "sidecar" else f"found by {detector or 'an unnamed detector'}"
    )


def notes_of(shards: Path, facts: ShardsFacts, clips: Iterable[str]) -> list[str]:
    """What a reader of the table has to know of the data."""
    n_clips = len(list(clips))
    notes = [f"no {kind!r} negatives: {why}" for kind, why in facts.off.items()]
    if facts.too_short:
        notes.append(
            f"{facts.too_short} of {n_clips} clips are shorter than {LEAST_FRAMES} frames, so no offset is "
            "measured in them"
        )
    if not facts.landmarks:
        notes.append("no control 'lips': these shards carry no landmarks")
    if read_manifest(shards).split_by != "speaker":
        notes.append(
            f"speakers of {facts.split!r} are in the train split too, on purpose: the scores say nothing of "
            "people who were not learned from"
        )
    if copies := shared_recordings(stored_ledger(shards)):
        names = f"{', '.join(row.source for row in copies[0])}{' …' if len(copies) > 1 else ''}"
        notes.append(
            f"{len(copies)} recordings lie in more than one split ({names}): what is examined may have been "
            "learned"
        )
    return notes


def training_notes(options: BenchmarkOptions, validation: str) -> list[str]:
    """What a reader has to know of the training of the heads.

    validation: the split that chooses learning rates, empty where there is none.

    >>> training_notes(BenchmarkOptions(steps=8), "validation")
    ['8 steps of training, under the warm-up of 20 steps: the learning rate never gets where it should, ...']
    """
    notes = []
    if options.steps < options.warmup_steps:
        steps, warmup = counted(options.steps, "step"), counted(options.warmup_steps, "step")
        notes.append(
            f"{steps} of training, under the warm-up of {warmup}: the learning rate never gets where it "
            "should, and heads hardly learn"
        )
    if options.lr is None and not validation:
        notes.append(
            f"no validation people to choose learning rates by: all rows are trained at {MIDDLE:g}, the "
            "middle of the grid; prepare with --split train=…,validation=…,test=…"
        )
    return notes
