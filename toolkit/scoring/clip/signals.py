"""What metrics of a clip's landmarks are given of one of its files: landmarks, mesh, audio, speech, phones.

Each is read when a metric first asks for it, whatever the protocol: metrics of landmarks see the file itself.
"""

from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from speechlip.describing.speech import speech_of
from speechlip.errors import ModelError, OptionError
from speechlip.files.names import is_file
from speechlip.lipsync.phones import recognised
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.phones import read_phones
from speechlip.records import Phone
from speechlip.scoring.clip.faces import Seen, check_one_size, sidecar_landmarks, sidecar_of, why_no_face
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.identities import identities_of
from speechlip.scoring.clip.meshes import blendshapes_of, mesh_of_track
from speechlip.scoring.clip.outcome import Outcome, Result, attempt
from speechlip.scoring.clip.sync import audio_of, read_beside
from speechlip.timing import SAMPLES_PER_FRAME


class Signals:
    """One file of a clip; each property raises NotScored where there is no such thing.

    notes: sentences on where it comes from.
    """

    def __init__(
        self,
        path: Path,
        info: MediaInfo,
        frames: int,
        seen: Outcome[Seen],
        audio: Outcome[Path],
        detector: str,
    ) -> None:
        """frames: of the file, 25 a second. seen: its faces, by ``detector``. audio: the file of what is
        heard with it.
        """
        self._detector = detector
        self.path, self.info, self.frames = path, info, frames
        self._seen, self._audio = seen, audio
        self.notes: list[str] = []

    @property
    def landmarks(self) -> np.ndarray:
        """(T, 68, 2) px, NaN in frames without a face: of the detector, else of the file beside the video."""
        return given(self._landmarks)

    @property
    def mesh(self) -> np.ndarray:
        """(T, 478, 2) px, NaN in frames without a face."""
        return given(self._mesh)

    @property
    def blendshapes(self) -> np.ndarray:
        """(T, 52) coefficients of MediaPipe's blendshape network, NaN in frames without a face."""
        return given(self._blendshapes)

    @property
    def identity(self) -> np.ndarray:
        """(T, 128) of every fifth frame (``clip.identities``), NaN in others and without a face."""
        return given(self._identity)

    @property
    def size(self) -> np.ndarray:
        """(2,) width and height, px."""
        return np.array([self.info.width, self.info.height])

    @property
    def audio(self) -> np.ndarray:
        """(640 T,) int16 at 16 kHz, as long as the landmarks; silence beyond its end."""
        return given(self._samples)

    @property
    def speech(self) -> np.ndarray:
        """(T,) bool: in which frames somebody speaks."""
        return given(self._speech)

    @property
    def phones(self) -> tuple[Phone, ...]:
        """Phones of the audio: of the TextGrid beside it, else recognised by a model of US English."""
        return given(self._phones)

    @cached_property
    def _landmarks(self) -> Outcome[np.ndarray]:
        return attempt(self._find_landmarks)

    @cached_property
    def _mesh(self) -> Outcome[np.ndarray]:
        return attempt(self._find_mesh)

    @cached_property
    def _blendshapes(self) -> Outcome[np.ndarray]:
        return attempt(lambda: blendshapes_of(self.mesh))

    @cached_property
    def _identity(self) -> Outcome[np.ndarray]:
        return attempt(lambda: identities_of(self.path, self.info, self.landmarks))

    @cached_property
    def _samples(self) -> Outcome[np.ndarray]:
        return attempt(self._read_audio)

    @cached_property
    def _speech(self) -> Outcome[np.ndarray]:
        return attempt(self._hear_speech)

    @cached_property
    def _phones(self) -> Outcome[tuple[Phone, ...]]:
        return attempt(self._find_phones)

    def _find_landmarks(self) -> np.ndarray:
        faces = self._seen.result.tracks if self._seen.result else None
        if faces:
            check_one_size(faces, "lip motion")
            if faces.landmarks is not None:
                return faces.landmarks
        if is_file(sidecar_of(self.path)):
            self.notes.append(f"landmarks of {self.path.name} from the file beside it")
            return sidecar_landmarks(self.path, self.frames)
        if faces and not faces.selected:
            raise why_no_face(faces, self.path.name)
        raise self._seen.problem or NotScored(
            "no landmarks",
            "the detector gives boxes only; take --detector landmarker, "
            "or put .landmarks.npz beside the video",
        )

    def _find_mesh(self) -> np.ndarray:
        seen, tracked = self._seen.result, self.landmarks
        if seen is None or seen.tracks.landmarks is None:
            return mesh_of_track(None, tracked, "sidecar")
        return mesh_of_track(seen.meshes, tracked, self._detector)

    def _read_audio(self) -> np.ndarray:
        frames, tally = len(self.landmarks), Counter[str]()
        samples = read_beside(given(self._audio), self.path, self.info, frames, tally)
        if not len(samples):
            raise NotScored("no audio", f"nothing is heard while {self.path.name} is shown")
        return np.pad(samples, (0, frames * SAMPLES_PER_FRAME - len(samples)))

    def _hear_speech(self) -> np.ndarray:
        try:
            return speech_of(self.audio)
        except OptionError as error:
            raise NotScored("no speech detector", str(error)) from error

    def _find_phones(self) -> tuple[Phone, ...]:
        textgrid = textgrid_of(given(self._audio))
        if is_file(textgrid):
            return read_phones(textgrid)
        samples = self.audio
        try:
            phones = recognised(samples)
        except ModelError as error:
            raise NotScored("no phone recogniser", str(error)) from error
        self.notes.append(
            f"phones of {self.path.name} recognised without a transcript, by a model of US English: many are "
            f"wrong; put {textgrid.name} beside it (speechlip align)"
        )
        return phones


def textgrid_of(audio: Path) -> Path:
    """Where the phones of a file's audio may lie."""
    return audio.with_suffix(".TextGrid")


def given(outcome: Outcome[Result]) -> Result:
    """What a stage gave. Raises its problem."""
    if outcome.result is None:
        raise outcome.problem or NotScored("not scored")
    return outcome.result


def of_render(files: ClipFiles, seen: Outcome[Seen], detector: str) -> Signals:
    """Of the render, with its driving audio where there is some."""
    audio = attempt(lambda: audio_of(files.task, files.info))
    return Signals(files.task.render, files.info, files.frames, seen, audio, detector)


def of_reference(path: Path, info: MediaInfo, frames: int, seen: Outcome[Seen], detector: str) -> Signals:
    """Of the reference, with its own audio."""
    silent = NotScored("no audio", f"{path.name} holds pictures only")
    audio = Outcome(path) if info.audio_codec else Outcome(problem=silent)
    return Signals(path, info, frames, seen, audio, detector)
