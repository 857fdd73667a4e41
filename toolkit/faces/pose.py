"""Place, size and roll of a face, apart from what its mouth does; and smoothing without lag.

Points of the plane are complex numbers here, x + iy in px: a similarity is one multiplication and one
addition.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.faces.landmarks import RIGID, mean_face


@dataclass(frozen=True)
class Pose:
    """Similarities from the reference face to N images: ``point = anchor + turn · reference``.

    anchor: (N,) complex, px.
    turn: (N,) complex; its magnitude is px per cm of the reference face, its angle the roll (clockwise > 0).
    """

    anchor: np.ndarray
    turn: np.ndarray

    def to_face(self, points: np.ndarray) -> np.ndarray:
        """(N, P) complex px → (N, P) complex centimetres of the reference face."""
        return (points - self.anchor[:, None]) / self.turn[:, None]

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """The inverse of ``to_face``."""
        return self.anchor[:, None] + self.turn[:, None] * points

    def smoothed(self, anchor_frames: float, turn_frames: float) -> "Pose":
        """The same movement without jitter.

        anchor_frames, turn_frames: σ of the two Gaussians.
        """
        size, roll = np.log(np.abs(self.turn)), np.unwrap(np.angle(self.turn))
        turn = np.exp(smooth(size + 1j * roll, turn_frames))
        return Pose(smooth(self.anchor, anchor_frames), turn)


def as_complex(points: np.ndarray) -> np.ndarray:
    """(…, 2) → (…) complex.

    >>> complex(as_complex(np.array([3.0, 4.0])))
    (3+4j)
    """
    return points[..., 0] + 1j * points[..., 1]


def as_points(numbers: np.ndarray) -> np.ndarray:
    """(…) complex → (…, 2) float32."""
    return np.stack([numbers.real, numbers.imag], axis=-1).astype(np.float32)


def fit_pose(landmarks: np.ndarray, rigid: np.ndarray | None = None) -> Pose:
    """Least-squares similarity of the rigid points of every frame: (N, 68, 2) px → Pose.

    rigid: (R,) complex cm, the rigid points of the reference face; None: those of the mean face.

    >>> pose = fit_pose(10 * mean_face()[None] + [100, 50])
    >>> round(float(abs(pose.turn[0])), 3), np.round(pose.to_image(np.zeros((1, 1))), 3).tolist()
    (10.0, [[(100+50j)]])
    """
    points = as_complex(landmarks[:, list(RIGID)])
    middle = points.mean(axis=1, dtype=np.complex128)
    reference = as_complex(mean_face())[list(RIGID)] if rigid is None else rigid
    centred = reference - reference.mean()
    turn = (points - middle[:, None]) @ centred.conj() / np.sum(np.abs(centred) ** 2)
    return Pose(middle - turn * reference.mean(), turn)


def smooth(series: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Zero-phase Gaussian smoothing of (N, …) float or complex along axis 0: without lag, up to both ends.

    Every value becomes that of the line fitted around it with Gaussian weights, cut at 3 σ. Inside a series
    this is the Gaussian mean; at its ends, where a mean would lean inwards, the line goes on. A straight
    movement stays as it is.

    >>> smooth(np.array([0.0, 1, 2, 3, 4]), 1.5).round(6).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    n = len(series)
    if n < 3 or sigma_frames <= 0:
        return series.copy()
    column = (n,) + (1,) * (series.ndim - 1)
    s0, s1, s2 = np.zeros(n), np.zeros(n), np.zeros(n)
    y0, y1 = (
        np.zeros(series.shape, np.result_type(series, np.float64)),
        np.zeros(series.shape, np.result_type(series, np.float64)),
    )
    radius = min(n - 1, max(1, round(3 * sigma_frames)))
    for shift in range(-radius, radius + 1):
        here, there = slice(max(0, -shift), n - max(0, shift)), slice(max(0, shift), n + min(0, shift))
        weight = np.exp(-0.5 * (shift / sigma_frames) ** 2)
        s0[here] += weight
        s1[here] += weight * shift
        s2[here] += weight * shift**2
        y0[here] += weight * series[there]
        y1[here] += weight * shift * series[there]
    s0, s1, s2 = s0.reshape(column), s1.reshape(column), s2.reshape(column)
    return ((s2 * y0 - s1 * y1) / (s0 * s2 - s1**2)).astype(series.dtype)
