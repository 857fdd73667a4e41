"""Another clip's head motion, given to the person: place, size and roll, each around its own mean."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speechlip.describing.head_pose import head_angles
from speechlip.errors import OptionError, SourceRefused
from speechlip.format import CROP_SIZE
from speechlip.media.probe import probe
from speechlip.progress import Progress
from speechlip.rendering.canonical import canonical_face, smooth_affines
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import followed, longest_stretch, refuse_others, watch
from speechlip.timing import FPS

LEAST_POSE_S = 1
TURN_LIMIT = 20
"""Degrees. Up to it the size of a head that turns or nods is right within 7 %, its roll within 2.5° (4° where
it also nods by 10°), and the place of its mouth within 0.11 of the mouth's width."""
GRID = 16
"""Points along each side of a frame by which its share outside of the person's frame is measured."""


@dataclass(frozen=True)
class Motion:
    """How a head stands in N frames.

    place: (N,) complex px, the middle of its mouth.
    turn: (N,) complex, px of the frame a px of the crop; the angle is the roll.
    farthest: largest yaw and pitch around its middle, degrees; they are not in what is given on.
    """

    place: np.ndarray
    turn: np.ndarray
    farthest: tuple[float, float] = (0.0, 0.0)

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
    motion = motion_of(smooth_affines(landmarks, canonical_face(landmarks[seen]), tracks))
    return replace(motion, farthest=farthest_turns(landmarks[seen]))


def farthest_turns(landmarks: np.ndarray) -> tuple[float, float]:
    """Largest yaw and pitch of a head around its middle, degrees, but for a hundredth of the frames.

    landmarks: (N, 68, 2) px.
    """
    turns = head_angles(landmarks)[:, :2]
    yaw, pitch = np.percentile(np.abs(turns - np.median(turns, axis=0)), 99, axis=0)
    return float(yaw), float(pitch)


def turns_left_out(name: str, motion: Motion) -> list[str]:
    """What to know of a clip whose head turns farther than place, size and roll can say, as sentences."""
    yaw, pitch = motion.farthest
    if max(yaw, pitch) <= TURN_LIMIT:
        return []
    return [
        f"the head of {name} turns by up to {yaw:.0f}° and nods by up to {pitch:.0f}°: turns in depth are "
        f"not given to the person, and beyond {TURN_LIMIT}° they show as a smaller head that leans "
        "(by 7 % and 4° at a turn of 30°, by 23 % and 7° at 55°)"
    ]


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
