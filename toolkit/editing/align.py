"""``speechlip.align_shards``: phones for the clips of a folder, from their audio and transcripts."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from speechlip.aligning.align import DEFAULTS, AlignOptions, aligner_of
from speechlip.aligning.by_model import ModelAligner
from speechlip.aligning.source import Aligner
from speechlip.checks import AUTO, Workers, check_workers
from speechlip.editing.copying import Change
from speechlip.editing.facts import facts_of
from speechlip.editing.given import GivenFolder, open_given
from speechlip.editing.packing import as_they_are
from speechlip.editing.run import Draft, begin_work, ends_of_edit, run_edit
from speechlip.editing.sample import Sample
from speechlip.editing.source_phones import PHONES, align_sources, load, to_align
from speechlip.errors import OptionError, no_such
from speechlip.files.strict_json import encode_json
from speechlip.manifest import Edit
from speechlip.phones import common_source, cut_phones, mean_score
from speechlip.preparing.choices import ALIGN, RECOGNISE
from speechlip.preparing.ends.local import DEFAULT_WORK, WorkPlace
from speechlip.preparing.own.options import OWN_CLIPS
from speechlip.preparing.place.finish import FolderFacts, versions_of_phones
from speechlip.preparing.prepared import Prepared
from speechlip.progress import SILENT, Progress
from speechlip.shards.clips.scan import META
from speechlip.shards.ledger import LedgerRow
from speechlip.timing import seconds
from speechlip.wording import counted, listed
from speechlip.workers.engines import LOCAL, EngineChoice, get_engine

FORMS_OF_SHARDS = ("auto", "transcript", "none")
"""What phones of clips can be made from: the transcripts in the shards, or the audio alone."""
ALIGNED_FOLDER = "phones"
"""In the work folder: a file for each source that was aligned."""
PHONE_FIELDS = {"phone_source", "phone_score"}
"""What the ``json`` says of phones."""


def align_shards(
    folder: str | Path,
    out: str | Path,
    options: AlignOptions = DEFAULTS,
    *,
    workers: Workers = AUTO,
    engine: EngineChoice = LOCAL,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Give the clips of a folder phones, in the folder ``out``, as ``speechlip align SHARDS`` does.

    folder, out: as ``select_clips`` has them.
    options: form auto or transcript: the transcripts in the shards are aligned; none: phones are recognised.
        again: make those anew that were aligned or recognised before; others are never touched.
    workers, engine: as ``align`` has them; videos are aligned side by side, shards written on this machine.

    The audio of a source is put together from its clips, and its phones are cut to them. ``phones.json`` and
    what the ``json`` says of phones are made anew, all other members are copied byte for byte. A source that
    cannot be aligned keeps its clips, and its row says why they have no phones. Raises OptionError where no
    clip would have phones; ModelError where pocketsphinx is wanted and missing; ShardError as
    ``select_clips`` does.
    """
    if options.form not in FORMS_OF_SHARDS:
        raise no_such("form for shards", options.form, FORMS_OF_SHARDS)
    if options.recipe != DEFAULTS.recipe:
        raise OptionError(f"shards have no recipe, and {options.recipe!r} was given; leave it out")
    ends, given = ends_of_edit(out, work, progress), open_given(folder, progress)
    form = "none" if options.form == "none" else "transcript"
    check_workers(workers)
    get_engine(engine)
    aligner = aligner_of(options)
    edit = Edit(operation="align", of=(given.digest,), arguments=arguments_of(options, form, aligner))

    def draft() -> Draft:
        work = begin_work(ends.out, edit)
        sources = to_align(given, options.again, progress)
        place_of = align_sources(sources, work / ALIGNED_FOLDER, form, options, workers, engine, progress)
        rows = [row_of(row, place_of) for row in given.rows]
        if len(sources) == len({sample.source for sample in given.samples}):
            refuse_none(rows, work)
        change = Change((META, PHONES), changing(place_of))
        shards = [replace(shard, whole=None, change=change) for shard in as_they_are(given.shards)]
        return Draft([given], shards, rows, facts(given, edit, form, options))

    return run_edit(ends, edit, [given], draft, progress)


def arguments_of(options: AlignOptions, form: str, aligner: Aligner) -> dict[str, Any]:
    """What the manifest notes of the options."""
    said: dict[str, Any] = {"from": form, "again": options.again}
    if isinstance(aligner, ModelAligner):
        said |= {"language": options.language, "phone_model_sha256": aligner.model.sha256}
    return said


def row_of(row: LedgerRow, place_of: Mapping[str, Path]) -> LedgerRow:
    """The row of a source after it was aligned."""
    if row.source not in place_of:
        return row
    made = load(place_of[row.source])
    return replace(row, phones_reason=made.reason, phones_detail=made.detail)


def refuse_none(rows: Iterable[LedgerRow], work: Path) -> None:
    """Raise OptionError where no source with clips has phones; nothing is left of the work."""
    failed = [row for row in rows if row.clips]
    if not all(row.phones_reason for row in failed):
        return
    reasons = listed(list(dict.fromkeys(row.phones_reason for row in failed)))
    shutil.rmtree(work)
    raise OptionError(
        f"none of {counted(len(failed), 'video')} gets phones, so nothing is written: {reasons} "
        f"({failed[0].source}: {failed[0].phones_detail})"
    )


def changing(place_of: Mapping[str, Path]) -> Callable[[Sample, dict[str, Any]], dict[str, bytes]]:
    """What makes the members of a sample anew: its own phones out of those of its source."""
    load_once = lru_cache(maxsize=1)(load)

    def make(sample: Sample, said: dict[str, Any]) -> dict[str, bytes]:
        if sample.source not in place_of:
            return {}
        start = sample.pair_clip.audio_start_in_recording
        made = load_once(place_of[sample.source]).phones
        phones = cut_phones(made, seconds(start), seconds(start + sample.meta.n_frames))
        score = mean_score(phones)
        about = {"phone_source": common_source(phones)} | ({} if score is None else {"phone_score": score})
        kept = {name: value for name, value in said.items() if name not in PHONE_FIELDS}
        return {META: encode_json(kept | about), PHONES: encode_json([asdict(phone) for phone in phones])}

    return make


def facts(given: GivenFolder, edit: Edit, form: str, options: AlignOptions) -> FolderFacts:
    """What manifest and card say: also new videos are aligned, or their phones recognised, unless a phone
    model did so here, which prep-shards does not take.
    """
    how = RECOGNISE if form == "none" else ALIGN
    again = given.manifest.recipe != OWN_CLIPS and options.phone_model is None
    own = facts_of(given, edit, **({"phones": how} if again else {}))
    used = (
        versions_of_phones()
        if options.phone_model is None
        else {name: version(name) for name in ("espeakng-loader", "transformers")}
    )
    return replace(own, versions={**(own.versions or {}), **used})
