"""CPU seconds that ``speechlip judge`` takes for a copy, by what is harmed: audio, images, or the file.

    python benchmarks/judge_cost.py CLIP [--seconds 8 --side 320 --metrics theval,expression]

One thread. The first copy loads what there is to load, and is left out.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from speechlip.judging.clip import Settings, judge_copies
from speechlip.judging.harms.table import CLEAN, HARMS
from speechlip.judging.job import make_job
from speechlip.judging.options import JudgeOptions
from speechlip.progress import SILENT

METRICS = ("psnr", "ssim", "cpbd", "lmd", "lips", "articulation", "head", "image", "lse")
TRIED = ("late", "h264", "blur", "mouth_less", "again")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--metrics", default=",".join(METRICS))
    given = parser.parse_args()
    options = JudgeOptions(tuple(given.metrics.split(",")), TRIED, seconds=given.seconds, side_px=given.side)
    began = time.process_time()
    at: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(given.clip, folder, options, "", SILENT)
        (task,) = job.tasks
        scratch = Path(folder) / ".copies"
        scratch.mkdir()
        settings = Settings(job.options, job.scoring, job.networks, scratch, one_thread=True)

        def report(clip: str, copies: float) -> None:
            if copies:
                at.append(time.process_time())

        judge_copies(replace(task, copies=(task.copies[0], *task.copies)), report, settings=settings)
    took: dict[str, list[float]] = defaultdict(list)
    for copy, (before, after) in zip(task.copies, pairwise(at), strict=True):
        took[HARMS.get(copy.harm, CLEAN).changes].append(after - before)
    whole = [seconds for each in took.values() for seconds in each]
    print(f"{task.clip}, {given.seconds:g} s at {given.side} px, CPU seconds a copy:")
    for changes, each in took.items():
        print(f"  {changes:<7} {sum(each) / len(each):5.2f}  ({len(each)} copies)")
    print(f"  all     {sum(whole) / len(whole):5.2f}  (and {at[0] - began:.1f} s until the first was scored)")


if __name__ == "__main__":
    main()
