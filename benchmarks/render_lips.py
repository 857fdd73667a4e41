"""CPU time of ``render-lips`` by stage and per minute of video, and its table.

python benchmarks/render_lips.py                        a synthetic person of 60 s, log-mel and log-stft
python benchmarks/render_lips.py --person may.mp4       another one, which may be shorter than it should be
python benchmarks/render_lips.py --mapping mesh
python benchmarks/render_lips.py --opening              also how far mouths open, against the exact landmarks
                                                        that a synthetic person comes with
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from speechlip import render_lips
from speechlip.faces.detectors.sidecar import read_sidecar
from speechlip.media.probe import probe
from speechlip.progress import SILENT
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.records import LANDMARKS_ENDING
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import followed, watch
from speechlip.rendering.records import FAILED
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
    parser.add_argument("--mapping", default="similarity")
    parser.add_argument("--opening", action="store_true")
    parser.add_argument("-o", "--out", type=Path, help="keep the renders there, and go on with them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        person = given.person or synthetic_person(Path(scratch) / "people", given.seconds)
        clock = Clock()
        encoders = given.encoder or ["log-mel", "log-stft"]
        options = RenderOptions(mapping=given.mapping)
        renders = render_lips(
            person, encoders, given.out or Path(scratch) / "renders", options, progress=clock
        )
        clock.begin("", 0, "")
        openings = opening_errors(person, renders) if given.opening else {}
    length_s = (renders.train_frames + renders.test_frames) / FPS
    rows = len(renders.rows)
    width, height = renders.size
    print(f"{width}×{height}, {length_s:.0f} s, {renders.test_frames} test frames, {rows} rows\n")
    print(as_text(renders))
    if openings:
        print("\nerror of the mouth's opening, px: of all test frames; of the widest tenth")
    for name, (every, widest) in openings.items():
        print(f"  {name}: {every:.2f}, {widest:.2f}")
    print("\nstage: CPU s, CPU s per minute of video, wall s")
    stages = {name: spent for name, spent in clock.stages.items() if name}
    for name, (cpu, wall) in stages.items():
        print(f"  {name}: {cpu:.1f}, {cpu / length_s * 60:.1f}, {wall:.1f}")
    cpu, wall = (sum(spent[at] for spent in stages.values()) for at in (0, 1))
    print(f"  all: {cpu:.1f}, {cpu / length_s * 60:.1f}, {wall:.1f}")
    if "rendering and scoring" in stages:  # not where all rows were kept
        own = stages["rendering and scoring"][0] / renders.test_frames / rows
        print(f"  of which a test frame of a row, composed, coded and scored: {1000 * own:.1f} ms")


def opening_errors(person, renders):
    """Row → mean |opening of the inner lip − the exact one| px, of all test frames and of the widest tenth.

    Faces are found anew in the renders; the row of the ground truth says what finding them costs.
    """
    exact, _ = read_sidecar(person.with_name(person.stem + LANDMARKS_ENDING))
    if len(exact) != renders.train_frames + renders.test_frames:
        sys.exit(f"{person}: exact landmarks are of {len(exact)} frames, and not all of these are rendered")
    wanted = opening(exact)[-renders.test_frames :]
    widest = wanted >= np.quantile(wanted, 0.9)
    errors = {}
    for row in renders.rows:
        if row.status == FAILED:
            continue
        video = renders.folder / row.name / renders.video
        faces = watch(video, probe(video), "landmarker", SILENT)
        landmarks, _, _ = followed(faces, 0, faces.n_frames)
        off = np.abs(opening(landmarks) - wanted)
        errors[row.name] = np.nanmean(off), np.nanmean(off[widest])
    return errors


def opening(landmarks):
    """(N, 68, 2) px → (N,) px, from the middle of the upper inner lip to that of the lower."""
    return np.linalg.norm(landmarks[:, 66] - landmarks[:, 62], axis=1)


def synthetic_person(root, seconds):
    generate(root, SyntheticOptions(identities=1, clips=1, seed=4, seconds=seconds))
    return next(root.rglob("*.mp4"))


if __name__ == "__main__":
    main()
