"""All results of one clip, and why requested metrics have none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.columns import FAMILY
from speechlip.scoring import protocols
from speechlip.scoring.clip.faces import ClipFaces
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.images import ImageScores
from speechlip.scoring.clip.landmarks import ClipLandmarks, families_of
from speechlip.scoring.clip.outcome import Outcome
from speechlip.scoring.clip.sync import ClipSync
from speechlip.scoring.options import ScoreOptions


@dataclass(frozen=True)
class ClipResults:
    """What every stage of a clip returned.

    without_network: family → why it has no network.
    """

    files: ClipFiles
    faces: ClipFaces
    landmarks: Outcome[ClipLandmarks]
    sync: ClipSync
    images: ImageScores
    without_network: Mapping[str, NotScored]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was done that a reader should know, without the reasons."""
        faces = self.faces.render.result.corrected if self.faces.render.result else ()
        landmarks = self.landmarks.result.notes if self.landmarks.result else ()
        return (*self.files.notes, *faces, *self.sync.notes, *landmarks)

    @property
    def seconds(self) -> dict[str, float]:
        """Stage → seconds, of the stages that ran."""
        faces = self.faces.render.seconds + self.faces.reference.seconds
        images = self.images.seconds + self.landmarks.seconds
        spent = {"faces": faces, "sync": self.sync.seconds, "images": images}
        return {stage: round(passed_s, 3) for stage, passed_s in spent.items() if passed_s}


def missing(results: ClipResults, options: ScoreOptions) -> dict[str, NotScored]:
    """Requested family of metrics → why it has no value; of several reasons the first."""
    by_stage = (
        results.without_network,
        results.files.problems,
        _one(FAMILY, results.faces.render.problem if protocols.get(options.protocol).crops else None),
        _one(FAMILY, results.sync.problem),
        landmark_problems(results, options),
        results.images.problems,
    )
    return {family: why for family in options.metrics if (why := _first(family, by_stage))}


def landmark_problems(results: ClipResults, options: ScoreOptions) -> dict[str, NotScored]:
    """Family of landmark metrics → why it has no value."""
    if results.landmarks.problem:
        return dict.fromkeys(families_of(results.files, options), results.landmarks.problem)
    return results.landmarks.result.problems if results.landmarks.result else {}


def _one(family: str, problem: NotScored | None) -> dict[str, NotScored]:
    return {family: problem} if problem else {}


def _first(family: str, by_stage: Iterable[Mapping[str, NotScored]]) -> NotScored | None:
    return next((stage[family] for stage in by_stage if family in stage), None)
