"""Aligned phones: read from a TextGrid or a GRID ``.align`` file, cut to a clip."""

from pathlib import Path

from speechlip.errors import SourceRefused
from speechlip.records import Phone

TIER_NAMES = ("phones", "phone", "phonemes")
SILENCE = "SIL"
SILENT_LABELS = ("", "sil", "sp", "_", "<p:>")  # Praat and MFA, Kaldi, MAUS
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
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        intervals = tuple(
            Phone(int(start) / ALIGN_RATE, int(end) / ALIGN_RATE, _label(label)) for start, end, label in rows
        )
    except (OSError, ValueError) as error:
        raise SourceRefused(
            "phones",
            "bad phone file",
            f"{path.name} must have lines START END LABEL in 25 kHz samples: {error}",
        ) from error
    edges = [edge for interval in intervals for edge in (interval.start_s, interval.end_s)]
    if not edges or edges != sorted(edges) or edges[0] < 0:
        raise SourceRefused(
            "phones", "bad phone file", f"{path.name} must have intervals in order of time, none before 0"
        )
    return intervals


def read_textgrid(path: Path) -> tuple[Phone, ...]:
    """What ``read_phones`` says of a TextGrid."""
    from praatio import textgrid

    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode="silence")
    except Exception as error:  # praatio's parser raises whatever its slicing meets
        raise SourceRefused(
            "phones", "bad phone file", f"{path.name} cannot be read as a TextGrid: {error}"
        ) from error
    tiers = [name for name in grid.tierNames if name.lower().split(" - ")[-1] in TIER_NAMES]
    if len(tiers) != 1 or not isinstance(grid.getTier(tiers[0]), textgrid.IntervalTier):
        detail = (
            f"{path.name} must have one interval tier named {', '.join(TIER_NAMES)}; "
            f"it has: {', '.join(grid.tierNames)}"
        )
        raise SourceRefused("phones", "bad phone file", detail)
    return tuple(
        Phone(float(start_s), float(end_s), _label(label))
        for start_s, end_s, label in grid.getTier(tiers[0]).entries
    )


def _label(label: str) -> str:
    return SILENCE if label.strip().lower() in SILENT_LABELS else label.strip()


def cut_phones(phones: tuple[Phone, ...], start_s: float, stop_s: float) -> tuple[Phone, ...]:
    """Phones within [start_s, stop_s) of the source, in clip time; those on a border are cut there.

    Times are rounded to a microsecond.

    >>> cut_phones((Phone(0.0, 0.5, "AA"), Phone(0.5, 0.9, "M"), Phone(0.9, 1.2, "SIL")), 0.4, 0.8)
    (Phone(start_s=0.0, end_s=0.1, phone='AA'), Phone(start_s=0.1, end_s=0.4, phone='M'))
    """
    spans = ((max(p.start_s, start_s) - start_s, min(p.end_s, stop_s) - start_s, p.phone) for p in phones)
    rounded = (Phone(round(a, 6), round(b, 6), phone) for a, b, phone in spans)
    return tuple(p for p in rounded if p.end_s > p.start_s)
