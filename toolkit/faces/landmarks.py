"""The 68-point convention (300-W, dlib, FAN): which point is which, MediaPipe's mesh in it, a reference face.

Points are numbered from 0, from left to right in the image: jaw 0–16, brows 17–26, nose 27–35, eyes 36–47,
outer lip 48–59 (clockwise from the left corner), inner lip 60–67.
"""

import numpy as np

MOUTH = slice(48, 68)
MOUTH_CORNERS = (48, 54)
RIGID = (*range(17, 36), 36, 39, 42, 45)
"""Points that speech does not move: brows, nose, eye corners (no lids, no lips, no jaw)."""

# MediaPipe's 478-point mesh → 68. Where the mesh has several candidates, the one whose place along the
# contour is nearest to the 300-W mean shape: on the outer lip points 49 and 55 lie 0.63 of the half width
# from the middle (mesh 39 and 405: 0.57 and 0.62; 40 and 321: 0.80).
MESH_TO_68 = np.array(
    [
        127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,
        70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
        6, 197, 5, 4, 98, 97, 2, 326, 327,
        33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
        61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
        78, 82, 13, 312, 308, 317, 14, 87,
    ]
)  # fmt: skip

# The left half and the middle of MediaPipe's canonical face (canonical_face_model.obj, Apache-2.0) at the
# points above: x to the image's right, y down, in cm. It stands in for auto_avsr's 20words_mean_face.npy,
# which is not ours to copy.
_LEFT = {
    0: (-7.743, -2.365), 1: (-7.664, -0.673), 2: (-7.542, 1.049), 3: (-7.271, 2.891), 4: (-6.720, 4.789),
    5: (-5.085, 7.179), 6: (-4.069, 7.993), 7: (-2.309, 8.974), 8: (0, 9.403), 17: (-5.721, -4.255),
    18: (-4.986, -4.802), 19: (-3.987, -5.109), 20: (-2.760, -5.101), 21: (-1.396, -5.012),
    27: (0, -2.473), 28: (0, -1.728), 29: (0, -0.366), 30: (0, 0.463), 31: (-1.406, 1.714),
    32: (-0.597, 2.014), 33: (0, 2.089), 36: (-4.446, -2.664), 37: (-3.670, -2.928), 38: (-2.724, -2.962),
    39: (-1.856, -2.585), 40: (-2.724, -2.316), 41: (-3.670, -2.360), 48: (-2.456, 4.343),
    49: (-1.432, 3.501), 50: (-0.711, 3.329), 51: (0, 3.406), 57: (0, 5.365), 58: (-0.700, 5.292),
    59: (-1.325, 5.107), 60: (-2.153, 4.276), 61: (-0.533, 3.993), 62: (0, 3.994), 66: (0, 4.542),
    67: (-0.583, 4.518),
}  # fmt: skip

MIRROR = np.array(
    [
        *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1),
        45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
        *range(54, 47, -1), 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
    ]
)  # fmt: skip
"""(68,): number of the point that point ``i`` becomes in a mirrored image."""


def mean_face() -> np.ndarray:
    """The reference face: (68, 2) float64, x right, y down, in cm; symmetric, mouth closed and 4.91 wide.

    >>> face = mean_face()
    >>> float(face[54, 0] - face[48, 0])
    4.912
    """
    face = np.empty((68, 2))
    for point, (x, y) in _LEFT.items():
        face[point], face[MIRROR[point]] = (x, y), (-x, y)
    return face
