"""What other aligners and recognisers wrote: Gentle's and WhisperX's JSON, words of an ``.align``."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechlip.aligning.records import Utterance
from speechlip.aligning.sphinx import Heard
from speechlip.errors import ReadError, SourceRefused
from speechlip.files.reading import read_bytes
from speechlip.files.strict_json import strict_json
from speechlip.phones import SILENCE, read_align
from speechlip.records import Phone
from speechlip.wording import counted, listed

GENTLE = "gentle"
NO_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
MOST_BYTES = 200_000_000
ROUNDING_S = 0.001
SMALL_OVERLAP_S = 0.05
"""By so much a word of Gentle may begin before the one before it ends: its clock is 10 ms."""


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises SourceRefused for anything else."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        return strict_json(read_bytes(path))
    except ReadError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise SourceRefused("phones", "bad phone file", f"{path.name} is no JSON: {error}") from error


def form_of(raw: Any) -> str:
    """``whisperx`` for what has segments, ``gentle`` for what has words with phones, else empty.

    >>> form_of({"segments": []}), form_of({"words": [], "transcript": ""}), form_of([{"box": []}])
    ('whisperx', 'gentle', '')
    """
    if not isinstance(raw, Mapping):
        return ""
    return "whisperx" if "segments" in raw else GENTLE * ("words" in raw)


@dataclass(frozen=True)
class GentleWords:
    """The words that Gentle found.

    heard: in order of time, each with its phones.
    lost_before: numbers of those before which there is one that has no times.
    left_out: what could not be used, for a person; empty where all could.
    """

    heard: tuple[Heard, ...]
    lost_before: frozenset[int]
    left_out: str = ""


def gentle(raw: Any, name: str) -> GentleWords:
    """Words and phones of Gentle's JSON; words that it did not find have none.

    Its phones ``dh_B`` become ``DH``, and the time between words ``SIL``. A word whose times cannot be, or
    lie within the word before it, counts as not found; one that begins before that ends, by up to
    ``SMALL_OVERLAP_S``, begins there. Raises SourceRefused.

    >>> word = {"word": "The", "case": "success", "start": 0.5, "end": 0.7, "phones": [
    ...     {"phone": "dh_B", "duration": 0.05}, {"phone": "ah_E", "duration": 0.15}]}
    >>> said = gentle({"words": [word]}, "x.json").heard
    >>> [(p.phone, p.start_s, p.end_s) for p in said[0].phones]
    [('DH', 0.5, 0.55), ('AH', 0.55, 0.7)]
    """
    words = raw.get("words") if isinstance(raw, Mapping) else None
    if not isinstance(words, list):
        raise SourceRefused("phones", "bad phone file", f"{name} is no result of Gentle: it has no words")
    heard: list[Heard] = []
    lost: set[int] = set()
    unusable: list[str] = []
    for number, word in enumerate(words, 1):
        found = is_found(word)
        own = following(gentle_word(word), heard[-1].end_s if heard else 0.0) if found else None
        if own is None:
            lost.add(len(heard))
            unusable += [f"word {number}"] if found else []
        else:
            heard.append(own)
    if not heard:
        why = f"; the times of {listed(unusable)} cannot be" if unusable else ""
        raise SourceRefused("phones", "not aligned", f"Gentle found no word of {name} in the audio{why}")
    left = f"{len(unusable)} of {len(words)} words whose times cannot be: {listed(unusable)}"
    return GentleWords(tuple(heard), frozenset(lost - {len(heard)}), left if unusable else "")


def is_found(word: Any) -> bool:
    """Whether Gentle found a word in the audio."""
    return isinstance(word, Mapping) and word.get("case") == "success" and bool(word.get("phones"))


def following(word: Heard | None, at_s: float) -> Heard | None:
    """A word behind one that ends at ``at_s``: cut there where it begins a little earlier, or None."""
    if word is None or word.start_s < at_s - SMALL_OVERLAP_S or word.end_s <= at_s:
        return None
    phones = tuple(
        replace(phone, start_s=max(phone.start_s, at_s)) for phone in word.phones if phone.end_s > at_s
    )
    return replace(word, start_s=phones[0].start_s, phones=phones)


def gentle_word(word: Mapping[str, Any]) -> Heard | None:
    """A word that Gentle found, or None where its times cannot be."""
    phones = []
    try:
        at = float(word["start"])
        for phone in word["phones"]:
            end_s = at + float(phone["duration"])
            label = str(phone["phone"]).partition("_")[0].upper()
            label = SILENCE if label in ("SIL", "") else label
            phones.append(Phone(round(at, 6), round(end_s, 6), label, GENTLE))
            at = end_s
    except NO_ERRORS:
        return None
    edges = [edge for phone in phones for edge in (phone.start_s, phone.end_s)]
    if edges != sorted(edges) or edges[0] < 0 or not all(map(math.isfinite, edges)):
        return None
    return Heard(str(word.get("word", "")), edges[0], edges[-1], tuple(phones))


def whisperx(raw: Any, name: str) -> tuple[tuple[Utterance, ...], str]:
    """The segments of WhisperX's JSON, texts with times one behind the other; and what was mended or left
    out, for a person.

    Segments overlap by rounding, where two speak, and where Whisper's own times are wrong: two that do end
    and begin in the middle of what they share. One whose times cannot be, or that lies within another, is
    left out. Raises SourceRefused for what has no segment with a text and times.
    """
    segments = raw.get("segments") if isinstance(raw, Mapping) else None
    if not isinstance(segments, list):
        raise SourceRefused(
            "phones", "bad phone file", f"{name} is no result of WhisperX: it has no segments"
        )
    read = [segment(each) for each in segments]
    said = sorted((each for each in read if each), key=lambda each: (each.start_s, -each.end_s))
    if not said:
        if segments:
            raise SourceRefused(
                "phones",
                "bad phone file",
                f"{name} has no segment with start, end and text, start before end",
            )
        raise SourceRefused("phones", "no transcript", f"{name} has no text: no speech was found")
    in_turn, shared, within = one_by_one(said)
    unread = read.count(None)
    notes = [
        f"{counted(unread, 'text')} whose times cannot be, left out" * bool(unread),
        f"{counted(within, 'text')} within another, left out" * bool(within),
        f"{counted(shared, 'overlap')} of texts cut in the middle" * bool(shared),
    ]
    return tuple(in_turn), "; ".join(filter(None, notes))


def segment(raw: Any) -> Utterance | None:
    """One segment, or None where it has no text or no times from 0 on, start before end."""
    try:
        said = Utterance(float(raw["start"]), float(raw["end"]), str(raw["text"]))
    except NO_ERRORS:
        return None
    return said if 0 <= said.start_s < said.end_s < math.inf else None


def one_by_one(said: Iterable[Utterance]) -> tuple[list[Utterance], int, int]:
    """Texts that do not overlap; how many overlaps were cut, and how many texts left out that lie within
    another. said: in order of their starts. Overlaps that are no more than rounding are cut uncounted.

    >>> texts = Utterance(0, 5, "a"), Utterance(4, 8, "b"), Utterance(6, 7, "c"), Utterance(8, 9, "d")
    >>> [(each.start_s, each.end_s, each.text) for each in one_by_one(texts)[0]]
    [(0, 4.5, 'a'), (4.5, 8, 'b'), (8, 9, 'd')]
    """
    kept: list[Utterance] = []
    shared = within = 0
    for each in said:
        if not kept or each.start_s >= kept[-1].end_s:
            kept.append(each)
        elif each.end_s <= kept[-1].end_s:
            within += 1
        else:
            shared += kept[-1].end_s - each.start_s > ROUNDING_S
            middle_s = round((each.start_s + kept[-1].end_s) / 2, 6)
            kept[-1] = replace(kept[-1], end_s=middle_s)
            kept.append(replace(each, start_s=middle_s))
    return kept, shared, within


def words_with_times(path: Path) -> tuple[Utterance, ...]:
    """The words of an ``.align``, all in one utterance from the first to the last."""
    words = [word for word in read_align(path) if word.phone != SILENCE]
    if not words:
        return ()
    return (Utterance(words[0].start_s, words[-1].end_s, " ".join(word.phone for word in words)),)
