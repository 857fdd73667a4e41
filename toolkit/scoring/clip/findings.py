"""What came of one clip so far, and why the rest did not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from speechlip.errors import SourceRefused
from speechlip.faces.stage import FaceTracks
from speechlip.metrics.declared import NotScored
from speechlip.metrics.lmd import LandmarkScore
from speechlip.scoring.clip.full_reference import ImageScores
from speechlip.scoring.clip.strips import Strips
from speechlip.scoring.sync.models import TrackSync


@dataclass
class Findings:
    """What came of one clip so far. problems: family → why it has no value."""

    problems: dict[str, NotScored]
    tracks: list[TrackSync] = field(default_factory=list)
    landmarks: LandmarkScore | None = None
    images: ImageScores = field(default_factory=ImageScores)
    strips: Strips = field(default_factory=Strips)
    looked: FaceTracks | None = None
    looked_reference: FaceTracks | None = None
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    sound: str = "none"
    net_delay_ms: float | None = None

    @contextmanager
    def stage(self, name: str, families: tuple[str, ...]) -> Iterator[None]:
        """Time a stage; what goes wrong in it becomes the reason of its families."""
        began = time.perf_counter()
        try:
            yield
        except NotScored as problem:
            self.refuse(families, problem)
        except SourceRefused as refusal:
            self.refuse(families, NotScored(refusal.reason, refusal.detail))
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - began, 3)

    def refuse(self, families: tuple[str, ...], problem: NotScored) -> None:
        for family in families:
            self.problems.setdefault(family, problem)

    def open(self, families: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Those of ``families`` that are asked for and that nothing speaks against yet."""
        return tuple(family for family in families if family in wanted and family not in self.problems)
