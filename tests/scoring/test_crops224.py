"""The face crops against the reference computation, written out here as run_pipeline.py has it. They are
equal: 0 of 255 grey levels apart.
"""

import cv2
import numpy as np
import pytest
from scipy import signal

from speechlip.errors import SourceRefused
from speechlip.scoring.sync.crops224 import cut224, square


def reference_crops(pictures, boxes):
    """crop_video of joonson/syncnet_python: BGR frames (N, H, W, 3), boxes (N, 4) → (N, 224, 224, 3)."""
    s = signal.medfilt([max(y1 - y0, x1 - x0) / 2 for x0, y0, x1, y1 in boxes], kernel_size=13)
    x = signal.medfilt([(x0 + x1) / 2 for x0, y0, x1, y1 in boxes], kernel_size=13)
    y = signal.medfilt([(y0 + y1) / 2 for x0, y0, x1, y1 in boxes], kernel_size=13)
    crops = []
    for i, image in enumerate(pictures):
        cs, bs = 0.4, s[i]
        bsi = int(bs * (1 + 2 * cs))
        frame = np.pad(image, ((bsi, bsi), (bsi, bsi), (0, 0)), "constant", constant_values=(110, 110))
        my, mx = y[i] + bsi, x[i] + bsi
        face = frame[
            int(my - bs) : int(my + bs * (1 + 2 * cs)), int(mx - bs * (1 + cs)) : int(mx + bs * (1 + cs))
        ]
        crops.append(cv2.resize(face, (224, 224)))
    return np.stack(crops)


@pytest.mark.parametrize(
    "start",
    [
        (80, 60, 190, 200),
        (-40, -30, 90, 120),
        (230, 150, 360, 300),
        (120.4, 80.7, 121.9, 83.2),
        (-300, 20, 600, 500),
    ],
    ids=[
        "inside",
        "over the upper left corner",
        "over the lower right corner",
        "tiny",
        "larger than the picture",
    ],
)
def test_crops_equal_the_reference_pixel_by_pixel(start):
    draw = np.random.default_rng(3)
    pictures = draw.integers(0, 256, (30, 240, 320, 3), dtype=np.uint8)
    boxes = np.array(start) + np.cumsum(draw.normal(0, 1.5, (30, 4)), axis=0) * min(
        1, (start[2] - start[0]) / 100
    )
    wanted = reference_crops(pictures[..., ::-1], boxes)
    ours = np.stack([cut224(picture, *place) for picture, place in zip(pictures, square(boxes), strict=True)])
    assert ours.dtype == np.uint8 and ours.shape == wanted.shape
    np.testing.assert_array_equal(ours, wanted)


def test_crops_equal_the_reference_on_a_face(head):
    from speechlip.faces.detectors.sidecar import face_box

    boxes = np.stack([face_box(points) for points in head.landmarks])
    wanted = reference_crops(head.frames[..., ::-1], boxes)
    np.testing.assert_array_equal(
        np.stack([cut224(p, *s) for p, s in zip(head.frames, square(boxes), strict=True)]), wanted
    )


def test_a_face_out_of_reach_is_refused_and_not_an_error_of_opencv():
    with pytest.raises(SourceRefused, match="empty face crop"):
        cut224(np.zeros((50, 50, 3), np.uint8), 10.0, 400.0, 20.0)
