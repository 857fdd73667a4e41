"""The image in docs/synthetic.md: ``python -m speechlip.recipes._synthetic.sheet docs/synthetic.jpg``."""

import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np

from speechlip.metrics.phones.visemes import SAPI
from speechlip.recipes._synthetic.features import CENTRE_X, MOUTH_Y, Gaze
from speechlip.recipes._synthetic.frame import Pose, render_frame
from speechlip.recipes._synthetic.identity import identity
from speechlip.recipes._synthetic.motion import gazes, poses
from speechlip.recipes._synthetic.paint import cv2_module
from speechlip.recipes._synthetic.portrait import portrait
from speechlip.recipes._synthetic.visemes import MOUTHS, PARAMETERS

PEOPLE, COLUMNS = 8, 4
SIZE, ZOOM = 256, 2  # pixels of a face; the mouths are ZOOM times as large
MOUTH_COLUMNS, CELL = 11, (93, 96)  # 11 × 93 = 1023, the width of four faces
SPEAKER = 2


def sheet(seed: int = 0) -> np.ndarray:
    """Eight people, and the 22 visemes on the mouth of one of them → (H, W, 3) uint8 RGB."""
    return np.concatenate([people(seed), visemes(seed)])


def people(seed: int) -> np.ndarray:
    """Eight of a corpus' people in two rows → (H, W, 3) uint8 RGB."""
    faces = []
    for number in range(PEOPLE):
        who = identity(seed, number)
        rng, times_s = np.random.default_rng([seed, 4, number]), np.array([1.0])
        mouth = np.array(astuple(MOUTHS[(6, 4, 2, 8, 1, 15, 9, 11)[number]][0])) * 0.9
        look = Gaze(brow=gazes(rng, times_s, ())[0].brow)
        pose = poses(who, rng, times_s, ())[0]
        faces.append(render_frame(portrait(who, [seed, 2, number], SIZE), pose, mouth, look)[0])
    return np.concatenate(
        [np.concatenate(faces[row : row + COLUMNS], axis=1) for row in range(0, PEOPLE, COLUMNS)]
    )


def visemes(seed: int) -> np.ndarray:
    person = portrait(identity(seed, SPEAKER), [seed, 2, SPEAKER], SIZE * ZOOM)
    cells = [_cell(person, number) for number in MOUTHS]
    rows = [
        np.concatenate(cells[at : at + MOUTH_COLUMNS], axis=1) for at in range(0, len(cells), MOUTH_COLUMNS)
    ]
    return np.pad(np.concatenate(rows), ((0, 0), (0, 1), (0, 0)), mode="edge")


def _cell(person, number: int) -> np.ndarray:
    cv2 = cv2_module()
    face = render_frame(person, Pose(), np.array(astuple(MOUTHS[number][0])), Gaze())[0]
    width, height = CELL
    x, y = (round(v * ZOOM) for v in (CENTRE_X, MOUTH_Y + 1))
    cell = np.ascontiguousarray(
        face[y - height // 2 : y + height // 2, x - width // 2 : x + width - width // 2]
    )
    cell[:15] = cell[:, -2:] = 255
    cv2.putText(
        cell,
        f"{number}  {'/'.join(SAPI[number][:3])}",
        (4, 11),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.36,
        (60, 24, 30),
        1,
        cv2.LINE_AA,
    )
    return cell


def table() -> str:
    """The visemes as Markdown, for docs/synthetic.md."""
    lines = [f"| SAPI | phones | {' | '.join(PARAMETERS)} |", "|---|---|" + "---|" * len(PARAMETERS)]
    for number, mouths in MOUTHS.items():
        values = [" → ".join(f"{v:g}" for v in column) for column in zip(*map(astuple, mouths), strict=True)]
        lines.append(f"| {number} | {' '.join(SAPI[number])} | {' | '.join(values)} |")
    return "\n".join(lines)


def main(path: Path) -> None:
    cv2 = cv2_module()
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(sheet(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    if ok:
        path.write_bytes(data.tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
