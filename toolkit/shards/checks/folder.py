"""What must hold of a prepared folder beyond single samples: splits, ledger and frozen pairs agree with what the shards hold."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import LEDGER, MANIFEST, PAIRS_FOLDER, pairs_file
from speechlip.licences import plain_licence
from speechlip.manifest import LicenceTotals, Manifest
from speechlip.shards.ledger import read_rows, splits_of
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs
from speechlip.shards.pairs.rules import KINDS, PairClip, PairRules, far_apart
from speechlip.timing import seconds

Clips = dict[str, PairClip]


@dataclass
class Found:
    """What re-reading the shards found, by split. licensed: source → licence → its clips, as the samples say.
    spans: source → split → the frames (first, stop) of its clips.

    missing: split → clips that the manifest counts in shards that are not there. What else is said of them cannot be checked, and the missing
    shard is said once.
    """

    clips: dict[str, Clips] = field(default_factory=lambda: defaultdict(dict))
    sources: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    frames_of: Counter[str] = field(default_factory=Counter)
    spans: dict[str, dict[str, list[tuple[int, int]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    licensed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    missing: Counter[str] = field(default_factory=Counter)
    types: dict[str, str] | None = None
    n_clips: int = 0
    n_frames: int = 0

    @property
    def licences(self) -> dict[str, tuple[int, int]]:
        """Licence → sources and clips under it."""
        clips, sources = Counter[str](), Counter[str]()
        for own in self.licensed.values():
            clips.update(own)
            sources.update(own.keys())
        return {licence: (sources[licence], clips[licence]) for licence in clips}


def check_seal(folder: Path, manifest: Manifest) -> Iterator[str]:
    """The manifest's ``digest`` of itself and its hash of the ledger, as far as it has them."""
    if manifest.digest is not None and manifest.digest != manifest.content_digest:
        digests = f"its digest is {manifest.content_digest}, it says {manifest.digest}"
        yield f"{MANIFEST} was changed after prep-shards wrote it: {digests}"
    path, ledger = folder / LEDGER, manifest.ledger
    if ledger and path.is_file() and (sha256 := sha256_of(path)) != ledger.sha256:
        yield f"{LEDGER} has SHA-256 {sha256}, the manifest says {ledger.sha256}"


def check_licences(manifest: Manifest, found: Found) -> Iterator[str]:
    """The manifest's sources and clips of each licence are those that the samples say they are under."""
    said = manifest.licences
    if said is None or found.missing:  # of a release that did not add them up
        return
    for licence in sorted(said.keys() | found.licences.keys()):
        sources, clips = found.licences.get(licence, (0, 0))
        totals = said.get(licence, LicenceTotals())
        if (totals.sources, totals.clips) != (sources, clips):
            counted = f"{clips} clips of {sources} sources say the licence {licence!r}"
            yield f"{counted}, the manifest counts {totals.clips} of {totals.sources}"


def check_splits(manifest: Manifest, found: Found) -> Iterator[str]:
    """The manifest's totals of each split; and what was dealt is in one split only: speakers, files, or times of a file."""
    for split, totals in manifest.splits.items():
        if found.missing[split]:
            continue
        clips = found.clips[split].values()
        counted = {
            "clips": len(clips),
            "frames": sum(clip.n_frames for clip in clips),
            "speakers": len({clip.speaker for clip in clips}),
        }
        said = {"clips": totals.clips, "frames": totals.frames, "speakers": totals.speakers}
        yield from (
            f"split {split} has {n} {name}, the manifest says {said[name]}"
            for name, n in counted.items()
            if n != said[name]
        )
    if manifest.split_by == "speaker":
        yield from in_several(
            "speaker", ((clip.speaker, split) for split, own in found.clips.items() for clip in own.values())
        )
    elif manifest.split_by == "file":
        yield from in_several("source", ((source, split) for source, _, split, _ in found.sources))
    else:
        yield from times_in_several(found)


def in_several(kind: str, pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A sentence for each speaker or source, whatever ``kind`` it is, that comes with several splits."""
    splits: dict[str, set[str]] = defaultdict(set)
    for who, split in pairs:
        splits[who].add(split)
    yield from (
        f"{kind} {who!r} is in the splits {', '.join(sorted(names))}"
        for who, names in splits.items()
        if len(names) > 1
    )


def times_in_several(found: Found) -> Iterator[str]:
    """A sentence for each source whose splits lie among each other in time: cut in time, each is one stretch."""
    for source, own in found.spans.items():
        stretches = sorted(
            (min(spans)[0], max(stop for _, stop in spans), split) for split, spans in own.items()
        )
        for (_, stop, earlier), (first, _, later) in pairwise(stretches):
            if first < stop:
                yield f"{source!r} is in split {earlier} until {seconds(stop)} s, and in split {later} from {seconds(first)} s on"


def check_ledger(folder: Path, manifest: Manifest, found: Found) -> Iterator[str]:
    """``ledger.jsonl``: one row a source, whose clips are the clips in the shards; the manifest's funnel adds the rows up."""
    path = folder / LEDGER
    try:
        yield from _ledger_problems(read_rows(path), manifest, found)
    except (OSError, ValueError) as error:
        yield f"{path} cannot be read ({error})"
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        yield f"a row of {path} lacks or garbles {error}"


def _ledger_problems(rows: list[dict], manifest: Manifest, found: Found) -> Iterator[str]:
    yield from (
        f"the ledger has {n} rows for {source!r}"
        for source, n in Counter(row["source"] for row in rows).items()
        if n > 1
    )
    clips, said = Counter[str](), defaultdict(set)
    for (source, *facts), n in found.sources.items():
        clips[source] += n
        said[source].add(tuple(facts))
    yield from (
        f"{source!r} has clips but no row in the ledger"
        for source in sorted(clips.keys() - {row["source"] for row in rows})
    )
    for row in rows:
        yield from (
            f"ledger, {row['source']!r}: {problem}"
            for problem in _row_problems(row, clips[row["source"]], said[row["source"]], found)
        )
    if funnel := manifest.funnel:
        n_clips = found.n_clips + found.missing.total()
        for name, said_n, n in (("sources", funnel.sources, len(rows)), ("clips", funnel.clips, n_clips)):
            if said_n != n:
                yield f"the manifest's funnel says {said_n} {name}, there are {n}"


def _row_problems(row: dict, clips: int, said: set[tuple[str, ...]], found: Found) -> Iterator[str]:
    """clips: how many the shards hold of it; said: speaker, split and SHA-256 of each."""
    splits = splits_of(row["split"])
    all_there = not any(found.missing[split] for split in splits)
    if all_there and row["clips"] != clips:
        yield f"{row['clips']} clips, but {clips} are in the shards"
    if row["status"] != ("kept" if (clips if all_there else row["clips"]) else "skipped"):
        yield f"status {row['status']!r} with {clips} clips"
    if row["status"] == "skipped" and not (row["stage"] and row["reason"]):
        yield "skipped without a stage and a reason"
    if said - {(row["speaker"], split, row["sha256"]) for split in splits}:
        yield "speaker, split or SHA-256 are not those of its clips"
    own = sorted(found.licensed[row["source"]]) if clips else []
    if own and "licence" in row and own != [plain_licence(row["licence"])]:
        yield f"licence {row['licence']!r}, but its clips say {', '.join(map(repr, own))}"
    if (
        all_there
        and "clip_seconds" in row
        and abs(row["clip_seconds"] - seconds(found.frames_of[row["source"]])) > 0.05
    ):
        yield f"{row['clip_seconds']} s of clips, but {seconds(found.frames_of[row['source']])} s are in the shards"
    if abs(row["seconds"] - row["seconds_kept"] - sum(row["dropped"].values())) > 0.05:
        yield f"{row['seconds']} s are not the {row['seconds_kept']} s kept and {sum(row['dropped'].values()):g} s dropped"


def check_pairs(folder: Path, manifest: Manifest, found: Found) -> Iterator[str]:
    """``pairs/*.parquet``: those of the manifest, unchanged, balanced, and each row a pair of its kind within clips of its split."""
    there = {path.stem for path in (folder / PAIRS_FOLDER).glob("*.parquet")}
    yield from (
        f"{pairs_file(split)} is not in the manifest" for split in sorted(there - manifest.pairs.keys())
    )
    for split, file in manifest.pairs.items():
        path = folder / pairs_file(split)
        try:
            rows = read_pairs(path)
        except ShardError as error:
            yield str(error)
            continue
        if (digest := sha256_of(path)) != file.sha256:
            yield f"{path} has SHA-256 {digest}, the manifest says {file.sha256}"
        positives = sum(row.label for row in rows)
        if len(rows) != file.rows or 2 * positives != len(rows):
            yield f"{path} has {len(rows)} pairs, {positives} of them positive; wanted {file.rows}, half of them positive"
        clips = found.clips[split]
        known = [row for row in rows if row.lips_key in clips and row.audio_key in clips]
        if len(known) < len(rows) and not found.missing[split]:
            first = next(key for row in rows for key in (row.lips_key, row.audio_key) if key not in clips)
            yield f"pairs/{split}: {len(rows) - len(known)} of {len(rows)} pairs name a clip that the split does not have, such as {first!r}"
        for row in known:
            yield from (f"pairs/{split}: {row}: {problem}" for problem in pair_problems(row, clips))


def pair_problems(row: FrozenPair, clips: Clips) -> Iterator[str]:
    """Sentences about one frozen pair of known clips: windows out of range, not what its kind says, a negative that shares a frame."""
    lips, speech = clips[row.lips_key], clips[row.audio_key]
    rules = PairRules(window=row.window, gap_frames=0)
    for clip, start in ((lips, row.lips_start_frame), (speech, row.audio_start_frame)):
        if not 0 <= start < rules.starts(clip.n_frames):
            yield f"a window that reaches beyond {clip.key}"
    offset = row.audio_start_frame - row.lips_start_frame if lips == speech else None
    if (
        row.kind != _kind(lips, speech, offset)
        or row.label != (row.kind == KINDS[0])
        or row.offset_frames != offset
    ):
        yield f"kind, label or offset are not those of a {_kind(lips, speech, offset)} pair"
    if row.label == 0 and not far_apart(lips, row.lips_start_frame, speech, row.audio_start_frame, rules):
        yield "a negative that shares frames with its positive"


def _kind(lips: PairClip, speech: PairClip, offset: int | None) -> str:
    if lips == speech:
        return "shift" if offset else "positive"
    return "clip" if lips.speaker == speech.speaker else "speaker"
