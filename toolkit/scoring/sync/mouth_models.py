"""Sync models that judge a face by its landmarks and need no weights of other people: ``phones``."""

from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from speechlip.files.stamps import sha256_of
from speechlip.lipsync.correlation import MouthSync
from speechlip.lipsync.mouth import mouth_distances
from speechlip.lipsync.phones import compared, expected_mouth
from speechlip.metrics.declared import NotScored
from speechlip.records import FaceTrack
from speechlip.scoring.sync.footage import Footage
from speechlip.scoring.sync.means import TrackSync
from speechlip.timing import SAMPLES_PER_FRAME


class MouthModel:
    """A sync model that hears a whole clip once, and then judges each face of it by its landmarks.

    name: in every output.
    sha256: of what it hears with.
    official, is_lse: as ``SyncModel`` has them.
    least_confidence: from which an offset is decided, where its p-value allows it too (``verdict``).
    """

    name = ""
    official, is_lse = True, False
    least_confidence = 0.1

    @property
    def sha256(self) -> str:
        raise NotImplementedError

    def judge(self, audio: np.ndarray, landmarks: np.ndarray, start: int) -> MouthSync:
        """Lip sync of one face. Raises NotScored.

        audio: (640 N,) int16 at 16 kHz, all of the clip.
        landmarks: (T, 68, 2) px of the frames ``start … start + T − 1``.
        """
        raise NotImplementedError


class PhonesModel(MouthModel):
    """By the phones that PocketSphinx recognises (``lipsync.phones``). Raises ModelError without it."""

    name = "phones"

    def __init__(self, name: str = "phones", device: str = "cpu") -> None:
        from speechlip.aligning.sphinx import library

        self._models = Path(library().get_model_path("en-us"))
        self._heard: tuple[np.ndarray, np.ndarray] | None = None

    @cached_property
    def sha256(self) -> str:  # type: ignore[override]
        """Of the names and hashes of the recogniser's files."""
        whole = sha256()
        for file in sorted(self._models.rglob("*")):
            if file.is_file():
                whole.update(f"{file.name} {sha256_of(file)}\n".encode())
        return whole.hexdigest()

    def judge(self, audio: np.ndarray, landmarks: np.ndarray, start: int) -> MouthSync:
        return compared(self._expected(audio), mouth_distances(landmarks), start)

    def _expected(self, audio: np.ndarray) -> np.ndarray:
        """What the audio foretells; several faces of one clip share it."""
        if self._heard is None or self._heard[0] is not audio:
            self._heard = audio, expected_mouth(audio)
        return self._heard[1]


def judge_track(model: MouthModel, footage: Footage, track: FaceTrack) -> TrackSync:
    """Lip sync of one track; what keeps it from being judged is its problem."""
    start, stop = footage.track_here(track)
    try:
        if track.landmarks is None:
            raise NotScored(
                "no landmarks",
                f"{model.name} judges the mouth's landmarks and the detector gives boxes only; "
                "take --detector landmarker",
            )
        heard = footage.audio[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
        if not len(heard):
            raise NotScored("no sound", "the clip has no sound where the face is")
        if not heard.any():
            raise NotScored("silence", "every sample is 0 where the face is: nothing to be in sync with")
        shown = [footage.frame_of_track(track, index) for index in range(start, stop)]
        score = model.judge(footage.audio, track.landmarks[shown], start)
    except NotScored as problem:
        return TrackSync(track, start, len(track), None, problem)
    return TrackSync(track, start, len(track), score)
