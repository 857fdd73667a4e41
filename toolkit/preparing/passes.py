"""The two readings of a source: the first keeps only numbers, the second cuts (docs/decisions/two-passes.md)."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.faces.crops import CropPlan, cut, plan_crop
from speechlip.faces.detectors import open_detector
from speechlip.faces.shots import ShotDetector
from speechlip.faces.tracks import Unfit, build_tracks, select
from speechlip.format import CROP_SIZE
from speechlip.media.audio import audio_windows
from speechlip.media.frames import Frame, joins, read_frames
from speechlip.media.probe import MediaInfo
from speechlip.media.silence import peak
from speechlip.phones import cut_phones
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.spans import Observation, Span
from speechlip.records import Clip, Face, FaceTrack, Phone, Source
from speechlip.timing import FPS, seconds

Report = Callable[[str, float], None]
FIRST_PASS_S, SECOND_PASS_S = (
    0.9 / FPS,
    0.1 / FPS,
)  # how much of a frame's work each pass is, for the progress bar


def observe(
    source: Source,
    info: MediaInfo,
    options: PrepOptions,
    report: Report,
    first_frame: int = 0,
    stop_frame: int | None = None,
) -> Observation:
    """First pass: faces, cuts and loudness of every frame, then the tracks of whole shots.

    Of the part from ``first_frame`` on, before ``stop_frame``: nothing outside of it is looked at, so nothing of it shows in tracks or crops.
    """
    faces: list[list[Face] | None] = []
    peaks: list[int] = []
    sizes: list[tuple[int, int] | None] = []
    shots = ShotDetector()
    with (
        open_detector(options.detector, source) as detector,
        closing(read_frames(source.path, info, options.decoder)) as reading,
    ):
        for moment in reading:
            if moment.index == stop_frame:
                break
            inside = moment.index >= first_frame
            picture = moment.image.rgb() if inside and moment.image is not None else None
            faces.append(None if picture is None else detector.detect(picture, moment.index))
            sizes.append(None if picture is None else (picture.shape[1], picture.shape[0]))
            peaks.append(peak(moment.samples) if inside else -1)
            if inside:
                shots.see(picture, moment.index)
                report(source.name, FIRST_PASS_S)
    found = build_tracks(faces, sorted({*shots.cuts(), *joins(info)}))
    tracks = select(found.tracks, options.faces)
    crops = tuple(plan_crop(track, options.crop) for track in tracks)
    return Observation(
        has_picture=np.array([found is not None for found in faces], bool),
        face_seen=np.array([bool(found) for found in faces], bool),
        peaks=np.array(peaks, np.int32),
        tracks=tracks,
        crops=crops,
        mouth_inside=tuple(
            mouth_inside(crop, *size_of(track, sizes)) for track, crop in zip(tracks, crops, strict=True)
        ),
        reading=reading.stats,
        faces=found.at_once(len(faces)),
        too_small=inside_any(found.small, len(faces)),
        small_width_px=float(np.median([face.width_px for face in found.small])) if found.small else 0.0,
        first_frame=min(first_frame, len(faces)),
    )


def inside_any(faces: Sequence[Unfit], n_frames: int) -> np.ndarray:
    """(n_frames,) bool: from the first to the last sight of any of these faces."""
    found = np.zeros(n_frames, bool)
    for face in faces:
        found[face.frames[0] : face.frames[-1] + 1] = True
    return found


def size_of(track: FaceTrack, sizes: Sequence[tuple[int, int] | None]) -> tuple[int, int]:
    """(width, height) of the pictures in which a track lies; it is one, since a track ends where the size changes."""
    return next(size for size in sizes[track.start_frame : track.stop_frame] if size is not None)


def mouth_inside(crop: CropPlan, width: int, height: int) -> np.ndarray:
    """(N,) bool: whether the centre of each frame's crop lies in the picture."""
    linear, shift = crop.affines[:, :, :2], crop.affines[:, :, 2]
    centres = np.linalg.solve(linear, (CROP_SIZE / 2 - shift)[..., None])[..., 0]
    inside: np.ndarray = np.all((centres >= 0) & (centres < (width, height)), axis=1)
    return inside


def cut_clips(
    source: Source,
    info: MediaInfo,
    seen: Observation,
    spans: Sequence[Span],
    phones: tuple[Phone, ...] | None,
    options: PrepOptions,
    report: Report,
) -> Iterator[Clip]:
    """Second pass: cut the mouth out of every frame of the chosen spans, and take the sound of the same 40 ms.

    Raises SourceRefused (stage ``clips``) where a frame of a span is not there a second time.
    """
    waiting = deque(spans)
    open_clips: list[tuple[Span, list[np.ndarray], list[np.ndarray]]] = []
    sounds = Sounds(source, info, {seen.delay_frames(span.track) for span in spans})
    with closing(read_frames(source.path, info, options.decoder)) as reading:
        for moment in reading:
            heard = sounds.of(moment)
            while waiting and waiting[0].start_frame == moment.index:
                open_clips.append((waiting.popleft(), [], []))
            picture = moment.image.rgb() if open_clips and moment.image is not None else None
            for span, lips, samples in open_clips:
                sound = heard[seen.delay_frames(span.track)]
                if picture is None or sound is None:
                    raise SourceRefused(
                        "clips",
                        "two readings differ",
                        f"frame {moment.index} was there in the first pass and is not in the second",
                    )
                track = seen.tracks[span.track]
                lips.append(
                    cut(picture, seen.crops[span.track].affines[moment.index - track.start_frame], CROP_SIZE)
                )
                samples.append(sound)
            for done in [entry for entry in open_clips if entry[0].stop_frame == moment.index + 1]:
                open_clips.remove(done)
                yield make_clip(source, seen, *done, phones)
            report(source.name, SECOND_PASS_S)
            if not open_clips and not waiting:
                return
    if unfinished := [*(entry[0] for entry in open_clips), *waiting]:
        detail = (
            f"the second pass ended before frame {unfinished[0].stop_frame - 1}, which was there in the first"
        )
        raise SourceRefused("clips", "two readings differ", detail)


class Sounds:
    """The sound that belongs to each moment, as it is and moved later by so many frames (a moved one is read on its own)."""

    def __init__(self, source: Source, info: MediaInfo, delays_frames: set[int]) -> None:
        self._moved = {
            delay: audio_windows(
                source.path, replace(info, video_start_s=info.video_start_s - delay / FPS), Counter()
            )
            for delay in sorted(delays_frames - {0})
        }

    def of(self, moment: Frame) -> dict[int, np.ndarray | None]:
        """Samples by delay, (640,) int16 or None. Call it once for every moment, in order."""
        return {0: moment.samples, **{delay: next(sound) for delay, sound in self._moved.items()}}


def make_clip(
    source: Source,
    seen: Observation,
    span: Span,
    lips: list[np.ndarray],
    samples: list[np.ndarray],
    phones: tuple[Phone, ...] | None,
) -> Clip:
    """Put together what was gathered over a span."""
    track, crop = seen.tracks[span.track], seen.crops[span.track]
    delay = seen.delay_frames(span.track)
    where = slice(span.start_frame - track.start_frame, span.stop_frame - track.start_frame)
    faces = np.ones(1) if seen.faces is None else seen.faces[span.start_frame : span.stop_frame]
    return Clip(
        source=source,
        track=span.track,
        start_frame=span.start_frame,
        lips=np.stack(lips),
        audio=np.concatenate(samples),
        landmarks=None if crop.landmarks is None else crop.landmarks[where],
        phones=None
        if phones is None
        else cut_phones(phones, seconds(span.start_frame - delay), seconds(span.stop_frame - delay)),
        face_score=float(track.scores[where].mean()),
        face_width_px=float(np.median(track.boxes[where, 2] - track.boxes[where, 0])),
        interpolated_frames=int(track.interpolated[where].sum()),
        delay_frames=delay,
        faces_max=int(faces.max()),
        faces_median=float(np.median(faces)),
    )
