"""The whole preparation: plan, run the units, put the shards in place, and the manifest last.

Everything under way lives in ``OUT/.work``; ``OUT/data`` fills only when every unit is done, and ``OUT/manifest.json`` says that the folder
is whole. So a folder without a manifest is unfinished, and running the same command again goes on where it stopped.
"""

import json
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import speechlip
from speechlip.errors import ShardError
from speechlip.files.locks import only_run
from speechlip.files.names import plain_name
from speechlip.files.stamps import sha256_of
from speechlip.files.writing import make_folder, remove, write_text
from speechlip.format import FORMAT, WORK_FOLDER
from speechlip.manifest import sealed
from speechlip.preparing.engine import Crashed, Engine, Event
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.parts import merged
from speechlip.preparing.placing import damaged_shards, load_result, place_shards, result_path, whole_results
from speechlip.preparing.plan import Looks, Plan, Unit, at_their_places, dump_plan, in_turn, make_plan
from speechlip.preparing.repair import repair
from speechlip.preparing.rerun import (
    changed_since_the_ledger,
    changed_since_the_plan,
    losses,
    read_finished,
    read_plan,
    refuse_losses,
    refuse_no_manifest,
    refuse_other_work,
    refuse_vanished,
    with_lost_sources,
)
from speechlip.preparing.source_stats import refused_row
from speechlip.preparing.unit import Judge, UnitResult, prepare_unit
from speechlip.records import Source
from speechlip.shards.ledger import LedgerRow, funnel, licences
from speechlip.shards.pairs.frozen import freeze_pairs, write_pairs
from speechlip.shards.pairs.rules import DRAWING, PairClip
from speechlip.shards.writer import encode_json
from speechlip.timing import seconds

TRAIN = "train"  # the split whose pairs are drawn while training; those of the others are frozen
VERSIONS_THAT_SHOW = (
    "av",
    "mediapipe",
    "numpy",
    "opencv-contrib-python",
    "pillow",
    "scikit-image",
    "soundfile",
    "torch",
    "torchaudio",
)
CardWriter = Callable[[Path, dict, Sequence[LedgerRow]], object]
"""Writes what a person reads into the folder, from its manifest and ledger."""


@dataclass(frozen=True)
class Job:
    """Where to, and what of. ``about`` are the recipe's declarations (licence, citation, access), carried into manifest and card.

    ``judge`` scores the sync of tracks where that is a stage; what it depends on stands in the options. accept_losses: end without the sources
    that went away, or that met what another run may not (docs/decisions/losses.md). looks: how the sources are looked at for the plan.
    """

    out: Path
    sources: Sequence[Source]
    options: PrepOptions
    about: dict[str, str]
    judge: Judge | None = None
    accept_losses: bool = False
    looks: Looks = in_turn

    @property
    def data(self) -> Path:
        return self.out / "data"

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

    Shards of a finished folder that are missing or cut are made again. Raises ShardError where the folder was begun with other options or
    other sources, is damaged, or is not one of ours; and, unless losses are accepted, where a source went away meanwhile or met what
    another run may not; OptionError where another run writes there.
    """
    if job.manifest.exists():
        manifest, rows = read_finished(job.out)
        changed = changed_since_the_ledger(job.out, job.sources, job.options.detector, rows)
        refuse_other_work(job.out, job.options, manifest["options"], changed)
        if not job.work.exists() and not damaged_shards(job.data, manifest["shards"]):
            return manifest
    elif not job.work.exists() and job.data.exists():
        refuse_no_manifest(job.out)
    with only_run(job.out):
        if job.manifest.exists():
            return whole_again(job, engine, workers, watcher)
        make_folder(job.work)
        job, plan = planned(job, watcher)
        results = run_units(job, plan.units, plan.with_phones, engine, workers, watcher)
        refuse_losses([row for result in results.values() for row in result.rows], job.accept_losses)
        return finish(job, plan, results, write_card)


def whole_again(job: Job, engine: Engine, workers: int, watcher: Watcher) -> dict:
    """The manifest of a finished folder, whose missing and cut shards are made again first."""
    manifest, rows = read_finished(job.out)
    if damaged := damaged_shards(job.data, manifest["shards"]):
        make_folder(job.work)
        plan = make_plan(job.sources, job.options, watcher.looked, job.looks)
        job = replace(job, accept_losses=True)
        run = partial(
            run_units, job, with_phones=plan.with_phones, engine=engine, workers=workers, watcher=watcher
        )
        repair(job.out, job.work, manifest, rows, damaged, plan, run)
    shutil.rmtree(job.work, ignore_errors=True)
    return manifest


def planned(job: Job, watcher: Watcher) -> tuple[Job, Plan]:
    """The plan that an earlier run left, if it is for the same sources and options, else a new one; and the job with the plan's sources."""
    path = job.work / "plan.json"
    if path.exists() or any(job.work.glob("*.json")):
        plan, options = read_plan(path)
        if job.accept_losses:
            job = replace(job, sources=with_lost_sources(job.sources, plan))
        made = {
            row.source: row.sha256
            for result in whole_results(job.work, job.data, plan.units).values()
            for row in result.rows
        }
        changed = changed_since_the_plan(job.sources, job.options, plan, made, job.accept_losses)
        refuse_other_work(job.out, job.options, options, changed)
        for leftover in job.work.glob("*.part"):
            leftover.unlink()
        return job, at_their_places(plan, job.sources)
    plan = make_plan(job.sources, job.options, watcher.looked, job.looks)
    refuse_vanished(plan)
    write_text(path, dump_plan(plan, job.options))
    return job, plan


def run_units(
    job: Job, units: Sequence[Unit], with_phones: bool, engine: Engine, workers: int, watcher: Watcher
) -> dict[Unit, UnitResult]:
    """Run every unit that has no whole result yet, or one in which a source met what another run may not; the results of all.

    A source whose worker process dies is tried once more, then refused.
    """
    work = partial(
        prepare_unit,
        options=job.options,
        work_folder=job.work,
        with_phones=with_phones,
        judge=job.judge,
        accept_losses=job.accept_losses,
    )
    whole = whole_results(job.work, job.data, units)
    pending = deque(unit for unit in units if unit not in whole or losses(whole[unit].rows))
    for unit in pending:
        remove(result_path(job.work, unit))
    to_do_s = sum(planned.part_s for unit in pending for planned in unit.sources)
    total_s = sum(planned.part_s for unit in units for planned in unit.sources)
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
    return {unit: load_result(result_path(job.work, unit)) for unit in units}


def finish(job: Job, plan: Plan, results: Mapping[Unit, UnitResult], write_card: CardWriter) -> dict:
    """Put the shards in place, then pairs, ledger and card, and the manifest last. Safe to repeat from any point."""
    order = {plain_name(source.name): position for position, source in enumerate(job.sources)}
    rows = [row for result in results.values() for row in result.rows] + [
        refused_row(split, entry) for split, entry in plan.refused
    ]
    rows = sorted(merged(rows), key=lambda row: order[row.source])
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
        "shards": place_shards(job.work, job.data, results),
        "splits": {split: describe_split(clips) for split, clips in clips_of.items() if clips},
        "pairs": {
            split: write_pairs_of(job, split, clips)
            for split, clips in clips_of.items()
            if clips and split != TRAIN
        },
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
        raise ShardError(
            f"the samples of one dataset must have the same members, but these have {sorted(kinds)}; please report this"
        )
    return list(*kinds)


def describe_split(clips: Sequence[PairClip]) -> dict:
    n_frames = sum(clip.n_frames for clip in clips)
    return {
        "clips": len(clips),
        "frames": n_frames,
        "seconds": seconds(n_frames),
        "speakers": len({clip.speaker for clip in clips}),
    }


def describe_ledger(path: Path, n_rows: int) -> dict:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size, "rows": n_rows}


def write_pairs_of(job: Job, split: str, clips: Sequence[PairClip]) -> dict:
    frozen = freeze_pairs(clips, job.options.seed)
    digest = write_pairs(job.out / "pairs" / f"{split}.parquet", frozen.rows)
    return {
        "sha256": digest,
        "rows": len(frozen.rows),
        "kinds": frozen.counts,
        "off": frozen.off,
        "drawing": DRAWING,
    }
