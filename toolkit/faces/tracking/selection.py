"""Which tracks of a video are used: all of them, or one face at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from speechlip.errors import no_such
from speechlip.records import FaceTrack
from speechlip.spans import runs

SELECTIONS = ("largest", "all")
MIN_FRAMES = 5
"""A track, or a piece of one, in fewer frames is taken for a false detection."""


def select(
    tracks: Sequence[FaceTrack], selection: str, min_frames: int = MIN_FRAMES
) -> tuple[FaceTrack, ...]:
    """``all`` tracks, or the ``largest`` one of every frame. Raises OptionError for another word.

    The largest track has the largest area summed over its frames. As no track crosses a cut, that is settled
    shot by shot, and somebody who passes close to the camera does not interrupt the one who talks. Other
    tracks are kept where it is absent, in pieces of at least ``min_frames``.
    """
    if selection not in SELECTIONS:
        raise no_such("selection of faces", selection, SELECTIONS)
    if selection == "all":
        return tuple(tracks)
    kept: list[FaceTrack] = []
    for track in sorted(tracks, key=lambda track: -summed_area(track)):
        kept.extend(piece for piece in outside(track, kept) if len(piece) >= min_frames)
    return tuple(sorted(kept, key=lambda track: track.start_frame))


def summed_area(track: FaceTrack) -> float:
    """Area of a track's boxes, px², summed over its frames."""
    return float(np.prod(track.boxes[:, 2:] - track.boxes[:, :2], axis=1, dtype=np.float64).sum())


def outside(track: FaceTrack, others: Sequence[FaceTrack]) -> Iterator[FaceTrack]:
    """The pieces of ``track`` in which none of ``others`` is present."""
    free = np.ones(len(track), bool)
    for other in others:
        start, stop = (max(0, frame - track.start_frame) for frame in (other.start_frame, other.stop_frame))
        free[start:stop] = False
    for start, stop in runs(free):
        yield piece(track, start, stop)


def piece(track: FaceTrack, start: int, stop: int) -> FaceTrack:
    """Frames ``start … stop - 1`` of a track, counted from its own first frame."""
    return replace(
        track,
        start_frame=track.start_frame + start,
        boxes=track.boxes[start:stop],
        scores=track.scores[start:stop],
        interpolated=track.interpolated[start:stop],
        landmarks=None if track.landmarks is None else track.landmarks[start:stop],
    )
