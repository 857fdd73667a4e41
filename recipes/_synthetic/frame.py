"""One frame: eyes and mouth painted into the head, the head turned over the stage, and its 68 points."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from speechlip.recipes._synthetic.features import (
    CENTRE_X,
    EYE_Y,
    MOUTH_Y,
    Gaze,
    landmark_eyes,
    paint_eye,
    paint_mouth,
)
from speechlip.recipes._synthetic.paint import UNITS, Window, cv2_module, over, pixels, planes, ramp, shifted
from speechlip.recipes._synthetic.portrait import Portrait

PIVOT = np.array([CENTRE_X, 206.0])  # the head nods and tilts about the neck
JAW_DROP = 7.0  # units the chin sinks at opening 1


@dataclass(frozen=True)
class Pose:
    """How the head is turned.

    x, y: shift in units.
    roll: radians.
    scale: 1 is the portrait's.
    yaw, pitch: units by which the nearest point of the face moves.
    """

    x: float = 0.0
    y: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    yaw: float = 0.0
    pitch: float = 0.0


def depth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How near a point of the head is, 0–1.15: a soft dome with the nose on it. Units in, any shape."""
    dome = np.exp(-(((x - CENTRE_X) / 62) ** 2) - ((y - 128) / 78) ** 2)
    return dome + 0.15 * np.exp(-(((x - CENTRE_X) / 11) ** 2) - ((y - 136) / 14) ** 2)


def jaw(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much a point follows the jaw, 0–1."""
    return ramp(y, MOUTH_Y + 4, MOUTH_Y + 26) * np.exp(-(((x - CENTRE_X) / 44) ** 4))


@cache
def _fields(size: int) -> np.ndarray:
    """depth and jaw over a frame, (size, size, 2) float32."""
    x, y = Window(0, 0, size, size, size / UNITS).grid()
    return np.stack([depth(x, y), jaw(x, y)], axis=-1).astype(np.float32)


def render_frame(
    portrait: Portrait, pose: Pose, mouth: np.ndarray, gaze: Gaze
) -> tuple[np.ndarray, np.ndarray]:
    """Image (S, S, 3) uint8 RGB and landmarks (68, 2) float32 in its pixels; pixel 0 covers [0, 1)."""
    head, points = _paint_features(portrait, mouth, gaze)
    drop = JAW_DROP * max(float(mouth[0]), 0.0)
    image = _lay(head, portrait, pose, drop)
    moved = move(points, pose, drop)
    return image, (moved * portrait.size / UNITS).astype(np.float32)


def _paint_features(portrait: Portrait, mouth: np.ndarray, gaze: Gaze) -> tuple[np.ndarray, np.ndarray]:
    """The head (2S, 2S, 4) uint8 with eyes and mouth, and its points (68, 2) in units before any movement."""
    who, head = portrait.who, portrait.head.copy()
    eyes = []
    for flip in (False, True):
        rows, columns, window = piece(
            portrait.window, CENTRE_X + (-who.eye_gap if flip else who.eye_gap) - 22, EYE_Y - 28, 44, 48
        )
        view = planes(head[rows, columns])
        eyes.append(paint_eye(view, window, who, gaze, flip))
        if portrait.glasses is not None:
            glass = portrait.glasses[:, rows, columns]
            view = glass + view * (1 - glass[3] / 255)
        head[rows, columns] = pixels(view)
    rows, columns, window = piece(portrait.window, CENTRE_X - 36, MOUTH_Y - 20, 72, 56)
    view = planes(head[rows, columns])
    lips = paint_mouth(view, window, who, mouth)
    head[rows, columns] = pixels(view)
    brows, lids = landmark_eyes(*eyes)
    return head, np.concatenate([_jaw_line(portrait), brows, _nose(portrait), lids, lips])


def piece(window: Window, x: float, y: float, width: float, height: float) -> tuple[slice, slice, Window]:
    """Rows, columns and window of a rectangle (units) of ``window``, widened to whole pixels."""
    left, top = int((x - window.x) * window.up), int((y - window.y) * window.up)
    wide, high = round(width * window.up), round(height * window.up)
    part = Window(window.x + left / window.up, window.y + top / window.up, wide, high, window.up)
    return slice(top, top + high), slice(left, left + wide), part


def _jaw_line(portrait: Portrait) -> np.ndarray:
    """Points 0–16: along the face from ear to ear, evenly spaced, left of the image first."""
    low = portrait.outline[portrait.outline[:, 1] >= EYE_Y - 3]
    low = low[np.argsort(np.arctan2(low[:, 0] - CENTRE_X, low[:, 1] - EYE_Y))]
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(low, axis=0).T))])
    at = np.linspace(0, length[-1], 17)
    return np.stack([np.interp(at, length, low[:, axis]) for axis in (0, 1)], axis=1)


def _nose(portrait: Portrait) -> np.ndarray:
    """Points 27–35: down the bridge, then along the base from left to right."""
    who = portrait.who
    bridge = [(CENTRE_X, y) for y in np.linspace(EYE_Y - 3, who.nose_length - 6, 4)]
    base = [
        (CENTRE_X + share * who.nose_width, who.nose_length + dip)
        for share, dip in ((-0.9, -0.5), (-0.45, 1), (0, 2), (0.45, 1), (0.9, -0.5))
    ]
    return np.array(bridge + base)


def _turn(pose: Pose) -> np.ndarray:
    """(2, 3): a point of the head in units → the frame, in units."""
    cos, sin = pose.scale * np.cos(pose.roll), pose.scale * np.sin(pose.roll)
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, shifted(PIVOT - linear @ PIVOT, pose.x, pose.y)])


def move(points: np.ndarray, pose: Pose, drop: float) -> np.ndarray:
    """Where points of the still head (N, 2) go: by jaw and depth, solved by iteration, then by ``_turn``."""
    moved = points
    for _ in range(6):
        near = depth(moved[:, 0], moved[:, 1])
        moved = points + np.stack(
            [pose.yaw * near, pose.pitch * near + drop * jaw(moved[:, 0], moved[:, 1])], axis=1
        )
    turn = _turn(pose)
    return moved @ turn[:, :2].T + turn[:, 2]


def _lay(head: np.ndarray, portrait: Portrait, pose: Pose, drop: float) -> np.ndarray:
    """Every pixel of the frame, looked up in the head: back by ``_turn``, then by depth and jaw."""
    cv2 = cv2_module()
    size, unit = portrait.size, UNITS / portrait.size
    turn = _turn(pose)
    back = np.linalg.inv(turn[:, :2]).astype(np.float32)
    x, y = Window(0, 0, size, size, 1 / unit).grid()
    x, y = x - np.float32(turn[0, 2]), y - np.float32(turn[1, 2])
    from_x, from_y = back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y
    near, low = cv2.split(_warped_fields(size, turn))
    from_x -= np.float32(pose.yaw) * near
    from_y -= np.float32(pose.pitch) * near + np.float32(drop) * low
    up = np.float32(portrait.window.up)
    turned = cv2.remap(
        head, from_x * up - 0.5, from_y * up - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return over(turned, portrait.stage)


def _warped_fields(size: int, turn: np.ndarray) -> np.ndarray:
    """depth and jaw where the turned head has them, (size, size, 2) float32."""
    cv2, unit = cv2_module(), UNITS / size
    pixels = turn.copy()
    pixels[:, 2] = (turn[:, 2] + turn[:, :2] @ np.full(2, unit / 2)) / unit - 0.5
    return cv2.warpAffine(
        _fields(size), pixels, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
