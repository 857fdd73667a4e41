"""``--cut-sources``: a long video is prepared in parts; no clip crosses a border and no frame is lost."""

import io
import json
import random
import shutil
import tarfile
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hindered import contents, dying_at, in_this_process, rows
from PIL import Image

from preparing import prep
from speechlip.manifest import About
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.parts import added_up
from speechlip.preparing.place.repair import as_it_was, has_clips
from speechlip.preparing.plan.cut_long import in_parts
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.units import Unit
from speechlip.preparing.run_job import run_job
from speechlip.recipes import synthetic
from speechlip.records import Source
from speechlip.shards.checks.verify import verify
from speechlip.shards.ledger import LedgerRow, line_of, row_from, without_units
from speechlip.workers.events import Crashed, unheard

WHOLE = PrepOptions(
    recipe="synthetic",
    detector="sidecar",
    crop="auto-avsr",
    lips_format="png",
    min_clip_s=0.2,
    max_clip_s=0.6,
    split={"train": 1.0},
    shard_bytes=10_000,
    limit=1,
)
CUT = replace(WHOLE, cut_sources_s=1.3)
NEAR = 8
"""Frames from a border within which a crop is smoothed otherwise: 3 σ of ``lips`` and of ``auto-avsr``, and
the mean of the latter.
"""


def entry(n_frames, **given):
    return PlannedSource(Source(Path("a.mp4"), "a.mp4", "anna"), 1000, 5, n_frames / 25, **given)


def test_parts_are_the_fewest_equal_ones_that_touch():
    assert [(part.first_frame, part.stop_frame) for part in in_parts(entry(101), 2.0)] == [
        (0, 33),
        (33, 67),
        (67, None),
    ]
    assert list(in_parts(entry(50), 2.0)) == [entry(50)] and list(in_parts(entry(99), 0.0)) == [entry(99)]
    dealt = entry(100, first_frame=60, stop_frame=91)  # by --split-by time
    assert [(part.first_frame, part.stop_frame) for part in in_parts(dealt, 1.0)] == [(60, 75), (75, 91)]
    choice = random.Random(3)
    for _ in range(200):
        n_frames, longest = choice.randrange(1, 5000), choice.randrange(5, 900)
        parts = list(in_parts(entry(n_frames), longest / 25))
        edges = [*(part.first_frame for part in parts), n_frames]
        lengths = [stop - first for first, stop in pairwise(edges)]
        assert len(parts) == -(-n_frames // longest) and max(lengths) <= longest
        assert max(lengths) - min(lengths) <= 1 and sum(lengths) == n_frames
        assert [part.stop_frame for part in parts] == [*edges[1:-1], None]


def prepare(videos, out, options=CUT, engine=in_this_process, accept_losses=False):
    sources = list(synthetic.sources(videos))[: options.limit]
    job = Job(out, sources, options, About(), accept_losses=accept_losses)
    return run_job(job, engine, 1, card=lambda *made: None)


def backwards(work, units, workers):
    """Shortest first, as a cluster may end them."""
    return in_this_process(work, type(units)(reversed(units)), workers) if units else iter(())


@pytest.fixture(scope="module")
def folders(talking, tmp_path_factory):
    here = tmp_path_factory.mktemp("cut")
    for name, options in (("whole", WHOLE), ("cut", CUT)):
        prepare(talking, here / name, options)
    return here / "whole", here / "cut"


def clips(out):
    """(first frame, stop frame, lips, audio, phones) of every clip; phones in seconds of the source."""
    found = []
    for shard in (out / "data").glob("*.tar"):
        members = defaultdict(dict)
        with tarfile.open(shard) as tar:
            for member in tar:
                key, _, kind = member.name.partition(".")
                members[key][kind] = tar.extractfile(member).read()
        for parts in members.values():
            meta = json.loads(parts["json"])
            first, n_frames = round(meta["start_s"] * 25), meta["n_frames"]
            lips = np.asarray(Image.open(io.BytesIO(parts["lips.png"]))).reshape(n_frames, 96, 96, 3)
            audio = soundfile.read(io.BytesIO(parts["audio.flac"]), dtype="int16")[0].reshape(n_frames, 640)
            phones = [
                (phone["phone"], meta["start_s"] + phone["start_s"], meta["start_s"] + phone["end_s"])
                for phone in json.loads(parts["phones.json"])
            ]
            found.append((first, first + n_frames, lips, audio, phones))
    return found


def by_frame(out):
    """frame → its lips, its audio, and the phone at its centre."""
    found = {}
    for first, stop, lips, audio, phones in clips(out):
        for index in range(first, stop):
            centre_s = (index + 0.5) / 25
            spoken = [name for name, start_s, end_s in phones if start_s <= centre_s < end_s]
            found[index] = lips[index - first], audio[index - first], spoken
    return found


def test_away_from_borders_a_cut_source_has_the_frames_of_a_whole_one(folders):
    (row,) = rows(folders[1]).values()
    n_frames = round(row["seconds"] * 25)
    borders = [part.first_frame for part in in_parts(entry(n_frames), CUT.cut_sources_s)][1:]
    crossing = [first for first, stop, *_ in clips(folders[1]) if any(first < at < stop for at in borders)]
    assert len(borders) == 2 and not crossing
    before, after = map(by_frame, folders)
    assert sorted(before) == sorted(after) == list(range(n_frames))
    for index, (lips, audio, spoken) in before.items():
        assert np.array_equal(audio, after[index][1]) and spoken == after[index][2]
        if min(abs(index + 0.5 - border) for border in borders) > NEAR:
            assert np.array_equal(lips, after[index][0])


def test_nothing_is_lost_and_the_folder_holds(folders):
    whole, cut = map(rows, folders)
    for source, row in cut.items():
        assert row["seconds"] == pytest.approx(row["seconds_kept"] + sum(row["dropped"].values()))
        assert (row["seconds"], row["seconds_kept"]) == (
            whole[source]["seconds"],
            whole[source]["seconds_kept"],
        )
        assert (row["split"], row["split_clips"], row["damage"]) == ("train", {}, whole[source]["damage"])
        assert sum(row["unit_clips"].values()) == row["clips"] == len(row["clip_frames"])
        assert len(row["unit_clips"]) > 1 and "lost_in" not in row and "unit_clips" not in whole[source]
    assert verify(folders[1]).ok


def test_the_bytes_do_not_depend_on_who_does_the_parts(folders, talking, tmp_path):
    prepare(talking, tmp_path / "backwards", engine=backwards)
    assert contents(tmp_path / "backwards") == contents(folders[1])


def test_a_shard_of_a_middle_part_is_made_again(folders, talking, tmp_path):
    out = Path(shutil.copytree(folders[1], tmp_path / "out"))
    shards = sorted((out / "data").glob("*.tar"))
    shards[len(shards) // 2].unlink()
    shards[1].write_bytes(b"cut")
    prepare(talking, out)
    assert contents(out) == contents(folders[1])


def test_a_part_that_is_lost_leaves_the_others(folders, talking, tmp_path):
    """The first unit of a source ends its worker twice; a shard of another one is made again as it was."""
    source = min(rows(folders[1]))
    out = tmp_path / "out"
    prepare(talking, out, engine=dying_at(source, 2), accept_losses=True)
    row = rows(out)[source]
    assert (row["status"], row["reason"], len(row["lost_in"])) == ("kept", "crashed the worker", 1)
    assert sum(row["dropped"].values()) > 0
    was = contents(out)
    for shard in (out / "data").glob("*.tar"):
        shard.unlink()
    prepare(talking, out, accept_losses=True)
    assert contents(out) == was


def test_each_part_is_tried_again_by_itself(folders, talking, tmp_path):
    """The worker dies once at every unit, so that one source meets as many deaths as it has units."""
    died = set()

    def dying_once_at_each(work, units, workers):
        while units:
            unit = units.popleft()
            if unit.name in died:
                work(unit, unheard)
                continue
            died.add(unit.name)
            yield Crashed(unit, unit.sources[0].source.name, -9)

    prepare(talking, tmp_path / "out", engine=dying_once_at_each)
    assert len(died) > 2 and contents(tmp_path / "out") == contents(folders[1])


def test_another_length_is_another_folder_and_jobs_of_an_array_cut_alike(
    folders, talking, tmp_path, monkeypatch
):
    monkeypatch.setattr("speechlip.preparing.prep_run.get_engine", lambda *given: in_this_process)
    monkeypatch.setattr("speechlip.preparing.prepare_array.start_server", lambda: None)
    options = (
        "--recipe",
        "synthetic",
        "--detector",
        "sidecar",
        "--crop",
        "auto-avsr",
        "--lips-format",
        "png",
    )
    options += (
        "--min-clip",
        "200ms",
        "--max-clip",
        "600ms",
        "--split",
        "train=1",
        "--shard-size",
        "10kB",
        "--limit",
        "1",
    )
    out, cut = tmp_path / "out", ("--cut-sources", "1.3s")
    assert "units to do" in prep(talking, "-o", out, *options, *cut, "--plan-only").stdout
    refused = prep(talking, "-o", out, *options, "--cut-sources", "1s", "--units", "0::2")
    assert refused.exit_code == 1 and "cut_sources_s was 1.3, is now 1.0" in refused.stderr
    for step in (("--units", "1::2"), ("--units", "0::2"), ("--finish", "--quiet")):
        assert prep(talking, "-o", out, *options, *cut, *step).exit_code == 0
    made, alone = contents(out), contents(folders[1])
    shards = [name for name in alone if name.startswith("data/")]
    assert shards and [made[name] for name in shards] == [alone[name] for name in shards]
    assert made["ledger.jsonl"] == alone["ledger.jsonl"]


def test_a_missing_shard_is_looked_for_by_the_clips_of_its_unit():
    """By hand: the source has three parts in one split, the middle one without a clip and lost."""
    part = LedgerRow("a.mp4", "a", "train", "kept", 2, 4.0, 4.0, 4.0, 0.0, {}, "", "", "", "ab", 9, (), {})
    gone = {"clips": 0, "status": "skipped", "seconds_kept": 0.0, "dropped": {"crashed the worker": 4.0}}
    lost = replace(part, stage="worker", reason="crashed the worker", **gone)
    row = json.loads(line_of(added_up([part, lost, part], ["train-00000", "train-00001", "train-00002"])))
    assert row["unit_clips"] == {"train-00000": 2, "train-00001": 0, "train-00002": 2}
    assert (row["clips"], row["lost_in"], row["split"]) == (4, ["train-00001"], "train")
    units = [Unit("train", index, (entry(100),)) for index in range(3)]
    assert [has_clips(unit, {"a.mp4": row}) for unit in units] == [True, False, True]
    assert [len(as_it_was(unit, {"a.mp4": row}).crashed) for unit in units] == [0, 1, 0]
    assert row_from(row).unit_clips == row["unit_clips"] and without_units(row_from(row)).unit_clips == {}
