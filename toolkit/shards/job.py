"""The whole preparation: plan, run the units, put the shards in place, and the manifest last.

Everything under way lives in ``OUT/.work``; ``OUT/data`` fills only when every unit is done, and ``OUT/manifest.json`` says that the folder
is whole. So a folder without a manifest is unfinished, and running the same command again goes on where it stopped.
"""

import fcntl
import json
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import speechlip
from speechlip.errors import ShardError
from speechlip.files import sha256_of, sync_folder, write_text
from speechlip.manifest import sealed
from speechlip.records import Source
from speechlip.timing import seconds

from .account import refused_row
from .engine import Crashed, Engine, Event
from .frozen_pairs import freeze_pairs, write_pairs
from .ledger import LedgerRow, funnel, licences, read_rows, row_from
from .options import PrepOptions
from .pairs import DRAWING, PairClip
from .plan import Plan, Unit, at_their_places, declared, dump_plan, file_stamp, load_plan, make_plan
from .prepare import Judge, UnitResult, prepare_unit
from .shardset import FORMAT, WORK_FOLDER
from .writer import encode_json, plain_name

TRAIN = "train"  # the split whose pairs are drawn while training; those of the others are frozen
VERSIONS_THAT_SHOW = ("av", "mediapipe", "numpy", "opencv-contrib-python", "pillow", "scikit-image", "soundfile", "torch", "torchaudio")
Facts = dict[str, object]
"""What is known of a source, by a short word for it that a message can name."""
CardWriter = Callable[[Path, dict, Sequence[LedgerRow]], object]
"""Writes what a person reads into the folder, from its manifest and ledger."""


@dataclass(frozen=True)
class Job:
    """Where to, and what of. ``about`` are the recipe's declarations (licence, citation, access), carried into manifest and card.

    ``judge`` scores the sync of tracks where that is a stage; what it depends on stands in the options.
    """

    out: Path
    sources: Sequence[Source]
    options: PrepOptions
    about: dict[str, str]
    judge: Judge | None = None

    @property
    def work(self) -> Path:
        return self.out / WORK_FOLDER

    @property
    def manifest(self) -> Path:
        return self.out / "manifest.json"


class Watcher(Protocol):
    """Who is told how the job goes on: each source looked at for the plan, the seconds to do and done already, every event of the engine."""

    def looked(self) -> None: ...
    def planned(self, total_s: float, done_s: float) -> None: ...
    def event(self, event: Event) -> None: ...


def prepare(job: Job, engine: Engine, workers: int, write_card: CardWriter, watcher: Watcher) -> dict:
    """Prepare ``job`` whole, or go on with it, or find it done; returns the manifest.

    Raises ShardError where the folder was begun with other options or other sources, or is not one of ours.
    """
    if job.manifest.exists():
        manifest = json.loads(job.manifest.read_text(encoding="utf-8"))
        refuse_other_work(job, manifest["options"], changed_since_the_ledger(job))
        shutil.rmtree(job.work, ignore_errors=True)
        return manifest
    with only_run(job):
        plan = planned(job, watcher)
        run_units(job, plan, engine, workers, watcher)
        return finish(job, plan, write_card)


@contextmanager
def only_run(job: Job) -> Iterator[None]:
    """Hold the folder's lock, so that two runs never write into one folder."""
    if not job.work.exists() and (job.out / "data").exists():
        raise ShardError(f"{job.out} holds a data folder that no run of prep-shards left there; choose another -o")
    job.work.mkdir(parents=True, exist_ok=True)
    with (job.work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ShardError(f"another run is writing to {job.out}; wait for it, or choose another -o") from None
        yield


def planned(job: Job, watcher: Watcher) -> Plan:
    """The plan that an earlier run left, if it is for the same sources and options, else a new one."""
    path = job.work / "plan.json"
    if path.exists():
        plan, options = load_plan(path.read_text(encoding="utf-8"))
        refuse_other_work(job, options, changed_since_the_plan(job, plan))
        for leftover in job.work.glob("*.part"):
            leftover.unlink()
        return at_their_places(plan, job.sources)
    plan = make_plan(job.sources, job.options, watcher.looked)
    write_text(path, dump_plan(plan, job.options))
    return plan


def changed_since_the_plan(job: Job, plan: Plan) -> list[str]:
    """The sources that differ from the plan: by what is said of them, by size or time of the video, by content of what lies beside it."""
    was = {entry.source.name: facts_of(entry.source, (entry.bytes, entry.modified_ns), entry.declared) for entry in plan.sources}
    now = {each.name: facts_of(each, file_stamp(each.path), declared(each, job.options.detector)) for each in job.sources}
    return changes(was, now)


def changed_since_the_ledger(job: Job) -> list[str]:
    """The sources that differ from a finished folder's ledger: as from a plan, but the video by size or, if touched since, by content.

    Of what a ledger of an older release does not hold, nothing is compared.
    """
    rows = {row["source"]: row for row in read_rows(job.out / "ledger.jsonl")}
    written_ns = job.manifest.stat().st_mtime_ns
    was = {name: {"video": (row["bytes"], row["sha256"]), **said_in(row)} for name, row in rows.items()}
    now = {}
    for source in job.sources:
        row = rows.get(plain_name(source.name))
        video = video_now(source.path, row, written_ns) if row else None
        now[plain_name(source.name)] = facts_of(source, video, declared(source, job.options.detector))
    return changes(was, now)


def facts_of(source: Source, video: object, said: Mapping[str, object]) -> Facts:
    return {"video": video, "speaker": plain_name(source.speaker), "licence": source.licence, **said}


def said_in(row: dict) -> Facts:
    return {name: row[name] for name in ("speaker", "licence") if name in row} | row.get("declared", {})


def video_now(path: Path, row: dict, written_ns: int) -> tuple[int, str]:
    """Size and SHA-256 of a source's file; the latter is taken from its row where nothing speaks for another content."""
    size, modified_ns = file_stamp(path)
    touched = modified_ns > written_ns and row["sha256"] and size == row["bytes"]
    return size, sha256_of(path) if touched else row["sha256"]


def changes(was: dict[str, Facts], now: dict[str, Facts]) -> list[str]:
    """Each source that is new, gone, or of which a fact that both know is another, with what it is.

    >>> changes({"a.mp4": {"licence": "CC0-1.0"}, "b.mp4": {}}, {"a.mp4": {"licence": "unknown", "phones": ""}, "c.mp4": {}})
    ["'a.mp4' (licence)", "'b.mp4' (gone)", "'c.mp4' (new)"]
    """
    found = []
    for name in sorted(was.keys() | now.keys()):
        if name in was and name in now:
            what = [fact for fact, value in sorted(was[name].items()) if now[name].get(fact, value) != value]
        else:
            what = ["gone" if name in was else "new"]
        if what:
            found.append(f"{plain_name(name)!r} ({', '.join(what)})")
    return found


def refuse_other_work(job: Job, options: dict, changed_sources: Sequence[str]) -> None:
    """Raise ShardError with the difference if a folder was made, or begun, with other options or of other sources."""
    wanted = job.options.as_dict()
    differences = [f"{key} was {options.get(key)!r}, is now {wanted[key]!r}" for key in wanted if options.get(key) != wanted[key]]
    if changed_sources:
        shown = ", ".join(changed_sources[:5]) + (", …" if len(changed_sources) > 5 else "")
        differences.append(f"{len(changed_sources)} sources are new, gone or changed: {shown}")
    if differences:
        raise ShardError(f"{job.out} was made otherwise: {'; '.join(differences)}. Choose another -o, or delete that folder first")


def run_units(job: Job, plan: Plan, engine: Engine, workers: int, watcher: Watcher) -> None:
    """Run every unit that has no result yet. A source whose worker process dies is tried once more, then refused."""
    work = partial(prepare_unit, options=job.options, work_folder=job.work, with_phones=plan.with_phones, judge=job.judge)
    pending = deque(unit for unit in plan.units if not result_path(job, unit).exists())
    to_do_s = sum(planned.seconds for unit in pending for planned in unit.sources)
    total_s = sum(planned.seconds for planned in plan.sources)
    watcher.planned(total_s, total_s - to_do_s)
    crashes: Counter[str] = Counter()
    for event in engine(work, pending, workers):
        if isinstance(event, Crashed):
            crashes[event.source] += 1
            again = event.unit
            if event.limit or crashes[event.source] > 1:
                again = replace(again, crashed=(*again.crashed, (event.source, event.reason, event.detail)))
            pending.append(again)
        watcher.event(event)


def result_path(job: Job, unit: Unit) -> Path:
    return job.work / f"{unit.name}.json"


def finish(job: Job, plan: Plan, write_card: CardWriter) -> dict:
    """Put the shards in place, then pairs, ledger and card, and the manifest last. Safe to repeat from any point."""
    results = {unit: load_result(result_path(job, unit)) for unit in plan.units}
    order = {plain_name(source.name): position for position, source in enumerate(job.sources)}
    rows = [row for result in results.values() for row in result.rows] + [refused_row(split, entry) for split, entry in plan.refused]
    rows.sort(key=lambda row: order[row.source])
    clips_of: dict[str, list[PairClip]] = {}
    for unit, result in results.items():
        clips_of.setdefault(unit.split, []).extend(result.clips)
    manifest = {
        "format": FORMAT,
        "speechlip": speechlip.__version__,
        "about": job.about,
        "options": job.options.as_dict(),
        "versions": {name: version(name) for name in VERSIONS_THAT_SHOW},
        "fields": common_fields(results.values()),
        "columns": sorted({name for source in job.sources for name in source.more}),
        "shards": place_shards(job, results),
        "splits": {split: describe_split(clips) for split, clips in clips_of.items() if clips},
        "pairs": {split: write_pairs_of(job, split, clips) for split, clips in clips_of.items() if clips and split != TRAIN},
        "funnel": funnel(rows),
        "licences": licences(rows),
    }
    write_text(job.out / "ledger.jsonl", "".join(encode_json(asdict(row)).decode() + "\n" for row in rows))
    manifest = sealed({**manifest, "ledger": describe_ledger(job.out / "ledger.jsonl", len(rows))})
    write_card(job.out, manifest, rows)
    write_text(job.manifest, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(job.work)
    return manifest


def common_fields(results: Iterable[UnitResult]) -> list[str]:
    kinds = {result.fields for result in results if result.fields}
    if len(kinds) > 1:
        raise ShardError(f"the samples of one dataset must have the same members, but these have {sorted(kinds)}; please report this")
    return list(*kinds)


def place_shards(job: Job, results: dict[Unit, UnitResult]) -> list[dict]:
    """Move the tars that hold clips to their final names; a unit whose every source was refused leaves no shard."""
    (job.out / "data").mkdir(exist_ok=True)
    full = [unit for unit, result in results.items() if result.clips]
    counts = Counter(unit.split for unit in full)
    number: Counter[str] = Counter()
    shards = []
    for unit in full:
        result = results[unit]
        name = f"{unit.split}-{number[unit.split]:05d}-of-{counts[unit.split]:05d}.tar"
        number[unit.split] += 1
        made = job.work / f"{unit.name}.tar"
        if made.exists():
            made.replace(job.out / "data" / name)
        frames = sum(clip.n_frames for clip in result.clips)
        shards.append(
            {
                "name": name,
                "split": unit.split,
                "sha256": result.sha256,
                "bytes": result.bytes,
                "clips": len(result.clips),
                "frames": frames,
            }
        )
    sync_folder(job.out / "data")
    return shards


def describe_split(clips: Sequence[PairClip]) -> dict:
    n_frames = sum(clip.n_frames for clip in clips)
    return {"clips": len(clips), "frames": n_frames, "seconds": seconds(n_frames), "speakers": len({clip.speaker for clip in clips})}


def describe_ledger(path: Path, n_rows: int) -> dict:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size, "rows": n_rows}


def write_pairs_of(job: Job, split: str, clips: Sequence[PairClip]) -> dict:
    frozen = freeze_pairs(clips, job.options.seed)
    digest = write_pairs(job.out / "pairs" / f"{split}.parquet", frozen.rows)
    return {"sha256": digest, "rows": len(frozen.rows), "kinds": frozen.counts, "off": frozen.off, "drawing": DRAWING}


def load_result(path: Path) -> UnitResult:
    raw = json.loads(path.read_text(encoding="utf-8"))
    clips = tuple(PairClip(**clip) for clip in raw["clips"])
    return UnitResult(raw["sha256"], raw["bytes"], tuple(raw["fields"]), clips, tuple(map(row_from, raw["rows"])))
