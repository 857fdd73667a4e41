"""The two files of a clip: what they are, and whether they can be compared.

Both are read at 25 frames a second by presentation time, each from its own first frame on, so that a frame is
compared with what the reference shows at the same time, whatever the two frame rates are.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from speechlip.errors import SourceRefused
from speechlip.media.frames import Frame, FrameReader, read_frames
from speechlip.media.info import MediaInfo, image_corrections
from speechlip.media.probe import probe
from speechlip.metrics import table
from speechlip.metrics.declared import FRAME_PAIR, NotScored
from speechlip.scoring.clip.outcome import Outcome, attempt
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.transcode.codec_path import count_frames
from speechlip.timing import seconds

LENGTH_TOLERANCE_FRAMES = 5
"""0.2 s: what generators drop at the end where no whole window of audio is left (Wav2Lip: 16 mel columns)."""
UNREADABLE = "reference unreadable"


@dataclass(frozen=True)
class ClipFiles:
    """A clip whose render can be read.

    task: the paths.
    info: of the render.
    frames: of the render, 25 a second.
    reference: of the reference; None where there is none that can be read.
    problems: requested family of metrics → why these files do not give it.
    same_length, same_size: whether render and reference agree.
    notes: what reading the render corrects, and why there is no reference where there should be one.
    """

    task: ScoreTask
    info: MediaInfo
    frames: int
    reference: MediaInfo | None
    problems: dict[str, NotScored]
    same_length: bool
    same_size: bool
    notes: tuple[str, ...]

    def read_render(self) -> FrameReader:
        """Begin a reading of the render's images."""
        return read_frames(self.task.render, self.info, audio=False)

    def read_reference(self) -> Generator[Frame]:
        """Read the reference's images; no frames where there is none that can be read."""
        if self.task.reference and self.reference:
            with closing(read_frames(self.task.reference, self.reference, audio=False)) as reading:
                yield from reading


def open_files(task: ScoreTask, options: ScoreOptions) -> ClipFiles:
    """Read the headers of both files. Raises SourceRefused where the render cannot be read."""
    info = probe(task.render, need_audio=False, max_picture_px=options.max_picture_px)
    frames = count_frames(task.render, info)
    with_reference = table.families_that_need("reference", options.metrics)
    notes = (*image_corrections(info), *([task.problem] if task.problem else []))
    path, reference = task.reference, open_reference(task, options.max_picture_px)
    info_of_reference = reference.result
    if path is None or info_of_reference is None:
        problems = dict.fromkeys(with_reference, reference.problem or NotScored("no reference", task.problem))
        return ClipFiles(task, info, frames, None, problems, False, False, notes)
    length = attempt(lambda: check_lengths(frames, count_frames(path, info_of_reference))).problem
    size = attempt(lambda: check_sizes(info, info_of_reference)).problem
    problems = dict.fromkeys(table.metrics_per(FRAME_PAIR, options.metrics), size) if size else {}
    problems |= dict.fromkeys(with_reference, length) if length else {}
    return ClipFiles(task, info, frames, info_of_reference, problems, not length, not size, notes)


def open_reference(task: ScoreTask, max_picture_px: int) -> Outcome[MediaInfo]:
    """The reference's headers; nothing where there is no reference."""
    if task.reference is None:
        return Outcome()
    try:
        return Outcome(probe(task.reference, need_audio=False, max_picture_px=max_picture_px))
    except SourceRefused as refusal:
        return Outcome(problem=NotScored(UNREADABLE, f"{refusal.reason} {refusal.detail}".strip()))


def check_lengths(render: int, reference: int) -> None:
    """Raise NotScored where the two lengths, in frames, differ by more than the tolerance."""
    if abs(render - reference) > LENGTH_TOLERANCE_FRAMES:
        raise NotScored(
            "length mismatch",
            f"render {render} frames ({seconds(render):.2f} s), "
            f"reference {reference} ({seconds(reference):.2f} s); "
            f"{LENGTH_TOLERANCE_FRAMES} frames apart are allowed",
        )


def check_sizes(render: MediaInfo, reference: MediaInfo) -> None:
    """Raise NotScored where the frames are not of one size: scaling one would be measured as well."""
    if (render.width, render.height) != (reference.width, reference.height):
        raise NotScored(
            "different sizes",
            f"render {size_words(render)}, reference {size_words(reference)}: "
            "scale the reference to the render yourself",
        )


def size_words(info: MediaInfo) -> str:
    """Such as ``720×1280``."""
    return f"{info.width}×{info.height}"
