"""The longest work begins first, so that no worker is left with it; the result does not depend on that."""

import heapq
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from speechlip import recipes
from speechlip.files.stamps import largest_first
from speechlip.files.strict_json import encode_json
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.placing import result_path
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.units import Unit
from speechlip.preparing.prepare import declarations
from speechlip.preparing.run_job import run_job
from speechlip.preparing.run_units import run_units
from speechlip.progress import SILENT
from speechlip.recipes.folder import sources
from speechlip.workers.engines import get_engine
from speechlip.workers.events import Finished

PREPARED = ("data/*.tar", "pairs/*.parquet", "ledger.jsonl", "manifest.json", "README.md")


def unit(index, *lengths_s):
    names = [f"{index}-{place}.mp4" for place in range(len(lengths_s))]
    entries = [
        PlannedSource(replace(SOURCE, name=name), 1000, 5, length_s)
        for name, length_s in zip(names, lengths_s, strict=True)
    ]
    return Unit("train", index, tuple(entries))


SOURCE = next(sources(Path(__file__)))
UNITS = [unit(0, 10), unit(1, 5, 5), unit(2, 10), unit(3, 10), unit(4, 25, 15), unit(5, 10)]


class Clockwork:
    """An engine that does nothing: each unit takes the seconds of its sources, and the end is computed."""

    def __init__(self, work_folder):
        self.work_folder, self.order, self.ends_s = work_folder, [], 0.0

    def __call__(self, work, units, workers):
        free_s = [0.0] * workers
        while units:
            taken = units.popleft()
            self.order.append(taken.index)
            end_s = heapq.heappop(free_s) + sum(entry.part_s for entry in taken.sources)
            heapq.heappush(free_s, end_s)
            result = UnitResult("", taken.index, (), (), ())
            path = result_path(self.work_folder, taken)
            path.write_bytes(encode_json(asdict(result)))
            yield Finished(taken, result)
        self.ends_s = max(free_s)


def job_in(folder, videos=()):
    return Job(folder, list(videos), PrepOptions(detector="sidecar"), declarations(recipes.get("folder")))


def test_the_longest_unit_begins_first_and_results_stay_in_order(tmp_path):
    """90 s of work for two: in the order of the plan the last 40 s begin at 20 s and end at 60 s; with them
    first both end at 50 s and 40 s.
    """
    job = job_in(tmp_path)
    job.work.mkdir()
    engine = Clockwork(job.work)
    results = run_units(job, UNITS, False, engine, 2, SILENT).results(UNITS)
    assert engine.order == [4, 0, 1, 2, 3, 5]
    assert engine.ends_s == 50
    assert (
        [each.index for each in results]
        == [result.bytes for result in results.values()]
        == [0, 1, 2, 3, 4, 5]
    )


def test_files_of_items_decide_by_their_bytes_and_what_is_gone_comes_last(tmp_path):
    for name, size in (("a", 1), ("b", 3), ("c", 3), ("d", 9)):
        (tmp_path / name).write_bytes(bytes(size))
    order = largest_first("xabcd", lambda name: (tmp_path / name, None))
    assert order == ["d", "b", "c", "a", "x"]


class Killed(Exception):
    """The run is killed."""


def killed_after(n_units):
    def engine(work, units, workers):
        for done, event in enumerate(
            event for event in get_engine("local")(work, units, workers) if isinstance(event, Finished)
        ):
            yield event
            if done + 1 == n_units:
                raise Killed

    return engine


def bytes_of(folder):
    return {path.name: path.read_bytes() for pattern in PREPARED for path in sorted(folder.glob(pattern))}


def test_a_killed_and_resumed_run_gives_the_same_bytes(talking, tmp_path):
    videos = list(sources(talking))
    whole, resumed = job_in(tmp_path / "whole", videos), job_in(tmp_path / "resumed", videos)
    run_job(whole, get_engine("local"), 2)
    with pytest.raises(Killed):
        run_job(resumed, killed_after(2), 2)
    assert len(list(resumed.work.glob("*.tar"))) in (2, 3)
    run_job(resumed, get_engine("local"), 1)
    assert bytes_of(whole.out) == bytes_of(resumed.out)
    assert len(list(whole.data.glob("*.tar"))) > 2
