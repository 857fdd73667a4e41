"""Image metrics of a clip and its filmstrips, in one reading of both files.

The render's frames are shown to ``Comparison`` by whoever reads them: lip sync, or ``SharedFrames.finish``.
So the render is decoded once for both, where no codec path lies between.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.media.frames import Frame, FrameReader, read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics import table
from speechlip.metrics.declared import FRAME, FRAME_PAIR, Metric, NotScored
from speechlip.metrics.regions import Box, cut, face_box, mouth_boxes
from speechlip.scoring.clip.faces import ClipFaces, check_one_size
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.outcome import attempt, metric_of
from speechlip.scoring.clip.strips import Strips
from speechlip.scoring.options import ScoreOptions

Boxes = list[Box | None]


@dataclass(frozen=True)
class ImageScores:
    """Image metrics of a clip.

    values: family → mean over the frames compared.
    problems: family → why it has no value.
    frames: compared; for CPBD alone those of the render.
    strips: mouths for the report.
    seconds: spent on it.
    """

    values: dict[str, float] = field(default_factory=dict)
    problems: dict[str, NotScored] = field(default_factory=dict)
    frames: int = 0
    strips: Strips = field(default_factory=Strips)
    seconds: float = 0.0


class Comparison:
    """Sums up metrics while frames go by.

    families: requested families that have not failed yet.
    boxes: where to look in each frame, None in a frame without a face, which is left out; None: everywhere.
    strips: collects mouths.
    reference: images of the reference, (H, W, 3) uint8 RGB; None where none is read.
    networks: family → the network that it computes with.
    """

    def __init__(
        self,
        families: tuple[str, ...],
        boxes: Boxes | None,
        strips: Strips,
        reference: Iterator[np.ndarray | None] | None,
        networks: Mapping[str, Any],
    ) -> None:
        self.families, self.boxes, self.strips = families, boxes, strips
        self.metrics = {family: table.metric(family) for family in families}
        self.reference, self.networks = reference, networks
        self.sums = dict.fromkeys(families, 0.0)
        self.problems: dict[str, NotScored] = {}
        self.frames = 0
        self.over = not families and not strips.frames
        self._image: np.ndarray | None = None

    def see(self, frame: Frame) -> None:
        """The render's next frame. One without an image shows the one before. Ends with the shorter video."""
        if self.over:
            return
        try:
            self._see(frame)
        except SourceRefused as refusal:
            self.fail(NotScored(refusal.reason, refusal.detail))

    def fail(self, problem: NotScored) -> None:
        """Nothing more is compared, and no family has a value."""
        self.problems |= dict.fromkeys(self.families, problem)
        self.sums, self.over = {}, True

    def _see(self, frame: Frame) -> None:
        image = frame.rgb()
        self._image = self._image if image is None else image
        other = None
        if self.reference is not None:
            try:
                other = next(self.reference)
            except StopIteration:
                self.over = True
                return
        if self._image is None or (self.reference is not None and other is None):
            return
        self.strips.see(frame.index, self._image, other)
        self._add(frame.index, self._image, other)

    def _add(self, index: int, render: np.ndarray, reference: np.ndarray | None) -> None:
        box = self.boxes[index] if self.boxes is not None and index < len(self.boxes) else None
        if self.boxes is not None and box is None:
            return
        render, reference = cut(render, box), None if reference is None else cut(reference, box)
        for family in list(self.sums):
            try:
                metric, network = self.metrics[family], self.networks.get(family)
                self.sums[family] += compute(metric, render, reference, network)
            except NotScored as problem:
                self.problems[family] = problem
                del self.sums[family]
        self.frames += 1

    def scores(self, seconds: float) -> ImageScores:
        """After the last frame. seconds: that the comparison took."""
        nobody = NotScored("no face", "no frame has the region that is asked for")
        values = {family: total / self.frames for family, total in self.sums.items() if self.frames}
        problems = self.problems if self.frames else dict.fromkeys(self.sums, nobody) | self.problems
        return ImageScores(values, problems, self.frames, self.strips, seconds)


class SharedFrames:
    """Frames of the render, shown to a comparison once, whoever reads them.

    open_frames: begins a reading. Closed, it holds no file.
    shown_s: seconds of ``read`` that the comparison took, no work of whoever reads.
    """

    def __init__(self, open_frames: Callable[[], FrameReader], comparison: Comparison) -> None:
        self.open_frames, self.comparison = open_frames, comparison
        self.reading: FrameReader | None = None
        self.shown_s = 0.0

    def read(self) -> Generator[Frame]:
        """All frames from the first; the first reading shows them, and may be left early."""
        if self.reading is not None:
            with closing(self.open_frames()) as again:
                yield from again
            return
        self.reading = self.open_frames()
        try:
            for frame in self.reading:
                began = time.perf_counter()
                self.comparison.see(frame)
                self.shown_s += time.perf_counter() - began
                yield frame
        except SourceRefused as refusal:
            self.comparison.fail(NotScored(refusal.reason, refusal.detail))
            raise

    def finish(self, advance: Callable[[float], None]) -> ImageScores:
        """Show the frames that nobody has read, and return the scores."""
        began = time.perf_counter()
        try:
            if not self.comparison.over:
                self.reading = self.reading or self.open_frames()
                for frame in self.reading:
                    self.comparison.see(frame)
                    advance(1)
                    if self.comparison.over:
                        break
        except SourceRefused as refusal:
            self.comparison.fail(NotScored(refusal.reason, refusal.detail))
        return self.comparison.scores(self.shown_s + time.perf_counter() - began)

    def close(self) -> None:
        if self.reading is not None:
            self.reading.close()


def plan_comparison(
    files: ClipFiles,
    faces: ClipFaces,
    options: ScoreOptions,
    networks: Mapping[str, Any],
    failed: Mapping[str, NotScored],
) -> Comparison:
    """What is to be compared of a clip, where, and with which mouths in the report.

    failed: family → why it has no value, of those that have failed already.
    """
    pairs, singles = (table.metrics_per(per, options.metrics) for per in (FRAME_PAIR, FRAME))
    families = tuple(family for family in (*pairs, *singles) if family not in failed)
    strips = Strips.of(files.frames, faces.of_render, faces.of_reference)
    same = files.same_length and files.same_size
    seen, info = (faces.of_reference if same else None) or faces.of_render, files.info
    boxes = attempt(lambda: region_boxes(options.region, seen, info))
    if boxes.problem:
        comparison = Comparison(families, None, Strips(), None, {})
        comparison.fail(boxes.problem)
        return comparison
    both = faces.of_reference or any(family in families for family in pairs)
    reference = reference_images(files.task.reference, files.reference) if both else None
    return Comparison(families, boxes.result, strips, reference, networks)


def reference_images(path: Path | None, info: MediaInfo | None) -> Iterator[np.ndarray | None] | None:
    """Images of the reference, one a frame; a frame without one shows the one before, if there was one."""
    return _images(path, info) if path and info else None


def _images(path: Path, info: MediaInfo) -> Generator[np.ndarray | None]:
    shown = None
    with closing(read_frames(path, info)) as reading:
        for frame in reading:
            image = frame.rgb()
            shown = shown if image is None else image
            yield shown


def region_boxes(region: str, faces: FaceTracks | None, info: MediaInfo) -> Boxes | None:
    """The region in every frame; None for whole frames.

    info: of the video in whose pixels the boxes are.

    Raises NotScored: ``no face``, ``no landmarks``, ``picture size changes``.
    """
    if region == "full":
        return None
    if faces is None or not faces.selected:
        raise NotScored("no face", f"region {region} wants a face, and none was found")
    check_one_size(faces, f"region {region}")
    if region == "face":
        return [face_box(box, info.width, info.height) for box in faces.boxes]
    if faces.landmarks is None:
        raise NotScored(
            "no landmarks", "region mouth wants landmarks, the detector gives boxes only; take --region face"
        )
    return mouth_boxes(faces.landmarks, info.width, info.height)


def compute(metric: Metric, render: np.ndarray, reference: np.ndarray | None, network: Any) -> float:
    """One metric of one frame: (H, W, 3) uint8 RGB of both.

    network: what the metric computes with, where it declares one.

    Raises NotScored, also for a number that is not finite.
    """
    images = [render] if metric.per == FRAME else [render, _of_one_size(render, reference)]
    own = [network] if metric.network else []
    with metric_of(metric.name):
        value = float(metric.compute(*own, *images))
    if not math.isfinite(value):
        raise NotScored("not finite", f"{metric.name} of a frame is {value}")
    return value


def _of_one_size(render: np.ndarray, reference: np.ndarray | None) -> np.ndarray:
    if reference is None:
        raise NotScored("no reference")
    if render.shape != reference.shape:
        across = [f"{image.shape[1]}×{image.shape[0]}" for image in (render, reference)]
        raise NotScored(
            "different sizes",
            f"the picture changes its size: render {across[0]} where the reference is {across[1]}",
        )
    return reference
