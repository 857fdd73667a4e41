"""What a sync model is shown of a clip: its pictures and sound after the protocol's codec path, and which face tracks of it are scored."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from speechlip.faces.tracking.stage import FaceTracks
from speechlip.faces.tracking.tracks import SMALL, TrackOptions
from speechlip.media.audio import audio_windows
from speechlip.media.frames import Frame, FrameReader
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.records import FaceTrack
from speechlip.scoring.protocols import Protocol
from speechlip.timing import SAMPLES_PER_FRAME, seconds


@dataclass(frozen=True)
class Footage:
    """What the sync core reads, after the protocol's codec path. pictures: opens them, 25 a second. sound: (N,) int16 from the first picture on;
    empty: no sound. moments: which moment of the render each picture shows, never falling; empty: its own. Tracks are in moments of the render.
    corrected: what reading the sound altered.
    """

    pictures: Callable[[], Generator[Frame] | FrameReader]
    sound: np.ndarray
    moments: tuple[int, ...] = ()
    corrected: tuple[str, ...] = ()

    def track_here(self, track: FaceTrack) -> tuple[int, int]:
        """First and last + 1 picture of the footage that show ``track``."""
        if not self.moments:
            return track.start_frame, track.stop_frame
        return bisect_left(self.moments, track.start_frame), bisect_left(self.moments, track.stop_frame)

    def frame_of_track(self, track: FaceTrack, index: int) -> int:
        moment = self.moments[index] if self.moments else index
        return max(0, moment - track.start_frame)

    def times_seen(self, track: FaceTrack) -> int:
        """In how many pictures of the footage the face was seen, not interpolated."""
        start, stop = self.track_here(track)
        return sum(not track.interpolated[self.frame_of_track(track, index)] for index in range(start, stop))


def read_audio(
    path: Path, info: MediaInfo, zero_s: float, frames: int, tally: Counter | None = None
) -> np.ndarray:
    """(N,) int16 at 16 kHz from ``zero_s`` on, for at most ``frames`` moments; a hole becomes silence, at the end nothing does.

    tally: counts what reading meets, and holds what it altered (``media.corrected``).
    """
    parts = list(
        islice(
            audio_windows(path, replace(info, video_start_s=zero_s), Counter() if tally is None else tally),
            frames,
        )
    )
    while parts and parts[-1] is None:
        parts.pop()
    silence = np.zeros(SAMPLES_PER_FRAME, np.int16)
    return (
        np.concatenate([silence if part is None else part for part in parts])
        if parts
        else np.zeros(0, np.int16)
    )


def wanted_tracks(looked: FaceTracks, protocol: Protocol, footage: Footage) -> list[FaceTrack]:
    """The tracks that the protocol scores. Raises NotScored that says how far the best of the others is from it."""
    if not looked.tracks:
        raise why_no_track(looked, protocol)
    seen = [footage.times_seen(track) for track in looked.tracks]
    kept = [track for track, times in zip(looked.tracks, seen, strict=True) if times >= protocol.min_frames]
    if kept:
        return kept
    longest, after = max(seen), " after the transcode" if footage.moments else ""
    seen_words = f"the longest face is seen in {longest} frames{after} ({seconds(longest):.2f} s)"
    raise NotScored("too short", f"{seen_words}, protocol {protocol.id} wants {protocol.min_frames}")


def why_no_track(looked: FaceTracks, protocol: Protocol) -> NotScored:
    """Why no face of a clip became a track."""
    if looked.dropped.get(SMALL):
        return NotScored(
            "face too small", f"protocol {protocol.id} wants faces {_size_words(protocol.tracks)}"
        )
    if looked.dropped:
        return NotScored(
            "too short",
            f"a face was seen for {protocol.tracks.min_seen_frames} frames nowhere in {looked.n_frames}",
        )
    return NotScored("no face", f"no face was found in {looked.n_frames} frames")


def _size_words(options: TrackOptions) -> str:
    if options.min_mean_side_px:
        return f"over {options.min_mean_side_px:g} px wide or high on average"
    return f"{options.min_width_px:g} px wide"
