"""Rows → videos with audio: one reading of the person's video, several rows side by side."""

from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from speechlip.exporting.clip_files import VideoFile, video_file
from speechlip.files.writing import whole_file
from speechlip.libraries import load
from speechlip.rendering.drive import Drive, images_of
from speechlip.rendering.material import Material
from speechlip.timing import SAMPLES_PER_FRAME

ROWS_AT_ONCE = 4
"""An encoder of videos holds some 40 frames."""
FORM = "mp4"


def write_rows(
    material: Material, drive: Drive, rows: Mapping[Path, np.ndarray | None], scratch: Path
) -> None:
    """Write the frames that are rendered, with the crops of each row pasted in.

    rows: file → (T, 96, 96, 3) uint8, or None for the person's frames as they are.
    scratch: a folder for images that are shown more than once.

    A frame in which no face is followed stays as it is; one without an image shows the one before. An odd
    last row or column of the image is left out. Raises WriteError.
    """
    person = material.person
    width, height = (side // 2 * 2 for side in person.size)
    with ExitStack() as opened:
        files: list[tuple[VideoFile, np.ndarray | None]] = []
        for path, crops in rows.items():
            file = opened.enter_context(whole_file(path))
            files.append((opened.enter_context(video_file(file, width, height, FORM)), crops))
        images = opened.enter_context(closing(images_of(person, drive.shown, scratch)))
        for at, image in enumerate(images):
            samples = drive.audio[at * SAMPLES_PER_FRAME : (at + 1) * SAMPLES_PER_FRAME]
            number = int(drive.shown[at])
            for video, crops in files:
                frame = image
                if crops is not None and person.tracks[number] >= 0:
                    frame = material.mapping.paste(image, crops[at], number)
                if drive.moves is not None:
                    frame = moved(frame, drive.moves[at])
                video.add(frame[:height, :width], samples)


def moved(image: np.ndarray, move: np.ndarray) -> np.ndarray:
    """A whole frame moved: background and all, as if the camera moved; its edges are repeated.

    image: (H, W, 3) uint8.
    move: (2, 3), px → px.
    """
    cv2 = load("cv2")
    matrix = move.astype(np.float64)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = image.shape[1], image.shape[0]
    return np.asarray(
        cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )
