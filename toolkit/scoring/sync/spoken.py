"""What sync model ``self`` keeps of a clip until every clip of the set is there: bands, and mouths."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speechlip.lipsync.learned import BANDS
from speechlip.lipsync.mouth import DISTANCES
from speechlip.scoring.sync.means import TrackSync


@dataclass(frozen=True)
class SpokenMouth:
    """One face track of a clip.

    track: its number in the clip.
    start: its first frame.
    seen: (T, 4) float16, how its mouth moves (``lipsync.learned.seen``).
    """

    track: int
    start: int
    seen: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Spoken:
    """One clip.

    heard: (N, 40) float16, bands of its audio (``lipsync.learned.heard``).
    mouths: of the tracks that can be judged.
    """

    heard: np.ndarray = field(repr=False)
    mouths: tuple[SpokenMouth, ...]

    @classmethod
    def of(cls, tracks: Sequence[TrackSync]) -> "Spoken | None":
        """What there is of the tracks of a clip; None where none waits to be judged."""
        waiting = [(number, track.face) for number, track in enumerate(tracks) if track.face]
        if not waiting:
            return None
        mouths = (SpokenMouth(number, face.start, face.seen.astype(np.float16)) for number, face in waiting)
        return cls(waiting[0][1].heard.astype(np.float16), tuple(mouths))

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Spoken":
        """As ``as_dict`` wrote it. Raises KeyError, TypeError or ValueError for anything else."""
        mouths = (
            SpokenMouth(int(each["track"]), int(each["start"]), _rows(each["seen"], len(DISTANCES)))
            for each in content["mouths"]
        )
        return cls(_rows(content["heard"], BANDS), tuple(mouths))

    def as_dict(self) -> dict[str, Any]:
        """Plain values; rows as base64 of little-endian float16."""
        mouths = [
            {"track": each.track, "start": each.start, "seen": _text(each.seen)} for each in self.mouths
        ]
        return {"heard": _text(self.heard), "mouths": mouths}


def _text(rows: np.ndarray) -> str:
    return base64.b64encode(rows.astype("<f2").tobytes()).decode()


def _rows(text: str, columns: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f2").reshape(-1, columns)
