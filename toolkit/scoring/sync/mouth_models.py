"""Sync models that judge a face by its landmarks and need nobody's weights: ``phones`` and ``self``."""

from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

from speechlip.files.stamps import sha256_of
from speechlip.lipsync import learned
from speechlip.lipsync.correlation import MouthSync
from speechlip.lipsync.learned import Lessons, SpokenFace
from speechlip.lipsync.mouth import mouth_distances
from speechlip.lipsync.phones import compared, expected_mouth
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.columns import MOUTH_MODELS
from speechlip.records import FaceTrack
from speechlip.scoring.sync.footage import Footage
from speechlip.scoring.sync.means import TrackSync
from speechlip.timing import SAMPLES_PER_FRAME

PHONES, SELF = MOUTH_MODELS
WAITING = NotScored(
    "not judged yet", "it is judged by the other speakers, once every clip of the set is there"
)


class MouthModel:
    """A sync model that hears a clip once, and then judges each face of it by its landmarks.

    name: in every output.
    sha256: of what it hears with.
    official, is_lse: as ``SyncModel`` has them.
    least_confidence: from which an offset is decided, where its p-value allows it too (``verdict``).
    """

    name = ""
    official, is_lse = True, False
    least_confidence = 0.1

    def __init__(self, name: str = "", device: str = "cpu") -> None:
        self._heard: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def sha256(self) -> str:
        raise NotImplementedError

    def hear(self, audio: np.ndarray) -> np.ndarray:
        """Rows for the frames of (640 N,) int16 audio at 16 kHz."""
        raise NotImplementedError

    def judge(
        self, heard: np.ndarray, landmarks: np.ndarray, start: int
    ) -> tuple[MouthSync | None, SpokenFace | None]:
        """Lip sync of one face, or what it is judged by when all clips are there. Raises NotScored.

        heard: (N, …) of all of the clip's audio.
        landmarks: (T, 68, 2) px of the frames ``start … start + T − 1``.
        """
        raise NotImplementedError

    def heard(self, audio: np.ndarray) -> np.ndarray:
        """``hear``, once for all faces of a clip."""
        if self._heard is None or self._heard[0] is not audio:
            self._heard = audio, self.hear(audio)
        return self._heard[1]


class PhonesModel(MouthModel):
    """By the phones that PocketSphinx recognises (``lipsync.phones``). Raises ModelError without it."""

    name = PHONES

    def __init__(self, name: str = "", device: str = "cpu") -> None:
        from speechlip.aligning.sphinx import library

        super().__init__(name, device)
        self._models = Path(library().get_model_path("en-us"))

    @cached_property
    def sha256(self) -> str:  # type: ignore[override]
        """Of the recogniser's release, and of the names and hashes of its files."""
        whole = sha256(f"pocketsphinx {version('pocketsphinx')}\n".encode())
        for file in sorted(self._models.rglob("*")):
            if file.is_file():
                whole.update(f"{file.name} {sha256_of(file)}\n".encode())
        return whole.hexdigest()

    def hear(self, audio: np.ndarray) -> np.ndarray:
        return expected_mouth(audio)

    def judge(
        self, heard: np.ndarray, landmarks: np.ndarray, start: int
    ) -> tuple[MouthSync | None, SpokenFace | None]:
        return compared(heard, mouth_distances(landmarks), start), None


class SelfModel(MouthModel):
    """By the other speakers of the set (``lipsync.learned``): nothing is judged before all are there."""

    name = SELF

    @property
    def sha256(self) -> str:
        """Of what it learns by: it has no weights before it meets a set."""
        return sha256(f"{learned.BANDS} {learned.CONTEXT_FRAMES} {learned.PENALTY} 1".encode()).hexdigest()

    def hear(self, audio: np.ndarray) -> np.ndarray:
        return learned.heard(audio)

    def judge(
        self, heard: np.ndarray, landmarks: np.ndarray, start: int
    ) -> tuple[MouthSync | None, SpokenFace | None]:
        return None, SpokenFace("", heard, learned.seen(landmarks), start)


class TaughtModel(SelfModel):
    """``self`` once a set has taught it: it judges one speaker by what the others taught.

    lessons: None where fewer than two speakers could teach.
    """

    def __init__(self, lessons: Lessons | None, speaker: str) -> None:
        super().__init__()
        self._lessons, self._speaker = lessons, speaker

    def judge(
        self, heard: np.ndarray, landmarks: np.ndarray, start: int
    ) -> tuple[MouthSync | None, SpokenFace | None]:
        if self._lessons is None:
            raise NotScored("one speaker", learned.ONE_SPEAKER)
        return self._lessons.judge(SpokenFace(self._speaker, heard, learned.seen(landmarks), start)), None


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
        score, face = model.judge(model.heard(footage.audio), track.landmarks[shown], start)
    except NotScored as problem:
        return TrackSync(track, start, len(track), None, problem)
    return TrackSync(track, start, len(track), score, WAITING if face else None, face)
