"""What is rendered: which frames of the person, to which audio, with whose head motion."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from speechlip.errors import OptionError, SourceRefused
from speechlip.media.whole_audio import read_audio
from speechlip.rendering.features import Recording
from speechlip.rendering.material import Material
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import Person
from speechlip.rendering.pose import Motion, back_and_forth, moves
from speechlip.timing import FPS, SAMPLES_PER_FRAME

LEAST_AUDIO_S = 1


@dataclass(frozen=True)
class Drive:
    """T frames that are rendered.

    shown: (T,) int, number of the person's frame that each of them shows.
    audio: (640 T,) int16 at 16 kHz.
    moves: (T, 2, 3) float64, px of the person's frame → px of the render; None: the head moves as it did.
    """

    shown: np.ndarray
    audio: np.ndarray
    moves: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.shown)


def drive_of(material: Material, other: Recording | None, motion: Motion | None) -> Drive:
    """The person's test part, or as much of it as another recording lasts, back and forth.

    motion: of another clip's head, back and forth too; None: the person's own.
    """
    person, first = material.person, material.first
    count = len(other) if other else len(person) - first
    shown = back_and_forth(first, len(person), count)
    audio = other.audio if other else person.audio[first * SAMPLES_PER_FRAME :]
    moved = moves(material.affines, first, shown, motion) if motion else None
    return Drive(shown, audio, moved)


def other_audio(path: Path, options: RenderOptions) -> Recording:
    """The audio of a video or audio file that drives the lips.

    Raises OptionError for a file that cannot be read, or less than a second of audio.
    """
    try:
        audio = read_audio(path, options.max_picture_px)
    except SourceRefused as refusal:
        raise OptionError(f"{path.name} cannot drive lips: {refusal}") from refusal
    if audio.frames < LEAST_AUDIO_S * FPS:
        raise OptionError(
            f"{path.name} has {audio.frames / FPS:.2f} s of audio, at least {LEAST_AUDIO_S} s is wanted"
        )
    return Recording(path, 0, audio.frames, audio.samples)


def notes_on(options: RenderOptions) -> list[str]:
    """What to know of renders that are driven by other files, as sentences."""
    notes = []
    if options.audio:
        notes.append(
            "driven by other audio: the person's test frames are shown back and forth, and nobody knows the "
            "true lips, so only what needs no reference is scored"
        )
    if options.pose:
        notes.append(
            "with another head motion: place, size and roll around the person's own mean; whole frames are "
            "moved, background and all, and repeat their edges; true frames are moved alike"
        )
    return notes


def images_of(person: Person, shown: np.ndarray, scratch: Path) -> Generator[np.ndarray]:
    """The person's images in the order ``shown``: (H, W, 3) uint8; one that is missing is the one before.

    scratch: a folder for images that are shown again, 0.8 MB each at 512×512; the file is removed.
    """
    width, height = person.size
    before = np.zeros((height, width, 3), np.uint8)
    first, last = int(shown.min()), int(shown.max())
    again = len(shown) > last - first + 1
    with TemporaryFile(dir=scratch) as file:
        for number, image in person.frames(first):
            if number > last:
                break
            before = before if image is None else image
            if again:
                file.write(before.tobytes())
            yield before
        for number in shown[last - first + 1 :]:
            file.seek((number - first) * before.nbytes)
            yield np.frombuffer(file.read(before.nbytes), np.uint8).reshape(before.shape)
