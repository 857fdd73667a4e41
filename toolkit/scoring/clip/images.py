"""Image metrics of a clip and its filmstrips, computed while frames go by.

Frames are shown to a ``Comparison`` by whoever reads them: the first reading of both files, which finds
faces; or, where a region has to wait for faces, lip sync and ``SharedFrames.finish``.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.media.decord_frames import ArrayImage
from speechlip.media.frames import Frame, FrameReader
from speechlip.metrics import table
from speechlip.metrics.declared import FRAME_PAIR, FRAMES, NotScored
from speechlip.metrics.regions import Box, cut
from speechlip.scoring.clip.frame_sums import FrameSum
from speechlip.scoring.clip.strips import Strips

Boxes = list[Box | None]
Reading = Generator[Frame] | FrameReader


@dataclass(frozen=True)
class ImageScores:
    """Image metrics of a clip.

    values: family → mean over the frames compared.
    problems: family → why it has no value.
    frames: compared; for CPBD alone those of the render.
    strips: mouths for the report.
    seconds: spent on it.
    per_frame: column → number of the frame → its number, of metrics per frame and per frame pair.
    """

    values: dict[str, float] = field(default_factory=dict)
    problems: dict[str, NotScored] = field(default_factory=dict)
    frames: int = 0
    strips: Strips = field(default_factory=Strips)
    seconds: float = 0.0
    per_frame: dict[str, dict[int, float]] = field(default_factory=dict)


class Comparison:
    """Sums up metrics while frames go by.

    families: requested families that have not failed yet.
    boxes: where to look in each frame, None in a frame without a face, which is left out; None: everywhere.
    strips: collects mouths.
    paired: whether the reference is read too; the shorter video ends the comparison.
    networks: family → the network that it computes with.
    """

    def __init__(
        self,
        families: tuple[str, ...],
        boxes: Boxes | None,
        strips: Strips,
        paired: bool,
        networks: Mapping[str, Any],
    ) -> None:
        self.families, self.boxes, self.strips = families, boxes, strips
        self.metrics = {family: table.metric(family) for family in families}
        self.paired = paired
        self.sums = {family: FrameSum(self.metrics[family], networks.get(family)) for family in families}
        self.problems: dict[str, NotScored] = {}
        self._compared: list[int] = []
        self.over = not families and strips.complete
        self._image: np.ndarray | None = None
        self._other: np.ndarray | None = None

    @property
    def of_pairs(self) -> bool:
        """Whether a metric looks at both images."""
        return any(metric.per == FRAME_PAIR for metric in self.metrics.values())

    def see(self, frame: Frame, other: Frame | None) -> None:
        """The next frame of the render and, where paired, of the reference; None: that one is over.

        A frame without an image shows the one before.
        """
        self.over = self.over or (self.paired and other is None)
        if self.over:
            return
        try:
            self._see(frame, other if self.paired else None)
        except SourceRefused as refusal:
            self.fail(NotScored(refusal.reason, refusal.detail))

    def fail(self, problem: NotScored) -> None:
        """Nothing more is compared, and no family has a value. What is over stays as it is."""
        if not self.over:
            self.problems |= dict.fromkeys(self.families, problem)
            self.sums, self.over = {}, True

    def _see(self, frame: Frame, other: Frame | None) -> None:
        image, other_image = frame.rgb(), other.rgb() if other else None
        self._image = self._image if image is None else image
        self._other = self._other if other_image is None else other_image
        if self._image is None or (self.paired and self._other is None):
            return
        self.strips.see(frame.index, self._image, self._other)
        self._add(frame.index, self._image, self._other)

    def _add(self, index: int, render: np.ndarray, reference: np.ndarray | None) -> None:
        box = self.boxes[index] if self.boxes is not None and index < len(self.boxes) else None
        if self.boxes is not None and box is None:
            return
        render, reference = cut(render, box), None if reference is None else cut(reference, box)
        for family, each in list(self.sums.items()):
            with self._scored(family):
                each.add(render, reference)
        self._compared.append(index)

    @property
    def frames(self) -> int:
        """How many were compared."""
        return len(self._compared)

    def scores(self, seconds: float) -> ImageScores:
        """After the last frame. seconds: that the comparison took."""
        began = time.perf_counter()
        values = {}
        for family, each in list(self.sums.items()) if self.frames else ():
            with self._scored(family):
                values[family] = each.mean()
        nobody = NotScored("no face", "no frame has the region that is asked for")
        problems = self.problems if self.frames else dict.fromkeys(self.sums, nobody) | self.problems
        seconds += time.perf_counter() - began
        per_frame = {
            each.metric.name: dict(zip(self._compared, each.numbers, strict=True))
            for family, each in self.sums.items()
            if family in values and each.metric.per != FRAMES
        }
        return ImageScores(values, problems, self.frames, self.strips, seconds, per_frame)

    @contextmanager
    def _scored(self, family: str) -> Iterator[None]:
        """Around a step of a metric: one that fails has its reason, and is computed no further."""
        try:
            yield
        except NotScored as problem:
            self.problems[family] = problem
            del self.sums[family]


class SharedFrames:
    """Frames of the render, shown to a comparison once, whoever reads them.

    open_frames: begins a reading. Closed, it holds no file.
    open_reference: begins a reading of the reference, where the comparison is paired.
    shown_s: seconds of ``read`` that the comparison took, no work of whoever reads.
    """

    def __init__(
        self,
        open_frames: Callable[[], Reading],
        comparison: Comparison,
        open_reference: Callable[[], Reading],
    ) -> None:
        self.open_frames, self.comparison = open_frames, comparison
        self.open_reference = open_reference
        self.reading: Reading | None = None
        self.others: Reading | None = None
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
                frame = self._show(frame)
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
                    self._show(frame)
                    advance(1)
                    if self.comparison.over:
                        break
        except SourceRefused as refusal:
            self.comparison.fail(NotScored(refusal.reason, refusal.detail))
        return self.comparison.scores(self.shown_s + time.perf_counter() - began)

    def close(self) -> None:
        for reading in (self.reading, self.others):
            if reading is not None:
                reading.close()

    def _show(self, frame: Frame) -> Frame:
        """The frame, its image an array already where it was compared."""
        if self.comparison.over:
            return frame
        image = frame.rgb()
        frame = replace(frame, image=None if image is None else ArrayImage(image))
        try:
            if self.comparison.paired and self.others is None:
                self.others = self.open_reference()
            self.comparison.see(frame, next(self.others, None) if self.others else None)
        except SourceRefused as refusal:
            self.comparison.fail(NotScored(refusal.reason, refusal.detail))
        return frame
