"""The harms by name: what each changes, in which steps, and what does no harm."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from speechlip.errors import OptionError, no_such
from speechlip.judging.harms import mouth, sight, sound
from speechlip.judging.harms.copies import AVI_MP3, AVI_PCM, EXACT, H264, H265, MP4_AAC, FileForm
from speechlip.judging.harms.material import Material

AUDIO, IMAGES, FILE = "audio", "images", "file"
Change = Callable[[Material, float], np.ndarray]


@dataclass(frozen=True)
class Harm:
    """Something done to a clip, in steps that do ever more of it.

    name: what ``--harms`` calls it; a column of the tables.
    title: for people; ``{step}`` is added to it with the unit.
    unit: of the steps; empty: there is one step, which says nothing.
    changes: ``audio``, ``images`` (each, or its codec), or ``file``: the container, and so perhaps both.
    steps: from the smallest harm to the greatest.
    change: of a clip and a step; returns frames or samples, as ``changes`` says; may raise NotScored. None:
        the file's form is all.
    form: container and codecs of the copy.
    harmless: whether nobody would call it worse; then an answer is a false alarm.
    needs_landmarks: whether ``change`` moves pixels by landmarks.
    of_others: whether ``change`` takes audio of other clips.
    """

    name: str
    title: str
    unit: str
    changes: str
    steps: tuple[float, ...]
    change: Change | None = None
    form: FileForm = EXACT
    harmless: bool = False
    needs_landmarks: bool = False
    of_others: bool = False

    def apply(self, material: Material, step: float) -> tuple[np.ndarray, np.ndarray]:
        """Frames and samples of the copy. Raises NotScored where this clip cannot be harmed so."""
        if self.changes == AUDIO:
            sound.require_audio(material)
        if self.change is None:
            return material.images, material.audio
        made = self.change(material, step)
        return (material.images, made) if self.changes == AUDIO else (made, material.audio)

    def words(self, step: float) -> str:
        """The harm at a step.

        >>> HARMS["blur"].words(2), HARMS["silence"].words(1), HARMS["mouth_less"].words(0.5)
        ('blur 2 px', 'silence', 'mouth moves less × 0.5')
        """
        if not self.unit:
            return self.title
        return f"{self.title} × {step:g}" if self.unit == "×" else f"{self.title} {step:g} {self.unit}"


FRAMES = (1, 2, 3, 5, 8, 15)
KBPS = (128, 64, 32)
CRF = (23, 28, 34, 40)
ALL = (
    Harm("late", "audio late", "frames", AUDIO, FRAMES, sound.late),
    Harm("early", "audio early", "frames", AUDIO, FRAMES, sound.early),
    Harm("foreign", "another speaker's audio", "", AUDIO, (1,), sound.of_another, of_others=True),
    Harm("elsewhere", "another part of its own audio", "", AUDIO, (1,), sound.of_elsewhere),
    Harm("silence", "silence", "", AUDIO, (1,), sound.silent),
    Harm("noise", "noise at", "dB SNR", AUDIO, (20, 10, 0, -10), sound.noisy),
    Harm("mp3_avi", "MP3 in AVI,", "kb/s", FILE, KBPS, form=AVI_MP3),
    Harm("aac", "AAC", "kb/s", AUDIO, KBPS, form=MP4_AAC),
    Harm("h264", "H.264", "crf", IMAGES, CRF, form=H264),
    Harm("h265", "H.265", "crf", IMAGES, CRF, form=H265),
    Harm("blur", "blur", "px", IMAGES, (1, 2, 4), sight.blurred),
    Harm("frozen", "frozen mouth", "", IMAGES, (1,), mouth.mouth_frozen, needs_landmarks=True),
    Harm(
        "mouth_less",
        "mouth moves less",
        "×",
        IMAGES,
        (0.75, 0.5, 0.25),
        mouth.mouth_moved,
        needs_landmarks=True,
    ),
    Harm(
        "mouth_more",
        "mouth moves more",
        "×",
        IMAGES,
        (1.25, 1.5, 1.75),
        mouth.mouth_moved,
        needs_landmarks=True,
    ),
    Harm("frame_rate", "frame rate", "per s", IMAGES, (12.5, 8, 5), sight.held),
    Harm("small", "smaller face", "×", IMAGES, (0.75, 0.5, 0.25), sight.smaller),
    Harm("again", "written again, lossless", "", FILE, (1,), harmless=True),
    Harm("container", "AVI in place of QuickTime", "", FILE, (1,), form=AVI_PCM, harmless=True),
    Harm("louder", "louder", "dB", AUDIO, (1,), sound.louder, harmless=True),
    Harm("h264_fine", "H.264 crf 12", "", IMAGES, (12,), form=H264, harmless=True),
)
HARMS = {harm.name: harm for harm in ALL}
CLEAN = Harm("clean", "clean copy", "", FILE, (0,))
"""What every copy is compared with."""


def harms_of(names: Iterable[str]) -> tuple[Harm, ...]:
    """Harms by name, in the order of the table; none named: all.

    Raises OptionError for an unknown one.

    >>> [harm.name for harm in harms_of(["blur", "late"])]
    ['late', 'blur']
    """
    names = tuple(names)
    for name in names:
        if name not in HARMS:
            raise no_such("harm", name, HARMS)
    chosen = tuple(harm for harm in ALL if not names or harm.name in names)
    if all(harm.harmless for harm in chosen):
        raise OptionError(f"{', '.join(names)}: no harm among them; add one of {', '.join(HARMS)}")
    return chosen
