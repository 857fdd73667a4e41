"""Whether faces that are there at once talk, by LR-ASD: face crops and MFCCs of the same frames."""

from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np

from speechlip.libraries import load
from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics.sync.mfcc import STEP, WINDOW, mfcc
from speechlip.records import FaceTrack, Source
from speechlip.scoring.sync.crops224 import CROP_PX, cut224, square
from speechlip.timing import SAMPLES_PER_FRAME
from speechlip.workers.processes import alive

Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Faces (T, 112, 112) uint8 and MFCCs (4 T, 13) → how likely the face talks in each frame, (T,)."""
FACE_PX, MFCCS_PER_FRAME = 112, 4
WINDOW_FRAMES = 150
"""6 s at a time, the longest that its authors' demonstration looks at."""
EDGE = (CROP_PX - FACE_PX) // 2
AFTER = WINDOW - STEP
"""Samples behind the last frame that its last MFCC hears."""


def talk_of(
    source: Source, info: MediaInfo, tracks: Sequence[FaceTrack], audio: np.ndarray, judge: Judge
) -> list[np.ndarray]:
    """How likely each track talks in each of its frames: (len(track),) float32, NaN where it is alone.

    audio: (640 N,) int16 of all frames. The video is read again, a window of frames in memory at a time.
    """
    talk = [np.full(len(track), np.nan, np.float32) for track in tracks]
    count = np.zeros(len(audio) // SAMPLES_PER_FRAME + 1, int)
    for track in tracks:
        count[track.start_frame : track.stop_frame] += 1
    squares = [square(track.boxes) for track in tracks]
    waiting: list[list[np.ndarray]] = [[] for _ in tracks]

    def judge_waiting(number: int, stop: int) -> None:
        faces, waiting[number] = waiting[number], []
        if faces:
            alive()
            first = stop - len(faces)
            start = first - tracks[number].start_frame
            talk[number][start : start + len(faces)] = judge(np.stack(faces), mfccs_of(audio, first, stop))

    first_frame = min((track.start_frame for track in tracks), default=0)
    with closing(read_frames(source.path, info, audio=False, first_frame=first_frame)) as frames:
        for frame in frames:
            image = frame.rgb() if count[frame.index] > 1 else None
            for number, track in enumerate(tracks):
                if image is None or not track.start_frame <= frame.index < track.stop_frame:
                    judge_waiting(number, frame.index)
                    continue
                place = squares[number][frame.index - track.start_frame]
                waiting[number].append(grey(cut224(image, *place)))
                if len(waiting[number]) == WINDOW_FRAMES:
                    judge_waiting(number, frame.index + 1)
            last = frame.index + 1
    for number in range(len(tracks)):
        judge_waiting(number, last)
    return talk


def grey(crop: np.ndarray) -> np.ndarray:
    """The middle of a crop: (224, 224, 3) uint8 BGR → (112, 112) uint8."""
    cv2 = load("cv2")
    middle: np.ndarray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[EDGE:-EDGE, EDGE:-EDGE]
    return middle


def mfccs_of(audio: np.ndarray, first: int, stop: int) -> np.ndarray:
    """Of the frames ``first … stop − 1``: (4 (stop − first), 13); silence beyond the end.

    >>> mfccs_of(np.ones(640 * 3, np.int16), 1, 3).shape
    (8, 13)
    """
    heard = audio[first * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME + AFTER]
    wanted = (stop - first) * SAMPLES_PER_FRAME + AFTER
    return mfcc(np.pad(heard, (0, wanted - len(heard))))[: MFCCS_PER_FRAME * (stop - first)]
