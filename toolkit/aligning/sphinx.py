"""PocketSphinx: a transcript aligned with audio, and phones recognised without one.

Its US-English model and the CMU dictionary lie in its wheel: nothing is fetched. Its clock is 10 ms. Words
are found first, with beams that grow until the end of the text is reached; then the phones of stretches of
some seconds, so that memory does not grow with the square of the length.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from speechlip.aligning.pronounce import pronounced
from speechlip.aligning.words import quoted, refuse_other_language
from speechlip.errors import ModelError, SourceRefused, install
from speechlip.libraries import there
from speechlip.phones import ESPEAK, RECOGNISED, SILENCE
from speechlip.records import Phone
from speechlip.timing import SAMPLE_RATE
from speechlip.workers.processes import alive

STEP_S = 0.01
BEAMS = (1e-80, 1e-300)
PAD = np.zeros(SAMPLE_RATE // 5, np.int16)
"""Silence before and behind: a word at the very end is found more often."""
PAD_S = len(PAD) / SAMPLE_RATE
SHIFT = 1024
NATS = SHIFT * math.log(1.0001)
"""Of one unit of its scores: logarithms to the base 1.0001, shifted by 10 bits."""
PIECE_S = 15.0
FITS = -6.5
"""Least mean score of a transcript that fits, in nats: docs/measured.md has how others come out."""
ALIGNED = "pocketsphinx-align"
UNKNOWN = "SPN"
"""A stretch of speech that was not aligned, as MFA's ``spn``: no phone, and no silence."""


@dataclass(frozen=True)
class Heard:
    """A word with its phones.

    word: as in the text; empty for silence and noise.
    start_s, end_s: in seconds of the audio.
    """

    word: str
    start_s: float
    end_s: float
    phones: tuple[Phone, ...]


def align_words(samples: np.ndarray, words: Sequence[str]) -> tuple[Heard, ...]:
    """Words and pauses in order of time, each with its phones.

    samples: (N,) int16, 16 kHz mono.

    Memory grows with its length: ``long.align_text`` takes longer ones. Raises SourceRefused (stage
    ``phones``): no words, words without a pronunciation, no alignment, or a transcript that does not fit;
    ModelError where pocketsphinx is missing.
    """
    length_s = len(samples) / SAMPLE_RATE
    if not words:
        raise SourceRefused("phones", "no transcript", "it has no word")
    learn(tuple(words))
    heard = tuple(
        each
        for start_s, end_s, said in pieces(words_in(samples, words), length_s)
        for each in align_piece(samples, start_s, end_s, said)
    )
    refuse_misfit(heard, FITS)
    return heard


def refuse_misfit(heard: Sequence[Heard], least: float) -> None:
    """Raise SourceRefused where the mean score of what was aligned is below ``least``."""
    score = mean_score(heard)
    if score < least:
        raise SourceRefused(
            "phones",
            "transcript does not fit",
            f"mean score {score:.1f} nats, below {least:g}: another text, another language, or no speech",
        )


def mean_score(heard: Sequence[Heard]) -> float:
    """Mean score of the phones of words, in nats; −inf without any."""
    scores = [phone.score for each in heard if each.word for phone in each.phones if phone.score is not None]
    return float(np.mean(scores)) if scores else -math.inf


def pieces(
    words: Sequence[tuple[str, float, float]], length_s: float
) -> Iterator[tuple[float, float, tuple[str, ...]]]:
    """(start, end, words) of stretches of about ``PIECE_S`` at most, cut in pauses; they fill all of it."""
    start_s, said = 0.0, []
    for place, (word, _, end_s) in enumerate(words):
        said.append(word)
        last = place + 1 == len(words)
        following_s = length_s if last else words[place + 1][1]
        pause_s = following_s - end_s
        elapsed = (end_s - start_s) / PIECE_S
        if last or elapsed > 1 or (elapsed > 0.5 and pause_s > 0.1):
            stop_s = length_s if last else (end_s + following_s) / 2
            yield start_s, stop_s, tuple(said)
            start_s, said = stop_s, []


def words_in(samples: np.ndarray, words: Sequence[str]) -> list[tuple[str, float, float]]:
    """Where each word is: (word, start, end)."""
    for beam in BEAMS:
        decoder = open_decoder(beam)
        decoder.reinit_feat()
        decoder.set_align_text(" ".join(words))
        listen(decoder, samples)
        if decoder.hyp() is not None:
            return [
                (plain(each.word), clock(each.start_frame), clock(each.end_frame + 1))
                for each in decoder.seg()
                if not is_noise(each.word)
            ]
    raise SourceRefused(
        "phones", "not aligned", "the end of the transcript was not reached: another text, or no speech"
    )


def align_piece(samples: np.ndarray, start_s: float, end_s: float, words: Sequence[str]) -> list[Heard]:
    """Words and phones of one stretch."""
    part = samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    mean = open_decoder(BEAMS[0]).get_cmn(False)
    for beam in BEAMS:
        decoder = open_decoder(beam)
        decoder.set_cmn(mean)
        decoder.set_align_text(" ".join(words))
        listen(decoder, part)
        if decoder.hyp() is None:
            continue
        try:
            decoder.set_alignment()
            listen(decoder, part)
            if alignment := decoder.get_alignment():
                return [heard for word in alignment if (heard := in_time(word, start_s, end_s))]
        except RuntimeError:
            continue
    raise SourceRefused(
        "phones", "not aligned", f"{start_s:.1f} to {end_s:.1f} s: its words do not reach the end"
    )


def in_time(word: Any, start_s: float, end_s: float) -> Heard | None:
    """One word of an alignment in seconds of the audio; None where all of it lies in the padding."""

    def at(frame: int) -> float:
        return round(min(max(start_s + clock(frame), start_s), end_s), 6)

    noise, source = is_noise(word.name), ALIGNED + ESPEAK * (plain(word.name) in BY_ESPEAK)
    phones = tuple(
        Phone(
            at(phone.start),
            at(phone.start + phone.duration),
            SILENCE if noise else phone.name,
            source,
            round(phone.score * NATS / max(phone.duration, 1), 2),
        )
        for phone in word
    )
    phones = tuple(phone for phone in phones if phone.end_s > phone.start_s)
    if not phones:
        return None
    return Heard("" if noise else plain(word.name), phones[0].start_s, phones[-1].end_s, phones)


def recognise(samples: np.ndarray) -> tuple[Heard, ...]:
    """Phones without a transcript: many are wrong, and each says so by its source."""
    decoder, length_s = open_recogniser(), len(samples) / SAMPLE_RATE
    decoder.reinit_feat()
    heard = []
    for start in range(0, len(samples), round(PIECE_S * SAMPLE_RATE)):
        start_s = start / SAMPLE_RATE
        listen(decoder, samples[start : start + round(PIECE_S * SAMPLE_RATE)])
        for each in decoder.seg():
            noise = is_noise(each.word)
            edges = (start_s + clock(frame) for frame in (each.start_frame, each.end_frame + 1))
            from_s, to_s = (min(max(edge, start_s), start_s + PIECE_S, length_s) for edge in edges)
            if to_s > from_s:
                phone = Phone(
                    round(from_s, 6),
                    round(to_s, 6),
                    SILENCE if noise else plain(each.word),
                    RECOGNISED,
                    score_of(each),
                )
                heard.append(Heard("", phone.start_s, phone.end_s, (phone,)))
    return tuple(heard)


def score_of(segment: Any) -> float:
    """Score of a recognised phone, in nats for a frame, 0 at best."""
    n_frames = segment.end_frame - segment.start_frame + 1
    return round(min(0.0, math.log(segment.ascore) * SHIFT / n_frames), 2)


def listen(decoder: Any, samples: np.ndarray) -> None:
    alive()
    decoder.start_utt()
    decoder.process_raw(np.concatenate([PAD, samples, PAD]).tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()


def clock(frame: int) -> float:
    return frame * STEP_S - PAD_S


def plain(word: str) -> str:
    """Without the number of a second pronunciation: ``the(2)`` is ``the``."""
    return word.partition("(")[0]


def is_noise(word: str) -> bool:
    """Whether it is silence or noise: ``<sil>``, ``[NOISE]``, ``+SPN+``, ``SIL``."""
    return word == SILENCE or word[0] in "<[+("


BY_ESPEAK: set[str] = set()
"""Words that espeak-ng pronounced in this process."""


def learn(words: tuple[str, ...]) -> None:
    """Give both decoders the words that the dictionary lacks.

    Raises SourceRefused for a text that is not English, and for words left, which it names.
    """
    refuse_other_language(words, in_dictionary)
    unknown = []
    for word in dict.fromkeys(words):
        if word in BY_ESPEAK or in_dictionary(word):
            continue
        phones = pronounced(word)
        if not phones:
            unknown.append(word)
            continue
        BY_ESPEAK.add(word)
        for beam in BEAMS:
            open_decoder(beam).add_word(word, " ".join(phones), True)
    if unknown:
        hint = f"; with espeak-ng they are pronounced: {install('synthetic')}" * (
            not there("espeakng_loader")
        )
        raise SourceRefused(
            "phones",
            "words without a pronunciation",
            f"{quoted(unknown)} not in the CMU dictionary of US English{hint}",
        )


def forget() -> None:
    """Begin to align as if nothing had been heard: a decoder goes on from the loudness and timbre of what it
    heard last, and that was another video.
    """
    open_decoder(BEAMS[0]).reinit_feat()


def in_dictionary(word: str) -> bool:
    """Whether the dictionary has it; words of earlier texts that espeak-ng pronounced are none of it."""
    return word not in BY_ESPEAK and open_decoder(BEAMS[0]).lookup_word(word) is not None


def phones_of_word(word: str) -> tuple[str, ...]:
    """Its first pronunciation, once it is learned."""
    return tuple((open_decoder(BEAMS[0]).lookup_word(word) or "").split())


@cache
def open_decoder(beam: float) -> Any:
    """A decoder that aligns; ``beam`` the share of the best path's probability below which paths end."""
    return library().Decoder(lm=None, beam=beam, wbeam=beam, pbeam=beam, bestpath=False, loglevel="FATAL")


@cache
def open_recogniser() -> Any:
    sphinx = library()
    phones = sphinx.get_model_path("en-us/en-us-phone.lm.bin")
    return sphinx.Decoder(lm=None, allphone=phones, beam=1e-20, pbeam=1e-20, lw=2.0, loglevel="FATAL")


def library() -> Any:
    """PocketSphinx, quiet. Raises ModelError where it is not installed."""
    try:
        import pocketsphinx
    except ImportError as error:
        raise ModelError(
            "phones are heard by pocketsphinx, which is not installed: pip install pocketsphinx"
        ) from error
    return pocketsphinx
