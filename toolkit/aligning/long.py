"""Texts of recordings longer than a minute: cut at anchors, then aligned piece by piece in bounded memory."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from speechlip.aligning import sphinx
from speechlip.aligning.anchors import chosen, cuts, match
from speechlip.aligning.sphinx import Heard
from speechlip.errors import SourceRefused
from speechlip.phones import SILENCE
from speechlip.records import Phone
from speechlip.timing import SAMPLE_RATE
from speechlip.wording import counted

WHOLE_S = 60.0
"""A text of up to so much is aligned in one piece: benchmarks/alignment_error.py."""
LONGEST_S = 3600.0
UNLIKE = -0.14
"""Least likeness of a text: right ones came to −0.07 and more, wrong ones to −0.16 and less."""
PIECE_FITS = -7.5
"""Least mean score of a piece of a text that is alike, in nats: a voice may score low throughout."""
LEFT_OUT = 0.5
"""Share of a text's words in pieces that cannot be aligned from which on it is refused."""


def align_text(samples: np.ndarray, words: Sequence[str]) -> tuple[tuple[Heard, ...], str]:
    """Words and pauses in order of time, each with its phones; and what is left out, for a person.

    samples: (N,) int16, 16 kHz mono, up to an hour.

    A piece of a long recording that cannot be aligned is ``SPN``. Raises SourceRefused as ``align_words``
    does, and for more than ``LONGEST_S``; ModelError where pocketsphinx is missing.
    """
    length_s = len(samples) / SAMPLE_RATE
    if length_s <= WHOLE_S or not words:
        return sphinx.align_words(samples, words), ""
    if length_s > LONGEST_S:
        raise SourceRefused(
            "phones",
            "too long to align",
            f"{length_s:.0f} s with one text; give texts with times (WhisperX), or cut it to {LONGEST_S:g} s",
        )
    sphinx.learn(tuple(words))
    parts = list(pieces(samples, words))
    heard: list[Heard] = []
    refusals: list[tuple[int, SourceRefused]] = []
    for start_s, end_s, said in parts:
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
    return heard


def pieces(samples: np.ndarray, words: Sequence[str]) -> Iterator[tuple[float, float, tuple[str, ...]]]:
    """(start, end, words) of pieces that fill the recording. Raises SourceRefused for a text unlike it."""
    length_s = round(len(samples) / SAMPLE_RATE, 6)
    heard = [phone for each in sphinx.recognise(samples) for phone in each.phones if phone.phone != SILENCE]
    spoken = [sphinx.phones_of_word(word) for word in words]
    said = [phone for phones in spoken for phone in phones]
    word_of = [number for number, phones in enumerate(spoken) for _ in phones]
    matched = match(said, [phone.phone for phone in heard])
    if matched.likeness < UNLIKE:
        raise SourceRefused(
            "phones",
            "transcript does not fit",
            f"what is heard is no more like it than like any text ({matched.likeness:.2f}, below {UNLIKE}): "
            "another text, another language, or no speech",
        )
    taken = chosen(list(cuts(said, word_of, heard, matched)), length_s)
    edges = [(0.0, 0), *((round(cut.time_s, 6), cut.word) for cut in taken), (length_s, len(words))]
    for (start_s, first), (end_s, stop) in pairwise(edges):
        yield start_s, end_s, tuple(words[first:stop])
