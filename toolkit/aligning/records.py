"""What is aligned from, and what comes of it."""

from dataclasses import dataclass

from speechlip.aligning.sphinx import Heard

FORMS = ("auto", "textgrid", "gentle", "whisperx", "align", "transcript", "none")
"""What phones are made from: files beside the video, its transcript, or the audio alone (``none``)."""
ALIGNED, KEPT, FAILED = "aligned", "kept", "failed"


@dataclass(frozen=True)
class Utterance:
    """A text with its time, s."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Phones:
    """The phones of a video.

    heard: words and pauses in order of time, each with its phones.
    form: what they are made from, one of ``FORMS``.
    detail: what was left out, for a person; empty where nothing was.
    """

    heard: tuple[Heard, ...]
    form: str
    detail: str = ""


@dataclass(frozen=True)
class AlignRow:
    """What came of one video.

    source: its name below the folder.
    status: ``aligned``, ``kept`` (a TextGrid was there) or ``failed``.
    form: what the phones are made from; empty where there are none.
    phones: how many, without silence.
    score: mean of those that have one, in nats, 0 at best.
    reason: why it failed, a short phrase; detail: a sentence for a person.
    """

    source: str
    status: str
    form: str = ""
    phones: int = 0
    score: float | None = None
    reason: str = ""
    detail: str = ""
