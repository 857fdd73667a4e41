"""Changed videos through probe, plan, both passes and the rows of an export: one line of JSON for each.

Runs in a process of its own, which may hang or die.

usage: read_mutants.py KIND SEED FIRST COUNT FOLDER
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np
from mutations import mutant, small_video

from speechlip.errors import SourceRefused
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.media.whole_audio import read_audio
from speechlip.preparing.cut.source_stats import refused_row
from speechlip.preparing.cut.unit import prepare_unit
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.records import Face, Source

MEMORY_BYTES = 3 * 2**30


class OneFace:
    """A face that is always there."""

    name, has_landmarks = "one", False

    def __init__(self, source):
        pass

    def detect(self, image, index):
        height, width = image.shape[:2]
        return [Face(np.array([0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height], np.float32), 1.0)]

    def close(self):
        pass


def read(path, folder):
    """What the stations say of one file: seconds planned, a ledger row, frames exported."""
    source = Source(path, path.name, "someone")
    options = PrepOptions(detector="one", min_clip_s=0.4, max_clip_s=1.2)
    plan = make_plan([source], options)
    rows = [refused_row(split, entry) for split, entry in plan.refused]
    for unit in plan.units:
        rows += prepare_unit(
            unit, lambda name, seconds: None, options=options, work_folder=folder, with_phones=False
        ).rows
    try:
        frames = read_audio(path).frames
    except SourceRefused as refusal:
        frames = refusal.reason
    row, *others = rows
    assert not others and row.source == path.name
    return {
        "planned_s": plan.sources[0].seconds,
        "seconds": row.seconds,
        "clips": row.clips,
        "reason": row.reason,
        "detail": row.detail,
        "frames": frames,
    }


def main(kind, seed, first, count, folder):
    DETECTORS.built_in["one"] = f"{__name__}:OneFace"
    data, folder = small_video(kind), Path(folder)
    ending = "mp4" if kind == "fragmented" else kind
    whole = folder / f"whole.{ending}"
    whole.write_bytes(data)
    print(json.dumps(read(whole, folder) | {"number": -1}), flush=True)
    space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (space + MEMORY_BYTES, space + MEMORY_BYTES))
    for number in range(int(first), int(first) + int(count)):
        path = folder / f"{number}.{ending}"
        path.write_bytes(mutant(data, kind, int(seed), number))
        before = resource.getrusage(resource.RUSAGE_SELF)
        try:
            found = read(path, folder)
        except Exception as error:
            found = {"raised": f"{type(error).__name__}: {error}"}
        after = resource.getrusage(resource.RUSAGE_SELF)
        found |= {
            "number": number,
            "cpu_s": round(after.ru_utime - before.ru_utime, 2),
            "peak_mb": after.ru_maxrss // 1024,
        }
        print(json.dumps(found), flush=True)
        path.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
