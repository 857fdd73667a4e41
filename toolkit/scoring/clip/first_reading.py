"""The first reading of a clip's two files, side by side: their faces are found, whole frames are compared,
and what a filmstrip may show is kept.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from speechlip.errors import SourceRefused
from speechlip.faces.detectors.declared import declaration
from speechlip.faces.detectors.opening import Opener, open_detector
from speechlip.faces.frame_parts import FrameParts
from speechlip.faces.tracking.stage import FaceStage
from speechlip.faces.tracking.tracks import TrackOptions
from speechlip.media.decord_frames import ArrayImage
from speechlip.media.frames import Frame, joins, read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics import table
from speechlip.metrics.declared import NotScored
from speechlip.scoring import protocols
from speechlip.scoring.clip.faces import NOT_LOOKED_FOR, ClipFaces, Seen, as_source
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.images import Comparison, ImageScores
from speechlip.scoring.clip.kept_frames import Keep, KeptFrames, what_to_keep
from speechlip.scoring.clip.meshes import Meshes, MeshKeeper, wants_mesh
from speechlip.scoring.clip.outcome import Outcome
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.sync.models import AnyModel
from speechlip.workers.ahead import Ahead


@dataclass(frozen=True)
class FirstReading:
    """What was seen of a clip; nothing where no stage needs faces.

    faces: of render and reference.
    images: metrics of whole frames; None where they are still to be computed.
    of_render, of_reference: number of the frame → what was kept of it (``kept_frames``).
    """

    faces: ClipFaces = field(default_factory=ClipFaces)
    images: ImageScores | None = None
    of_render: Mapping[int, FrameParts] = field(default_factory=dict)
    of_reference: Mapping[int, FrameParts] = field(default_factory=dict)


class Watched:
    """One file of a clip while it is read for the first time.

    problem: why reading broke off; None where it did not.
    kept: what is around faces in some frames.
    """

    def __init__(
        self,
        path: Path,
        info: MediaInfo,
        detector: str,
        tracks: TrackOptions,
        keep: Keep,
        open_faces: Opener = open_detector,
        with_mesh: bool = False,
    ) -> None:
        """detector: a name; empty: no faces are looked for. with_mesh: whether meshes are kept."""
        self.path, self.info, self.detector, self.tracks = path, info, detector, tracks
        self.problem: NotScored | None = None
        self._open_faces, self._with_mesh = open_faces, with_mesh
        self._meshes: Meshes | None = None
        self.kept = KeptFrames(keep)
        self._unopened: NotScored | None = None
        self._seen: Seen | None = None
        self._seconds = 0.0

    @property
    def faces(self) -> Outcome[Seen]:
        """Nothing where no faces were looked for."""
        if not self.detector:
            return NOT_LOOKED_FOR
        return Outcome(self._seen, self._unopened or self.problem, self._seconds)

    def frames(self) -> Generator[Frame]:
        """The file's frames as arrays, each converted once. Where reading breaks off they end, with
        ``problem``.
        """
        began = time.perf_counter()
        try:
            with ExitStack() as opened:
                stage = self._open_stage(opened)
                reading = opened.enter_context(closing(read_frames(self.path, self.info, audio=False)))
                for frame in reading:
                    image = frame.rgb()
                    faces = stage.see(image, frame.index) if stage else []
                    self.kept.see(frame.index, image, faces)
                    self._seconds += time.perf_counter() - began
                    yield Frame(frame.index, None if image is None else ArrayImage(image), None)
                    began = time.perf_counter()
                if stage:
                    found = stage.finish(joins(self.info), "largest", self.tracks)
                    self._seen = Seen(found, reading.stats.corrected, self._meshes)
        except SourceRefused as refusal:
            self.problem = NotScored(refusal.reason, refusal.detail)
        self._seconds += time.perf_counter() - began

    def _open_stage(self, opened: ExitStack) -> FaceStage | None:
        if not self.detector:
            return None
        try:
            detector = opened.enter_context(self._open_faces(self.detector, as_source(self.path)))
            if self._with_mesh and declaration(detector).has_mesh:
                detector = MeshKeeper(detector)
                self._meshes = detector.kept
            return FaceStage(detector)
        except SourceRefused as refusal:
            self._unopened = NotScored(refusal.reason, refusal.detail)
            return None


def read_both(
    files: ClipFiles,
    options: ScoreOptions,
    model: AnyModel | None,
    comparison: Comparison | None,
    advance: Callable[[float], None],
    side_by_side: bool,
    open_faces: Opener = open_detector,
) -> FirstReading:
    """Read both files once, where a stage needs faces.

    model: what scores lip sync; None where nothing does.
    comparison: of whole frames; None where it has to wait for faces.
    side_by_side: each file in a thread of its own.
    open_faces: gives the detector of a file.
    """
    if not options.needs_faces:
        return FirstReading()
    tracks, with_mesh = protocols.get(options.protocol).tracks, wants_mesh(options.metrics)
    keep, keep_of_reference = what_to_keep(files.frames, options, model)
    render = Watched(files.task.render, files.info, options.detector, tracks, keep, open_faces, with_mesh)
    reference = _watch_reference(files, options, comparison, keep_of_reference, open_faces)
    compare_s = 0.0
    with (
        closing(_running(render, side_by_side)) as shown,
        closing(_running(reference, side_by_side)) as others,
    ):
        for frame in shown:
            other = next(others, None)
            began = time.perf_counter()
            if comparison:
                _compare(comparison, frame, other, reference)
            compare_s += time.perf_counter() - began
            advance(1)
        for _ in others:
            pass
    if comparison and render.problem:
        comparison.fail(render.problem)
    return FirstReading(
        ClipFaces(render.faces, reference.faces if reference else NOT_LOOKED_FOR),
        comparison.scores(compare_s) if comparison else None,
        render.kept.frames,
        reference.kept.frames if reference else {},
    )


def finds_in_reference(files: ClipFiles, options: ScoreOptions) -> bool:
    """Whether the reference's faces are needed: for landmarks, or for a region."""
    of_landmarks = table.families_that_need("landmarks", options.metrics)
    return options.region != "full" or any(family not in files.problems for family in of_landmarks)


def _watch_reference(
    files: ClipFiles,
    options: ScoreOptions,
    comparison: Comparison | None,
    keep: Keep,
    open_faces: Opener,
) -> Watched | None:
    path, info, finds = files.task.reference, files.reference, finds_in_reference(files, options)
    if not path or not info or not (finds or (comparison and comparison.paired)):
        return None
    tracks, detector = protocols.get(options.protocol).tracks, options.detector if finds else ""
    return Watched(path, info, detector, tracks, keep, open_faces, wants_mesh(options.metrics))


def _compare(comparison: Comparison, frame: Frame, other: Frame | None, reference: Watched | None) -> None:
    """A reference that broke off ends it; one without faces goes on counting only where it is compared."""
    if reference and reference.faces.problem and not comparison.of_pairs:
        comparison.paired = False
    elif reference and other is None and reference.problem:
        comparison.fail(reference.problem)
    comparison.see(frame, other)


def _running(watched: Watched | None, in_a_thread: bool) -> Generator[Frame] | Ahead[Frame]:
    frames = watched.frames() if watched else _no_frames()
    return Ahead(frames) if watched and in_a_thread else frames


def _no_frames() -> Generator[Frame]:
    yield from ()
