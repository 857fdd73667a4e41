"""What a preparation gives: folder, manifest, ledger rows, and warnings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechlip.faces.crops import FACE_BOX_WIDTH_PX, FACE_WIDTH_PX, crop_size
from speechlip.format import FACE_SIZE, shard_file
from speechlip.manifest import Funnel, Manifest, SplitTotals
from speechlip.records import UNDECIDED
from speechlip.shards.leaks import leaking_people, people_in_words, splits_of_speakers
from speechlip.shards.ledger import LedgerRow, empty_splits, funnel
from speechlip.wording import clock, counted, listed, shown, visible

MOSTLY = 0.5
"""Share of speech below which most of a clip is without."""
ADVICE = {
    "speaker": "a speaker is in one split only: bring more speakers, other shares by --split, "
    "or cut videos in time by --split-by time",
    "file": "a video is in one split only: bring more videos, other shares by --split, "
    "or cut them in time by --split-by time",
    "time": "what falls to it is shorter than --min-clip, or gave nothing: "
    "give it a larger share by --split, or take a shorter --min-clip",
}
"""What to do where a split came out empty, by ``split_by``."""


@dataclass(frozen=True)
class Prepared:
    """A finished folder of shards.

    folder: where it lies.
    manifest: what ``manifest.json`` holds.
    rows: of the ledger, one per source; read from its file each time they are gone through.
    """

    folder: Path
    manifest: Manifest = field(repr=False)
    rows: Sequence[LedgerRow] = field(repr=False)

    @property
    def funnel(self) -> Funnel:
        """Sources and seconds that came in, were lost by reason, and were kept."""
        return self.manifest.funnel or funnel(self.rows)

    @property
    def clips(self) -> int:
        """Number of clips in all splits; 0 where nothing was kept."""
        return self.funnel.clips

    @property
    def splits(self) -> dict[str, SplitTotals]:
        """Split → its clips, frames, seconds and speakers."""
        return self.manifest.splits

    @property
    def shards(self) -> tuple[Path, ...]:
        """The tar files, in the order of the manifest."""
        return tuple(self.folder / shard_file(shard.name) for shard in self.manifest.shards)

    @property
    def skipped(self) -> dict[str, list[LedgerRow]]:
        """The sources that gave no clip, by reason."""
        by_reason: dict[str, list[LedgerRow]] = {}
        for row in self.rows:
            if row.status == "skipped":
                by_reason.setdefault(row.reason, []).append(row)
        return by_reason

    @property
    def without_phones(self) -> dict[str, list[LedgerRow]]:
        """The sources whose clips have no phones though they were to be aligned or recognised, by reason."""
        by_reason: dict[str, list[LedgerRow]] = {}
        for row in self.rows:
            if row.phones_reason and row.clips:
                by_reason.setdefault(row.phones_reason, []).append(row)
        return by_reason

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about the data: a split without clips, several faces at once, clips without speech,
        enlarged faces."""
        return tuple(self._warnings()) if self.clips else ()

    def _warnings(self) -> Iterator[str]:
        manifest = self.manifest
        if empty := empty_splits(manifest.split, self.splits, (row.declared for row in self.rows)):
            speakers = counted(len({row.speaker for row in self.rows if row.clips}), "speaker")
            names = ", ".join(f"{name} ({manifest.split[name]:.3g})" for name in empty)
            yield (
                f"no clip came into {names}, which has a share: there is speech of {speakers}; "
                f"{ADVICE[manifest.split_by]}"
            )
        splits = splits_of_speakers(self.rows)
        if leaking := leaking_people(manifest.alike or (), splits):
            yield (f"{people_in_words(leaking, splits)}; --speakers by-face puts each into one split")
        wordless = sum(share < MOSTLY for row in self.rows for share in row.speech_shares)
        if wordless:
            wordless_s, kept_s = self.funnel.no_speech_seconds or 0, self.funnel.seconds_kept
            yield (
                f"nobody speaks in {clock(wordless_s)} of {clock(kept_s)} kept; {wordless} of "
                f"{counted(self.clips, 'clip')} {'is' if wordless == 1 else 'are'} mostly without speech "
                "(singing is not heard as speech): --speech 'share>=0.5' drops them"
            )
        for reason, rows in self.without_phones.items():
            detail = rows[0].phones_detail
            yield (
                f"no phones, {reason}: {listed([shown(row.source) for row in rows])}"
                + (f" ({visible(detail)})" if detail else "")
            )
        if crop_size(manifest.crop) == FACE_SIZE:
            least_px = FACE_WIDTH_PX if "landmarks.npy" in manifest.fields else FACE_BOX_WIDTH_PX
            if enlarged := sum(width < least_px for row in self.rows for width in row.face_widths_px):
                show = "shows" if enlarged == 1 else "show"
                yield (
                    f"{enlarged} of {counted(self.clips, 'clip')} {show} a face "
                    f"narrower than {least_px} px, which is enlarged to fill the crop; "
                    f"--where 'face_width_px >= {least_px}' leaves them out where clips are chosen"
                )
        kept = [verdict for row in self.rows for verdict in row.sync if not verdict.refusal]
        unsure = sum(not each.offset_verdict or each.offset_verdict.startswith(UNDECIDED) for each in kept)
        if unsure:
            yield (
                f"{unsure} of {counted(len(kept), 'face')} kept though the sync model could not decide "
                "their offset: --undecided drop leaves them out"
            )
        several = [row for row in self.rows if row.several_faces_seconds]
        if several and manifest.faces != "speaking" and not manifest.options.get("sync_filter"):
            taken = "every one of them was" if manifest.faces == "all" else "the largest was"
            length = clock(sum(row.several_faces_seconds for row in several))
            yield (
                f"several faces at once in {counted(len(several), 'video')} ({length} of the clips), "
                f"{listed([shown(row.source) for row in several])}: {taken} paired with the sound, "
                "whoever spoke; --faces speaking takes the one whose mouth follows the sound, "
                "--sync-filter 'conf>=3' keeps those whose lips fit (SyncNet's weights, or --sync-model), "
                "and `speechlip edit select --where 'faces_max = 1'` keeps clips of one face"
            )
