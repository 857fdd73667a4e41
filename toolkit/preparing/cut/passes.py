"""A source is measured whole, then cut (docs/decisions/two-passes.md).

What the first reading could not keep is read a second time (docs/decisions/one-decode.md).
"""

from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from speechlip.describing.appearance import Appearances
from speechlip.describing.quality import clip_quality
from speechlip.describing.speech import SpeechMeter
from speechlip.errors import SourceRefused
from speechlip.faces.crops import CropPlan, crop_size, plan_crop
from speechlip.faces.detectors.declared import declaration
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.frame_parts import FrameParts, whole_frame
from speechlip.faces.tracking.selection import piece
from speechlip.faces.tracking.stage import FaceStage
from speechlip.media.audio import audio_windows
from speechlip.media.frames import Frame, FrameReader, joins, read_frames
from speechlip.media.info import MediaInfo
from speechlip.media.silence import peak
from speechlip.phones import cut_phones
from speechlip.preparing.brisque import open_brisque
from speechlip.preparing.choices import SPEAKING
from speechlip.preparing.cut.kept_regions import KeptRegions
from speechlip.preparing.cut.spans import Observation, Span
from speechlip.preparing.cut.speaker import who_speaks
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.reasons import TWO_READINGS
from speechlip.records import Clip, Phone, Source
from speechlip.timing import FPS, seconds
from speechlip.workers.ahead import Ahead
from speechlip.workers.events import Report

FIRST_PASS_S, SECOND_PASS_S = 0.9 / FPS, 0.1 / FPS
"""How much of a frame's work each pass is, in seconds of video, for progress."""


def observe(
    source: Source,
    info: MediaInfo,
    options: PrepOptions,
    report: Report,
    first_frame: int = 0,
    stop_frame: int | None = None,
    spare_core: bool = False,
    lessons: Path | None = None,
) -> Observation:
    """First pass: faces, cuts, loudness and speech of every frame, then the tracks of whole shots.

    Frames before ``first_frame`` and from ``stop_frame`` on are not looked at, so they show in no track and
    no crop; what is said before ``first_frame`` is heard, so that speech across it is known as such.

    spare_core: read in a thread of its own. What is observed does not depend on it.
    lessons: as ``prepare_unit`` takes it.
    """
    peaks: list[int] = []
    meter = SpeechMeter()
    reading = read_frames(source.path, info, options.decoder, first_frame=first_frame)
    with (
        open_detector(options.detector, source) as detector,
        closing(shown_frames(reading, first_frame, stop_frame, spare_core)) as frames,
    ):
        stage = FaceStage(detector)
        kept = KeptRegions(options.crop, declaration(detector).mouth_in_box)
        appearances = Appearances(open_brisque(options))
        for frame, image in frames:
            inside = frame.index >= first_frame
            seen = stage.see(image, frame.index)
            kept.see(frame.index, image, seen, frame.samples)
            appearances.see(frame.index, image, seen)
            meter.hear(frame.samples)
            peaks.append(peak(frame.samples) if inside else -1)
            if inside:
                report(source.name, FIRST_PASS_S)
    speaking = options.faces == SPEAKING
    faces = stage.finish(joins(info), "all" if speaking else options.faces)
    undecided: np.ndarray | bool = False
    if speaking:
        faces, undecided = who_speaks(source, info, faces, options.speaking_by, lessons)
    crops = tuple(plan_crop(track, options.crop) for track in faces.selected)
    sizes = tuple(faces.size_of(track) for track in faces.selected)
    return Observation(
        has_image=faces.has_image,
        face_seen=faces.face_seen,
        peaks=np.array(peaks, np.int32),
        tracks=faces.selected,
        crops=crops,
        mouth_inside=tuple(mouth_inside(crop, *size) for crop, size in zip(crops, sizes, strict=True)),
        reading=reading.stats,
        faces=faces.at_once,
        too_small=faces.small_seen,
        small_width_px=float(np.median([face.width_px for face in faces.small])) if faces.small else 0.0,
        first_frame=min(first_frame, faces.n_frames),
        speech=meter.finish(),
        kept=kept,
        frame_sizes=sizes,
        appearances=appearances,
        who_speaks=undecided,
    )


ShownFrame = tuple[Frame, np.ndarray | None]


def shown_frames(
    reading: FrameReader, first_frame: int, stop_frame: int | None, spare_core: bool
) -> Generator[ShownFrame] | Ahead[ShownFrame]:
    """The frames before ``stop_frame``, from ``first_frame`` on with (H, W, 3) uint8 RGB, if there is any.

    Of ``reading`` as many frames are read as without a thread, so that its counts are the same.
    """

    def shown() -> Generator[ShownFrame]:
        with closing(reading):
            for frame in reading:
                if frame.index == stop_frame:
                    return
                yield frame, frame.rgb() if frame.index >= first_frame else None

    return Ahead(shown()) if spare_core else shown()


def mouth_inside(crop: CropPlan, width: int, height: int) -> np.ndarray:
    """(N,) bool: whether the centre of each frame's mouth, as the crop places it, lies in the image."""
    linear, shift = crop.affines[:, :, :2], crop.affines[:, :, 2]
    middle = np.array(crop.mouth[:2]) + crop.mouth.side / 2
    centres = np.linalg.solve(linear, (middle - shift)[..., None])[..., 0]
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
    """Second pass: cut the mouth out of every frame of the chosen spans, with the audio of the same 40 ms.

    Raises SourceRefused (stage ``clips``) where a frame of a span is not there a second time.
    """
    waiting, size = deque(spans), crop_size(options.crop)
    open_clips: list[tuple[Span, list[np.ndarray], list[np.ndarray]]] = []
    audio = DelayedAudio(source, info, {seen.delay_frames(span.track) for span in spans})
    with closing(frames_of(source, info, seen, spans, options.decoder)) as frames:
        for frame in frames:
            while waiting and waiting[0].start_frame == frame.index:
                open_clips.append((waiting.popleft(), [], []))
            samples_by_delay = audio.of(frame) if open_clips else {}
            for span, lips, samples in open_clips:
                crop = frame.cut(seen.affine(span.track, frame.index), size)
                own = samples_by_delay[seen.delay_frames(span.track)]
                if crop is None or own is None:
                    raise SourceRefused(
                        "clips",
                        TWO_READINGS,
                        f"frame {frame.index} was there in the first pass and is not in the second",
                    )
                lips.append(crop)
                samples.append(own)
            for done in [entry for entry in open_clips if entry[0].stop_frame == frame.index + 1]:
                open_clips.remove(done)
                yield make_clip(source, seen, *done, phones)
            report(source.name, SECOND_PASS_S)
    if unfinished := [*(entry[0] for entry in open_clips), *waiting]:
        detail = (
            f"the second pass ended before frame {unfinished[0].stop_frame - 1}, which was there in the first"
        )
        raise SourceRefused("clips", TWO_READINGS, detail)


def frames_of(
    source: Source, info: MediaInfo, seen: Observation, spans: Sequence[Span], decoder: str
) -> Generator[FrameParts]:
    """All frames of the spans in order: read again up to the last that is not kept, the others as kept.

    It ends early where the second reading does.
    """
    wanted = {index for span in spans for index in range(span.start_frame, span.stop_frame)}
    stop = 1 + last_not_kept(seen, spans)
    if stop:
        with closing(read_frames(source.path, info, decoder, first_frame=seen.first_frame)) as reading:
            for frame in reading:
                yield whole_frame(frame.index, frame.rgb() if frame.index in wanted else None, frame.samples)
                if frame.index + 1 == stop:
                    break
            else:
                return
    for index in sorted(wanted):
        if index >= stop:
            yield seen.kept.take(index)


def last_not_kept(seen: Observation, spans: Sequence[Span]) -> int:
    """The last frame of the spans that has to be read again; −1 where there is none."""
    return max(
        (
            index
            for span in spans
            for index in range(span.start_frame, span.stop_frame)
            if not seen.kept.has(index, seen.affine(span.track, index))
        ),
        default=-1,
    )


class DelayedAudio:
    """The audio of frames, as it is and moved later by some numbers of frames, each read on its own."""

    def __init__(self, source: Source, info: MediaInfo, delays_frames: set[int]) -> None:
        self._moved = {
            delay: audio_windows(
                source.path, replace(info, video_start_s=info.video_start_s - delay / FPS), Counter()
            )
            for delay in sorted(delays_frames - {0})
        }
        self._next = 0

    def of(self, frame: FrameParts) -> dict[int, np.ndarray | None]:
        """Samples by delay, (640,) int16 or None. Call it for frames in order, once for each."""
        passed_by = frame.index - self._next
        self._next = frame.index + 1
        return {
            0: frame.samples,
            **{delay: next(islice(samples, passed_by, None)) for delay, samples in self._moved.items()},
        }


def make_clip(
    source: Source,
    seen: Observation,
    span: Span,
    lips: list[np.ndarray],
    samples: list[np.ndarray],
    phones: tuple[Phone, ...] | None,
) -> Clip:
    """Put together what was gathered over a span."""
    track, delay = seen.tracks[span.track], seen.delay_frames(span.track)
    where = slice(span.start_frame - track.start_frame, span.stop_frame - track.start_frame)
    crop = seen.crops[span.track].frames(where)
    faces = seen.faces_in(span)
    face = piece(track, where.start, where.stop)
    return Clip(
        source=source,
        track=span.track,
        start_frame=span.start_frame,
        lips=np.stack(lips),
        audio=np.concatenate(samples),
        landmarks=crop.landmarks,
        phones=None
        if phones is None
        else cut_phones(phones, seconds(span.start_frame - delay), seconds(span.stop_frame - delay)),
        face_score=float(track.scores[where].mean()),
        face_width_px=float(np.median(track.boxes[where, 2] - track.boxes[where, 0])),
        interpolated_frames=int(track.interpolated[where].sum()),
        delay_frames=delay,
        faces_max=int(faces.max()),
        faces_median=float(np.median(faces)),
        quality=clip_quality(
            face,
            crop,
            seen.frame_sizes[span.track],
            seen.appearances.of(span.start_frame, face.boxes),
            seen.verdicts[span.track] if seen.verdicts else None,
            faces,
        ),
        speech=seen.speech_of(span),
        faces=None if seen.faces is None else faces,
    )
