"""CPU time of ``render-lips`` by stage and per minute of video, and its table.

python benchmarks/render_lips.py                        a synthetic person of 60 s, log-mel and log-stft
python benchmarks/render_lips.py --person may.mp4       another one, which may be shorter than it should be
"""

import argparse
import tempfile
import time
from pathlib import Path

from speechlip import render_lips
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.rendering.table import as_text
from speechlip.timing import FPS


class Clock:
    """Progress that takes CPU and wall time of every stage, up to the beginning of the next."""

    def __init__(self):
        self.stages, self.stage, self.began = {}, "", self.now()

    @staticmethod
    def now():
        return time.process_time(), time.perf_counter()

    def begin(self, stage, total, unit, done=0.0):
        ended = self.now()
        cpu, wall = self.stages.get(self.stage, (0.0, 0.0))
        self.stages[self.stage] = cpu + ended[0] - self.began[0], wall + ended[1] - self.began[1]
        self.stage, self.began = stage, ended

    def advance(self, amount=1.0, at=""):
        pass

    def say(self, text):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--person", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--encoder", action="append", default=[])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        person = given.person or synthetic_person(Path(scratch) / "people", given.seconds)
        clock = Clock()
        encoders = given.encoder or ["log-mel", "log-stft"]
        renders = render_lips(person, encoders, Path(scratch) / "renders", progress=clock)
        clock.begin("", 0, "")
    length_s = (renders.train_frames + renders.test_frames) / FPS
    rows = len(renders.rows)
    width, height = renders.size
    print(f"{width}×{height}, {length_s:.0f} s, {renders.test_frames} test frames, {rows} rows\n")
    print(as_text(renders))
    print("\nstage: CPU s, CPU s per minute of video, wall s")
    stages = {name: spent for name, spent in clock.stages.items() if name}
    for name, (cpu, wall) in stages.items():
        print(f"  {name}: {cpu:.1f}, {cpu / length_s * 60:.1f}, {wall:.1f}")
    cpu, wall = (sum(spent[at] for spent in stages.values()) for at in (0, 1))
    print(f"  all: {cpu:.1f}, {cpu / length_s * 60:.1f}, {wall:.1f}")
    own = stages["rendering and scoring"][0] / renders.test_frames / rows
    print(f"  of which a test frame of a row, composed, coded and scored: {1000 * own:.1f} ms")


def synthetic_person(root, seconds):
    generate(root, SyntheticOptions(identities=1, clips=1, seed=4, seconds=seconds))
    return next(root.rglob("*.mp4"))


if __name__ == "__main__":
    main()
