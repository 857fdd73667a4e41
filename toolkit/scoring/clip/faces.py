"""The faces of both files of a clip, as far as somebody wants them."""

from collections.abc import Callable
from dataclasses import dataclass

from speechlip.faces.tracking.stage import FaceTracks
from speechlip.metrics import table
from speechlip.scoring import protocols
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.outcome import Outcome, attempt
from speechlip.scoring.faces import find_faces
from speechlip.scoring.options import ScoreOptions

Seen = tuple[FaceTracks, tuple[str, ...]]


@dataclass(frozen=True)
class ClipFaces:
    """Faces of a clip.

    render, reference: tracks, each with sentences on what reading the file altered.
    """

    render: Outcome[Seen]
    reference: Outcome[Seen]

    @property
    def of_render(self) -> FaceTracks | None:
        return self.render.result[0] if self.render.result else None

    @property
    def of_reference(self) -> FaceTracks | None:
        return self.reference.result[0] if self.reference.result else None


def find_clip_faces(files: ClipFiles, options: ScoreOptions, advance: Callable[[float], None]) -> ClipFaces:
    """Look for faces where the options need them; in the reference for LMD and for a region."""
    tracks, task, reference = protocols.get(options.protocol).tracks, files.task, files.reference
    in_render: Outcome[Seen] = Outcome()
    in_reference: Outcome[Seen] = Outcome()
    if options.needs_faces:
        in_render = attempt(lambda: find_faces(task.render, files.info, options.detector, tracks, advance))
    of_landmarks = table.families_that_need("landmarks", options.metrics)
    compared = options.region != "full" or any(family not in files.problems for family in of_landmarks)
    if task.reference and reference and compared:
        path, info = task.reference, reference
        in_reference = attempt(lambda: find_faces(path, info, options.detector, tracks, lambda frames: None))
    return ClipFaces(in_render, in_reference)
