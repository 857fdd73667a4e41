"""Phones of the sources of finished shards, aligned or recognised, each source's kept in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from speechlip.aligning.align import AlignOptions, aligner_of
from speechlip.aligning.long import WHOLE_S
from speechlip.aligning.source import Aligner, align_english, phones_in
from speechlip.checks import Workers
from speechlip.editing.given import GivenFolder, of_no_source
from speechlip.editing.rows import by_source
from speechlip.editing.sample import Sample
from speechlip.editing.source_audio import source_audio
from speechlip.errors import SourceRefused, SpeechLipError
from speechlip.files.strict_json import encode_json, strict_json
from speechlip.files.writing import make_folder, write_text
from speechlip.phones import MADE_HERE
from speechlip.preparing.cut.made_phones import MadePhones
from speechlip.preparing.reasons import NO_SPEECH
from speechlip.preparing.reasons import SILENT as SILENT_AUDIO
from speechlip.progress import Progress
from speechlip.records import Phone
from speechlip.shards.ledger import LedgerRow
from speechlip.timing import FPS, seconds
from speechlip.wording import counted
from speechlip.workers.cluster import Doing
from speechlip.workers.engines import EngineChoice, settle_at_once
from speechlip.workers.events import Crashed, Report
from speechlip.workers.outcomes import spread
from speechlip.workers.processes import use_one_thread
from speechlip.workers.unexpected import unexpected_refused

PHONES = "phones.json"
NO_PHONES = b"[]"
MOST_MISSING_S = 0.5
"""Where a short source lacks more audio, its transcript has words that its clips have not."""
GivenSource = tuple[LedgerRow, Sequence[Sample]]
"""A source as the ledger has it, and its clips."""


def to_align(given: GivenFolder, again: bool, progress: Progress) -> dict[str, GivenSource]:
    """The sources that are to be aligned: those without phones, with ``again`` also those that have some of
    ours. Raises ShardError for a clip of a source that the ledger lacks.
    """
    samples = by_source(given.samples)
    rows = {row.source: row for row in given.rows}
    for name in samples.keys() - rows.keys():
        raise of_no_source(samples[name][0])
    chosen: dict[str, GivenSource] = {
        name: (rows[name], own)
        for name, own in samples.items()
        if not any(map(has_phones, own)) or (again and all(map(is_ours, filter(has_phones, own))))
    }
    if kept := len(samples) - len(chosen):
        progress.say(f"{counted(kept, 'video')} with phones already: they stay")
    return chosen


def has_phones(sample: Sample) -> bool:
    return any(member.name == PHONES and member.size > len(NO_PHONES) for member in sample.members)


def is_ours(sample: Sample) -> bool:
    return (sample.meta.phone_source or "").startswith(MADE_HERE)


@dataclass(frozen=True)
class SourceToAlign:
    """A source as the ledger has it, its clips, and the file for its phones. Its name tells it apart."""

    name: str
    row: LedgerRow = field(compare=False)
    samples: Sequence[Sample] = field(compare=False)
    place: Path


def align_sources(
    sources: Mapping[str, GivenSource],
    folder: Path,
    form: str,
    options: AlignOptions,
    workers: Workers,
    engine: EngineChoice,
    progress: Progress,
) -> dict[str, Path]:
    """Source → the file with its phones. Those that an earlier run left are taken as they are."""
    make_folder(folder)
    units = [
        SourceToAlign(name, row, samples, folder / f"{number:07d}.json")
        for number, (name, (row, samples)) in enumerate(sources.items())
    ]
    pending = [unit for unit in units if not unit.place.is_file()]
    at_once = settle_at_once(engine, workers, len(pending), "video", options.peak_bytes, progress)
    progress.begin("aligning", len(units), "videos", len(units) - len(pending))
    work = partial(align_unit, form=form, options=options, one_thread=min(at_once, len(pending)) > 1)
    is_alone, doing = len(pending) < 2, Doing("speechlip align", (folder,))
    made = spread(work, pending, at_once, progress, crashed, doing, engine, is_alone, options.is_light)
    for unit, phones in made:
        write_text(unit.place, encode_json(asdict(phones)).decode())
        progress.advance(1, at=unit.name)
    return {unit.name: unit.place for unit in units}


def align_unit(
    unit: SourceToAlign, report: Report, *, form: str, options: AlignOptions, one_thread: bool = False
) -> MadePhones:
    """The phones of one source. Raises as ``phones_of_source`` does."""
    report(unit.name, 0.0)
    if one_thread and not options.is_light:
        use_one_thread()
    return phones_of_source(unit.row, unit.samples, form, aligner_of(options))


def crashed(unit: SourceToAlign, crash: Crashed[SourceToAlign]) -> MadePhones:
    """What stands for the phones of a source whose process died twice."""
    return MadePhones(reason=crash.reason, detail=f"{crash.detail}, twice")


def load(place: Path) -> MadePhones:
    """What ``align_sources`` wrote."""
    raw = strict_json(place.read_bytes())
    return MadePhones(tuple(Phone(**phone) for phone in raw["phones"]), raw["reason"], raw["detail"])


def phones_of_source(row: LedgerRow, samples: Sequence[Sample], form: str, aligner: Aligner) -> MadePhones:
    """The phones of a source on its own clock, or why it has none.

    Raises ShardError for audio that cannot be decoded; ModelError where pocketsphinx is missing.
    """
    audio = source_audio(samples, round(row.seconds * FPS))
    try:
        with unexpected_refused("phones", SpeechLipError):
            if form == "transcript":
                in_pieces = aligner is align_english and len(audio.is_there) > WHOLE_S * FPS
                refuse_missing(row, audio.missing_s, seconds(len(audio.is_there)), in_pieces)
            made = phones_in(audio.samples, samples[0].meta.transcript or "", form, aligner)
    except SourceRefused as refusal:
        return MadePhones(reason=refusal.reason, detail=refusal.detail)
    return MadePhones(tuple(phone for each in made.heard for phone in each.phones), detail=made.detail)


def refuse_missing(row: LedgerRow, missing_s: float, length_s: float, in_pieces: bool) -> None:
    """Raise SourceRefused where clips lack speech of a source that is not aligned in pieces.

    What was dropped because nobody speaks in it is not missed.
    """
    wordless_s = row.dropped.get(SILENT_AUDIO, 0.0) + row.dropped.get(NO_SPEECH, 0.0)
    if not in_pieces and missing_s - wordless_s > MOST_MISSING_S:
        raise SourceRefused(
            "phones",
            "audio is not whole",
            f"the clips lack {missing_s:.1f} of its {length_s:.1f} s, and the transcript is of all; align "
            "the video itself (prep-shards --phones align), or recognise phones (--from none)",
        )
