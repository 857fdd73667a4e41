"""LMD of a clip, and other metrics of its landmarks.

The reference's landmarks are brought to the render's size, so that LMD is in px of the render.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.files.names import is_file
from speechlip.media.info import MediaInfo
from speechlip.metrics import table
from speechlip.metrics.declared import CLIP, NotScored
from speechlip.metrics.lmd import lmd_per_frame
from speechlip.scoring.clip.faces import ClipFaces, check_one_size, sidecar_landmarks, sidecar_of
from speechlip.scoring.clip.files import ClipFiles, check_lengths, size_words
from speechlip.scoring.clip.outcome import Outcome, attempt, metric_of
from speechlip.scoring.options import ScoreOptions

ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True)
class ClipLandmarks:
    """Metrics of a clip's landmarks.

    values: column → number; NaN where the landmarks do not give it.
    problems: family → why it has no value.
    lmd_per_frame: (T,) px, NaN where a face is missing.
    notes: sentences on where the landmarks come from.
    """

    values: dict[str, float]
    problems: dict[str, NotScored]
    lmd_per_frame: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def frames_compared(self) -> int:
        """Frames with landmarks on both sides."""
        return int(np.isfinite(self.lmd_per_frame).sum())


def families_of(files: ClipFiles, options: ScoreOptions) -> tuple[str, ...]:
    """Requested families that are computed of landmarks, and that these files can give."""
    wanted = table.metrics_per(CLIP, options.metrics, needs="landmarks")
    return tuple(family for family in wanted if family not in files.problems)


def score_landmarks(files: ClipFiles, faces: ClipFaces, options: ScoreOptions) -> Outcome[ClipLandmarks]:
    """LMD and its like where they were asked for, and faces of both files could be looked for."""
    families = families_of(files, options)
    if not families or files.reference is None:
        return Outcome()
    if faces.reference.problem:
        return Outcome(problem=faces.reference.problem)
    reference = files.reference
    return attempt(lambda: _score(files, reference, faces, families))


def _score(
    files: ClipFiles, reference: MediaInfo, faces: ClipFaces, families: tuple[str, ...]
) -> ClipLandmarks:
    for seen in (faces.of_render, faces.of_reference):
        if seen:
            check_one_size(seen, "LMD")
    in_render = faces.of_render.landmarks if faces.of_render else None
    in_reference = faces.of_reference.landmarks if faces.of_reference else None
    paths, notes = (files.task.render, files.task.reference), tuple[str, ...]()
    if (in_render is None or in_reference is None) and all(
        path and is_file(sidecar_of(path)) for path in paths
    ):
        notes = ("LMD from the landmark files beside both videos",)
        lengths = files.frames, faces.of_reference.n_frames if faces.of_reference else 0
        in_render, in_reference = (
            sidecar_landmarks(path, frames) for path, frames in zip(paths, lengths, strict=True) if path
        )
    pair = of_both(in_render, in_reference, scale_to_render(files.info, reference))
    values, problems = compute(families, *pair)
    return ClipLandmarks(values, problems, lmd_per_frame(*pair), notes)


def compute(
    families: tuple[str, ...], render: np.ndarray, reference: np.ndarray
) -> tuple[dict[str, float], dict[str, NotScored]]:
    """Column → number, and family → why it has none, from (T, 68, 2) px of each."""
    values: dict[str, float] = {}
    problems: dict[str, NotScored] = {}
    for family in families:
        try:
            with metric_of(family):
                values |= {each.name: each.compute(render, reference) for each in table.metrics_of(family)}
        except NotScored as problem:
            problems[family] = problem
    return values, problems


def scale_to_render(render: MediaInfo, reference: MediaInfo) -> float:
    """The factor that brings the reference's px to the render's. Raises NotScored for other proportions."""
    across, down = render.width / reference.width, render.height / reference.height
    if abs(across / down - 1) > ASPECT_TOLERANCE:
        raise NotScored(
            "different proportions",
            f"render {size_words(render)}, reference {size_words(reference)}: "
            "not the same part of the picture",
        )
    return (across + down) / 2


def of_both(
    render: np.ndarray | None, reference: np.ndarray | None, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks over the frames that both have, the reference's in px of the render.

    render, reference: (T, 68, 2) px of each, NaN where no face was seen; None where there are boxes only.
    scale: from ``scale_to_render``.

    Raises NotScored: ``no landmarks``, ``no face``, ``length mismatch``.
    """
    if render is None or reference is None:
        raise NotScored(
            "no landmarks",
            "the detector gives boxes only; take --detector landmarker, "
            "or put .landmarks.npz beside both videos",
        )
    check_lengths(len(render), len(reference))
    both = min(len(render), len(reference))
    pair = render[:both], reference[:both] * np.float32(scale)
    if not np.isfinite(lmd_per_frame(*pair)).any():
        raise NotScored("no face", f"in none of {both} frames was a face found in both render and reference")
    return pair
