"""One unit of work: its sources become the samples of one shard, and one ledger row each.

An error of a source stays with that source: it becomes its row, and the others go on.
"""

import secrets
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from speechlip.errors import ShardError, SourceRefused, SpeechLipError
from speechlip.files.names import is_file, plain_name
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.files.strict_json import encode_json
from speechlip.files.writing import PART, sync_folder, write_text
from speechlip.media.info import corrections
from speechlip.media.probe import probe
from speechlip.phones import read_phones
from speechlip.preparing.choices import FILES
from speechlip.preparing.cut.made_phones import made_phones
from speechlip.preparing.cut.passes import cut_clips, observe
from speechlip.preparing.cut.source_stats import SourceStats
from speechlip.preparing.cut.spans import choose_spans
from speechlip.preparing.ends.spool import on_disk
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.units import Unit
from speechlip.preparing.reasons import WENT_AWAY
from speechlip.records import Clip, Source
from speechlip.scoring.sync.sync_filter import SyncFilter
from speechlip.shards.ledger import LedgerRow
from speechlip.shards.pairs.rules import PairClip, pair_clip
from speechlip.shards.sample_meta import meta_of
from speechlip.shards.writer import Sample, encode_clip, sample_key, write_shard
from speechlip.workers.events import Report
from speechlip.workers.processes import use_one_thread
from speechlip.workers.unexpected import unexpected_refused

BRING_BACK = "bring it back, and the same command goes on; with --accept-losses it ends without"
KeyedSample = tuple[str, Sample]


@dataclass(frozen=True)
class UnitResult:
    """A finished shard.

    sha256, bytes: hash and size of the tar.
    fields: members of its samples, sorted.
    clips: what pairing needs to know of its clips.
    rows: of the ledger, one per source of the unit.
    """

    sha256: str
    bytes: int
    fields: tuple[str, ...]
    clips: tuple[PairClip, ...]
    rows: tuple[LedgerRow, ...]


def prepare_unit(
    unit: Unit,
    report: Report,
    *,
    options: PrepOptions,
    work_folder: Path,
    with_phones: bool,
    sync_filter: SyncFilter | None = None,
    lessons: Path | None = None,
    accept_losses: bool = False,
    spare_core: bool = False,
    run: str = "",
) -> UnitResult:
    """Make the shard of ``unit`` in ``work_folder``, and ``<unit>.json``, the result, which means done.

    Both are written under names of this attempt alone: another attempt, of another job or of a machine that
    was thought lost, may make the same unit at the same time, with the same bytes.

    lessons: what ``self`` learned on the set, for ``--faces speaking``; None: phones tell who speaks.
    spare_core: whether a core is idle, so that a thread decodes ahead; the shard does not depend on it.
    run: stands in the names of files of unfinished attempts.

    Raises ShardError where a source went away since the plan was made, unless ``accept_losses``.
    """
    use_one_thread()
    rows: list[LedgerRow] = []
    facts: list[PairClip] = []

    def samples() -> Iterator[KeyedSample]:
        for planned in unit.sources:
            row, source_facts = yield from prepare_source(
                planned, unit, report, options, with_phones, sync_filter, accept_losses, spare_core, lessons
            )
            rows.append(row)
            facts.extend(source_facts)

    attempt = f"{attempt_name(unit, run)}-{secrets.token_hex(4)}"
    shard, record = (work_folder / f"{attempt}.{kind}{PART}" for kind in ("tar", "json"))
    fields = write_shard(shard, samples())
    result = UnitResult(sha256_of(shard), shard.stat().st_size, fields, tuple(facts), tuple(rows))
    write_text(record, encode_json(asdict(result)).decode())
    shard.replace(work_folder / f"{unit.name}.tar")
    record.replace(work_folder / f"{unit.name}.json")
    sync_folder(work_folder)
    return result


def attempt_name(unit: Unit, run: str) -> str:
    """How the names of files begin that an attempt at ``unit`` has not finished yet."""
    return f"{unit.name}.{run}"


def prepare_source(
    planned: PlannedSource,
    unit: Unit,
    report: Report,
    options: PrepOptions,
    with_phones: bool,
    sync_filter: SyncFilter | None,
    accept_losses: bool = False,
    spare_core: bool = False,
    lessons: Path | None = None,
) -> Generator[KeyedSample, None, tuple[LedgerRow, list[PairClip]]]:
    """Yield the encoded clips of one source; return its ledger row and the facts of its clips.

    No error of a source goes further than this. Raises ShardError where it went away since the plan was made,
    unless ``accept_losses``: then what was read of it may be less than there is.
    """
    source = planned.source
    facts: list[PairClip] = []
    double_of = plain_name(planned.double_of) if options.doubles == "mark" else None
    stats = SourceStats(planned)
    report(source.name, 0.0)
    try:
        # any other SpeechLipError, such as a missing model, is no fault of this source
        with unexpected_refused("unexpected", SpeechLipError):
            for name, reason, detail in unit.crashed:
                if name == source.name:
                    raise SourceRefused("worker", reason, detail)
            with on_disk(source) as here:
                clips = cut_source(
                    here, options, with_phones, stats, report, sync_filter, spare_core, lessons
                )
                for clip in clips:
                    key, form = sample_key(clip, planned.key_digits), options.clip_format
                    meta = meta_of(clip, form, key, stats.sha256, stats.corrected, double_of=double_of)
                    facts.append(pair_clip(key, meta))
                    yield key, encode_clip(clip, meta, form)
                    stats.written(clip)
    except SourceRefused as refusal:
        stats.refused(refusal)
    if why := went_away(planned):
        if not accept_losses:
            raise ShardError(
                f"{plain_name(source.name)!r} could be read when the plan was made, and {why}; {BRING_BACK}"
            )
        stats.refused(SourceRefused("probe", WENT_AWAY, why))
    return stats.row(unit.split), facts


def went_away(planned: PlannedSource) -> str:
    """Why the file of a source, or one beside it, is not what the plan saw, or an empty text."""
    source = planned.source
    size, _ = file_stamp(source.path)
    if planned.bytes and size != planned.bytes:
        return f"has {size} bytes now where it had {planned.bytes}" if size else "is gone now"
    if planned.seconds and size:
        try:
            with source.path.open("rb") as file:
                file.seek(size - 1)
                file.read(1)
        except OSError as error:
            return f"cannot be read now ({error.strerror or error})"
    beside = [path for path in (source.phones_path, source.landmarks_path) if path and not is_file(path)]
    return f"{beside[0].name} beside it is gone now" if beside else ""


def cut_source(
    source: Source,
    options: PrepOptions,
    with_phones: bool,
    stats: SourceStats,
    report: Report,
    sync_filter: SyncFilter | None,
    spare_core: bool = False,
    lessons: Path | None = None,
) -> Iterator[Clip]:
    """Read a source and yield its clips; ``stats`` takes in what was seen of it."""
    info = probe(source.path, max_picture_px=options.max_picture_px)
    stats.opened(sha256_of(source.path), tuple(corrections(info)))
    phones = read_phones(source.phones_path) if source.phones_path and options.phones == FILES else ()
    seen = observe(source, info, options, report, *stats.part, spare_core, lessons)
    if sync_filter:
        seen = replace(seen, verdicts=sync_filter(source, info, seen.tracks, seen.n_frames))
    spans, lost = choose_spans(
        seen, options.min_clip_s, options.max_clip_s, options.least_speech, options.quality
    )
    stats.observed(seen, lost)
    if spans and options.phones != FILES:
        made = made_phones(source, options.phones, options.max_picture_px)
        stats.without_phones(made.reason, made.detail)
        phones = made.phones
    yield from cut_clips(source, info, seen, spans, phones if with_phones else None, options, report)
