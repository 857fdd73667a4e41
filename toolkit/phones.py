"""Aligned phones: read from a TextGrid or a GRID ``.align`` file, written as a TextGrid, cut to a clip."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from speechlip.errors import ReadError, SourceRefused
from speechlip.files.reading import read_bytes, read_errors_told
from speechlip.records import Phone

TIER_NAMES = ("phones", "phone", "phonemes")
SILENCE = "SIL"
RECOGNISED = "pocketsphinx-allphone"
"""Source of a phone that was recognised without a transcript."""
CTC, CTC_IPA = "ctc-align", "ctc-align-ipa"
"""Sources of phones that a phone model of the user's placed: ARPAbet, or IPA with the language behind it."""
MADE_HERE = ("pocketsphinx-", CTC)
"""How sources of phones begin that were aligned or recognised here."""
ESPEAK = "+espeak"
"""Behind the source of a phone whose word espeak-ng pronounced."""
SILENT_LABELS = ("", "sil", "sp", "_", "<p:>")  # Praat and MFA, Kaldi, MAUS
SOURCES, SCORES, WORDS = "phone sources", "phone scores", "words"
"""Tiers that ``write_textgrid`` adds: what each phone comes from, and its score."""
ALIGN_RATE = 25_000  # .align files count samples of GRID's 25 kHz audio: 1000 a frame of its 25 fps


def read_phones(path: Path) -> tuple[Phone, ...]:
    """Phones of a file in order of time: a TextGrid's tier of phones, or an ``.align``.

    The tier is called ``phones``, ``phone`` or ``phonemes``, or as MFA does, ``speaker - phones``. Labels as
    they stand, silence as ``SIL``; times in seconds of the source. Raises SourceRefused for a file that
    cannot be read as what its ending says, or a TextGrid that has not exactly one such tier.
    """
    return read_align(path) if path.suffix.lower() == ".align" else read_textgrid(path)


def read_align(path: Path) -> tuple[Phone, ...]:
    """Intervals of an ``.align`` file, lines ``START END LABEL`` in samples at 25 kHz.

    They are words in GRID's own files, phones in those of others. Labels as they stand, silence as ``SIL``;
    times in seconds of the source. Raises SourceRefused for anything else.
    """
    at, where, intervals = 0, "", []
    try:
        for number, line in enumerate(read_bytes(path).decode().splitlines(), 1):
            where = f" (line {number})"
            if line.strip():
                start, end, label = line.split()
                if not at <= int(start) <= int(end):
                    raise ValueError("intervals must be in order of time, none before 0")
                at = int(end)
                intervals.append(Phone(int(start) / ALIGN_RATE, at / ALIGN_RATE, _label(label), "align"))
        if not intervals:
            raise ValueError("it has none")
    except ReadError:
        raise
    except (OSError, ValueError) as error:
        raise SourceRefused(
            "phones",
            "bad phone file",
            f"{path.name} must have lines START END LABEL in 25 kHz samples: {error}{where}",
        ) from error
    return tuple(intervals)


def read_textgrid(path: Path) -> tuple[Phone, ...]:
    """What ``read_phones`` says of a TextGrid."""
    from praatio import textgrid

    try:
        with read_errors_told(path):
            grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode="silence")
    except ReadError:
        raise
    except Exception as error:  # praatio's parser raises whatever its slicing meets
        raise SourceRefused(
            "phones",
            "bad phone file",
            f"{path.name} cannot be read as a TextGrid: {' '.join(str(error).split())}",
        ) from error
    tiers = [name for name in grid.tierNames if name.lower().split(" - ")[-1] in TIER_NAMES]
    if len(tiers) != 1 or not isinstance(grid.getTier(tiers[0]), textgrid.IntervalTier):
        detail = (
            f"{path.name} must have one interval tier named {', '.join(TIER_NAMES)}; "
            f"it has: {', '.join(grid.tierNames)}"
        )
        raise SourceRefused("phones", "bad phone file", detail)
    try:
        sources, scores = _beside(grid, SOURCES), _beside(grid, SCORES)
        return tuple(
            Phone(
                float(start_s),
                float(end_s),
                _label(label),
                sources.get(start_s, "textgrid"),
                float(scores[start_s]) if start_s in scores else None,
            )
            for start_s, end_s, label in grid.getTier(tiers[0]).entries
        )
    except ValueError as error:
        raise SourceRefused(
            "phones", "bad phone file", f"{path.name}: a score is no number: {error}"
        ) from error


def _beside(grid: Any, tier: str) -> dict[float, str]:
    """Start → label of a tier, without empty ones; empty where there is none."""
    entries = grid.getTier(tier).entries if tier in grid.tierNames else ()
    return {entry[0]: entry[-1] for entry in entries if entry[-1]}


def write_textgrid(path: Path, phones: Sequence[Phone], words: Sequence[Phone], length_s: float) -> None:
    """Write tiers phones, words, phone sources and phone scores, as ``read_textgrid`` reads them."""
    from praatio import textgrid

    grid = textgrid.Textgrid(0, length_s)
    scores = [replace(phone, phone=f"{phone.score:.2f}") for phone in phones if phone.score is not None]
    tiers = {
        "phones": phones,
        WORDS: words,
        SOURCES: [replace(phone, phone=phone.source) for phone in phones if phone.source],
        SCORES: scores,
    }
    for name, spans in tiers.items():
        entries = [(round(span.start_s, 6), round(span.end_s, 6), span.phone) for span in spans]
        if entries:
            grid.addTier(textgrid.IntervalTier(name, entries, 0, length_s))
    grid.save(str(path), format="long_textgrid", includeBlankSpaces=True, reportingMode="silence")


def _label(label: str) -> str:
    return SILENCE if label.strip().lower() in SILENT_LABELS else label.strip()


def is_ours(path: Path) -> bool:
    """Whether ``write_textgrid`` wrote it."""
    return SOURCES.encode() in path.read_bytes()


def is_ipa(source: str) -> bool:
    """Whether phones of this source are IPA: ``y`` is no ARPAbet Y.

    >>> is_ipa("ctc-align-ipa:fr"), is_ipa("textgrid")
    (True, False)
    """
    return source.startswith(CTC_IPA)


def common_source(phones: Sequence[Phone]) -> str:
    """What most phones come from, silence left out, whoever pronounced their words; empty where nobody says.

    >>> common_source([Phone(0, 1, "AA", "textgrid"), Phone(1, 2, "SIL", "x"), Phone(2, 3, "SIL", "x")])
    'textgrid'
    """
    sources = Counter(phone.source.removesuffix(ESPEAK) for phone in phones if phone.phone != SILENCE)
    return max(sorted(sources), key=sources.__getitem__, default="")


def mean_score(phones: Iterable[Phone]) -> float | None:
    """Mean score of the phones that have one, silence left out, in nats; None where none has.

    >>> mean_score([Phone(0, 1, "AA", "", -1.0), Phone(1, 2, "M", "", -2.5), Phone(2, 3, "SIL", "", -9.0)])
    -1.75
    """
    scores = [phone.score for phone in phones if phone.score is not None and phone.phone != SILENCE]
    return round(sum(scores) / len(scores), 2) if scores else None


def cut_phones(phones: tuple[Phone, ...], start_s: float, stop_s: float) -> tuple[Phone, ...]:
    """Phones within [start_s, stop_s) of the source, in clip time; those on a border are cut there.

    Times are rounded to a microsecond.

    >>> phones = Phone(0.0, 0.5, "AA"), Phone(0.5, 0.9, "M"), Phone(0.9, 1.2, "SIL")
    >>> [(phone.start_s, phone.end_s, phone.phone) for phone in cut_phones(phones, 0.4, 0.8)]
    [(0.0, 0.1, 'AA'), (0.1, 0.4, 'M')]
    """
    spans = ((max(p.start_s, start_s) - start_s, min(p.end_s, stop_s) - start_s, p) for p in phones)
    rounded = (replace(p, start_s=round(a, 6), end_s=round(b, 6)) for a, b, p in spans)
    return tuple(p for p in rounded if p.end_s > p.start_s)
