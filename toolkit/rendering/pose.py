"""Another clip's head motion, given to the person: place, size and roll, each around its own mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.errors import OptionError, SourceRefused
from speechlip.format import CROP_SIZE
from speechlip.media.probe import probe
from speechlip.progress import Progress
from speechlip.rendering.canonical import canonical_face, smooth_affines
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import followed, longest_stretch, refuse_others, watch
from speechlip.timing import FPS

LEAST_POSE_S = 1
GRID = 16
"""Points along each side of a frame by which its share outside of the person's frame is measured."""


@dataclass(frozen=True)
class Motion:
    """How a head stands in N frames.

    place: (N,) complex px, the middle of its mouth.
    turn: (N,) complex, px of the frame a px of the crop; the angle is the roll.
    """

    place: np.ndarray
    turn: np.ndarray

    @property
    def mean(self) -> tuple[complex, complex]:
        """(place, turn)."""
        roll = np.unwrap(np.angle(self.turn)).mean()
        return complex(self.place.mean()), complex(np.exp(np.log(np.abs(self.turn)).mean() + 1j * roll))

    def given_to(self, mean: tuple[complex, complex], frames: np.ndarray) -> "Motion":
        """The same movement around the mean of another head, in units of that head's size.

        frames: (T,) int, which of the N frames.
        """
        (place, turn), (own_place, own_turn) = mean, self.mean
        moved = (self.place[frames] - own_place) / abs(own_turn)
        return Motion(place + moved * abs(turn), turn * self.turn[frames] / own_turn)


def motion_of(affines: np.ndarray) -> Motion:
    """The motion in (N, 2, 3) affines, frame px → crop px; where they are NaN, between its neighbours."""
    turn, shift = affines[:, 0, 0] + 1j * affines[:, 1, 0], affines[:, 0, 2] + 1j * affines[:, 1, 2]
    known = np.flatnonzero(np.isfinite(turn))
    place = (CROP_SIZE / 2 * (1 + 1j) - shift[known]) / turn[known]
    frames = np.arange(len(affines))
    log_turn = -np.log(np.abs(turn[known])) - 1j * np.unwrap(np.angle(turn[known]))
    return Motion(np.interp(frames, known, place), np.exp(np.interp(frames, known, log_turn)))


def moves(affines: np.ndarray, first: int, shown: np.ndarray, motion: Motion) -> np.ndarray:
    """(T, 2, 3) float64, px of the person's frame → px of the render, where the head moves as in ``motion``.

    affines: (N, 2, 3), frame px → crop px, of the person's frames.
    first: number of the first test frame; the motion is around the mean of these.
    shown: (T,) int, the person's frame in each frame of the render.
    """
    own = motion_of(affines)
    mean = Motion(own.place[first:], own.turn[first:]).mean
    wanted = motion.given_to(mean, back_and_forth(0, len(motion.place), len(shown)))
    turn = wanted.turn / own.turn[shown]
    shift = wanted.place - turn * own.place[shown]
    return np.stack(
        [np.stack([turn.real, -turn.imag, shift.real], -1), np.stack([turn.imag, turn.real, shift.imag], -1)],
        1,
    )


def back_and_forth(first: int, stop: int, count: int) -> np.ndarray:
    """Numbers of ``count`` frames out of ``first … stop − 1``: to the end, back, and again.

    A jump from the last frame to the first would be seen; ER-NeRF and those after it turn round, too
    (``mirror_index`` in their provider).

    >>> back_and_forth(5, 8, 8).tolist()
    [5, 6, 7, 7, 6, 5, 5, 6]
    """
    length = stop - first
    turn = np.arange(count) % (2 * length)
    return np.asarray(first + np.where(turn < length, turn, 2 * length - 1 - turn))


def head_motion(path: Path, options: RenderOptions, detector: str, progress: Progress) -> Motion:
    """The head motion of the longest shot of a clip; audio is not wanted.

    detector: settled.

    Raises OptionError for a file that cannot be read, no landmarks, no face, two faces, less than a second.
    """
    try:
        info = probe(path, need_audio=False, max_picture_px=options.max_picture_px)
        faces = watch(path, info, detector, progress)
    except SourceRefused as refusal:
        raise OptionError(f"{path.name} cannot give its head motion: {refusal}") from refusal
    if faces.landmarks is None:
        raise OptionError(f"{path.name}: head motion wants landmarks, and none were found; is a face in it?")
    start, stop = longest_stretch(faces)
    refuse_others(path.name, faces, start, stop)
    landmarks, tracks, seen = followed(faces, start, stop)
    if seen.sum() < LEAST_POSE_S * FPS:
        raise OptionError(
            f"{path.name}: the longest shot has a face in {seen.sum() / FPS:.2f} s, at least "
            f"{LEAST_POSE_S} s of head motion is wanted"
        )
    return motion_of(smooth_affines(landmarks, canonical_face(landmarks[seen]), tracks))


def repeated_share(moves: np.ndarray, size: Sequence[int]) -> float:
    """Share of the rendered pixels that lie outside of the person's frame and repeat its edge.

    moves: (T, 2, 3), px of the person's frame → px of the render.
    size: (width, height) px.
    """
    width, height = size
    grid = np.stack(np.meshgrid((np.arange(GRID) + 0.5) / GRID, (np.arange(GRID) + 0.5) / GRID), -1)
    points = grid.reshape(-1, 2) * (width, height)
    back = np.linalg.inv(moves[:, :, :2])
    there = (points[None] - moves[:, None, :, 2]) @ back.transpose(0, 2, 1)
    return float(np.mean(((there < 0) | (there > (width, height))).any(axis=-1)))
