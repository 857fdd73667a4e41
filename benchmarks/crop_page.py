"""The image of docs/crops.md: one synthetic face, cropped by every preset, from landmarks and from its box.

    python benchmarks/crop_page.py docs/crops.jpg

Needs no model file: the landmarks are those of the drawing, the box is the cascade's.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from speechlip.faces.crops import CropPlan, plan_crop
from speechlip.faces.cutting import cut
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.detectors.sidecar import face_box
from speechlip.faces.tracking.tracks import build_tracks
from speechlip.format import CROP_SIZE, LIP_ROWS
from speechlip.recipes._synthetic.features import Gaze
from speechlip.recipes._synthetic.frame import Pose, render_frame
from speechlip.recipes._synthetic.identity import identity
from speechlip.recipes._synthetic.portrait import portrait
from speechlip.records import Face, FaceTrack, Source

FACE_PX, FRAMES, SHOWN = 512, 12, 8
ENLARGED, MARGIN, LABEL = 176, 14, 18
COLUMNS = (
    ("lips (landmarks)", "landmarks", "lips"),
    ("lips (box alone)", "box", "lips"),
    ("lower-face", "landmarks", "lower-face"),
    ("auto-avsr", "landmarks", "auto-avsr"),
    ("face-256", "landmarks", "face-256"),
)
COLOURS = ("#d62728", "#ff9f1c", "#1f77b4", "#2ca02c", "#9467bd")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("image", type=Path)
    draw_page().save(parser.parse_args().image, quality=90)


def draw_page() -> Image.Image:
    frames = [draw(i) for i in range(FRAMES)]
    tracks = {"landmarks": exact_track(frames), "box": box_track(frames)}
    page = Image.new(
        "RGB", (FACE_PX + len(COLUMNS) * (ENLARGED + MARGIN) + 2 * MARGIN, FACE_PX + 2 * MARGIN), "white"
    )
    shown = frames[SHOWN][0]
    face = Image.fromarray(shown)
    for number, (label, kind, preset) in enumerate(COLUMNS):
        plan = plan_crop(tracks[kind], preset)
        outline(face, plan.affines[SHOWN], plan.size, COLOURS[number])
        left = FACE_PX + 2 * MARGIN + number * (ENLARGED + MARGIN)
        ImageDraw.Draw(page).text((left, MARGIN), label, fill=COLOURS[number], font_size=16)
        page.paste(shown_large(shown, plan), (left, MARGIN + LABEL + 6))
        for i, frame in enumerate((2, 5, 10)):
            crop = cut(frames[frame][0], plan.affines[frame], plan.size)
            page.paste(
                Image.fromarray(cv2.resize(crop, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)),
                (left + (ENLARGED - CROP_SIZE) // 2, MARGIN + LABEL + ENLARGED + 18 + i * (CROP_SIZE + 4)),
            )
    page.paste(face, (MARGIN, MARGIN))
    return page


def draw(index: int) -> tuple[np.ndarray, np.ndarray]:
    """A face that tilts and turns while it speaks: image (512, 512, 3), landmarks (68, 2)."""
    swing = np.sin(2 * np.pi * index / FRAMES)
    pose = Pose(x=4 * swing, roll=-0.16 + 0.05 * swing, yaw=4 * swing)
    mouth = np.array([0.5 - 0.5 * np.cos(4 * np.pi * (index + 1) / FRAMES), 0, 0, 0, 0.4, 0.3])
    return render_frame(portrait(identity(0, 5), [0, 5], FACE_PX), pose, mouth, Gaze())


def exact_track(frames: list[tuple[np.ndarray, np.ndarray]]) -> FaceTrack:
    (track,), _ = build_tracks([[Face(face_box(landmarks), 1.0, landmarks)] for _, landmarks in frames], ())
    return track


def box_track(frames: list[tuple[np.ndarray, np.ndarray]]) -> FaceTrack:
    with open_detector("cascade", Source(Path(), "", "")) as detector:
        faces = [detector.detect(image, index) for index, (image, _) in enumerate(frames)]
    return build_tracks(faces, ())[0][0]


def outline(face: Image.Image, affine: np.ndarray, size: int, colour: str) -> None:
    """Draw where a crop of ``size`` px lies in the frame."""
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size], [0, 0]]) - affine[:, 2]
    places = corners @ np.linalg.inv(affine[:, :2].astype(float)).T
    ImageDraw.Draw(face).line([tuple(place) for place in places], fill=colour, width=3)


def shown_large(image: np.ndarray, plan: CropPlan) -> Image.Image:
    """The crop at 176 px; of a mouth, with the rows that the lip network reads marked at both sides."""
    crop = cut(image, plan.affines[SHOWN], plan.size)
    large = Image.fromarray(cv2.resize(crop, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC))
    for row in LIP_ROWS if plan.size == CROP_SIZE else ():
        y = row * ENLARGED // CROP_SIZE
        for x in (0, ENLARGED - 12):
            ImageDraw.Draw(large).line([(x, y), (x + 12, y)], fill="white", width=2)
    return large


if __name__ == "__main__":
    main()
