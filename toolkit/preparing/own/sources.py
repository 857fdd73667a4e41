"""The sources of own clips: what each must keep to, and its row of the ledger."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from speechlip.errors import OptionError, SourceRefused
from speechlip.files.names import is_file
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.preparing.cut.source_stats import SourceStats
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.records import Clip, Source
from speechlip.shards.ledger import LedgerRow
from speechlip.shards.writer import KEY_DIGITS, MORE_KEY_DIGITS, sample_key, source_key

TRAIN = "train"
"""The split of a source that names none."""


class OwnSource:
    """A source and what was written of it."""

    def __init__(self, source: Source, sha256: str, digits: int) -> None:
        self.source, self.digits = source, digits
        self.split = TRAIN if source.split is None else source.split
        self.stats = SourceStats(PlannedSource(source, file_stamp(source.path)[0], 0, 0.0))
        self.stats.opened(sha256, ())
        self.faces_max = 0

    def key(self, clip: Clip) -> str:
        """Of the sample of a clip."""
        return sample_key(clip, self.digits)

    def written(self, clip: Clip, corrected: Sequence[str]) -> None:
        """Count a clip. Frames outside all clips are unknown, so the source is as long as its clips cover."""
        stats, stop = self.stats, clip.start_frame + len(clip.lips)
        more = max(0, stop - len(stats.kept))
        stats.kept, stats.faces = np.pad(stats.kept, (0, more)), np.pad(stats.faces, (0, more))
        stats.speech = np.pad(stats.speech, (0, more))
        stats.faces[clip.start_frame : stop] = round(clip.faces_median)
        stats.written(clip)
        stats.n_frames = int(stats.kept.sum())
        stats.corrected = tuple(dict.fromkeys([*stats.corrected, *corrected]))
        self.faces_max = max(self.faces_max, clip.faces_max)

    def skipped(self, refusal: SourceRefused, n_frames: int) -> None:
        """Count the whole source as lost."""
        self.stats.n_frames = n_frames
        self.stats.refused(refusal)

    def row(self) -> LedgerRow:
        return replace(self.stats.row(self.split), faces_max=self.faces_max)


class OwnSources:
    """All sources by name, in the order in which they came."""

    def __init__(self, split_by: str) -> None:
        self.split_by = split_by
        self._sources: dict[str, OwnSource] = {}
        self._names: dict[str, str] = {}

    @property
    def columns(self) -> list[str]:
        """Names of the fields that every source brings into its samples."""
        return sorted(next(iter(self._sources.values())).source.more) if self._sources else []

    def of(self, source: Source, sha256: str = "", *, needs_file: bool = True) -> OwnSource:
        """The known source of that name, or a new one for ``keep``. Raises OptionError where it cannot be
        taken.

        source: one that ``check_source`` passes.
        sha256: tells recordings apart; empty: that of its file, which must be there where ``needs_file``.
        """
        known = self._sources.get(source.name)
        if known is None:
            self._check_columns(source)
            self._check_speaker(source)
            return OwnSource(source, sha256 or file_sha256(source, needs_file), self._digits(source.name))
        if known.source != source or sha256 not in ("", known.stats.sha256):
            raise OptionError(
                f"two different sources are named {source.name!r}; a name is unique in a dataset, "
                "and its source has one path, speaker, split, licence, transcript, SHA-256 and set of fields"
            )
        if known.stats.refusal.reason:
            raise OptionError(f"{source.name!r} was skipped ({known.stats.refusal.reason}); it has no clips")
        return known

    def keep(self, source: OwnSource) -> None:
        """Take a source that something was written of, or that is skipped."""
        self._sources.setdefault(source.source.name, source)
        self._names.setdefault(source_key(source.source.name, source.digits), source.source.name)

    def rows(self) -> list[LedgerRow]:
        """One row of the ledger per source."""
        return [source.row() for source in self._sources.values()]

    def _digits(self, name: str) -> int:
        """How many digits of its hash a name needs, so that its keys are no other's."""
        free = (n for n in (KEY_DIGITS, *MORE_KEY_DIGITS) if source_key(name, n) not in self._names)
        return next(free, MORE_KEY_DIGITS[-1])

    def _check_columns(self, source: Source) -> None:
        if self._sources and sorted(source.more) != self.columns:
            raise OptionError(
                f"{source.name!r} brings the fields {sorted(source.more)}, the first source {self.columns}; "
                "every source of a dataset brings the same, empty where it has nothing to say"
            )

    def _check_speaker(self, source: Source) -> None:
        split = source.split or TRAIN
        for other in self._sources.values() if self.split_by == "speaker" else ():
            if other.source.speaker == source.speaker and other.split != split:
                raise OptionError(
                    f"speaker {source.speaker!r} is in split {other.split!r} and now in {split!r}; "
                    "a speaker is in one split only, or take split_by='file'"
                )


def file_sha256(source: Source, needed: bool) -> str:
    """SHA-256 of a source's file; empty where it is not there and not needed. Raises OptionError."""
    if is_file(source.path):
        return sha256_of(source.path)
    if not needed:
        return ""
    raise OptionError(
        f"{source.name!r} has no file {source.path}; name the video that the clip is cut from, or give "
        "source_sha256, which tells recordings apart"
    )


def check_members(members: Collection[str], first: Collection[str], key: str) -> None:
    """Raise OptionError where a clip has other members than the first one."""
    if sorted(members) != sorted(first):
        raise OptionError(
            f"{key} has the members {', '.join(sorted(members))}, the first clip {', '.join(sorted(first))}; "
            "give landmarks and phones to every clip, or to none"
        )
