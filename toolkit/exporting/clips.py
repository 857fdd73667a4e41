"""``speechlip.export_clips``: clips of prepared shards as videos and wav files, for trainers that read
files."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from speechlip.checks import check_out
from speechlip.errors import OptionError, ShardError
from speechlip.exporting.clip_files import check_form, write_video, write_wav
from speechlip.files.locks import LOCK, only_run
from speechlip.files.strict_json import strict_json
from speechlip.files.tables import csv_text
from speechlip.files.writing import NAME_BYTES, check_writable, make_folder, part_name, whole_file, write_text
from speechlip.progress import SILENT, Progress
from speechlip.shards.clips.query import ClipTable, clips
from speechlip.shards.read.decode import decode_field, decode_meta, members_of
from speechlip.shards.read.shard import RawClip, read_shard
from speechlip.shards.read.shardset import ShardSet, open_splits
from speechlip.wording import counted

EXPORTED, KEPT, FAILED = "exported", "kept", "failed"
TABLE, FACTS = "clips.csv", "export.json"
FILES = ("video", "audio")
"""Columns of ``clips.csv`` that name a file, relative to its folder; the others are those of the clips."""
ABOUT = ("key", "split", "speaker", "source", "start_s", "seconds", "n_frames", "transcript")
FIELDS = ("lips", "audio")
About = dict[str, Any]
"""The columns ``ABOUT`` of one clip."""


@dataclass(frozen=True)
class ClipRow:
    """What became of one clip.

    about: its columns ``ABOUT``.
    video, audio: its files, relative to the folder.
    status: ``exported``, ``kept`` (done earlier) or ``failed``.
    why: it failed; else empty.
    """

    about: About
    video: str
    audio: str
    status: str
    why: str = ""


@dataclass(frozen=True)
class ExportedClips:
    """What became of every clip.

    folder: where the files are.
    rows: one a clip, in the order of the shards.
    """

    folder: Path
    rows: tuple[ClipRow, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Status → clips, in the order of the alphabet."""
        return dict(sorted(Counter(row.status for row in self.rows).items()))

    @property
    def failed(self) -> tuple[ClipRow, ...]:
        return tuple(row for row in self.rows if row.status == FAILED)

    @property
    def table(self) -> Path:
        """``clips.csv``: one row for each clip that has its files."""
        return self.folder / TABLE


@dataclass(frozen=True)
class ExportFacts:
    """What an export is of; files of another are not mixed with it.

    shards: digest of each split's shards.
    """

    shards: dict[str, str]
    where: str
    split: str | None
    format: str


def export_clips(
    folder: str | Path,
    out: str | Path,
    where: str = "",
    *,
    split: str | None = None,
    form: str = "mp4",
    progress: Progress = SILENT,
) -> ExportedClips:
    """Write clips as ``OUT/SPLIT/KEY.mp4`` and ``KEY.wav``, as ``speechlip export-clips`` does.

    folder: a prepared folder here, or ``hf://user/name[@revision]``, or ``https://…``.
    where: which clips, such as ``seconds >= 2 and abs(yaw_deg) < 40`` (``shards.clips.where``); empty: all.
    split: of this split alone; None: of all.
    form: ``mp4`` (H.264, FLAC) or ``avi`` (MJPEG, PCM).

    Frame i of a video is frame i of the shard. Clips that are done already are kept; one that cannot be
    decoded is a row with its reason. Raises OptionError for a condition, split or format that is none, where
    no clip fulfils the condition, and where ``out`` holds something else; ShardError for a folder that is not
    finished or was altered; WriteError; HubError.
    """
    check_form(form)
    table = clips(folder, where, split=split)
    out = check_out(out)
    if table.folder.resolve() in (out.resolve(), *out.resolve().parents):
        raise OptionError(f"-o {out} lies in {table.folder}, which stays as it is; choose another -o")
    splits = open_splits(table.folder)
    chosen = chosen_clips(table, form)
    digests = {str(shards.split): shards.digest for shards in splits}
    facts = ExportFacts(digests, table.where.strip(), split, form)
    check_writable(out)
    with only_run(out):
        begin(out, facts)
        rows = export_all(out, chosen, splits, form, progress)
        there = [row.about | {"video": row.video, "audio": row.audio} for row in rows if row.status != FAILED]
        write_text(out / TABLE, csv_text((*FILES, *ABOUT), there))
    return ExportedClips(out, tuple(rows))


def chosen_clips(table: ClipTable, form: str) -> dict[str, list[About]]:
    """Shard → the rows of its clips that fulfil the condition.

    Raises OptionError where there is none, ShardError for a key that cannot name a file.
    """
    rows = table.chosen([*ABOUT, "shard"]).to_pylist()
    if not rows:
        raise OptionError(
            f"none of {counted(len(table.kept), 'clip')} fulfils {table.where!r}, so nothing is exported; "
            "`speechlip clips FOLDER --plot curves.png` shows what thresholds keep"
        )
    by_shard: dict[str, list[About]] = {}
    for row in rows:
        check_name(row["split"])
        check_name(f"{row['key']}.{form}")
        by_shard.setdefault(row.pop("shard"), []).append(row)
    return by_shard


def check_name(name: str) -> None:
    """Raise ShardError for what names no file of a folder, or leads out of it.

    >>> check_name("may-0001.mp4")
    >>> check_name("../may.mp4")
    Traceback (most recent call last):
    speechlip.errors.ShardError: '../may.mp4' names no file; run verify-shards
    """
    if "/" in name or not name.isprintable() or name.startswith(".") or len(name.encode()) > NAME_BYTES:
        raise ShardError(f"{name!a:.80} names no file; run verify-shards")


def begin(out: Path, facts: ExportFacts) -> None:
    """Note what the export is of, or find that note. Raises OptionError where ``out`` holds something
    else."""
    path = out / FACTS
    if path.is_file():
        try:
            noted = strict_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            noted = None
        if noted != asdict(facts):
            raise OptionError(
                f"{out} holds clips of other shards, or by another --where, --split or --format ({FACTS}); "
                "choose another -o"
            )
    elif any(each.name not in (LOCK, part_name(FACTS)) for each in out.iterdir()):
        raise OptionError(f"{out} is not empty, and no export began it; choose another -o")
    else:
        write_text(path, json.dumps(asdict(facts), ensure_ascii=False) + "\n")


def export_all(
    out: Path,
    chosen: Mapping[str, Sequence[About]],
    splits: Sequence[ShardSet],
    form: str,
    progress: Progress,
) -> list[ClipRow]:
    """A row for every chosen clip; a shard whose clips are all done is not read."""
    every = [row_of(about, form) for abouts in chosen.values() for about in abouts]
    rows = {row.video: row for row in every if is_done(out, row)}
    progress.begin("exporting clips", len(every), "clips", len(rows))
    places = {url.rpartition("/")[2]: (url, shards.fields) for shards in splits for url in shards.urls}
    for shard, abouts in chosen.items():
        if shard not in places:
            raise ShardError(
                f"clips.parquet names {shard!a}, which manifest.json does not; run verify-shards"
            )
        left = {each["key"]: each for each in abouts if row_of(each, form).video not in rows}
        for about, raw in read_clips(*places[shard], left):
            row = export_clip(out, about, raw, form)
            rows[row.video] = row
            progress.advance(at=about["key"])
            if row.why:
                progress.say(row.why)
    return [rows[row.video] for row in every]


def is_done(out: Path, row: ClipRow) -> bool:
    return (out / row.video).is_file() and (out / row.audio).is_file()


def read_clips(
    url: str, present: Sequence[str] | None, wanted: Mapping[str, About]
) -> Iterator[tuple[About, RawClip]]:
    """Each wanted clip of a shard with its members, read no further than the last of them.

    wanted: key → what is said of the clip. Raises ShardError where one is not there.
    """
    left = dict(wanted)
    for raw in read_shard(url, members_of(FIELDS, present)) if left else ():
        if about := left.pop(raw["__key__"], None):
            yield about, raw
        if not left:
            return
    if left:
        missing = next(iter(left))
        raise ShardError(f"shard {url} has no sample {missing!a}; copy it again, then run verify-shards")


def export_clip(out: Path, about: About, raw: RawClip, form: str) -> ClipRow:
    """Write the files of one clip, the video last. What cannot be decoded is a row with its reason."""
    row = row_of(about, form)
    try:
        n_frames = decode_meta(raw).n_frames
        lips, audio = (decode_field(raw, name, n_frames) for name in FIELDS)
    except ShardError as error:
        return replace(row, status=FAILED, why=str(error))
    make_folder((out / row.video).parent)
    with whole_file(out / row.audio) as file:
        write_wav(file, audio)
    with whole_file(out / row.video) as file:
        write_video(file, lips, audio, form)
    return replace(row, status=EXPORTED)


def row_of(about: About, form: str) -> ClipRow:
    """The row of a clip whose files are there; they lie in a folder of its split."""
    stem = f"{about['split']}/{about['key']}"
    return ClipRow(about, f"{stem}.{form}", f"{stem}.wav", KEPT)
