"""Lip sync of a clip: its audio, the protocol's codec path, and every face track scored."""

import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speechlip.media.frames import Frame
from speechlip.media.info import MediaInfo
from speechlip.media.streams.corrected import sentences
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.columns import FAMILY
from speechlip.scoring import protocols
from speechlip.scoring.clip.faces import ClipFaces
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.outcome import attempt
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.sync.crops224 import CROP_PX
from speechlip.scoring.sync.footage import Footage, read_audio, wanted_tracks, why_no_track
from speechlip.scoring.sync.means import TrackSync
from speechlip.scoring.sync.models import AnyModel, score_tracks, score_whole
from speechlip.scoring.transcode.codec_path import audio_shifts_of, audio_zero_s, delay, through
from speechlip.scoring.transcode.reading import transcode_images
from speechlip.timing import FPS

OpenFrames = Callable[[], Generator[Frame]]


@dataclass(frozen=True)
class ClipAudio:
    """The audio that is scored.

    path: its file, None where there is none.
    kind: ``own``, ``driving`` or ``none``.
    net_delay_ms: by how much protocol and change to 25 fps make it late against the frames; None where
    unknown.
    problem: why there is none.
    """

    path: Path | None = None
    kind: str = "none"
    net_delay_ms: float | None = None
    problem: NotScored | None = None


@dataclass(frozen=True)
class ClipSync:
    """Lip sync of a clip.

    audio: what was scored.
    tracks: in the order of time.
    problem: why no track has a score.
    notes: sentences on what reading the audio altered.
    seconds: spent on it.
    """

    audio: ClipAudio = ClipAudio()
    tracks: tuple[TrackSync, ...] = ()
    problem: NotScored | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def score_sync(
    files: ClipFiles,
    faces: ClipFaces,
    open_frames: OpenFrames,
    options: ScoreOptions,
    model: AnyModel | None,
    advance: Callable[[float], None],
    scratch: Path | None,
) -> ClipSync:
    """Score every face track of the render, or its whole frames where the protocol crops nothing.

    open_frames: begins a reading of the render.
    model: None where there is no sync model: then only the audio is looked at.
    scratch: a folder for the file that a codec path makes; None: the system's.
    """
    if FAMILY not in options.metrics:
        return ClipSync()
    audio = find_audio(files, options)
    crops = protocols.get(options.protocol).crops
    problem = (faces.render.problem if crops else None) or audio.problem
    if problem or audio.path is None or model is None:
        return ClipSync(audio, problem=problem)
    path = audio.path
    scored = attempt(lambda: _score(files, faces, open_frames, path, options, model, advance, scratch))
    tracks, notes = scored.result or ((), ())
    unscored = (
        None
        if any(track.score for track in tracks)
        else next((track.problem for track in tracks if track.problem), None)
    )
    return ClipSync(audio, tracks, scored.problem or unscored, notes, scored.seconds)


def find_audio(files: ClipFiles, options: ScoreOptions) -> ClipAudio:
    """The driving audio where there is one, else the render's own; what the protocol does to its timing."""
    task, info = files.task, files.info
    heard = attempt(lambda: audio_of(task, info))
    path = heard.result
    if path is None:
        return ClipAudio(problem=heard.problem)
    protocol, rules = protocols.get(options.protocol), options.transcoder.rules
    added = attempt(lambda: delay(protocol, task.render, info, path, rules))
    net_ms = round(1000 * added.result.net_s, 2) if added.result else None
    return ClipAudio(path, "driving" if task.driving_audio else "own", net_ms, added.problem)


def audio_of(task: ScoreTask, info: MediaInfo) -> Path:
    """The file whose audio a render is scored with. Raises NotScored where there is none."""
    if task.audio_problem:
        raise NotScored("no driving audio", task.audio_problem)
    path = task.driving_audio or (task.render if info.audio_codec else None)
    if path is None:
        raise NotScored("no audio", "the file holds pictures only; pairs.csv may name its driving audio")
    return path


def read_beside(audio: Path, video: Path, info: MediaInfo, frames: int, tally: Counter) -> np.ndarray:
    """(N,) int16 at 16 kHz: audio of a file from the first frame of ``video`` on. Raises SourceRefused."""
    heard = replace(info, audio_shifts=audio_shifts_of(audio, video, info))
    return read_audio(audio, heard, audio_zero_s(audio, video, info), frames, tally)


def _score(
    files: ClipFiles,
    faces: ClipFaces,
    open_frames: OpenFrames,
    audio: Path,
    options: ScoreOptions,
    model: AnyModel,
    advance: Callable[[float], None],
    scratch: Path | None,
) -> tuple[tuple[TrackSync, ...], tuple[str, ...]]:
    """Scored tracks, and sentences on what reading the audio altered. Raises NotScored, SourceRefused."""
    protocol, seen = protocols.get(options.protocol), faces.of_render
    if protocol.crops and seen and not seen.tracks:
        raise why_no_track(seen, protocol)
    with tempfile.TemporaryDirectory(prefix="score-sync-", dir=scratch) as folder:
        footage = footage_of(files, open_frames, audio, options, Path(folder))
        if not protocol.crops:
            return tuple(score_whole(model, footage, advance)), footage.corrected
        tracks = wanted_tracks(seen, protocol, footage) if seen else []
        return tuple(score_tracks(model, footage, tracks, advance)), footage.corrected


def footage_of(
    files: ClipFiles, open_frames: OpenFrames, audio: Path, options: ScoreOptions, folder: Path
) -> Footage:
    """What the sync model is shown: the render itself, or what the protocol's codec path makes of it in
    ``folder``.

    Raises SourceRefused.
    """
    protocol, render, info = protocols.get(options.protocol), files.task.render, files.info
    tally: Counter = Counter()
    if protocol.codec_path == protocols.NO_CODEC:
        samples = read_beside(audio, render, info, files.frames, tally)
        return Footage(open_frames, samples, corrected=sentences(tally))
    transcode = through(protocol, render, info, audio, folder, options.transcoder)
    shifts = audio_shifts_of(audio, render, info) if transcode.audio_path == audio else ()
    heard = replace(info, audio_shifts=shifts)
    samples = read_audio(transcode.audio_path, heard, transcode.audio_zero_s, len(transcode.order), tally)
    side_px = CROP_PX if protocol.codec_path == protocols.NATIVE else 0
    shown = tuple(min(max(0, int(middle_s * FPS)), files.frames - 1) for middle_s in transcode.middles_s)
    return Footage(lambda: transcode_images(transcode, side_px), samples, shown, sentences(tally))
