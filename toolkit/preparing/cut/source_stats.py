"""Statistics of one source: every frame of it ends as kept or as lost for a reason."""

import numpy as np

from speechlip.describing.speech import share_of
from speechlip.errors import SourceRefused
from speechlip.faces.tracking.tracks import TrackOptions
from speechlip.files.names import plain_name
from speechlip.preparing.cut.spans import Observation
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.reasons import TOO_SMALL
from speechlip.records import Clip, SyncVerdict
from speechlip.shards.ledger import LedgerRow
from speechlip.timing import FPS, seconds

DAMAGE = {
    "damaged_packets": "damaged_packets",
    "damaged_frames": "damaged_frames",
    "dropped_frames": "dropped_frames",
    "empty_frames": "empty_moments",
    "audio_gaps": "audio_gaps",
    "padded_samples": "padded_samples",
}
"""Counts of ``ReadStats`` → their keys in the ledger."""


class SourceStats:
    """What became of one source so far: every frame of it ends as kept or as lost for a reason."""

    def __init__(self, planned: PlannedSource) -> None:
        self.source, self.bytes, self.declared = planned.source, planned.bytes, planned.declared
        self.part, self.double_of = (planned.first_frame, planned.stop_frame), planned.double_of
        self.n_frames = round(planned.part_s * FPS)
        self.sha256 = ""
        self.corrected: tuple[str, ...] = ()
        self.clip_frames: list[int] = []
        self.face_widths_px: list[float] = []
        self.speech_shares: list[float] = []
        self.interpolated_frames = 0
        self.kept = np.zeros(self.n_frames, bool)
        self.lost: dict[str, int] = {}
        self.damage: dict[str, int] = {}
        self.sync: tuple[SyncVerdict, ...] = ()
        self.faces = np.zeros(self.n_frames, np.int32)
        self.speech = np.zeros(self.n_frames, bool)
        self.small_face_px = 0.0
        self.refusal = SourceRefused("", "")
        self.phones_reason, self.phones_detail = "", ""

    def opened(self, sha256: str, corrected: tuple[str, ...]) -> None:
        self.sha256, self.corrected = sha256, corrected

    def observed(self, seen: Observation, lost: dict[str, int]) -> None:
        """Take in the first reading. lost: frames by the reason that they give no clip."""
        self.n_frames, self.lost, self.kept = (
            seen.n_frames - seen.first_frame,
            lost,
            np.zeros(seen.n_frames, bool),
        )
        self.sync = tuple(seen.verdicts)
        self.corrected = (*self.corrected, *seen.reading.corrected)
        self.faces = np.zeros(seen.n_frames, np.int32) if seen.faces is None else seen.faces
        self.speech = np.zeros(seen.n_frames, bool)
        self.small_face_px = round(seen.small_width_px, 1)
        counts = {key: getattr(seen.reading, name) for name, key in DAMAGE.items()}
        self.damage = {key: count for key, count in counts.items() if count}

    def written(self, clip: Clip) -> None:
        """Count in a clip that went into the shard."""
        self.clip_frames.append(len(clip.lips))
        self.face_widths_px.append(round(clip.face_width_px, 1))
        self.interpolated_frames += clip.interpolated_frames
        where = slice(clip.start_frame, clip.start_frame + len(clip.lips))
        self.kept[where] = True
        if clip.speech is not None:
            self.speech_shares.append(share_of(clip.speech))
            self.speech[where] |= clip.speech

    def without_phones(self, reason: str, detail: str) -> None:
        """Note why there are no phones, or what was left out of them."""
        self.phones_reason, self.phones_detail = reason, detail

    def refused(self, refusal: SourceRefused) -> None:
        self.refusal = refusal

    def row(self, split: str) -> LedgerRow:
        """The row of the ledger. Frames neither kept nor lost for a reason are lost to the refusal."""
        lost = dict(self.lost)
        unexplained = self.n_frames - int(self.kept.sum()) - sum(lost.values())
        refusal = self.refusal
        if unexplained:
            lost[refusal.reason] = lost.get(refusal.reason, 0) + unexplained
        if not self.clip_frames and not refusal.reason:
            refusal = nothing_left(lost, self.small_face_px)
        return LedgerRow(
            source=plain_name(self.source.name),
            speaker=plain_name(self.source.speaker),
            split=split,
            status="kept" if self.clip_frames else "skipped",
            clips=len(self.clip_frames),
            seconds=seconds(self.n_frames),
            seconds_kept=seconds(int(self.kept.sum())),
            clip_seconds=seconds(sum(self.clip_frames)),
            interpolated_seconds=seconds(self.interpolated_frames),
            bytes=self.bytes,
            dropped={reason: seconds(count) for reason, count in sorted(lost.items())},
            stage=refusal.stage,
            reason=refusal.reason,
            detail=refusal.detail,
            sha256=self.sha256,
            corrected=self.corrected,
            damage=self.damage,
            sync=self.sync,
            clip_frames=tuple(self.clip_frames),
            face_widths_px=tuple(self.face_widths_px),
            speech_shares=tuple(self.speech_shares),
            licence=self.source.licence,
            declared=self.declared,
            faces_max=int(self.faces.max(initial=0)),
            faces_median=float(np.median(self.faces[self.faces > 0])) if self.faces.any() else 0.0,
            several_faces_seconds=seconds(int((self.kept & (self.faces > 1)).sum())),
            no_speech_seconds=seconds(int((self.kept & ~self.speech).sum())) if self.speech_shares else 0.0,
            small_face_px=self.small_face_px,
            double_of=plain_name(self.double_of),
            phones_reason=self.phones_reason,
            phones_detail=self.phones_detail,
        )


def refused_row(split: str, planned: PlannedSource) -> LedgerRow:
    """The row of a source that the plan refused."""
    stats = SourceStats(planned)
    stats.refused(SourceRefused(*planned.refusal))
    return stats.row(split)


def nothing_left(lost: dict[str, int], small_face_px: float = 0.0) -> SourceRefused:
    """Why a source that could be read gave no clip: the reason that took most frames."""
    if not lost:
        return SourceRefused("clips", "no frames")
    width = f" ({small_face_px:g} px wide, at least {TrackOptions.min_width_px:g} are wanted)"
    said = {
        reason: f"{reason} {seconds(count):.2f} s" + width * (reason == TOO_SMALL)
        for reason, count in lost.items()
    }
    return SourceRefused(
        "clips",
        max(lost, key=lambda reason: lost[reason]),
        f"no clip could be cut: {', '.join(said.values())}",
    )
