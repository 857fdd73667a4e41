"""Phones of the sources of finished shards, aligned or recognised one after another, each kept in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from speechlip.aligning.long import WHOLE_S
from speechlip.aligning.source import Aligner, align_english, phones_in
from speechlip.editing.given import GivenFolder
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
from speechlip.workers.unexpected import unexpected_refused

PHONES = "phones.json"
NO_PHONES = b"[]"
MOST_MISSING_S = 0.5
"""Where a short source lacks more audio, its transcript has words that its clips have not."""
GivenSource = tuple[LedgerRow, Sequence[Sample]]
"""A source as the ledger has it, and its clips."""


def to_align(given: GivenFolder, again: bool, progress: Progress) -> dict[str, GivenSource]:
    """The sources that are to be aligned: those without phones, with ``again`` also those that have some of
    ours.
    """
    samples = by_source(given.samples)
    rows = {row.source: row for row in given.rows}
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


def align_sources(
    sources: Mapping[str, GivenSource], folder: Path, form: str, aligner: Aligner, progress: Progress
) -> dict[str, Path]:
    """Source → the file with its phones. Those that an earlier run left are taken as they are."""
    make_folder(folder)
    progress.begin("aligning", len(sources), "videos")
    place_of = {}
    for number, (name, (row, samples)) in enumerate(sources.items()):
        place_of[name] = place = folder / f"{number:07d}.json"
        if not place.is_file():
            made = phones_of_source(row, samples, form, aligner)
            write_text(place, encode_json(asdict(made)).decode())
        progress.advance(at=name)
    return place_of


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
