"""One clip, from its files to its rows: faces, then sync by the protocol's path, then render against reference. What fails takes nothing else along."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.faces.stage import FaceTracks
from speechlip.files.names import is_file, plain_name
from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo, image_corrections
from speechlip.media.probe import probe
from speechlip.media.streams.corrected import sentences
from speechlip.metrics.declared import NotScored
from speechlip.metrics.regions import Box, face_box, mouth_boxes
from speechlip.progress import SILENT, Progress
from speechlip.scoring import protocols
from speechlip.scoring.clip.findings import Findings
from speechlip.scoring.clip.full_reference import (
    PAIRED,
    check_lengths,
    check_sizes,
    compare_pictures,
    landmark_distance,
    scale_to_render,
    side_by_side,
)
from speechlip.scoring.clip.rows import clip_rows, curves_of, with_verdicts
from speechlip.scoring.clip.strips import Strips
from speechlip.scoring.faces import check_one_size, find_faces, sidecar_landmarks, sidecar_of
from speechlip.scoring.networks import Tools, find_networks, settle, tools_of
from speechlip.scoring.options import NEED_REFERENCE, ScoreOptions
from speechlip.scoring.records import ClipDetail, ClipScore, ScoreTask
from speechlip.scoring.sync.crops224 import CROP_PX
from speechlip.scoring.sync.footage import Footage, read_audio, wanted_tracks, why_no_track
from speechlip.scoring.sync.models import score_tracks, score_whole
from speechlip.scoring.sync.verdict import STATED
from speechlip.scoring.transcode.binary import Ffmpeg
from speechlip.scoring.transcode.codec_path import count_moments, delay, sound_shifts, sound_zero_s, through
from speechlip.scoring.transcode.reading import transcode_images
from speechlip.scoring.transcode.times import Delay
from speechlip.timing import FPS

DEFAULTS = ScoreOptions()
Report = Callable[[str, float], None]
SHARES = {"faces": 0.3, "sync": 0.4, "images": 0.3}
"""How much of a frame's work each stage is, for the progress bar."""
UNREADABLE = "reference unreadable"


def score(
    render: str | Path,
    reference: str | Path | None = None,
    options: ScoreOptions = DEFAULTS,
    *,
    audio: str | Path | None = None,
    progress: Progress = SILENT,
) -> ClipScore:
    """Score one render in this process.

    render: a video. reference: the real video, None where there is none. audio: a file whose audio is scored instead
    of the render's own.

    A score that was asked for and could not be computed has its reason in ``ClipScore.missing``, and the sentence for
    a person in ``ClipScore.detail.notes``. Raises OptionError for options that cannot be used, ModelError for weights
    that are not what they should be, SourceRefused for a render that cannot be read.
    """
    render = Path(render)
    task = ScoreTask(
        plain_name(render.name),
        render,
        Path(reference) if reference else None,
        Path(audio) if audio else None,
    )
    settled = settle(options, reference is not None, progress)
    networks = find_networks(settled)
    for family, (reason, detail) in networks.problems.items():
        progress.say(f"{family} is not scored, {reason}: {detail}")
    result = score_clip(task, settled, tools_of(settled, networks), lambda clip, seconds: None)
    return replace(result, rows=with_verdicts(result.rows, networks.least_confidence, STATED))


def score_clip(
    task: ScoreTask, options: ScoreOptions, tools: Tools, report: Report, scratch: Path | None = None
) -> ClipScore:
    """Score one clip. Raises SourceRefused where the render itself cannot be read; everything else is a reason in its rows.

    scratch: where the file lies that a codec path makes, while it is wanted; None: among the system's temporary files.
    """
    info = probe(task.render, need_audio=False, max_picture_px=options.max_picture_px)
    found = Findings(tools.missing(options.metrics))
    found.frames = count_moments(task.render, info)
    found.notes.extend(image_corrections(info))
    reference = _open_reference(task, options, found)
    if options.needs_faces:
        with found.stage("faces", ("lse",) if protocols.get(options.protocol).crops else ()):
            found.looked, corrected = find_faces(
                task.render,
                info,
                options.detector,
                protocols.get(options.protocol).tracks,
                _advance(report, task, "faces"),
            )
            found.notes.extend(corrected)
    if "lse" in options.metrics:
        with found.stage("sync", ("lse",)):
            _score_sync(task, info, options, tools, found, _advance(report, task, "sync"), scratch)
    _compare(task, info, reference, options, tools, found, _advance(report, task, "images"))
    return ClipScore(clip_rows(task.clip, options, tools.sync, found), _detail(task, found))


def _advance(report: Report, task: ScoreTask, stage: str) -> Callable[[float], None]:
    return lambda frames: report(task.clip, frames * SHARES[stage] / FPS)


def _open_reference(task: ScoreTask, options: ScoreOptions, found: Findings) -> MediaInfo | None:
    wanted = found.open(NEED_REFERENCE, options.metrics)
    if task.problem:
        found.notes.append(task.problem)
    if task.reference is None:
        found.refuse(wanted, NotScored("no reference", task.problem))
        return None
    try:
        return probe(task.reference, need_audio=False, max_picture_px=options.max_picture_px)
    except SourceRefused as refusal:
        found.refuse(wanted, NotScored(UNREADABLE, f"{refusal.reason} {refusal.detail}".strip()))
        return None


def _score_sync(
    task: ScoreTask,
    info: MediaInfo,
    options: ScoreOptions,
    tools: Tools,
    found: Findings,
    advance: Callable[[float], None],
    scratch: Path | None,
) -> None:
    if task.audio_problem:
        raise NotScored("no driving audio", task.audio_problem)
    protocol = protocols.get(options.protocol)
    audio = task.driving_audio or (task.render if info.audio_codec else None)
    found.sound = "driving" if task.driving_audio else "own" if audio else "none"
    if audio is None:
        raise NotScored("no audio", "the file holds pictures only; pairs.csv may name its driving audio")
    found.net_delay_ms = net_delay_ms(delay(protocol, task.render, info, audio, options.transcoder.rules))
    if tools.sync is None or "lse" in found.problems:
        return
    if protocol.crops and found.looked and not found.looked.tracks:
        raise why_no_track(found.looked, protocol)
    with tempfile.TemporaryDirectory(prefix="score-sync-", dir=scratch) as folder:
        footage = _footage(task, info, audio, protocol, found.frames, Path(folder), options.transcoder)
        found.notes.extend(footage.corrected)
        if protocol.crops:
            tracks = wanted_tracks(found.looked, protocol, footage) if found.looked else []
            found.tracks = score_tracks(tools.sync, footage, tracks, advance)
        else:
            found.tracks = score_whole(tools.sync, footage, advance)
    if not any(track.score for track in found.tracks):
        raise next(track.problem for track in found.tracks if track.problem)


def net_delay_ms(added: Delay | None) -> float | None:
    return None if added is None else round(1000 * added.net_s, 2)


def _footage(
    task: ScoreTask,
    info: MediaInfo,
    audio: Path,
    protocol: protocols.Protocol,
    frames: int,
    folder: Path,
    ffmpeg: Ffmpeg,
) -> Footage:
    tally: Counter = Counter()
    if protocol.codec_path == protocols.NO_CODEC:
        heard = replace(info, audio_shifts=sound_shifts(audio, task.render, info))
        sound = read_audio(audio, heard, sound_zero_s(audio, task.render, info), frames, tally)
        return Footage(lambda: read_frames(task.render, info), sound, corrected=sentences(tally))
    hop = through(protocol, task.render, info, audio, folder, ffmpeg)
    shifts = sound_shifts(audio, task.render, info) if hop.sound_path == audio else ()
    sound = read_audio(
        hop.sound_path, replace(info, audio_shifts=shifts), hop.sound_zero_s, len(hop.order), tally
    )
    side_px = CROP_PX if protocol.codec_path == protocols.NATIVE else 0
    shown = tuple(min(max(0, int(middle_s * FPS)), frames - 1) for middle_s in hop.moments_s)
    return Footage(lambda: transcode_images(hop, side_px), sound, shown, sentences(tally))


def _compare(
    task: ScoreTask,
    info: MediaInfo,
    reference: MediaInfo | None,
    options: ScoreOptions,
    tools: Tools,
    found: Findings,
    advance: Callable[[float], None],
) -> None:
    """LMD, then the image metrics and the filmstrips in one reading of both files."""
    seen: FaceTracks | None = None
    same_length = same_size = False
    if reference and task.reference:
        with found.stage("images", found.open(NEED_REFERENCE, options.metrics)):
            check_lengths(found.frames, count_moments(task.reference, reference))
            same_length = True
        with found.stage("images", found.open(PAIRED, options.metrics)):
            check_sizes(info, reference)
            same_size = True
        if found.open(("lmd",), options.metrics) or options.region != "full":
            with found.stage("faces", ("lmd",)):
                seen, _ = find_faces(
                    task.reference,
                    reference,
                    options.detector,
                    protocols.get(options.protocol).tracks,
                    lambda frames: None,
                )
        if found.open(("lmd",), options.metrics):
            with found.stage("images", ("lmd",)):
                for looked in (found.looked, seen):
                    if looked:
                        check_one_size(looked, "LMD")
                render_points, reference_points = _landmarks(task, found, seen)
                found.landmarks = landmark_distance(
                    render_points, reference_points, scale_to_render(info, reference)
                )
    wanted = found.open((*PAIRED, "cpbd"), options.metrics)
    found.looked_reference = seen
    found.strips = Strips.of(found.frames, found.looked, seen)
    if not wanted and not found.strips.frames:
        return
    with found.stage("images", wanted):
        boxes = _boxes(options.region, seen if seen and same_length and same_size else found.looked, info)
        both = task.reference if reference and (found.open(PAIRED, options.metrics) or seen) else None
        pictures = side_by_side(task.render, info, both, reference, advance)
        found.images = compare_pictures(pictures, wanted, boxes, tools.lpips, found.strips.see)
    found.problems |= {
        family: problem for family, problem in found.images.problems.items() if family not in found.problems
    }


def _landmarks(
    task: ScoreTask, found: Findings, seen: FaceTracks | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Landmarks of render and reference, from the detector, or where it gives boxes only from the files beside both."""
    render = found.looked.landmarks if found.looked else None
    reference = seen.landmarks if seen else None
    if (
        (render is None or reference is None)
        and seen
        and all(is_file(sidecar_of(path)) for path in (task.render, task.reference) if path)
    ):
        found.notes.append("LMD from the landmark files beside both videos")
        return sidecar_landmarks(task.render, found.frames), sidecar_landmarks(
            task.reference, seen.n_frames
        ) if task.reference else None
    return render, reference


def _boxes(region: str, looked: FaceTracks | None, info: MediaInfo) -> list[Box | None] | None:
    """The region of every frame, from the face that was looked at. info: of the video whose pixels the boxes are in."""
    if region == "full":
        return None
    if looked is None or not looked.selected:
        raise NotScored("no face", f"region {region} wants a face, and none was found")
    check_one_size(looked, f"region {region}")
    if region == "face":
        return [face_box(box, info.width, info.height) for box in looked.boxes]
    landmarks = looked.landmarks
    if landmarks is None:
        raise NotScored(
            "no landmarks", "region mouth wants landmarks, the detector gives boxes only; take --region face"
        )
    return mouth_boxes(landmarks, info.width, info.height)


def _detail(task: ScoreTask, found: Findings) -> ClipDetail:
    per_frame = [] if found.landmarks is None else found.landmarks.per_frame.tolist()
    render_strip, reference_strip = found.strips.encoded()
    details = [f"{family}: {problem.detail}" for family, problem in found.problems.items() if problem.detail]
    return ClipDetail(
        clip=task.clip,
        render=str(task.render),
        reference=str(task.reference) if task.reference else None,
        driving_audio=str(task.driving_audio) if task.driving_audio else None,
        frames=found.frames,
        sound=found.sound,
        codec_delay_ms=found.net_delay_ms,
        tracks=curves_of(found.tracks),
        lmd_per_frame=tuple(None if np.isnan(value) else round(value, 3) for value in per_frame),
        strip_frames=found.strips.frames,
        strip_render=render_strip,
        strip_reference=reference_strip,
        notes=tuple(dict.fromkeys([*found.notes, *details])),
        seconds=found.seconds,
        reference_unseen="" if reference_strip else _why_unseen(task, found),
    )


def _why_unseen(task: ScoreTask, found: Findings) -> str:
    """Why a report has no mouths of the reference: it says that no face was found only where somebody looked for one."""
    if task.reference is None:
        return "none given"
    if found.looked_reference is not None:
        return "no face at these moments" if found.looked_reference.selected else "no face found"
    reasons = [problem.reason for family, problem in found.problems.items() if family in NEED_REFERENCE]
    unread = next((reason for reason in reasons if reason == UNREADABLE), "")
    return (
        unread
        or f"not looked at: {found.problems['lmd'].reason if 'lmd' in found.problems else 'LMD was not asked for'}"
    )
