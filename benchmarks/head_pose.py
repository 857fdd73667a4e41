"""Yaw, pitch and roll from 68 points, beside MediaPipe's face transformation matrix.

    python benchmarks/head_pose.py CLIP … [--frames 250]

MediaPipe fits its 3-D face to its 478 points by Procrustes analysis, under a perspective camera of 63° (its
face geometry module); speechlip fits 23 points of 68 under a parallel projection. A table: per angle the
median difference, the spread of the difference around it (half of the range from the 5th to the 95th
percentile), and the correlation over frames.
"""

import argparse
from pathlib import Path

import mediapipe
import numpy as np
from mediapipe.tasks.python import vision

from speechlip import assets
from speechlip.describing.head_pose import head_angles
from speechlip.describing.quality import ANGLES
from speechlip.errors import SourceRefused
from speechlip.faces.landmarks import MESH_TO_68
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=250)
    given = parser.parse_args()
    print("| clip | frames | angle | range, ° | median difference, ° | spread, ° | r |")
    print("|---|---|---|---|---|---|---|")
    for clip in given.clips:
        try:
            ours, theirs = angles_of(clip, given.frames)
        except SourceRefused as refusal:
            print(f"| {clip.name} | {refusal} | | | | | |")
            continue
        if not len(ours):
            print(f"| {clip.name} | MediaPipe sees no face | | | | | |")
            continue
        for name, own, other in zip(ANGLES, ours.T, theirs.T, strict=True):
            apart = own - other
            low, high = np.percentile(apart, (5, 95))
            print(
                f"| {clip.name} | {len(own)} | {name} | {other.min():.0f} … {other.max():.0f} "
                f"| {np.median(apart):+.1f} | {(high - low) / 2:.1f} | {np.corrcoef(own, other)[0, 1]:.3f} |"
            )


def angles_of(clip: Path, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) degrees by speechlip and by MediaPipe, from the same points of the same frames."""
    options = vision.FaceLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(assets.path("face_landmarker"))),
        running_mode=vision.RunningMode.IMAGE,
        output_facial_transformation_matrixes=True,
    )
    points, theirs = [], []
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for frame in read_frames(clip, probe(clip), "pyav"):
            if frame.index == n_frames:
                break
            image = frame.rgb()
            if image is None:
                continue
            found = landmarker.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, image))
            if found.face_landmarks:
                mesh = found.face_landmarks[0]
                size = image.shape[1], image.shape[0]
                points.append([(mesh[i].x * size[0], mesh[i].y * size[1]) for i in MESH_TO_68])
                theirs.append(angles_of_matrix(found.facial_transformation_matrixes[0]))
    return head_angles(np.array(points).reshape(-1, 68, 2)), np.array(theirs)


def angles_of_matrix(matrix: np.ndarray) -> np.ndarray:
    """Degrees as ``head_angles`` has them; MediaPipe's y points up, its z to the camera."""
    turn = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    forth, aside = turn[:, 2], turn[:, 0]
    yaw = np.arctan2(forth[0], forth[2])
    pitch = np.arcsin(np.clip(forth[1], -1, 1))
    level = np.array([np.cos(yaw), 0, -np.sin(yaw)])
    roll = -np.arctan2(aside @ np.cross(forth, level), aside @ level)
    return np.degrees([yaw, pitch, roll])


if __name__ == "__main__":
    main()
