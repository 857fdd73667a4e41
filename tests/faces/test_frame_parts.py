"""Parts of frames that are kept: what is cut out of them is what the frame would have given."""

import numpy as np
import pytest

from speechlip.faces.cutting import cut, region
from speechlip.faces.frame_parts import Margins, around, parts_of
from speechlip.records import Face

FRAME = np.random.default_rng(0).integers(0, 255, (90, 160, 3)).astype(np.uint8)


def test_a_box_inside_is_the_frame_s_own_pixels():
    kept = parts_of(3, FRAME, [np.array([20.7, 10.2, 60.1, 50.0]), np.array([100.0, 5, 150, 30])])
    for x0, y0, x1, y1 in ((20, 10, 61, 50), (30, 12, 40, 20), (101, 6, 149, 29)):
        assert np.array_equal(kept.inside(x0, y0, x1, y1), FRAME[y0:y1, x0:x1])
    assert kept.inside(19, 10, 61, 50) is None
    assert kept.size == (160, 90)


def test_it_is_a_copy_that_ends_at_the_border():
    image = FRAME.copy()
    kept = parts_of(0, image, [np.array([-20.0, 60, 30, 200]), np.array([200.0, 0, 300, 50])])
    image[:] = 0
    assert len(kept.parts) == 1
    assert np.array_equal(kept.inside(0, 60, 30, 90), FRAME[60:90, :30])


@pytest.mark.parametrize("scale", [3.0, 1.1, 0.4])
def test_a_crop_out_of_a_part_is_the_crop_out_of_the_frame(scale):
    affine = np.array([[scale, 0.1, -40 * scale], [-0.1, scale, -20 * scale]], np.float32)
    x0, y0, x1, y1 = region(affine, 160, 90)
    kept = parts_of(0, FRAME, [np.array([x0 - 3, y0 - 1, x1 + 4, y1 + 2])])
    assert np.array_equal(kept.cut(affine), cut(FRAME, affine))


def test_surroundings_go_by_the_longer_side():
    boxes = around([Face(np.array([10, 20, 30, 60], np.float32), 1.0)], Margins(across=0.75, up=0.25, down=1))
    assert [box.tolist() for box in boxes] == [[-10, 30, 50, 80]]
