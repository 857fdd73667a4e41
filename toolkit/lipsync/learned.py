"""Lip sync learned on the videos themselves: from audio to four distances of a mouth, by ridge regression.

Goal: every clip is judged by what was learned on the other speakers of its set, in any language.
Conventions: a row for each frame of 40 ms. What is heard is 40 mel bands of it and of five frames either
side; what is seen is how ``lipsync.mouth`` has the mouth move, in deviations of the clip. Offsets are
relative: if every clip of a set is late by the same number of frames, nothing in it says so.
Source: ridge regression. Audio of videos from the web is off by up to some frames, so that each clip is moved
to where it fits what the others taught, before all of them teach again (``ROUNDS``).
Functions: heard, seen, learn, teach, judge_each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from speechlip.lipsync.correlation import LEAST_FRAMES, MouthSync, correlations, mouth_sync, unit
from speechlip.lipsync.mouth import STILL, mouth_distances, movement
from speechlip.metrics.declared import NotScored
from speechlip.spectra import spectrogram
from speechlip.timing import HOPS_PER_FRAME, SAMPLES_PER_FRAME

BANDS = 40
CONTEXT_FRAMES = 5
QUIETEST = 1e-3
"""Of a mel band, where a sine of full scale has 128."""
PENALTY = 1e4
"""Of the ridge, for bands of deviation 1: 3e3 to 3e4 gave the same on real clips."""
ROUNDS = 3
FARTHEST_MOVE = 8
"""Frames by which a clip that teaches is moved at most."""
SURE = 0.1
"""Confidence from which a clip that teaches is moved to its offset."""
MOST_FOLDS = 10
ONE_SPEAKER = (
    "what a mouth does is learned on other speakers of the set, and there is one alone; the first "
    "sub-folder names the speaker, else the file does. --sync-model phones wants nobody else"
)


@dataclass(frozen=True)
class SpokenFace:
    """What is learned from one face, and judged of it.

    speaker: nobody is judged by what was learned on the same speaker.
    heard: (N, 40) of all frames of the audio.
    seen: (T, 4) of the frames ``start … start + T − 1``.
    start: first of those frames.
    """

    speaker: str
    heard: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    start: int = 0


@dataclass(frozen=True)
class Sums:
    """What ridge regression needs of some rows, so that rows are added up and left out without a second look.

    n: rows.
    x, y: (D,), (K,) sums.
    xx, xy: (D, D), (D, K) sums of products.
    """

    n: int
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.n + other.n, self.x + other.x, self.y + other.y, self.xx + other.xx, self.xy + other.xy
        )

    def weights(self) -> np.ndarray:
        """(D + 1, K): ridge regression's, the last row for the mean."""
        mean_x, mean_y = self.x / self.n, self.y / self.n
        spread = self.xx - self.n * np.outer(mean_x, mean_x)
        both = self.xy - self.n * np.outer(mean_x, mean_y)
        slope = np.linalg.solve(spread + PENALTY * np.eye(len(spread)), both)
        return np.vstack([slope, mean_y - mean_x @ slope])


def heard(audio: np.ndarray) -> np.ndarray:
    """Logarithm of 40 mel bands, each with mean 0 and deviation 1: (640 N,) int16 → (N, 40) float32."""
    n_frames = len(audio) // SAMPLES_PER_FRAME
    mel = spectrogram(audio[: n_frames * SAMPLES_PER_FRAME], "mel").astype(np.float64)
    bands = mel.reshape(n_frames, HOPS_PER_FRAME, BANDS, -1).mean(axis=(1, 3))
    return unit(np.log(np.maximum(bands, QUIETEST))).astype(np.float32)


def seen(landmarks: np.ndarray) -> np.ndarray:
    """How a mouth moves, each distance with deviation 1: (T, 68, 2) px → (T, 4).

    Raises NotScored: ``too short``, ``still mouth``.
    """
    if len(landmarks) < LEAST_FRAMES:
        raise NotScored("too short", f"{len(landmarks)} frames of a mouth, {LEAST_FRAMES} are needed")
    distances = mouth_distances(landmarks)
    if (distances.std(axis=0) < STILL).all():
        raise NotScored("still mouth", f"it does not move in {len(landmarks)} frames")
    return unit(movement(distances))


@dataclass(frozen=True)
class Lessons:
    """What a set taught, in folds of its speakers.

    weights: (F, 441, 4), of each fold learned on all speakers but those in it.
    folds: speaker → fold.
    """

    weights: np.ndarray = field(repr=False)
    folds: Mapping[str, int]

    def of(self, speaker: str) -> np.ndarray:
        """(441, 4), learned on others than ``speaker``; one who did not teach may take any."""
        weights: np.ndarray = self.weights[self.folds.get(speaker, 0)]
        return weights

    def judge(self, face: SpokenFace) -> MouthSync:
        expected = movement(foretold(face.heard, self.of(face.speaker)))
        return mouth_sync(expected, face.seen, face.start)


def judge_each(faces: Sequence[SpokenFace]) -> list[MouthSync]:
    """Every face by what was learned on the other speakers. Raises NotScored as ``teach`` does."""
    lessons = teach(faces)
    return [lessons.judge(face) for face in faces]


def teach(faces: Sequence[SpokenFace]) -> Lessons:
    """What the other speakers of each one teach; in folds of speakers where there are many.

    Raises NotScored, ``one speaker``, where nothing can be learned on others.
    """
    speakers = sorted({face.speaker for face in faces})
    if len(speakers) < 2:
        raise NotScored("one speaker", ONE_SPEAKER)
    folds = {speaker: number % MOST_FOLDS for number, speaker in enumerate(speakers)}
    weights = [
        learn([face for face in faces if folds[face.speaker] != fold]) for fold in sorted(set(folds.values()))
    ]
    return Lessons(np.stack(weights), folds)


def learn(faces: Sequence[SpokenFace]) -> np.ndarray:
    """Weights from what is heard to what is seen, (441, 4).

    Each face is moved by where it fits what the others teach, as far as that is sure; the median move is
    taken off, so that all together stay where they were.
    """
    moves = [0] * len(faces)
    for last in range(ROUNDS):
        sums = [sums_of(face, move) for face, move in zip(faces, moves, strict=True)]
        total = sum(sums[1:], start=sums[0])
        if last == ROUNDS - 1 or len(faces) < 3:
            break
        moves = [best_move(face, without(total, own)) for face, own in zip(faces, sums, strict=True)]
        middle = round(float(np.median(moves)))
        moves = [move - middle for move in moves]
    return total.weights()


def without(total: Sums, part: Sums) -> np.ndarray:
    """Weights of all rows but those of ``part``."""
    rest = Sums(total.n - part.n, total.x - part.x, total.y - part.y, total.xx - part.xx, total.xy - part.xy)
    return rest.weights()


def best_move(face: SpokenFace, weights: np.ndarray) -> int:
    """The offset of a face among those near 0; 0 where none is sure."""
    curve = correlations(movement(foretold(face.heard, weights)), face.seen, face.start)
    middle = len(curve) // 2
    near = curve[middle - FARTHEST_MOVE : middle + FARTHEST_MOVE + 1]
    best = int(np.argmax(near))
    others = near[np.abs(np.arange(len(near)) - best) > 3]
    return best - FARTHEST_MOVE if near[best] - others.max() > SURE else 0


def sums_of(face: SpokenFace, move: int) -> Sums:
    """Of the frames of a face, its audio moved ``move`` frames later."""
    first = max(0, move - face.start)
    last = max(first, min(len(face.seen), len(face.heard) + move - face.start))
    rows = around(face.heard)[first + face.start - move : last + face.start - move]
    targets = face.seen[first:last]
    return Sums(len(rows), rows.sum(axis=0), targets.sum(axis=0), rows.T @ rows, rows.T @ targets)


def foretold(bands: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What the mouth should do: (N, 40) and weights → (N, 4)."""
    mouth: np.ndarray = around(bands) @ weights[:-1] + weights[-1]
    return mouth


def around(bands: np.ndarray) -> np.ndarray:
    """Each row with its neighbours, the first and last repeated: (N, 40) → (N, 440) float64.

    >>> around(np.arange(40.0)[None]).shape
    (1, 440)
    """
    padded = np.pad(bands.astype(np.float64), ((CONTEXT_FRAMES, CONTEXT_FRAMES), (0, 0)), mode="edge")
    return np.concatenate(
        [padded[shift : shift + len(bands)] for shift in range(2 * CONTEXT_FRAMES + 1)], axis=1
    )
