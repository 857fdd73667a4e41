"""What a scoring run hands on: its tasks, one row per clip and track, and what a report draws. All of it goes through JSON unchanged.

``scores.json`` holds ``format`` (1), ``speechlip`` and ``versions`` (libraries), ``command``, ``options``, ``protocol`` (``Protocol`` as a dict, with
its sentence), ``sync_model`` (name, sha256, official; None where there was none), ``models`` (file name → SHA-256), ``metrics`` (columns that were
asked for, in order), ``correction`` (``verdict.CorrectionRules``, and model_confidence: what the sync model declares), ``rows`` (``ScoreRow``),
``aggregates`` (column → ``metrics.aggregate.Aggregate``), ``missing`` (family of metrics → reason → count of clips), ``clips`` (``ClipDetail``).
A number that is missing is null, never NaN.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ScoreTask:
    """One clip to score. clip: its name in every output, the POSIX path relative to the renders' folder, as text that UTF-8 can hold.

    driving_audio: the file whose sound is scored instead of the render's own. problem, audio_problem: why there is no reference, or no driving audio,
    where there should be one; empty where all is well.
    """

    clip: str
    render: Path
    reference: Path | None = None
    driving_audio: Path | None = None
    problem: str = ""
    audio_problem: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """One row of ``scores.csv``; its fields are the columns, in order. None: not computed, ``reason`` says why where it was asked for.

    clip: see ScoreTask. track: ``0``, ``1``, … in the order of time, or ``mean`` for the row that stands for a clip of several tracks; empty where no
    face was followed. A clip of one track has one row. Image metrics stand in the row that stands for the clip.
    status: ``scored`` (all that was asked for), ``partial``, ``failed`` (nothing). reason: ``family: reason`` joined by ``; ``.
    offset_frames > 0: the audio is early. windows: of 5 frames, that the LSE columns rest on. frames_compared: with landmarks on both sides, for LMD.
    pictures_compared: what PSNR, SSIM and LPIPS are means over (for CPBD alone, pictures looked at). protocol: its id, and
    ``unknown weights <hash>`` behind it where the weights are not the official ones. offset_verdict: whether the offset may be acted on (``verdict``).
    ffmpeg: whose rules the protocol's commands followed, ``4.2 emulated`` or ``7.0.2 run``; empty where it runs none. net_delay_ms: by how much the
    protocol and the change to 25 fps made this clip's sound late against its pictures (< 0: early); None without sound.
    """

    clip: str
    track: str
    status: str
    reason: str = ""
    lse_c: float | None = None
    lse_d: float | None = None
    offset_frames: int | None = None
    offset_ms: float | None = None
    lse_c_unpadded: float | None = None
    lse_d_unpadded: float | None = None
    lse_ci_low: float | None = None
    lse_ci_high: float | None = None
    windows: int | None = None
    lmd: float | None = None
    lmd_iod: float | None = None
    frames_compared: int | None = None
    psnr: float | None = None
    ssim: float | None = None
    lpips: float | None = None
    cpbd: float | None = None
    protocol: str = ""
    pictures_compared: int | None = None
    offset_verdict: str = ""
    ffmpeg: str = ""
    net_delay_ms: float | None = None


@dataclass(frozen=True)
class ModelRow(ScoreRow):
    """A row by ``--sync-model``: the LSE columns stay empty, these follow at the end. They are distances in that model's space, no LSE."""

    sync_model: str = ""
    sync_confidence: float | None = None
    sync_distance: float | None = None
    sync_confidence_unpadded: float | None = None
    sync_distance_unpadded: float | None = None
    sync_ci_low: float | None = None
    sync_ci_high: float | None = None


@dataclass(frozen=True)
class TrackCurves:
    """What a report draws of one track's sync. track: as in ScoreRow. start_frame, frames: where it lies in the clip, 25 a second.

    curve, curve_unpadded: mean distance at audio shifts −15 … 15 frames (offset = −shift of the minimum). confidence: one per window.
    """

    track: str
    start_frame: int
    frames: int
    curve: tuple[float | None, ...]
    curve_unpadded: tuple[float | None, ...]
    confidence: tuple[float | None, ...]


@dataclass(frozen=True)
class ClipDetail:
    """What a report shows of one clip. render, reference, driving_audio: paths as given, None where there is none. frames: of the render.

    lmd_per_frame: px, None where a face is missing; empty without LMD. strip_frames: which frames the filmstrips show; strip_render and
    strip_reference: each one JPEG as base64, ``len(strip_frames)`` mouths of 96×96 side by side; empty where there is no face or no reference.
    reference_unseen: why ``strip_reference`` is empty: nobody looked, or what came of looking.
    sound: ``own``, ``driving`` or ``none``. codec_delay_ms: ``net_delay_ms`` of its rows.
    notes: sentences about what was done that a reader should know. seconds: work by stage (``faces``, ``sync``, ``images``).
    """

    clip: str
    render: str
    reference: str | None
    driving_audio: str | None
    frames: int
    sound: str
    codec_delay_ms: float | None
    tracks: tuple[TrackCurves, ...] = ()
    lmd_per_frame: tuple[float | None, ...] = ()
    strip_frames: tuple[int, ...] = ()
    strip_render: str = ""
    strip_reference: str = ""
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] | None = None
    reference_unseen: str = ""


@dataclass(frozen=True)
class ClipScore:
    """All that scoring one clip gives: its rows, tracks first and the row that stands for the clip last, and its detail."""

    rows: tuple[ScoreRow, ...]
    detail: ClipDetail
