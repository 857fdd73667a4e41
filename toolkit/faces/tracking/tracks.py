"""Faces of single frames → tracks: one face, one shot, no long gap, no jitter.

A shot cut ends every track. Within a shot a face continues the track whose last box it overlaps best. Gaps of
up to 12 frames are interpolated and marked, longer ones split the track. Faces seen too briefly, or too
small, become no track.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechlip.faces.pose import as_complex, as_points, fit_pose, smooth
from speechlip.faces.tracking.selection import MIN_FRAMES
from speechlip.records import Face, FaceTrack

BRIEF = "seen too briefly"
SMALL = "face too small"
BLOCK_FRAMES = 1000
"""Landmarks are moved in blocks of so many frames: a track may be an hour long."""


@dataclass(frozen=True)
class TrackOptions:
    """What makes a track. A frame is 40 ms.

    max_gap_frames: longest gap that is interpolated (0.48 s: a hand or a glance aside, not an absence).
    min_iou: overlap with the track's last box that a face needs. SyncNet's pipeline asks for 0.5 from one
        frame to the next; over a gap a talking head moves further.
    min_seen_frames: a face seen in fewer frames is a false detection.
    min_seen_share: so is one seen in a smaller share of the frames from its first to its last.
    min_width_px: median width of the box; a face less wide has a mouth of under 12 px.
    pose_frames: σ of the smoothing of place, size and roll of a face with landmarks.
    box_frames: σ of the smoothing of the box of a face without landmarks. With both values the image in the
        crop stands stillest (docs/decisions/smoothing.md).
    min_mean_side_px: SyncNet's rule: the longer of mean width and mean height, over interpolated boxes too,
        must exceed it.
    """

    max_gap_frames: int = 12
    min_iou: float = 0.3
    min_seen_frames: int = MIN_FRAMES
    min_seen_share: float = 0.5
    min_width_px: float = 30.0
    pose_frames: float = 0.7
    box_frames: float = 2.0
    min_mean_side_px: float = 0.0


@dataclass(frozen=True)
class Unfit:
    """Sightings of one face that became no track.

    reason: ``BRIEF`` or ``SMALL``.
    frames: in which it was seen.
    width_px: median width of its boxes.
    """

    reason: str
    frames: tuple[int, ...]
    width_px: float


Sighting = tuple[int, Face]


def build_tracks(
    frames: Sequence[list[Face] | None], cuts: Collection[int], options: TrackOptions | None = None
) -> tuple[tuple[FaceTrack, ...], tuple[Unfit, ...]]:
    """Tracks in the order of their first frame, and the faces that became none.

    frames: faces of every frame; None for a frame without an image, which counts as one without a face.
    cuts: first frames of new shots.
    """
    options = options or TrackOptions()
    tracks, unfit = [], []
    for sightings in follow(frames, frozenset(cuts), options):
        reason = why_unfit(sightings, options)
        if not reason and longer_mean_side(track := join(sightings)) <= options.min_mean_side_px:
            reason = SMALL
        if reason:
            unfit.append(Unfit(reason, tuple(index for index, _ in sightings), width_px(sightings)))
        else:
            tracks.append(steady(track, options))
    tracks.sort(key=lambda track: (track.start_frame, *track.boxes[0].tolist()))
    return tuple(tracks), tuple(unfit)


def follow(
    frames: Sequence[list[Face] | None], cuts: frozenset[int], options: TrackOptions
) -> Iterator[list[Sighting]]:
    """Sightings of each face, one list per track, still unchecked."""
    live: list[list[Sighting]] = []
    for index, faces in enumerate(frames):
        ended = (
            live
            if index in cuts
            else [track for track in live if index - track[-1][0] > options.max_gap_frames + 1]
        )
        yield from ended
        live = [track for track in live if not any(track is other for other in ended)]
        left = list(faces or ())
        for track, face in matches(live, left, options.min_iou):
            track.append((index, face))
            left = [other for other in left if other is not face]
        live.extend([(index, face)] for face in left)
    yield from live


def matches(
    live: Sequence[list[Sighting]], faces: Sequence[Face], min_iou: float
) -> Iterator[tuple[list[Sighting], Face]]:
    """Pairs of a track and the face that continues it, best overlap first; each track and each face once."""
    overlaps = [
        (iou(track[-1][1].box, face.box), t, f)
        for t, track in enumerate(live)
        for f, face in enumerate(faces)
    ]
    used_tracks, used_faces = set(), set()
    for overlap, t, f in sorted(overlaps, key=lambda entry: (-entry[0], entry[1], entry[2])):
        if overlap >= min_iou and t not in used_tracks and f not in used_faces:
            used_tracks.add(t)
            used_faces.add(f)
            yield live[t], faces[f]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes.

    >>> iou(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2]))
    0.3333333333333333
    """
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(max(0, width) * max(0, height))
    return shared / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def why_unfit(sightings: list[Sighting], options: TrackOptions) -> str:
    """Why these sightings are no track; empty where they are one."""
    n_frames = sightings[-1][0] - sightings[0][0] + 1
    if len(sightings) < max(options.min_seen_frames, options.min_seen_share * n_frames):
        return BRIEF
    return SMALL if width_px(sightings) < options.min_width_px else ""


def width_px(sightings: list[Sighting]) -> float:
    """Median width of a face's boxes."""
    return float(np.median([face.box[2] - face.box[0] for _, face in sightings]))


def longer_mean_side(track: FaceTrack) -> float:
    """The longer of a track's mean width and mean height, px."""
    return float((track.boxes[:, 2:] - track.boxes[:, :2]).mean(axis=0).max())


def join(sightings: list[Sighting]) -> FaceTrack:
    """Sightings → a track without holes: gaps are interpolated linearly, marked, and have score 0."""
    seen = np.array([index for index, _ in sightings])
    every = np.arange(seen[0], seen[-1] + 1)
    interpolated = ~np.isin(every, seen)
    scores = np.zeros(len(every), np.float32)
    scores[~interpolated] = [face.score for _, face in sightings]
    boxes = between(every, seen, np.stack([face.box for _, face in sightings]))
    points = [face.landmarks for _, face in sightings if face.landmarks is not None]
    landmarks = between(every, seen, np.stack(points)) if len(points) == len(seen) else None
    return FaceTrack(int(seen[0]), boxes, scores, interpolated, landmarks)


def between(every: np.ndarray, seen: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear interpolation: (S, …) values at the frames ``seen`` → (N, …) float32 at the frames ``every``."""
    found = np.empty((len(every), *values.shape[1:]), np.float32)
    found[seen - every[0]] = values
    for before in np.flatnonzero(np.diff(seen) > 1):
        start, stop = seen[before] - every[0], seen[before + 1] - every[0]
        share = (np.arange(1, stop - start) / (stop - start)).reshape(-1, *[1] * (values.ndim - 1))
        found[start + 1 : stop] = values[before] * (1 - share) + values[before + 1] * share
    return found


def steady(track: FaceTrack, options: TrackOptions) -> FaceTrack:
    """The track without the detector's jitter, smoothed without lag (zero-phase).

    With landmarks only place, size and roll are smoothed: the points move as one, so that the mouth opens as
    far and as fast as before. Without landmarks the box is smoothed.
    """
    if track.landmarks is None:
        return replace(track, boxes=smooth(track.boxes, options.box_frames))
    pose = fit_pose(track.landmarks)
    calm = pose.smoothed(options.pose_frames, options.pose_frames)
    landmarks = np.empty_like(track.landmarks)
    turn = calm.turn / pose.turn
    shift = calm.anchor - turn * pose.anchor
    for start in range(0, len(track), BLOCK_FRAMES):
        block = slice(start, start + BLOCK_FRAMES)
        landmarks[block] = as_points(
            as_complex(track.landmarks[block]) * turn[block, None] + shift[block, None]
        )
    return replace(track, boxes=smooth(track.boxes, options.pose_frames), landmarks=landmarks)
