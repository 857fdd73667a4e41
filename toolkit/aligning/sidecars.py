"""What other aligners and recognisers wrote: Gentle's and WhisperX's JSON, words of an ``.align``."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechlip.aligning.records import Utterance
from speechlip.aligning.sphinx import Heard
from speechlip.errors import SourceRefused
from speechlip.files.strict_json import strict_json
from speechlip.phones import SILENCE, read_align
from speechlip.records import Phone

GENTLE = "gentle"
OUT_OF_VOCABULARY = "OOV"
NO_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
MOST_BYTES = 200_000_000


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises SourceRefused for anything else."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        return strict_json(path.read_bytes())
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


def gentle(raw: Any, name: str) -> tuple[Heard, ...]:
    """Words and phones of Gentle's JSON; words that it did not find have none.

    Its phones ``dh_B`` become ``DH``, and the time between words ``SIL``. Raises SourceRefused.

    >>> word = {"word": "The", "case": "success", "start": 0.5, "end": 0.7, "phones": [
    ...     {"phone": "dh_B", "duration": 0.05}, {"phone": "ah_E", "duration": 0.15}]}
    >>> [(p.phone, p.start_s, p.end_s) for p in gentle({"words": [word]}, "x.json")[0].phones]
    [('DH', 0.5, 0.55), ('AH', 0.55, 0.7)]
    """
    try:
        heard = tuple(gentle_word(word) for word in raw["words"] if is_found(word))
    except NO_ERRORS as error:
        raise SourceRefused(
            "phones", "bad phone file", f"{name} is no result of Gentle: {type(error).__name__} {error}"
        ) from error
    if not heard:
        raise SourceRefused("phones", "not aligned", f"Gentle found no word of {name} in the audio")
    check_order([edge for word in heard for edge in (word.start_s, word.end_s)], name)
    return heard


def is_found(word: Mapping[str, Any]) -> bool:
    """Whether Gentle found a word in the audio."""
    return word.get("case") == "success" and bool(word.get("phones"))


def lost_before(raw: Mapping[str, Any]) -> frozenset[int]:
    """Numbers of the words of ``gentle`` before which there is one that was not found.

    >>> lost_before({"words": [{"case": "success", "phones": [1]}, {}, {"case": "success", "phones": [1]}]})
    frozenset({1})
    """
    found = [is_found(word) for word in raw["words"]]
    return frozenset(sum(found[:place]) for place, here in enumerate(found) if not here)


def gentle_word(word: Mapping[str, Any]) -> Heard:
    at, phones = float(word["start"]), []
    for phone in word["phones"]:
        end_s = at + float(phone["duration"])
        label = str(phone["phone"]).partition("_")[0].upper()
        phones.append(
            Phone(round(at, 6), round(end_s, 6), SILENCE if label in ("SIL", "") else label, GENTLE)
        )
        at = end_s
    return Heard(str(word["word"]), phones[0].start_s, phones[-1].end_s, tuple(phones))


def whisperx(raw: Any, name: str) -> tuple[Utterance, ...]:
    """The segments of WhisperX's JSON: texts with times. Raises SourceRefused."""
    try:
        said = tuple(
            Utterance(float(each["start"]), float(each["end"]), str(each["text"])) for each in raw["segments"]
        )
    except NO_ERRORS as error:
        raise SourceRefused(
            "phones", "bad phone file", f"{name} is no result of WhisperX: {type(error).__name__} {error}"
        ) from error
    if not said:
        raise SourceRefused("phones", "no transcript", f"{name} has no text: no speech was found")
    check_order([edge for each in said for edge in (each.start_s, each.end_s)], name)
    return said


def words_with_times(path: Path) -> tuple[Utterance, ...]:
    """The words of an ``.align``, all in one utterance from the first to the last."""
    words = [word for word in read_align(path) if word.phone != SILENCE]
    if not words:
        return ()
    return (Utterance(words[0].start_s, words[-1].end_s, " ".join(word.phone for word in words)),)


def check_order(edges: list[float], name: str) -> None:
    """Raise SourceRefused unless times, of which there are some, are finite, from 0 on, in order."""
    if edges != sorted(edges) or edges[0] < 0 or not all(map(math.isfinite, edges)):
        raise SourceRefused(
            "phones", "bad phone file", f"{name} must have texts in order of time, none before 0"
        )
