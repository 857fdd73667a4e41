"""What ``prep-shards --phones`` costs: CPU time and peak memory by its value, turn by turn.

    python benchmarks/phones_cost.py [--identities 4] [--clips 2] [--rounds 3] [--detector landmarker]

Synthetic talking heads with their transcripts, their units prepared in one process of one thread for each
value, without its start; the median of the rounds. Prints a Markdown table.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from speechlip import recipes
from speechlip.media.probe import probe
from speechlip.preparing.cut.unit import prepare_unit
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.workers.events import unheard

VALUES = ("files", "align", "recognise")


def videos_in(folder, identities, clips):
    """Videos with transcript and landmarks, without TextGrids; their seconds."""
    generate(folder / "made", SyntheticOptions(identities=identities, clips=clips))
    (folder / "videos").mkdir()
    seconds = 0.0
    for video in sorted((folder / "made").rglob("*.mp4")):
        seconds += probe(video).video_duration_s
        for ending in (".mp4", ".txt", ".landmarks.npz"):
            name = f"{video.parent.name}-{video.stem}{ending}"
            shutil.copy(video.with_name(video.stem + ending), folder / "videos" / name)
    return seconds


def prepared(folder, value, detector):
    """CPU seconds, wall seconds and peak memory in MB of the units of one preparation."""
    command = [sys.executable, __file__, "--one", folder / "videos", value, detector]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def prepare_here(videos, value, detector):
    """Prepare in this process; print what it took."""
    options = PrepOptions(detector=detector, split={"train": 1.0}, phones=value)
    plan = make_plan(list(recipes.get("folder").sources(Path(videos))), options)
    begun, wall = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        for unit in plan.units:
            prepare_unit(unit, unheard, options=options, work_folder=Path(work), with_phones=plan.with_phones)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.process_time() - begun, time.perf_counter() - wall, peak_mb)


def main():
    """Prepare in turns and print the table."""
    if sys.argv[1:2] == ["--one"]:
        prepare_here(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identities", type=int, default=4)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--detector", default="landmarker")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = videos_in(folder, given.identities, given.clips)
        rounds = [[prepared(folder, value, given.detector) for value in VALUES] for _ in range(given.rounds)]
    print(f"{seconds:.0f} s of video, detector {given.detector}, {given.rounds} rounds\n")
    print("| `--phones` | CPU s | wall s | peak MB | of preparation |\n|---|---|---|---|---|")
    medians = np.median(rounds, axis=0)
    for value, (cpu, wall, peak) in zip(VALUES, medians, strict=True):
        more = cpu / medians[0][0] - 1
        print(f"| `{value}` | {cpu:.1f} | {wall:.1f} | {peak:.0f} | {100 * more:+.0f} % |")


if __name__ == "__main__":
    main()
