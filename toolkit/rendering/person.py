"""A person's video → the stretch that is rendered: one face, one shot, its landmarks and audio."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from speechlip.errors import OptionError, SourceRefused
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.tracking.stage import FaceStage, FaceTracks
from speechlip.media.frames import Frame, joins, read_frames
from speechlip.media.info import MediaInfo
from speechlip.media.probe import probe
from speechlip.media.whole_audio import read_audio
from speechlip.progress import Progress
from speechlip.rendering.features import Recording
from speechlip.rendering.options import RenderOptions
from speechlip.scoring.clip.faces import as_source
from speechlip.timing import FPS, SAMPLES_PER_FRAME
from speechlip.wording import counted, listed

LEAST_S, ENOUGH_S = 20, 180
"""Shorter stretches are refused, and shorter ones come with a warning."""
TOO_SHORT = (
    "{length_s:.0f} s of video are short: learned from 13 s, this renderer was 0.3 dB better than the mean "
    "crop, which ranks no encoders; take 3 to 5 min, and several people"
)
OTHER_FACE = 0.5
"""A second face of this share of the person's width or more is another person in the foreground."""
OTHER_FRAMES = FPS
"""In so many frames it is no false detection."""


@dataclass(frozen=True)
class Person:
    """N frames on end of a video that are rendered.

    start: the first of them, at 25 frames/s.
    size: (width, height) of their images, px.
    landmarks: (N, 68, 2) float32 px, NaN where no face is followed.
    tracks: (N,) int32, number of the face track of each frame, −1 where no face is followed.
    seen: (N,) bool, where the detector saw it; elsewhere a short gap is bridged.
    audio: (640 N,) int16 at 16 kHz.
    whole: frames of the whole video.
    notes: sentences on what is left out.
    """

    path: Path
    info: MediaInfo
    start: int
    size: tuple[int, int]
    landmarks: np.ndarray
    tracks: np.ndarray
    seen: np.ndarray
    audio: np.ndarray
    whole: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def recording(self) -> Recording:
        """The audio of these frames, as encoders hear it."""
        return Recording(self.path, self.start, self.whole, self.audio)

    def frames(self, first: int = 0) -> Iterator[tuple[int, np.ndarray | None]]:
        """(number in the stretch, image) from the frame ``first`` on; earlier images are not converted."""
        with closing(read_frames(self.path, self.info, audio=False)) as reading:
            for frame in reading:
                number = frame.index - self.start
                if number >= len(self):
                    return
                if number >= first:
                    yield number, frame.rgb()


def find_person(path: Path, options: RenderOptions, detector: str, progress: Progress) -> Person:
    """The stretch of a video that can be rendered, with its face.

    detector: settled.

    Raises OptionError, which says what is wrong and what to do: a file that cannot be read, no audio, no
    landmarks, no face, two faces, less than 20 s.
    """
    try:
        info = probe(path, max_picture_px=options.max_picture_px)
        faces = watch(path, info, detector, progress)
        audio = read_audio(path, options.max_picture_px)
    except SourceRefused as refusal:
        raise OptionError(f"{path.name} cannot be rendered: {refusal}") from refusal
    if not faces.selected:
        raise OptionError(f"{path.name}: no face was found in {counted(faces.n_frames, 'frame')}")
    if faces.landmarks is None:
        raise OptionError(
            f"{path.name}: detector {detector} gives boxes only, a mouth crop wants landmarks; "
            "take --detector landmarker"
        )
    start, stop = longest_stretch(faces)
    refuse_others(path.name, faces, start, stop)
    landmarks, tracks, seen = followed(faces, start, stop)
    if seen.sum() < LEAST_S * FPS:
        raise OptionError(
            f"{path.name}: the longest shot has a face in {seen.sum() / FPS:.1f} s, at least {LEAST_S} s are "
            "wanted and 3 min are better; take a longer video of one person without cuts"
        )
    samples = slice(start * SAMPLES_PER_FRAME, stop * SAMPLES_PER_FRAME)
    notes = (*left_out(faces, start, stop, seen), *audio.notes)
    size = next(size for size in faces.sizes[start:stop] if size)
    own = audio.samples[samples]
    return Person(path, info, start, size, landmarks, tracks, seen, own, audio.frames, notes)


def watch(path: Path, info: MediaInfo, detector: str, progress: Progress) -> FaceTracks:
    """The faces of a whole video. Raises SourceRefused."""
    progress.begin("finding the face", info.video_duration_s, "s of video")
    with open_detector(detector, as_source(path)) as opened:
        stage = FaceStage(opened)
        with closing(read_frames(path, info, audio=False)) as reading:
            for frame in reading:
                stage.see(_image(frame), frame.index)
                progress.advance(1 / FPS)
        return stage.finish(joins(info))


def _image(frame: Frame) -> np.ndarray | None:
    return frame.rgb()


def longest_stretch(faces: FaceTracks) -> tuple[int, int]:
    """(start, stop) of the shot of one image size in which the selected face is seen most often.

    It begins and ends with a frame in which the face is seen.
    """
    sizes = [at for at, (one, other) in enumerate(pairwise(faces.sizes), 1) if other and one and one != other]
    ends = sorted({0, *faces.cuts, *sizes, faces.n_frames})
    seen = np.zeros(faces.n_frames, bool)
    for track in faces.selected:
        seen[track.start_frame : track.stop_frame] = ~track.interpolated
    start, stop = max(pairwise(ends), key=lambda span: (int(seen[slice(*span)].sum()), -span[0]))
    where = start + np.flatnonzero(seen[start:stop])
    return (int(where[0]), int(where[-1]) + 1) if len(where) else (start, stop)


def refuse_others(name: str, faces: FaceTracks, start: int, stop: int) -> None:
    """Raise OptionError where a second face is about as large as the selected one for a second or more."""
    widths = faces.boxes[:, 2] - faces.boxes[:, 0]
    beside = np.zeros(faces.n_frames, bool)
    for track in faces.tracks:
        here = slice(track.start_frame, track.stop_frame)
        other = np.abs(track.boxes - faces.boxes[here]).max(axis=1) > 1
        beside[here] |= other & (track.boxes[:, 2] - track.boxes[:, 0] >= OTHER_FACE * widths[here])
    if (count := int(beside[start:stop].sum())) >= OTHER_FRAMES:
        raise OptionError(
            f"{name}: two faces in {counted(count, 'frame')}, and a renderer learns one person; "
            "crop the video to one of them"
        )


def followed(faces: FaceTracks, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(landmarks, tracks, seen) of the frames ``start … stop − 1``, as ``Person`` has them."""
    landmarks = np.full((faces.n_frames, 68, 2), np.nan, np.float32)
    tracks, seen = np.full(faces.n_frames, -1, np.int32), np.zeros(faces.n_frames, bool)
    for number, track in enumerate(faces.selected):
        here = slice(track.start_frame, track.stop_frame)
        landmarks[here], tracks[here], seen[here] = track.landmarks, number, ~track.interpolated
    return landmarks[start:stop], tracks[start:stop], seen[start:stop]


def left_out(faces: FaceTracks, start: int, stop: int, seen: np.ndarray) -> list[str]:
    """What of the video is not rendered, as sentences."""
    sentences = []
    if stop - start < faces.n_frames:
        cuts = [f"{cut / FPS:.2f} s" for cut in faces.cuts]
        where = f" (cut at {listed(cuts)})" if cuts else ""
        sentences.append(
            f"{(faces.n_frames - stop + start) / FPS:.1f} s are left out, because one shot is rendered, from "
            f"the first to the last sight of the face: {start / FPS:.2f} to {stop / FPS:.2f} s{where}"
        )
    if holes := int((~seen).sum()):
        sentences.append(
            f"{counted(holes, 'frame')} of {len(seen)} without a face: not learned from, and not scored"
        )
    return sentences
