"""How still a face stands in its lips crops, by the smoothing of the track (docs/decisions/smoothing.md).

    python benchmarks/crop_steadiness.py CLIPS_DIR

Nothing of the detector is trusted: the movement from one crop to the next is measured in the images, by phase
correlation of the upper rows (nose and cheeks, which speech moves little). Mean over clips of the mean
movement, px of the 96-px crop; less is better.
"""

import argparse
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from speechlip.errors import SourceRefused
from speechlip.faces.crops import plan_crop
from speechlip.faces.cutting import cut
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.tracking.tracks import TrackOptions, build_tracks
from speechlip.format import CROP_SIZE
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.records import Face, FaceTrack, Source

MAX_FRAMES = 150
UPPER_ROWS = 36
SIGMAS = {
    "landmarker": ("pose_frames", (0, 0.5, 0.7, 1, 1.5, 2)),
    "cascade": ("box_frames", (0, 1.5, 2, 3, 5, 8)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    clips = sorted(parser.parse_args().clips.iterdir())
    for detector_name, (option, sigmas) in SIGMAS.items():
        rows = [row for path in clips if (row := movements(path, detector_name, option, sigmas)) is not None]
        print(f"{detector_name}, {len(rows)} clips")
        for sigma, movement in zip(sigmas, np.mean(rows, axis=0), strict=True):
            print(f"  {option} {sigma:<4} {movement:.2f} px")


def movements(path: Path, detector_name: str, option: str, sigmas: tuple[float, ...]) -> list[float] | None:
    """Mean movement between neighbouring crops of the clip's longest track, one number per sigma;
    None where there is none."""
    try:
        images, faces = read(path, detector_name)
    except SourceRefused:
        return None
    tracks = [build_tracks(faces, (), TrackOptions(**{option: sigma}))[0] for sigma in sigmas]
    if not tracks[0]:
        return None
    return [movement(images, max(found, key=len)) for found in tracks]


def read(path: Path, detector_name: str) -> tuple[list[np.ndarray | None], list[list[Face] | None]]:
    images, faces = [], []
    with (
        open_detector(detector_name, Source(path, path.name, "")) as detector,
        closing(read_frames(path, probe(path, need_audio=False))) as reading,
    ):
        for frame in reading:
            if frame.index == MAX_FRAMES:
                break
            images.append(frame.rgb())
            faces.append(None if images[-1] is None else detector.detect(images[-1], frame.index))
    return images, faces


def movement(images: list[np.ndarray | None], track: FaceTrack) -> float:
    window = cv2.createHanningWindow((CROP_SIZE, UPPER_ROWS), cv2.CV_32F)
    affines = plan_crop(track).affines
    shown = [(images[track.start_frame + i], affine) for i, affine in enumerate(affines)]
    upper = [
        cv2.cvtColor(cut(image, affine), cv2.COLOR_RGB2GRAY)[:UPPER_ROWS].astype(np.float32)
        for image, affine in shown
        if image is not None
    ]
    shifts = [cv2.phaseCorrelate(a, b, window)[0] for a, b in pairwise(upper)]
    return float(np.abs(shifts).mean())


if __name__ == "__main__":
    main()
