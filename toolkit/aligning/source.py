"""The phones of one source, from whatever says what is spoken."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechlip.aligning import sidecars, sphinx
from speechlip.aligning.long import align_text, between_words, unknown
from speechlip.aligning.records import Phones, Utterance
from speechlip.aligning.sphinx import Heard
from speechlip.aligning.words import words_of
from speechlip.describing.speech import speech_of
from speechlip.errors import SourceRefused
from speechlip.files.names import is_file
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.media.whole_audio import read_audio
from speechlip.metrics.phones.visemes import fold
from speechlip.phones import SILENCE, is_ours, read_phones
from speechlip.records import Phone, Source
from speechlip.timing import SAMPLE_RATE, SAMPLES_PER_FRAME, seconds
from speechlip.wording import counted

RECOGNISE = "without one, phones can be recognised (align --from none, prep-shards --phones recognise)"
UNREADABLE = "\ufffd"
"""Stands where a text could not be decoded."""
LEAST_PHONES = 3
"""Of a whole text for each second of speech; slow speech has eight."""
Aligner = Callable[[np.ndarray, str], tuple[tuple[Heard, ...], str]]
"""((N,) int16 at 16 kHz mono, text) → words and pauses with their phones, and what was left out."""


def align_english(samples: np.ndarray, text: str) -> tuple[tuple[Heard, ...], str]:
    """A US English text aligned by PocketSphinx. Raises SourceRefused as ``align_text`` does."""
    return align_text(samples, words_of(text))


def phones_of(
    source: Source,
    form: str = "auto",
    max_picture_px: int = MAX_PICTURE_PX,
    align: Aligner = align_english,
) -> Phones:
    """Words and phones of a source.

    form: one of ``records.FORMS``; ``auto`` takes the first that is there: a TextGrid or ``.align`` with
    phones, unless ``align`` wrote it; JSON of Gentle or WhisperX; an ``.align`` with words; the transcript.
    max_picture_px: as for ``probe``.
    align: what aligns texts.

    Raises SourceRefused with the reason; ModelError where pocketsphinx is wanted and missing.
    """
    form, beside = settle(source, form)
    if form == "textgrid":
        return Phones(tuple(as_heard(read_phones(beside))), form)
    if form == "gentle":
        words = sidecars.gentle(sidecars.read_json(beside), beside.name)
        return Phones(with_pauses(words.heard, words.lost_before), form, words.left_out)
    if form == "transcript":
        refuse_wordless(source.transcript)
    if form in ("none", "transcript"):
        samples = read_audio(source.path, max_picture_px).samples
        return phones_in(samples, source.transcript, form, align)
    said, mended = (
        (sidecars.words_with_times(beside), "")
        if form == "align"
        else sidecars.whisperx(sidecars.read_json(beside), beside.name)
    )
    made = align_utterances(read_audio(source.path, max_picture_px).samples, said, form, align)
    return replace(made, detail="; ".join(filter(None, [mended, made.detail])))


def phones_in(samples: np.ndarray, transcript: str, form: str, align: Aligner = align_english) -> Phones:
    """Words and phones of audio.

    samples: (N,) int16, 16 kHz mono.
    form: ``transcript``, or ``none``: recognised without one.

    Raises SourceRefused, ModelError as ``phones_of`` does.
    """
    if form == "none":
        return Phones(sphinx.recognise(samples), form)
    refuse_wordless(transcript)
    heard, left = align(samples, transcript)
    refuse_sparse(heard, samples)
    return Phones(heard, form, left)


def refuse_sparse(heard: Sequence[Heard], samples: np.ndarray) -> None:
    """Raise SourceRefused for a text of so few phones that most of the speech must be of something else.

    Any word is found somewhere in ten seconds of speech, with a good score. samples: (N,) int16, 16 kHz mono.
    """
    spoken = speech_of(np.pad(samples, (0, -len(samples) % SAMPLES_PER_FRAME)))
    spoken_s = seconds(int(spoken.sum()))
    n_phones = sum(len(each.phones) for each in heard if each.word)
    if n_phones < LEAST_PHONES * spoken_s:
        raise SourceRefused(
            "phones",
            "transcript does not fit",
            f"{counted(n_phones, 'phone')} for {spoken_s:.1f} s of speech, fewer than {LEAST_PHONES} a "
            "second: the text of a part, or another text",
        )


def refuse_wordless(text: str) -> None:
    """Raise SourceRefused for a transcript without a word, or one that could not be read."""
    if UNREADABLE in text:
        raise SourceRefused("phones", "no transcript", "its text is not UTF-8; save it as UTF-8")
    if not words_of(text):
        raise no_transcript("it has no word")


def no_transcript(why: str) -> SourceRefused:
    return SourceRefused("phones", "no transcript", f"{why}; {RECOGNISE}")


def files_beside(source: Source) -> tuple[Path, Path, Path]:
    """Where a TextGrid, the JSON of Gentle or WhisperX, and an ``.align`` would lie."""
    path = source.path
    grid = source.phones_path or path.with_suffix(".TextGrid")
    return grid, path.with_suffix(".json"), path.with_suffix(".align")


def settle(source: Source, form: str) -> tuple[str, Path]:
    """What ``auto`` is for this source, and the file beside it. Raises SourceRefused where none is."""
    if source.refusal:
        raise SourceRefused("recipe", source.refusal, source.refusal_detail)
    path = source.path
    textgrid, json, align = files_beside(source)
    places = {"textgrid": textgrid, "gentle": json, "whisperx": json, "align": align}
    if form != "auto":
        place = places.get(form, path)
        if form in places and not is_file(place):
            raise SourceRefused("phones", "no phone file", f"there is no {place.name} beside it")
        return form, place
    if is_file(places["textgrid"]) and not is_ours(places["textgrid"]):
        return "textgrid", places["textgrid"]
    if is_file(places["gentle"]) and (found := sidecars.form_of(sidecars.read_json(places["gentle"]))):
        return found, places["gentle"]
    if is_file(places["align"]):
        labels = {each.phone for each in read_phones(places["align"])} - {SILENCE}
        return ("textgrid" if all(map(fold, labels)) else "align"), places["align"]
    if source.transcript:
        return "transcript", path
    raise no_transcript(f"beside it lies no TextGrid, JSON or .align, and no {path.stem}.txt with a text")


def as_heard(phones: Sequence[Phone]) -> Iterator[Heard]:
    return (Heard("", phone.start_s, phone.end_s, (phone,)) for phone in phones)


def with_pauses(words: Sequence[Heard], lost_before: Collection[int] = ()) -> tuple[Heard, ...]:
    """Words with ``SIL`` between them, ``SPN`` before those numbers before which a word was not found."""
    heard: list[Heard] = []
    at = 0.0
    for number, word in enumerate(words):
        if word.start_s > at:
            label = sphinx.UNKNOWN if number in lost_before else SILENCE
            heard += as_heard([Phone(at, word.start_s, label, word.phones[0].source)])
        heard.append(word)
        at = word.end_s
    return tuple(heard)


def align_utterances(
    samples: np.ndarray, said: Sequence[Utterance], form: str, align: Aligner = align_english
) -> Phones:
    """Each utterance aligned within its time; what cannot be is ``SPN``, and counted. Between them is
    silence, or ``SPN`` where something is heard.

    Raises SourceRefused where none can be aligned.
    """
    heard: list[Heard] = []
    refusals: list[SourceRefused] = []
    left, at_s, n_aligned, n_late = "", 0.0, 0, 0
    for each in said:
        part = samples[round(each.start_s * SAMPLE_RATE) : round(each.end_s * SAMPLE_RATE)]
        end_s = round(min(each.end_s, each.start_s + len(part) / SAMPLE_RATE), 6)
        if end_s <= each.start_s:
            n_late += 1
            continue
        if each.start_s > at_s:
            heard.append(between_words(samples, at_s, each.start_s))
        at_s = end_s
        try:
            aligned, here = align(part, each.text)
            heard += [moved(one, each.start_s, end_s) for one in aligned]
            left, n_aligned = left or here, n_aligned + 1
        except SourceRefused as refusal:
            refusals.append(refusal)
            heard.append(unknown(each.start_s, end_s))
    if not n_aligned:
        too_late = SourceRefused("phones", "no transcript", "the video ends before the texts")
        raise refusals[0] if refusals else too_late
    length_s = round(len(samples) / SAMPLE_RATE, 6)
    if length_s > at_s:
        heard.append(between_words(samples, at_s, length_s))
    if refusals:
        left = f"{len(refusals)} of {len(said)} texts not aligned, the first: {refusals[0]}"
    late = f"{n_late} of {len(said)} texts after the end of the audio, left out" if n_late else ""
    return Phones(tuple(heard), form, "; ".join(filter(None, [left, late])))


def moved(heard: Heard, start_s: float, end_s: float) -> Heard:
    """A word of a stretch that begins at ``start_s``, in seconds of the whole."""

    def at(time_s: float) -> float:
        return round(min(start_s + time_s, end_s), 6)

    phones = tuple(
        Phone(at(phone.start_s), at(phone.end_s), phone.phone, phone.source, phone.score)
        for phone in heard.phones
    )
    return Heard(heard.word, at(heard.start_s), at(heard.end_s), phones)
