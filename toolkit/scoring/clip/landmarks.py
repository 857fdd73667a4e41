"""LMD of a clip. The reference's landmarks are brought to the render's size, so that it is in px of the render."""

from dataclasses import dataclass

import numpy as np

from speechlip.files.names import is_file
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.metrics.lmd import LandmarkScore, landmark_score
from speechlip.scoring.clip.faces import ClipFaces
from speechlip.scoring.clip.files import ClipFiles, check_lengths, size_words
from speechlip.scoring.clip.outcome import Outcome, attempt
from speechlip.scoring.faces import check_one_size, sidecar_landmarks, sidecar_of
from speechlip.scoring.options import ScoreOptions

ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True)
class ClipLandmarks:
    """LMD of a clip.

    score: with its value in every frame.
    notes: sentences on where the landmarks come from.
    """

    score: LandmarkScore
    notes: tuple[str, ...] = ()


def score_landmarks(files: ClipFiles, faces: ClipFaces, options: ScoreOptions) -> Outcome[ClipLandmarks]:
    """LMD where it was asked for, and faces of both files could be looked for."""
    if "lmd" not in options.metrics or "lmd" in files.problems or files.reference is None:
        return Outcome()
    if faces.reference.problem:
        return Outcome(problem=faces.reference.problem)
    reference = files.reference
    return attempt(lambda: _score(files, reference, faces))


def _score(files: ClipFiles, reference: MediaInfo, faces: ClipFaces) -> ClipLandmarks:
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
    scale = scale_to_render(files.info, reference)
    return ClipLandmarks(landmark_distance(in_render, in_reference, scale), notes)


def scale_to_render(render: MediaInfo, reference: MediaInfo) -> float:
    """The factor that brings the reference's pixels to the render's. Raises NotScored for other proportions."""
    across, down = render.width / reference.width, render.height / reference.height
    if abs(across / down - 1) > ASPECT_TOLERANCE:
        raise NotScored(
            "different proportions",
            f"render {size_words(render)}, reference {size_words(reference)}: not the same part of the picture",
        )
    return (across + down) / 2


def landmark_distance(render: np.ndarray | None, reference: np.ndarray | None, scale: float) -> LandmarkScore:
    """LMD over the frames that both have.

    render, reference: (T, 68, 2) px of each, NaN where no face was seen; None where there are boxes only.
    scale: from ``scale_to_render``.

    Raises NotScored: ``no landmarks``, ``no face``, ``length mismatch``.
    """
    if render is None or reference is None:
        raise NotScored(
            "no landmarks",
            "the detector gives boxes only; take --detector mediapipe, or put .landmarks.npz beside both videos",
        )
    check_lengths(len(render), len(reference))
    both = min(len(render), len(reference))
    score = landmark_score(render[:both], reference[:both] * np.float32(scale))
    if not score.frames_compared:
        raise NotScored("no face", f"in none of {both} frames was a face found in both render and reference")
    return score
