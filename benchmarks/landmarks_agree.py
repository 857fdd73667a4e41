"""Detector `landmarker` beside `mediapipe`, frame by frame (docs/decisions/landmarks-by-litert.md).

    python benchmarks/landmarks_agree.py CLIPS [--frames 100]

For every clip: the points with the detector in every frame and followed, against MediaPipe's; faces a frame;
jitter of the points (mean length of their second difference) in the fifth of the frames whose image changes
least; CPU milliseconds a frame of this process with all its threads, taken turn by turn. Then the same frames
made smaller, and turned in their plane: how far the points of each detector are from its own points of the
frames as they were. Distances are in % of the face's width unless they are in px.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

from speechlip.errors import SourceRefused
from speechlip.faces.detectors.landmarker.detector import LandmarkerDetector
from speechlip.faces.detectors.mediapipe_landmarker import MediapipeLandmarker
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.recipes.folder import videos
from speechlip.records import Face, Source

NAMES = ("mediapipe", "detected", "followed")
STILL_SHARE = 0.2
SMALLER, TURNS = (2, 4), (30, 60)


@dataclass
class Run:
    """What one way of looking gave: faces of every frame, and CPU seconds."""

    faces: list[list[Face]] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def ms(self) -> tuple[float, float]:
        return tuple(1000 * seconds / len(self.faces) for seconds in (self.cpu_s, self.wall_s))


class EveryFrame(LandmarkerDetector):
    """The detector in every frame, and one look at each face, as MediaPipe does."""

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        regions = self._detected(image)
        looks = [self._landmarks.mesh(self._landmarks.crop(image, region), region) for region in regions]
        return [mesh.face() for mesh in looks if mesh.presence >= 0.5]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--frames", type=int, default=100)
    given = parser.parse_args()
    print(f"{'':<30}{'width':>6}{'faces a frame':>18}{'detected, px':>20}{'followed, px':>20}", end="")
    print(f"{'jitter, px':>18}{'CPU ms a frame':>20}{'wall ms':>20}")
    print(f"{'':<36}" + "".join(f"{name:>9}" for name in ("theirs", "ours")), end="")
    print("".join(f"{word:>10}" for word in ("median", "p95") * 2), end="")
    print("".join(f"{word:>9}" for word in ("theirs", "ours")), end="")
    print("".join(f"{word:>10}" for word in ("theirs", "ours") * 2))
    changed: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for path in videos(given.clips):
        try:
            images = list(islice(shown(path), given.frames))
        except SourceRefused:
            continue
        runs = run(images)
        row(path.name, images, runs)
        for name, alter, back in alterations(images[0].shape):
            altered = run([alter(image) for image in images[: given.frames // 4]], ("mediapipe", "followed"))
            changed[name].append(tuple(own_distance(altered[way], runs[way], back) for way in altered))
            changed[f"{name}, found"].append(tuple(found(altered[way]) for way in altered))
    print(f"\n{'altered: % of the face width, median over clips':<60}{'theirs':>9}{'ours':>9}{'worst':>18}")
    for name, values in changed.items():
        theirs, ours = (np.mean if "found" in name else np.nanmedian)(values, axis=0)
        worst = (np.nanmin if "found" in name else np.nanmax)(values, axis=0)
        print(f"{name:<60}{theirs:>9.2f}{ours:>9.2f}{worst[0]:>9.2f}{worst[1]:>9.2f}")


def shown(path: Path) -> Iterator[np.ndarray]:
    with closing(read_frames(path, probe(path, need_audio=False))) as reading:
        yield from (image for frame in reading if (image := frame.rgb()) is not None)


def run(images: list[np.ndarray], names: tuple[str, ...] = NAMES) -> dict[str, Run]:
    source = Source(Path(), "", "")
    kinds = {"mediapipe": MediapipeLandmarker, "detected": EveryFrame, "followed": LandmarkerDetector}
    opened, runs = {name: kinds[name](source) for name in names}, {name: Run() for name in names}
    for index, image in enumerate(images):
        for name, detector in opened.items():
            cpu, wall = time.process_time(), time.perf_counter()
            runs[name].faces.append(detector.detect(image, index))
            runs[name].cpu_s += time.process_time() - cpu
            runs[name].wall_s += time.perf_counter() - wall
    for detector in opened.values():
        detector.close()
    return runs


def row(name: str, images: list[np.ndarray], runs: dict[str, Run]) -> None:
    theirs, detected, followed = (runs[way] for way in NAMES)
    width = np.median([face.box[2] - face.box[0] for faces in theirs.faces for face in faces] or [np.nan])
    counts = [np.mean([len(faces) for faces in each.faces]) for each in (theirs, followed)]
    print(f"{name:<30}{width:>6.0f}" + "".join(f"{count:>9.2f}" for count in counts), end="")
    for ours in (detected, followed):
        apart = distances(ours, theirs)
        print("".join(f"{np.percentile(apart, share):>10.2f}" for share in (50, 95)), end="")
    still = stillest(images)
    print("".join(f"{jitter(each, still):>9.3f}" for each in (theirs, followed)), end="")
    for each in zip(theirs.ms, followed.ms, strict=True):
        print("".join(f"{ms:>10.2f}" for ms in each), end="")
    print()


def distances(ours: Run, theirs: Run) -> np.ndarray:
    """px of all points of all faces of theirs, to the face of ours that is nearest."""
    apart = [
        np.linalg.norm(nearest(face, mine).landmarks - face.landmarks, axis=1)
        for mine, faces in zip(ours.faces, theirs.faces, strict=True)
        for face in faces
        if mine
    ]
    return np.concatenate(apart) if apart else np.array([np.nan])


def nearest(face: Face, others: list[Face]) -> Face:
    return min(others, key=lambda other: float(np.abs(other.landmarks - face.landmarks).mean()))


def stillest(images: list[np.ndarray]) -> np.ndarray:
    """Indices t of the frames whose image differs least from those before and after."""
    small = [cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA).astype(np.int16) for image in images]
    change = np.array([np.abs(a - b).mean() for a, b in pairwise(small)])
    both = change[:-1] + change[1:]
    return 1 + np.argsort(both, kind="stable")[: max(1, int(STILL_SHARE * len(both)))]


def jitter(each: Run, still: np.ndarray) -> float:
    """px: mean length of the points' second difference around the frames ``still`` that have one face."""
    lengths = [
        np.linalg.norm(before.landmarks - 2 * here.landmarks + after.landmarks, axis=1).mean()
        for faces in (each.faces[t - 1 : t + 2] for t in still)
        if all(len(one) == 1 for one in faces)
        for (before,), (here,), (after,) in [faces]
    ]
    return float(np.mean(lengths)) if lengths else float("nan")


Alter, Back = Callable[[np.ndarray], np.ndarray], np.ndarray


def alterations(shape: tuple[int, ...]) -> Iterator[tuple[str, Alter, Back]]:
    """Name, images → altered images, and the (2, 3) matrix that takes px of these to px of those."""
    height, width = shape[:2]
    middle = (width / 2, height / 2)
    todo = [(f"1/{part} as large", 0.0, 1 / part) for part in SMALLER]
    todo += [(f"turned by {turn}°", float(turn), 0.7) for turn in TURNS]
    for name, turn, scale in todo:
        there = cv2.getRotationMatrix2D(middle, turn, scale)
        yield name, _warped(there, scale), cv2.invertAffineTransform(there)


def _warped(there: np.ndarray, scale: float) -> Alter:
    def warped(image: np.ndarray) -> np.ndarray:
        smooth = cv2.GaussianBlur(image, (0, 0), 0.4 / scale) if scale < 1 else image
        return cv2.warpAffine(smooth, there, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)

    return warped


def own_distance(altered: Run, plain: Run, back: np.ndarray) -> float:
    """Distance of the points of altered images, brought back, from those of the plain ones: % of width."""
    apart = []
    for mine, faces in zip(altered.faces, plain.faces, strict=False):
        for face in faces:
            if mine:
                brought = [Face(one.box, 1, one.landmarks @ back[:, :2].T + back[:, 2]) for one in mine]
                gap = np.linalg.norm(nearest(face, brought).landmarks - face.landmarks, axis=1).mean()
                apart.append(100 * gap / (face.box[2] - face.box[0]))
    return float(np.median(apart)) if apart else float("nan")


def found(each: Run) -> float:
    """Share of the frames with a face, %."""
    return 100 * float(np.mean([bool(faces) for faces in each.faces]))


if __name__ == "__main__":
    main()
