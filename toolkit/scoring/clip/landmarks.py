"""LMD of a clip, and other metrics of its landmarks, audio and speech.

The reference's landmarks are brought to the render's size, so that LMD is in px of the render.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.files.names import is_file
from speechlip.media.info import MediaInfo
from speechlip.metrics import table
from speechlip.metrics.declared import CLIP, IN_PLACE_OF_LANDMARKS, OF_LANDMARKS, Metric, NotScored
from speechlip.metrics.lmd import lmd_per_frame
from speechlip.scoring.clip.faces import ClipFaces, check_one_size, sidecar_landmarks, sidecar_of, why_no_face
from speechlip.scoring.clip.files import ClipFiles, check_lengths, size_words
from speechlip.scoring.clip.outcome import Outcome, attempt, metric_of
from speechlip.scoring.clip.signals import Signals, of_reference, of_render
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.transcode.codec_path import count_frames

ASPECT_TOLERANCE = 0.01
NOTHING: np.ndarray = np.zeros(0)


@dataclass(frozen=True)
class ClipLandmarks:
    """Metrics of a clip's landmarks.

    values: column → number; NaN where the landmarks do not give it.
    problems: family → why it has no value.
    lmd_per_frame: (T,) px, NaN where a face is missing; empty where render and reference were not compared.
    notes: sentences on where the landmarks come from, and on numbers of the real video that are missing.
    """

    values: dict[str, float]
    problems: dict[str, NotScored]
    lmd_per_frame: np.ndarray = field(default_factory=lambda: NOTHING)
    notes: tuple[str, ...] = ()

    @property
    def frames_compared(self) -> int | None:
        """Frames with landmarks on both sides; None where they were not compared."""
        return int(np.isfinite(self.lmd_per_frame).sum()) if len(self.lmd_per_frame) else None


def families_of(files: ClipFiles, options: ScoreOptions) -> tuple[str, ...]:
    """Requested families that are computed of landmarks, and that these files can give."""
    wanted = table.metrics_per(CLIP, options.metrics, needs="landmarks")
    return tuple(family for family in wanted if family not in files.problems)


def score_landmarks(
    files: ClipFiles, faces: ClipFaces, options: ScoreOptions, references: dict[Path, Signals] | None = None
) -> Outcome[ClipLandmarks]:
    """Metrics of landmarks that were asked for, each with its number or its reason.

    references: of earlier calls, by file, to which this one's is added; None: nothing is kept.
    """
    families = families_of(files, options)
    kept = {} if references is None else references
    return (
        attempt(lambda: Landmarks(files, faces, options.detector, kept).score(families))
        if families
        else Outcome()
    )


class Landmarks:
    """What metrics of one clip's landmarks are computed of."""

    def __init__(
        self, files: ClipFiles, faces: ClipFaces, detector: str, references: dict[Path, Signals]
    ) -> None:
        self._references = references
        self._files, self._faces, self._detector = files, faces, detector
        self._notes: list[str] = []
        self._render = of_render(files, faces.render, detector)

    def score(self, families: tuple[str, ...]) -> ClipLandmarks:
        """Every family; one that fails takes no other along."""
        values: dict[str, float] = {}
        problems: dict[str, NotScored] = {}
        for family in families:
            try:
                with metric_of(family):
                    values |= self._columns(family)
            except NotScored as problem:
                problems[family] = problem
        compared = self._pair.result if "_pair" in self.__dict__ else None
        per_frame = lmd_per_frame(*compared) if compared else NOTHING
        sides = filter(None, (self._render, self._reference))
        notes = dict.fromkeys(note for side in sides for note in side.notes)
        return ClipLandmarks(values, problems, per_frame, (*self._notes, *notes))

    def _columns(self, family: str) -> dict[str, float]:
        """Column → number. Raises NotScored where the family's first column has none."""
        first, *others = table.metrics_of(family)
        values = {first.name: self._number(first)}
        for metric in others:
            if metric.of_real and self._reference is None:
                continue
            try:
                values[metric.name] = self._number(metric)
            except NotScored as problem:
                self._notes.append(f"no {metric.name}, {problem}")
        return values

    def _number(self, metric: Metric) -> float:
        """Raises NotScored: that of the metric, and ``not finite``."""
        number = float(metric.compute(*self._given(metric)))
        if not math.isfinite(number):
            raise NotScored("not finite", f"{metric.name} is {number}")
        return number

    def _given(self, metric: Metric) -> list[Any]:
        """What a metric is given, in the order of ``OF_LANDMARKS``. Raises NotScored."""
        own = self._reference if metric.of_real and self._reference else self._render
        of_two: dict[str, Any]
        if instead := next((what for what in IN_PLACE_OF_LANDMARKS if what in metric.needs), ""):
            of_two = {"landmarks": getattr(own, instead)}
            if metric.needs_reference:
                of_two |= {"reference": getattr(self._real, instead)}
                check_lengths(*map(len, of_two.values()))
                both = min(map(len, of_two.values()))
                of_two = {what: series[:both] for what, series in of_two.items()}
        elif metric.needs_reference:
            if self._pair.problem or not self._pair.result:
                raise self._pair.problem or NotScored("no reference")
            of_two = dict(zip(("landmarks", "reference"), self._pair.result, strict=True))
        else:
            of_two = {"landmarks": own.landmarks}
        return [
            of_two[what] if what in of_two else getattr(own, what)
            for what in OF_LANDMARKS
            if what in metric.needs
        ]

    @property
    def _real(self) -> Signals:
        """Raises NotScored where there is no reference."""
        if self._reference is None:
            raise NotScored("no reference")
        return self._reference

    @cached_property
    def _reference(self) -> Signals | None:
        path, info = self._files.task.reference, self._files.reference
        if path is None or info is None:
            return None
        if path not in self._references:
            seen = self._faces.of_reference
            frames = seen.n_frames if seen else count_frames(path, info)
            found = of_reference(path, info, frames, self._faces.reference, self._detector)
            self._references[path] = found
        return self._references[path]

    @cached_property
    def _pair(self) -> Outcome[tuple[np.ndarray, np.ndarray]]:
        return attempt(self._find_pair)

    def _find_pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks of both files. Raises NotScored."""
        files, faces = self._files, self._faces
        if files.reference is None:
            raise NotScored("no reference")
        if faces.reference.problem:
            raise faces.reference.problem
        for seen in (faces.of_render, faces.of_reference):
            if seen:
                check_one_size(seen, "LMD")
        in_render = faces.of_render.landmarks if faces.of_render else None
        in_reference = faces.of_reference.landmarks if faces.of_reference else None
        paths = (files.task.render, files.task.reference)
        if (in_render is None or in_reference is None) and all(
            path and is_file(sidecar_of(path)) for path in paths
        ):
            self._notes.append("LMD from the landmark files beside both videos")
            lengths = files.frames, faces.of_reference.n_frames if faces.of_reference else 0
            in_render, in_reference = (
                sidecar_landmarks(path, frames) for path, frames in zip(paths, lengths, strict=True) if path
            )
        for seen, points, path in zip(
            (faces.of_render, faces.of_reference), (in_render, in_reference), paths, strict=True
        ):
            if path and seen and points is None and not seen.selected:
                raise why_no_face(seen, path.name)
        return of_both(in_render, in_reference, scale_to_render(files.info, files.reference))


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
