"""A preparation of the synthetic corpus that is hindered, by engines that stop or whose workers die."""

import hashlib
import json

from speechlip.manifest import About
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.run_job import run_job
from speechlip.progress import Silent
from speechlip.recipes import synthetic
from speechlip.workers.events import Crashed

OPTIONS = PrepOptions(recipe="synthetic", detector="sidecar", max_clip_s=2.0)


class LeftToDo(Silent):
    """Seconds of video that a run has to prepare; 0 where there are none."""

    left_s = 0.0

    def begin(self, stage, total, unit, done=0.0):
        if stage == "preparing":
            self.left_s = total - done


def by_name(units):
    """Units by the names of their sources, so that the last video is in the last."""
    return sorted(units, key=lambda unit: unit.sources[0].source.name)


def in_this_process(work, units, workers):
    while units:
        work(units.popleft(), lambda source, seconds: None)
        yield from ()


def run(
    videos, out, engine=in_this_process, accept_losses=False, write_card=lambda *made: None, sources=None
):
    """The manifest, and how much was left to do."""
    progress = LeftToDo()
    sources = list(synthetic.sources(videos)) if sources is None else sources
    job = Job(out, sources, OPTIONS, About(), accept_losses=accept_losses)
    manifest = run_job(job, engine, 1, progress, write_card)
    return manifest, progress.left_s


def contents(folder):
    """SHA-256 of every file by its relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(out):
    return {row["source"]: row for row in map(json.loads, (out / "ledger.jsonl").read_text().splitlines())}


def leave(out):
    """What an interrupted end leaves: every shard in place, no manifest."""
    raise KeyboardInterrupt


def stopping_after(n_units, error):
    def engine(work, units, workers):
        for unit in by_name(units)[:n_units]:
            work(unit, lambda source, seconds: None)
            yield from ()
        raise error

    return engine


def dying_at(name, deaths):
    """An engine whose worker dies at one source so many times, in the first unit that has it."""

    def engine(work, units, workers):
        left, place = deaths, ""
        while units:
            unit = units.popleft()
            has_it = name in [planned.source.name for planned in unit.sources]
            if left and has_it and place in ("", unit.name):
                left, place = left - 1, unit.name
                yield Crashed(unit, name, -9)
            else:
                work(unit, lambda source, seconds: None)

    return engine
