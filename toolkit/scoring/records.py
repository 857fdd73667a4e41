"""What a scoring run hands on: its tasks, one row per clip and track, what a report shows. All go through
JSON.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from speechlip.errors import OptionError
from speechlip.metrics import table
from speechlip.scoring.columns import row_columns
from speechlip.scoring.sync.spoken import Spoken


@dataclass(frozen=True)
class ScoreTask:
    """One clip to score.

    clip: its name in every output, the POSIX path below the renders' folder, as text that UTF-8 can hold.
    render: the video to score.
    reference: the real video, None where there is none.
    driving_audio: a file whose audio is scored instead of the render's own.
    problem: why there is no reference where there should be one, else empty.
    audio_problem: why there is no driving audio where there should be some, else empty.
    """

    clip: str
    render: Path
    reference: Path | None = None
    driving_audio: Path | None = None
    problem: str = ""
    audio_problem: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """One row of ``scores.csv``. The number of a metric is an attribute by its column: ``row.psnr``.

    clip: as in ScoreTask.
    track: ``0``, ``1``, … in the order of time; ``mean`` in the row that stands for a clip of several tracks;
        empty where no face was followed. A clip of one track has one row.
    status: ``scored`` (all that was asked for), ``partial``, or ``failed`` (nothing).
    reason: ``family: reason`` of every family that is missing, joined by ``; ``.
    values: column of a metric → its number, of those that were computed; where another was asked for,
        ``reason`` says why it is missing. Image metrics stand in the row that stands for the clip.
    frames_compared: frames with landmarks on both sides, for LMD.
    pictures_compared: frames that the image metrics are means over.
    protocol: protocol id plus any deviation: the region, weights that are not the official ones.
    offset_verdict: whether the offset may be acted on (``sync.verdict``).
    ffmpeg: ``4.2 emulated`` or ``7.0.2 run``; empty where the protocol runs none.
    net_delay_ms: by how much the protocol and the change to 25 fps made the audio late against the frames;
        below 0: early; None without audio.
    sync_model: name of a sync model other than SyncNet, whose ``sync_…`` columns stand in place of ``lse_…``.
    """

    clip: str
    track: str
    status: str
    reason: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    frames_compared: int | None = None
    pictures_compared: int | None = None
    protocol: str = ""
    offset_verdict: str = ""
    ffmpeg: str = ""
    net_delay_ms: float | None = None
    sync_model: str = ""

    def __getattr__(self, column: str) -> Any:
        """A metric's number, None where it was not computed. Raises AttributeError for what is no metric."""
        if column.startswith("_") or column == "values":
            raise AttributeError(column)
        if column in self.values:
            return self.values[column]
        try:
            table.metric(column)
        except OptionError as error:
            raise AttributeError(f"a row of scores has no column {column!r}: {error}") from None
        return None

    @classmethod
    def of(cls, cells: Mapping[str, Any]) -> "ScoreRow":
        """A row from its columns by name, as it went through JSON. Raises TypeError where one is missing."""
        names = {each.name for each in fields(cls)} - {"values"}
        own = {name: value for name, value in cells.items() if name in names}
        numbers = {name: value for name, value in cells.items() if name not in names and value is not None}
        return cls(**own, values=numbers)

    def cells(self, metrics: Iterable[str] = ()) -> dict[str, Any]:
        """Column → value, in the order of ``scores.csv``. metrics: columns that were asked for."""
        columns = row_columns((*metrics, *self.values), self.sync_model)
        return {column: getattr(self, column) for column in columns}


@dataclass(frozen=True)
class TrackCurves:
    """What a report shows of one track's sync.

    track: as in ScoreRow.
    start_frame, frames: where it lies in the clip, in frames of 40 ms.
    curve, curve_unpadded: mean distance at audio shifts −15 … 15 frames (offset = −shift of the minimum).
    confidence: one per window.
    """

    track: str
    start_frame: int
    frames: int
    curve: tuple[float | None, ...]
    curve_unpadded: tuple[float | None, ...]
    confidence: tuple[float | None, ...]


@dataclass(frozen=True)
class ClipDetail:
    """What a report shows of one clip.

    clip: as in ScoreTask.
    render, reference, driving_audio: paths as given, None where there is none.
    frames: of the render, 25 a second.
    sound: whose audio was scored: ``own``, ``driving`` or ``none``.
    codec_delay_ms: ``net_delay_ms`` of its rows.
    tracks: those whose sync was scored.
    lmd_per_frame: in px, None where a face is missing; empty without LMD.
    strip_frames: which frames the filmstrips show.
    strip_render, strip_reference: one JPEG as base64 each, a mouth of 96×96 px per ``strip_frames`` side by
        side; empty where there is no face or no reference.
    notes: sentences about what was done that a reader should know.
    seconds: work by stage (``faces``, ``sync``, ``images``).
    reference_unseen: why ``strip_reference`` is empty.
    """

    clip: str
    render: str
    reference: str | None
    driving_audio: str | None
    frames: int
    sound: str
    codec_delay_ms: float | None
    tracks: tuple[TrackCurves, ...] = field(default=(), repr=False)
    lmd_per_frame: tuple[float | None, ...] = field(default=(), repr=False)
    strip_frames: tuple[int, ...] = ()
    strip_render: str = field(default="", repr=False)
    strip_reference: str = field(default="", repr=False)
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] | None = None
    reference_unseen: str = ""


@dataclass(frozen=True)
class ClipScore:
    """All that scoring one clip gives.

    rows: one per face track, and last the row that stands for the clip.
    detail: what a report shows of it.
    missing: family of metrics that was asked for and has no value → the reason.
    spoken: what sync model ``self`` judges when every clip of the set is there; None: nothing waits.
    per_frame: column → number of the frame → its number, of metrics per frame and of LMD: frames that were
        compared. Not kept in files: ``score`` gives it, ``score_folder`` does not.
    """

    rows: tuple[ScoreRow, ...]
    detail: ClipDetail
    missing: Mapping[str, str] = field(default_factory=dict)
    spoken: Spoken | None = field(default=None, repr=False)
    per_frame: Mapping[str, Mapping[int, float]] = field(default_factory=dict, repr=False)

    @property
    def row(self) -> ScoreRow:
        """The row that stands for the clip."""
        return self.rows[-1]


def read_detail(detail: Mapping[str, Any]) -> ClipDetail:
    """A clip's detail as it went through JSON. Raises TypeError or KeyError for what is none."""
    curves = (
        TrackCurves(**{name: _frozen(value) for name, value in track.items()}) for track in detail["tracks"]
    )
    return ClipDetail(**{name: _frozen(value) for name, value in detail.items()} | {"tracks": tuple(curves)})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
