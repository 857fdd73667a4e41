"""Who speaks: of several mouths on screen at once, the one that follows the audio.

Windows of 3 s go over every stretch in which the same faces are there. In each, every mouth has the greatest
correlation with what the audio foretells, at offsets of up to 5 frames; a frame has the mean over the windows
that hold it. A mouth speaks where its mean is high enough, and stands above that of every other.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from speechlip.lipsync.correlation import MAX_OFFSET, correlations
from speechlip.lipsync.mouth import mouth_distances, movement
from speechlip.records import FaceTrack
from speechlip.spans import Span, runs
from speechlip.workers.processes import alive

WINDOW_FRAMES, STEP_FRAMES = 75, 5
LEAST_FRAMES = 50
"""2 s: faces that are there together for less are undecided."""
REACH = 5
"""Frames: whoever speaks is about in sync. A wider search finds chance correlations of others."""
LEAST_CORRELATION, LEAST_LEAD = 0.15, 0.1
LEAST_CHANCE = 0.5
"""From which a face talks (``talkers``)."""
ALONE, UNDECIDED = -1, -2


def speakers(expected: np.ndarray, tracks: Sequence[FaceTrack]) -> np.ndarray:
    """(N,) int: number of the track whose mouth follows the audio, where several are there at once.

    ALONE where there is one track or none, UNDECIDED where no mouth, or more than one, follows it.

    expected: (N, 4) of the whole audio (``lipsync.phones.expected_mouth``).
    tracks: with landmarks.
    """
    heard, measured = movement(expected), [moves(track) for track in tracks]
    owner = np.full(len(expected), ALONE)
    for (start, stop), present in stretches([(track.start_frame, track.stop_frame) for track in tracks]):
        owner[start:stop] = UNDECIDED
        if stop - start >= LEAST_FRAMES:
            own = [measured[number][start - tracks[number].start_frame :] for number in present]
            scores = np.stack([followed(heard, mouth[: stop - start], start) for mouth in own])
            best, second = np.sort(scores, axis=0)[::-1][:2]
            sure = (best >= LEAST_CORRELATION) & (best - second >= LEAST_LEAD)
            owner[start:stop] = np.where(sure, np.array(present)[scores.argmax(axis=0)], UNDECIDED)
    return owner


def talkers(talk: Sequence[np.ndarray], tracks: Sequence[FaceTrack], n_frames: int) -> np.ndarray:
    """(N,) int as ``speakers`` has it: number of the only track of several that talks.

    talk: how likely each track talks in each of its frames, (len(track),), 0 to 1; NaN: not judged.
    UNDECIDED where nobody talks, or two do.
    """
    owner = np.full(n_frames, ALONE)
    for (start, stop), present in stretches([(track.start_frame, track.stop_frame) for track in tracks]):
        own = [(steadied(talk[number]), tracks[number].start_frame) for number in present]
        chances = np.stack([each[start - first : stop - first] for each, first in own])
        alone = np.sum(chances >= LEAST_CHANCE, axis=0) == 1
        owner[start:stop] = np.where(alone, np.array(present)[chances.argmax(axis=0)], UNDECIDED)
    return owner


def steadied(chances: np.ndarray) -> np.ndarray:
    """Each with two neighbours either side: their mean, as LR-ASD's demonstration shows it; NaN: left out.

    >>> steadied(np.array([1.0, 0, 0, np.nan])).round(2).tolist()
    [0.33, 0.33, 0.33, 0.0]
    """
    known = ~np.isnan(chances)
    ones = np.ones(2 * 2 + 1)
    total = np.convolve(np.where(known, chances, 0.0), ones, "full")[2:-2]
    mean: np.ndarray = total / np.maximum(np.convolve(known.astype(float), ones, "full")[2:-2], 1)
    return mean


def moves(track: FaceTrack) -> np.ndarray:
    """(T, 4) how the mouth of a track moves; zeros without landmarks."""
    if track.landmarks is None:
        return np.zeros((len(track), 4))
    return movement(mouth_distances(track.landmarks))


def stretches(there: Sequence[Span]) -> Iterator[tuple[Span, list[int]]]:
    """(start, stop) of frames in which the same two tracks or more are there, and their numbers.

    there: (start, stop) of each track.

    >>> list(stretches([(0, 4), (1, 3), (3, 5)]))
    [((1, 3), [0, 1]), ((3, 4), [0, 2])]
    """
    for start, stop in pairwise(sorted({edge for span in there for edge in span})):
        present = [number for number, (first, last) in enumerate(there) if first <= start < last]
        if len(present) > 1:
            yield (start, stop), present


def followed(expected: np.ndarray, measured: np.ndarray, start: int) -> np.ndarray:
    """(T,) mean correlation of the windows that hold each frame.

    expected: (N, 4) of all frames.
    measured: (T, 4) of the frames from ``start`` on.
    """
    frames = len(measured)
    width = min(WINDOW_FRAMES, frames)
    total, count = np.zeros(frames), np.zeros(frames)
    for first in sorted({*range(0, frames - width, STEP_FRAMES), frames - width}):
        alive()
        curve = correlations(expected, measured[first : first + width], start + first)
        total[first : first + width] += curve[MAX_OFFSET - REACH : MAX_OFFSET + REACH + 1].max()
        count[first : first + width] += 1
    mean: np.ndarray = total / count
    return mean


def shares(owner: np.ndarray, tracks: Sequence[FaceTrack], least_frames: int) -> Iterator[tuple[int, Span]]:
    """Number of each track and (start, stop) within it, of what it is used for: alone, or as who speaks.

    Shorter ones than ``least_frames`` are left out.
    """
    for number, track in enumerate(tracks):
        own = owner[track.start_frame : track.stop_frame]
        for start, stop in runs((own == ALONE) | (own == number)):
            if stop - start >= least_frames:
                yield number, (start, stop)
