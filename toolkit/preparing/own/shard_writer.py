"""``speechlip.ShardWriter``: clips of your own → a folder like that of ``prepare``."""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from speechlip.checks import check_kind, check_out
from speechlip.describing.speech import speech_of
from speechlip.errors import OptionError, ShardError, SourceRefused, WriteError
from speechlip.faces.crops import crop_size
from speechlip.files.locks import only_run
from speechlip.files.writing import make_folder
from speechlip.format import MANIFEST, WORK_FOLDER
from speechlip.preparing.own.check_clip import check_source, checked_clip
from speechlip.preparing.own.open_shards import OpenShards
from speechlip.preparing.own.options import ShardOptions
from speechlip.preparing.own.sources import OwnSources, check_members
from speechlip.preparing.place.earlier_run import refuse_no_manifest
from speechlip.preparing.place.finish import FolderFacts, finish
from speechlip.preparing.plan.written import PLAN
from speechlip.preparing.prepared import Prepared
from speechlip.records import Clip, Source
from speechlip.shards.ledger import line_of
from speechlip.shards.pairs.rules import PairClip, pair_clip
from speechlip.shards.sample_meta import meta_of
from speechlip.shards.writer import Sample, encode_clip
from speechlip.timing import frames

DEFAULTS = ShardOptions()


class ShardWriter:
    """Writes clips of your own into shards, with ledger, frozen pairs, card and manifest.

    Use it as ``with ShardWriter("shards") as writer: writer.write(clip)``; afterwards ``writer.prepared``
    says what is in the folder. Clips go into shards in the order of writing, so the same clips in the same
    order give the same bytes. ``clip.source.split`` names the split, None is train. The folder is finished,
    the manifest last, when the block ends; where it ends by an error, nothing is left of the folder.

    Raises ShardError where ``out`` is finished or of another kind, OptionError where another run writes
    there.
    """

    def __init__(self, out: str | Path, options: ShardOptions = DEFAULTS) -> None:
        check_kind("options", options, ShardOptions)
        self.folder, self.options = check_out(out), options
        self._sources, self._keys, self._members = OwnSources(options.split_by), set[str](), list[str]()
        self._prepared: Prepared | None = None
        with ExitStack() as held:
            held.enter_context(only_run(self.folder))
            self._shards = OpenShards(begin(self.folder), options.shard_bytes)
            self._held: ExitStack | None = held.pop_all()

    def write(self, clip: Clip, *, source_sha256: str = "", corrected: Iterable[str] = ()) -> str:
        """Append a clip to the shards of its split; returns its key.

        source_sha256: tells recordings apart, so that no negative pair shares frames with its positive; by
        default the SHA-256 of the file ``clip.source.path``.
        corrected: sentences on what was done to the source.

        Raises OptionError for an array of another shape, type or range, for a clip that was written before,
        for a source that differs from an earlier one of the same name, and for other members than the first
        clip has.
        """
        self._refuse_closed()
        check_kind("clip", clip, Clip)
        check_source(clip.source)
        clip = checked_clip(clip, self.options.lips_format, crop_size(self.options.crop))
        source = self._sources.of(clip.source, source_sha256)
        if clip.speech is None:
            clip = replace(clip, speech=speech_of(clip.audio))
        if (key := source.key(clip)) in self._keys:
            raise OptionError(
                f"{key} is written already; clips of {clip.source.name!r} differ in track or start_frame"
            )
        said = list(corrected)
        form = self.options.clip_format
        meta = meta_of(clip, form, key, source.stats.sha256, said)
        members = encode_clip(clip, meta, form)
        check_members(members, self._members or members, key)
        self._append(source.split, pair_clip(key, meta), members)
        self._keys.add(key)
        self._members = sorted(members)
        source.written(clip, said)
        self._sources.keep(source)
        return key

    def skip(self, source: Source, reason: str, detail: str = "", seconds: float = 0.0) -> None:
        """Record a source that gives no clip: a row of the ledger, counted by ``reason``.

        detail: a sentence for a person.
        seconds: the source's length.

        Raises OptionError where the source has clips or the reason is empty.
        """
        self._refuse_closed()
        check_source(source)
        skipped = self._sources.of(source, needs_file=False)
        if not reason or skipped.stats.clip_frames:
            why = "has clips" if reason else "has no reason"
            raise OptionError(
                f"{source.name!r} {why}, so it is not skipped; skip sources without clips, with a reason"
            )
        skipped.skipped(SourceRefused("clips", reason, detail), frames(seconds))
        self._sources.keep(skipped)

    def close(self) -> Prepared:
        """Finish the folder; what is in it. Raises OptionError where nothing was written or skipped."""
        if self._prepared is None:
            self._refuse_closed()
            rows = self._sources.rows()
            if not rows:
                self.abandon()
                raise OptionError(f"no clip was written to {self.folder}, so there is nothing to finish")
            options = self.options
            facts = FolderFacts(options.about, options.as_dict(), self._sources.columns, options.pairs)
            manifest = finish(self.folder, self._shards.done(), map(line_of, rows), facts)
            self._prepared = Prepared(self.folder, manifest, tuple(rows))
            self._release()
        return self._prepared

    def abandon(self) -> None:
        """Give the folder up and leave nothing of it."""
        if self._held is None:
            return
        self._shards.abandon()
        shutil.rmtree(self._shards.work, ignore_errors=True)
        self._release()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    @property
    def prepared(self) -> Prepared:
        """What is in the finished folder. Raises ShardError before it is finished."""
        if self._prepared is None:
            raise ShardError(f"{self.folder} is not finished; end the with block or call close() first")
        return self._prepared

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close() if kind is None else self.abandon()
        finally:
            self._release()

    def _append(self, split: str, facts: PairClip, members: Sample) -> None:
        """Write a sample; give the folder up where that fails: the shard then ends within a sample."""
        try:
            self._shards.write(split, facts, members)
        except OSError as error:
            self.abandon()
            raise WriteError(f"cannot write to {self.folder}: {error.strerror or error}") from error
        except BaseException:
            self.abandon()
            raise

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _refuse_closed(self) -> None:
        if self._held is None:
            raise ShardError(f"{self.folder} is closed; open another ShardWriter for more clips")


def begin(out: Path) -> Path:
    """Make an empty work folder in ``out``. Raises ShardError where ``out`` holds shards already."""
    work = out / WORK_FOLDER
    if (out / MANIFEST).exists():
        raise ShardError(f"{out} is a finished folder; choose another one, or delete it first")
    if (work / PLAN).exists():
        raise ShardError(f"{out} holds an unfinished run of prep-shards; finish it, or choose another folder")
    if not work.exists():
        refuse_no_manifest(out)
    shutil.rmtree(work, ignore_errors=True)
    return make_folder(work)
