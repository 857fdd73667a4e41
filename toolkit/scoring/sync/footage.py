"""What a sync model is shown of a clip after the protocol's codec path, and which face tracks are scored."""

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
    """Frames and audio after the protocol's codec path.

    open_frames: begins a reading of the frames, 25 a second.
    audio: (N,) int16 at 16 kHz, from the first frame on; empty: none.
    render_frames: which frame of the render each frame shows, never falling; empty: its own. Face tracks are
        in frames of the render.
    corrected: sentences on what reading the audio altered.
    """

    open_frames: Callable[[], Generator[Frame] | FrameReader]
    audio: np.ndarray
    render_frames: tuple[int, ...] = ()
    corrected: tuple[str, ...] = ()

    def track_here(self, track: FaceTrack) -> tuple[int, int]:
        """First and last + 1 frame of the footage that show ``track``."""
        if not self.render_frames:
            return track.start_frame, track.stop_frame
        return bisect_left(self.render_frames, track.start_frame), bisect_left(
            self.render_frames, track.stop_frame
        )

    def frame_of_track(self, track: FaceTrack, index: int) -> int:
        frame = self.render_frames[index] if self.render_frames else index
        return max(0, frame - track.start_frame)

    def times_seen(self, track: FaceTrack) -> int:
        """In how many frames of the footage the face was seen, not interpolated."""
        start, stop = self.track_here(track)
        return sum(not track.interpolated[self.frame_of_track(track, index)] for index in range(start, stop))


def read_audio(
    path: Path, info: MediaInfo, zero_s: float, frames: int, tally: Counter | None = None
) -> np.ndarray:
    """(N,) int16 at 16 kHz: a hole becomes silence, at the end nothing does.

    zero_s: where it begins, on the file's clock.
    frames: how many, of 640 samples, at most.
    tally: counts what reading meets, and holds what it altered (``media.streams.corrected``).
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


def wanted_tracks(faces: FaceTracks, protocol: Protocol, footage: Footage) -> list[FaceTrack]:
    """The tracks that the protocol scores. Raises NotScored that says how far the best of the others is from
    it.
    """
    if not faces.tracks:
        raise why_no_track(faces, protocol)
    seen = [footage.times_seen(track) for track in faces.tracks]
    kept = [track for track, times in zip(faces.tracks, seen, strict=True) if times >= protocol.min_frames]
    if kept:
        return kept
    longest, after = max(seen), " after the transcode" if footage.render_frames else ""
    seen_words = f"the longest face is seen in {longest} frames{after} ({seconds(longest):.2f} s)"
    raise NotScored("too short", f"{seen_words}, protocol {protocol.id} wants {protocol.min_frames}")


def why_no_track(faces: FaceTracks, protocol: Protocol) -> NotScored:
    """Why no face of a clip became a track."""
    if faces.dropped.get(SMALL):
        return NotScored(
            "face too small", f"protocol {protocol.id} wants faces {_size_words(protocol.tracks)}"
        )
    if faces.dropped:
        return NotScored(
            "too short",
            f"a face was seen for {protocol.tracks.min_seen_frames} frames nowhere in {faces.n_frames}",
        )
    return NotScored("no face", f"no face was found in {faces.n_frames} frames")


def _size_words(options: TrackOptions) -> str:
    if options.min_mean_side_px:
        return f"over {options.min_mean_side_px:g} px wide or high on average"
    return f"{options.min_width_px:g} px wide"
