"""Rows → videos with audio: one reading of the person's video, several rows side by side."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from speechlip.exporting.clip_files import VideoFile, video_file
from speechlip.files.writing import whole_file
from speechlip.rendering.material import Material
from speechlip.rendering.paste import paste
from speechlip.timing import SAMPLES_PER_FRAME

ROWS_AT_ONCE = 4
"""An encoder of videos holds some 40 frames."""
FORM = "mp4"


def write_rows(material: Material, rows: Mapping[Path, np.ndarray | None]) -> None:
    """Write the test part with the crops of each row pasted in.

    rows: file → (T, 96, 96, 3) uint8, or None for the frames as they are.

    A frame in which no face is followed stays as it is; one without an image shows the one before. An odd
    last row or column of the image is left out. Raises WriteError.
    """
    person, first = material.person, material.first
    width, height = person.size
    before = np.zeros((height, width, 3), np.uint8)
    with ExitStack() as opened:
        files: list[tuple[VideoFile, np.ndarray | None]] = []
        for path, crops in rows.items():
            file = opened.enter_context(whole_file(path))
            files.append(
                (opened.enter_context(video_file(file, width // 2 * 2, height // 2 * 2, FORM)), crops)
            )
        for number, image in person.frames(first):
            before = before if image is None else image
            samples = person.audio[number * SAMPLES_PER_FRAME : (number + 1) * SAMPLES_PER_FRAME]
            for video, crops in files:
                frame = before
                if crops is not None and person.tracks[number] >= 0:
                    frame = paste(before, crops[number - first], material.affines[number])
                video.add(frame[: height // 2 * 2, : width // 2 * 2], samples)
