"""``--faces speaking``: of several faces at once the one whose mouth follows the audio becomes clips."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from speechlip.faces.tracking.selection import MIN_FRAMES, piece
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.files.names import plain_name
from speechlip.lipsync.learned import foretold, heard
from speechlip.lipsync.phones import expected_mouth
from speechlip.lipsync.speaking import UNDECIDED, shares, speakers, talkers
from speechlip.media.info import MediaInfo
from speechlip.preparing.choices import LR_ASD
from speechlip.records import Source
from speechlip.scoring.sync.footage import read_audio
from speechlip.scoring.sync.lessons import read_lessons
from speechlip.timing import SAMPLES_PER_FRAME


def who_speaks(
    source: Source, info: MediaInfo, faces: FaceTracks, model: str = "", lessons: Path | None = None
) -> tuple[FaceTracks, np.ndarray]:
    """The faces with those selected that are alone or speak, and (N,) bool: where nobody can tell who does.

    model: ``lr-asd``, or the sync model; without lessons phones tell.
    lessons: what ``self`` learned on the set.

    The audio is read again, and only where two tracks are there at once. Raises ModelError.
    """
    together = np.zeros(faces.n_frames, int)
    for track in faces.tracks:
        together[track.start_frame : track.stop_frame] += 1
    if not (together > 1).any():
        return replace(faces, selected=faces.tracks), np.zeros(faces.n_frames, bool)
    audio = read_audio(source.path, info, info.video_start_s, faces.n_frames)
    whole = np.zeros(faces.n_frames * SAMPLES_PER_FRAME, np.int16)
    whole[: len(audio)] = audio
    if model == LR_ASD:
        from speechlip.scoring.sync.talk import talk_of

        owner = talkers(talk_of(source, info, faces.tracks, whole, lr_asd()), faces.tracks, faces.n_frames)
    else:
        owner = speakers(expected_of(whole, source, lessons), faces.tracks)
    used = [
        piece(faces.tracks[number], start, stop)
        for number, (start, stop) in shares(owner, faces.tracks, MIN_FRAMES)
    ]
    selected = tuple(sorted(used, key=lambda track: track.start_frame))
    return replace(faces, selected=selected), owner == UNDECIDED


@cache
def lr_asd() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """LR-ASD with the weights of the model cache, opened once per process. Raises ModelError."""
    from speechlip import assets
    from speechlip.lipsync.lr_asd import load_lr_asd, talking

    return partial(talking, load_lr_asd(assets.path("lr_asd")))


def expected_of(audio: np.ndarray, source: Source, lessons: Path | None) -> np.ndarray:
    """(N, 4): what a mouth should do to (640 N,) int16 audio; zeros where the set taught nothing."""
    if lessons is None:
        return expected_mouth(audio)
    taught = read_lessons(lessons)
    if taught is None:
        return np.zeros((len(audio) // SAMPLES_PER_FRAME, 4))
    return foretold(heard(audio), taught.of(plain_name(source.speaker)))
