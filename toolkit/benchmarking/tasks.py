"""One task for every row of the table, named by everything that its numbers depend on."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from speechlip.benchmarking.evaluation.evaluate import LEAST_COMMON
from speechlip.benchmarking.options import MIDDLE, BenchmarkOptions
from speechlip.benchmarking.records import (
    AS_TRAINED,
    CONTROL,
    ENCODER,
    FORMAT,
    HEAD,
    LIPS,
    PROTOCOL,
    ShardsFacts,
)
from speechlip.encoders.checkpoint import CheckpointFacts, open_checkpoint
from speechlip.encoders.features.layer_stack import without_mix
from speechlip.encoders.registry import ENCODERS
from speechlip.errors import ModelError, OptionError, ShardError
from speechlip.files.stamps import file_stamp
from speechlip.format import MANIFEST, pairs_file
from speechlip.metrics.statistics.intervals import METHOD
from speechlip.metrics.sync.lse import MAX_SHIFT
from speechlip.shards.leaks import shared_recordings
from speechlip.shards.ledger_file import stored_ledger
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.pairs.loader import impossible_kinds
from speechlip.shards.pairs.rules import KINDS, NEGATIVES, WINDOW
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import manifest_of, open_shards, read_manifest
from speechlip.version import VERSION
from speechlip.wording import counted

CONTROLS = {
    "random:se4lip": "se4lip's network, untrained",
    "shuffled:log-mel": "log-mel of other clips: has to be at chance",
    "log-stft": "the spectrum itself",
    "log-mel": "the mel spectrum itself",
}
CROP = "lips"
LEAST_FRAMES = WINDOW - 1 + 2 * MAX_SHIFT + LEAST_COMMON
VERSIONS_THAT_SHOW = ("numpy", "scikit-learn", "scipy", "torch", "torchaudio", "transformers")
OTHER_SHARDS = "trained on other shards: people of this split may have been among its own"


@dataclass(frozen=True)
class Task:
    """One row to come."""

    name: str
    """Of the encoder."""
    label: str
    """Unique in the table."""
    role: str
    mode: str
    key: str
    """Names everything that its numbers depend on."""
    features_key: str
    """The same of its features; two rows of one run share it."""
    note: str = ""
    run: CheckpointFacts | None = field(default=None, compare=False)
    """Of a run of train-encoder."""


def tasks_of(names: Sequence[str], facts: ShardsFacts, options: BenchmarkOptions) -> list[Task]:
    """The encoders that were asked for, in their order, then the controls.

    A run of train-encoder gives two rows.
    """
    controls = dict(CONTROLS) | ({LIPS: f"mouth points, {facts.landmarks}"} if facts.landmarks else {})
    wanted = [(name, ENCODER, controls.get(name, "")) for name in dict.fromkeys(names)]
    wanted += [(name, CONTROL, note) for name, note in controls.items() if name not in names]
    tasks = []
    for name, role, note in wanted:
        key, run = key_of(name, HEAD, facts, options), run_facts(name)
        elsewhere = trained_elsewhere(run, facts)
        tasks.append(Task(name, name, role, HEAD, key, key, joined(note, elsewhere), run))
        if is_run(name) and not options.random_init:
            label, own_key = f"{name} ({AS_TRAINED})", key_of(name, AS_TRAINED, facts, options)
            own_note = joined("its own two halves, no common head", elsewhere)
            tasks.append(Task(name, label, role, AS_TRAINED, own_key, key, own_note, run))
    return tasks


def is_run(name: str) -> bool:
    """Whether ``name`` is the folder of a run of train-encoder."""
    return Path(name).is_dir() and any(Path(name).glob("step-*"))


def run_facts(name: str) -> CheckpointFacts | None:
    """The last checkpoint of a run; None for what is no run, or a damaged one, whose row will fail."""
    try:
        return open_checkpoint(Path(name)).facts if is_run(name) else None
    except ModelError:
        return None


def trained_elsewhere(run: CheckpointFacts | None, facts: ShardsFacts) -> str:
    """A note on a run that learned from another train split than the heads do; else empty.

    Empty too where the run does not say.
    """
    digest = run.shards.digest if run else ""
    return OTHER_SHARDS if digest and digest != facts.train_digest else ""


def joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def key_of(name: str, mode: str, facts: ShardsFacts, options: BenchmarkOptions) -> str:
    """A name for everything that a row depends on: 32 hex digits that change when any of it does."""
    content = {
        "protocol": [PROTOCOL, FORMAT, METHOD, VERSION],
        "encoder": [name, mode, identity(name)],
        "shards": [facts.manifest_sha256, facts.split],
        "options": asdict(options),
        "versions": versions(),
    }
    return hashlib.sha256(
        json.dumps(content, sort_keys=True).encode("utf-8", "backslashreplace")
    ).hexdigest()[:32]


def identity(name: str) -> Any:
    """What tells encoders of one name apart: weights of a run, files of a folder, file of a module."""
    name = without_mix(name)
    kind, _, rest = name.partition(":")
    if is_run(name):
        try:
            return open_checkpoint(Path(name)).facts.sha256
        except ModelError as error:
            return str(error)
    if kind in ("random", "shuffled"):
        return identity(rest)
    if rest and Path(rest).is_dir():
        return [
            [str(path.relative_to(rest)), *stamp(path)]
            for path in sorted(Path(rest).rglob("*"))
            if path.is_file()
        ]
    if added := ENCODERS.added().get(name):
        return stamp(module_file(added.module))
    return stamp(Path(rest) if Path(rest).is_file() else module_file(kind)) if rest else None


def module_file(module: str) -> Path | None:
    """The file that ``module:function`` is read from, where it can be found without running it."""
    here = Path(module.replace(".", "/") + ".py")
    if here.is_file():
        return here
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def stamp(path: Path | None) -> list[int]:
    """Size and time of change, which differ when a file does."""
    if path is None or not path.is_file():
        return []
    return [*file_stamp(path)]


def versions() -> dict[str, str]:
    known = {"python": sys.version.split()[0]}
    for name in VERSIONS_THAT_SHOW:
        with suppress(PackageNotFoundError):
            known[name] = version(name)
    return known


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
