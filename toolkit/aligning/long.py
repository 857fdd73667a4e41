"""Texts of recordings longer than a minute: cut at anchors, then aligned piece by piece in bounded memory."""

from collections.abc import Iterator, Sequence

import numpy as np

from speechlip.aligning import sphinx
from speechlip.aligning.anchors import WIDE_S, Cut, chosen, cuts, likeness, match
from speechlip.aligning.sphinx import Heard
from speechlip.errors import SourceRefused
from speechlip.media.audible import SILENCE_PEAK
from speechlip.phones import SILENCE
from speechlip.records import Phone
from speechlip.timing import SAMPLE_RATE
from speechlip.wording import counted

WHOLE_S = 60.0
"""A text of up to so much is aligned in one piece: benchmarks/alignment_error.py."""
LONGEST_S = 3600.0
ORDERS, MORE_LIKE = 4, 0.02
"""A text is refused that is not more like what is heard than its own words in so many other orders."""
MARGIN_S = 0.3
"""Of a wide stretch between two words, beside each."""
PIECE_FITS = -7.5
"""Least mean score of a piece of a text that is alike, in nats: a voice may score low throughout."""
SILENT_S, SILENT = 1.0, -3.0
"""A longer pause of less mean score, in nats, is none; shorter ones score so by their edges."""
LEFT_OUT = 0.5
"""Share of a text's words in pieces that cannot be aligned from which on it is refused."""

Piece = tuple[float, float, tuple[str, ...]]
"""(start_s, end_s, words); without words where the text says nothing."""


def align_text(samples: np.ndarray, words: Sequence[str]) -> tuple[tuple[Heard, ...], str]:
    """Words and pauses in order of time, each with its phones; and what is left out, for a person.

    samples: (N,) int16, 16 kHz mono, up to an hour.

    A pause in which something is heard is ``SPN``, and so is a piece of a long recording that cannot be
    aligned. Raises SourceRefused as ``align_words`` does, and for more than ``LONGEST_S``; ModelError where
    pocketsphinx is missing.
    """
    length_s = len(samples) / SAMPLE_RATE
    if length_s <= WHOLE_S or not words:
        return tuple(map(as_it_sounds, sphinx.align_words(samples, words))), ""
    if length_s > LONGEST_S:
        raise SourceRefused(
            "phones",
            "too long to align",
            f"{length_s:.0f} s with one text; give texts with times (WhisperX), or cut it to {LONGEST_S:g} s",
        )
    sphinx.learn(tuple(words))
    parts = list(pieces(samples, words))
    sphinx.forget()
    heard: list[Heard] = []
    refusals: list[tuple[int, SourceRefused]] = []
    for start_s, end_s, said in parts:
        if not said:
            heard.append(between_words(samples, start_s, end_s))
            continue
        try:
            heard += fitting_piece(samples, start_s, end_s, said)
        except SourceRefused as refusal:
            refusals.append((len(said), refusal))
            heard.append(unknown(start_s, end_s))
    if sum(count for count, _ in refusals) > LEFT_OUT * len(words):
        raise refusals[0][1]
    return tuple(heard), left_out(len(parts), refusals)


def left_out(n_parts: int, refusals: Sequence[tuple[int, SourceRefused]]) -> str:
    if not refusals:
        return ""
    words = counted(sum(count for count, _ in refusals), "word")
    return f"{len(refusals)} of {n_parts} pieces ({words}) not aligned, the first: {refusals[0][1]}"


def unknown(start_s: float, end_s: float) -> Heard:
    """A stretch that is not aligned."""
    return Heard("", start_s, end_s, (Phone(start_s, end_s, sphinx.UNKNOWN, sphinx.ALIGNED),))


def fitting_piece(samples: np.ndarray, start_s: float, end_s: float, words: Sequence[str]) -> list[Heard]:
    """One piece aligned. Raises SourceRefused where that fails or its text does not fit."""
    heard = sphinx.align_piece(samples, start_s, end_s, words)
    sphinx.refuse_misfit(heard, PIECE_FITS)
    return list(map(as_it_sounds, heard))


def as_it_sounds(heard: Heard) -> Heard:
    """A word, or a pause that is silent, as it is; other pauses are ``SPN``."""
    return unknown(heard.start_s, heard.end_s) if no_silence(heard) else heard


def no_silence(heard: Heard) -> bool:
    """Whether what passes for a pause sounds like none: something is said that is not written, or music."""
    score = heard.phones[0].score
    return not heard.word and heard.end_s - heard.start_s > SILENT_S and score is not None and score < SILENT


def between_words(samples: np.ndarray, start_s: float, end_s: float) -> Heard:
    """A stretch that the text says nothing of: silence, or something unknown."""
    frames = samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    if len(frames) and np.abs(frames.astype(np.int32)).max() >= SILENCE_PEAK:
        return unknown(start_s, end_s)
    return Heard("", start_s, end_s, (Phone(start_s, end_s, SILENCE, sphinx.ALIGNED),))


def pieces(samples: np.ndarray, words: Sequence[str]) -> Iterator[Piece]:
    """The pieces that fill the recording. Raises SourceRefused for a text unlike it."""
    length_s = round(len(samples) / SAMPLE_RATE, 6)
    heard = [phone for each in sphinx.recognise(samples) for phone in each.phones if phone.phone != SILENCE]
    spoken = [sphinx.phones_of_word(word) for word in words]
    said = [phone for phones in spoken for phone in phones]
    word_of = [number for number, phones in enumerate(spoken) for _ in phones]
    labels = [phone.phone for phone in heard]
    matched = match(said, labels)
    refuse_unlike(matched.likeness, spoken, labels)
    (first, first_heard), (last, last_heard) = matched.pairs[0], matched.pairs[-1]
    begins = Cut(0.0, heard[first_heard].start_s if word_of[first] == 0 else 0.0, 0, 0)
    ends_s = heard[last_heard].end_s if word_of[last] == len(words) - 1 else length_s
    taken = chosen(list(cuts(said, word_of, heard, matched)), length_s)
    return filling([begins, *taken, Cut(ends_s, length_s, len(words), 0)], words)


def filling(cuts: Sequence[Cut], words: Sequence[str]) -> Iterator[Piece]:
    """The pieces between cuts, and those within cuts that are long.

    >>> list(filling([Cut(0, 9, 0, 0), Cut(15, 15.5, 1, 0), Cut(20, 21, 2, 0)], ["so", "what"]))
    [(0, 8.7, ()), (8.7, 15.25, ('so',)), (15.25, 21, ('what',))]
    """
    at_s, first = 0.0, 0
    for cut in cuts:
        stop_s, resume_s = edges(cut, first == 0 and cut.word == 0, cut.word == len(words))
        if cut.word > first:
            yield at_s, stop_s, tuple(words[first : cut.word])
        if resume_s > stop_s:
            yield stop_s, resume_s, ()
        at_s, first = resume_s, cut.word


def edges(cut: Cut, is_first: bool, is_last: bool) -> tuple[float, float]:
    """Where the piece before a cut ends and the one behind it begins: in the middle, or apart."""
    if cut.resume_s - cut.leave_s <= WIDE_S:
        at_s = cut.leave_s if is_first else cut.resume_s if is_last else round(cut.time_s, 6)
        return at_s, at_s
    stop_s = cut.leave_s if is_first else round(cut.leave_s + MARGIN_S, 6)
    return stop_s, cut.resume_s if is_last else round(cut.resume_s - MARGIN_S, 6)


def refuse_unlike(found: float, spoken: Sequence[tuple[str, ...]], heard: Sequence[str]) -> None:
    """Raise SourceRefused for a text that is no more like what is heard than its words in other orders."""
    random = np.random.default_rng(0)
    by_chance = max(
        likeness([phone for word in random.permutation(len(spoken)) for phone in spoken[word]], heard)
        for _ in range(ORDERS)
    )
    if found < by_chance + MORE_LIKE:
        raise SourceRefused(
            "phones",
            "transcript does not fit",
            f"what is heard is no more like it ({found:.2f}) than like its words in another order "
            f"({by_chance:.2f}): another text, another language, or no speech",
        )
