"""Phones of a text forced onto the frames of a CTC phone model, and edges between them.

A CTC network may mark a phone by a frame or two and leave the rest blank. A short blank between two phones is
divided in the middle; a longer one is a pause, also within a word.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from speechlip.aligning.ipa import SpokenWord
from speechlip.aligning.phone_model import STEP_S
from speechlip.aligning.sphinx import UNKNOWN, Heard
from speechlip.errors import SourceRefused
from speechlip.phones import SILENCE
from speechlip.records import Phone

Labels = Callable[[str], tuple[str, ...]]
"""IPA of a phone → the labels that it gets; several share its time, none adds it to the phone before."""
PAUSE = 10
"""Frames of blank between two phones beyond which they are a pause."""
LEAST = 3
"""A phone that is marked by fewer frames reaches so far beyond them into a pause, less their number."""
ORDERS = 4
"""A text fits only if its words in their order do better than in so many others."""
Span = tuple[int, int, float]
"""(first frame, frame behind the last, mean log-probability) of one token."""


def forced(log_probs: np.ndarray, tokens: Sequence[int], blank: int) -> list[Span]:
    """Where each token lies. log_probs: (T, C).

    Raises SourceRefused where there are more tokens than frames.
    """
    import torch
    from torchaudio.functional import forced_align, merge_tokens

    repeated = sum(one == other for one, other in pairwise(tokens))
    if len(log_probs) < len(tokens) + repeated:
        raise SourceRefused(
            "phones",
            "not aligned",
            f"{len(tokens)} phones do not fit into {len(log_probs) * STEP_S:.2f} s: another text",
        )
    scores = torch.from_numpy(log_probs)[None]
    labels, own = forced_align(scores, torch.tensor([list(tokens)], dtype=torch.int32), blank=blank)
    spans = merge_tokens(labels[0], own[0], blank)
    return [(span.start, span.end, float(span.score)) for span in spans]


def likelihood(log_probs: np.ndarray, tokens: Sequence[int], blank: int) -> float:
    """Log-probability of the best path of these tokens."""
    import torch
    from torchaudio.functional import forced_align

    scores = torch.from_numpy(log_probs)[None]
    _, own = forced_align(scores, torch.tensor([list(tokens)], dtype=torch.int32), blank=blank)
    return float(own.sum())


def refuse_unordered(log_probs: np.ndarray, words: Sequence[Sequence[int]], blank: int) -> None:
    """Raise SourceRefused for a text that fits no better than its own words in other orders.

    A text of one word, or whose words are all alike, has no other order and passes.
    """
    random = np.random.default_rng(0)
    own = likelihood(log_probs, [token for word in words for token in word], blank)
    orders = [random.permutation(len(words)) for _ in range(ORDERS)]
    others = [[token for number in order for token in words[number]] for order in orders]
    told = [other for other in others if other != [token for word in words for token in word]]
    best = max(
        (likelihood(log_probs, other, blank) for other in told if fits(log_probs, other)), default=-np.inf
    )
    if own <= best:
        raise SourceRefused(
            "phones",
            "transcript does not fit",
            f"its words in another order fit as well ({best:.0f} nats, it has {own:.0f}): another text, "
            "another language, or no speech",
        )


def fits(log_probs: np.ndarray, tokens: Sequence[int]) -> bool:
    return len(log_probs) >= len(tokens) + sum(one == other for one, other in pairwise(tokens))


def heard_words(
    log_probs: np.ndarray,
    words: Sequence[SpokenWord],
    spans: Sequence[Span],
    blank: int,
    labels: Labels,
    source: str,
) -> tuple[Heard, ...]:
    """Words and pauses with their phones, in seconds; they fill all frames. spans: of all phones in order."""
    edges = edges_of(spans, len(log_probs))
    heard: list[Heard] = []
    at, number = 0, 0
    for word in words:
        phones: list[Phone] = []
        start = edges[number][0]
        if start > at:
            heard.append(pause(log_probs, at, start, blank, source))
        for ipa in word.phones:
            (begin, end), score = edges[number], spans[number][2]
            if phones and begin > at:
                phones += pause(log_probs, at, begin, blank, source).phones
            phones = labelled(phones, labels(ipa), begin, end, source, round(min(score, 0.0), 2))
            at, number = end, number + 1
        if phones:
            heard.append(Heard(word.word, phones[0].start_s, phones[-1].end_s, tuple(phones)))
        else:
            heard.append(pause(log_probs, start, at, blank, source))
    if at < len(log_probs):
        heard.append(pause(log_probs, at, len(log_probs), blank, source))
    return tuple(heard)


def edges_of(spans: Sequence[Span], n_frames: int) -> list[tuple[int, int]]:
    """(first frame, frame behind the last) of each phone.

    >>> edges_of([(2, 3, 0), (6, 7, 0), (20, 26, 0)], 40)
    [(0, 4), (4, 9), (20, 26)]
    """
    starts: list[int] = []
    stops: list[int] = []
    before = 0
    for number, (first, stop, _) in enumerate(spans):
        blank, reach = first - before, max(0, LEAST - (stop - first))
        if number and blank <= PAUSE:
            middle = before + blank // 2
            stops[-1], first = middle, middle
        else:
            first = max(first - reach, before if number else 0)
        starts.append(first)
        following = spans[number + 1][0] if number + 1 < len(spans) else n_frames
        stops.append(min(stop + reach, following))
        before = stop
    return list(zip(starts, stops, strict=True))


def labelled(
    phones: list[Phone], labels: tuple[str, ...], begin: int, end: int, source: str, score: float
) -> list[Phone]:
    """The phones of a word and another one, whose labels share its time."""
    if not labels:
        if not phones:
            return phones
        last = phones[-1]
        return [*phones[:-1], Phone(last.start_s, seconds(end), last.phone, source, last.score)]
    times = [seconds(edge) for edge in np.linspace(begin, end, len(labels) + 1)]
    return [
        *phones,
        *(Phone(a, b, label, source, score) for (a, b), label in zip(pairwise(times), labels, strict=True)),
    ]


def pause(log_probs: np.ndarray, start: int, stop: int, blank: int, source: str) -> Heard:
    """A stretch without a phone of the text: silence, or unknown where the model mostly hears phones."""
    hears_phones = np.mean(log_probs[start:stop].argmax(1) != blank) > 0.5
    label = UNKNOWN if hears_phones else SILENCE
    return Heard("", seconds(start), seconds(stop), (Phone(seconds(start), seconds(stop), label, source),))


def seconds(frame: float) -> float:
    return round(float(frame) * STEP_S, 6)
