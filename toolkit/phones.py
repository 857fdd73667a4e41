"""Aligned phones: read from a TextGrid, cut to a clip."""

from pathlib import Path

from .errors import SourceRefused
from .records import Phone

TIER_NAMES = ("phones", "phone", "phonemes")
SILENCE = "SIL"
SILENT_LABELS = ("", "sil", "sp", "_", "<p:>")  # Praat and MFA, Kaldi, MAUS


def read_phones(path: Path) -> tuple[Phone, ...]:
    """Phones of a TextGrid's tier ``phones`` (or phone, phonemes; MFA's ``speaker - phones`` too), in order of time.

    Labels as they stand, silence as ``SIL``; times in seconds of the source.
    Raises SourceRefused for a file that cannot be read as a TextGrid, or that has not exactly one such tier.
    """
    from praatio import textgrid

    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode="silence")
    except Exception as error:  # praatio's parser raises whatever its slicing meets
        raise SourceRefused("phones", "bad phone file", f"{path.name} cannot be read as a TextGrid: {error}") from error
    tiers = [name for name in grid.tierNames if name.lower().split(" - ")[-1] in TIER_NAMES]
    if len(tiers) != 1 or not isinstance(grid.getTier(tiers[0]), textgrid.IntervalTier):
        detail = f"{path.name} must have one interval tier named {', '.join(TIER_NAMES)}; it has: {', '.join(grid.tierNames)}"
        raise SourceRefused("phones", "bad phone file", detail)
    return tuple(Phone(float(start_s), float(end_s), _label(label)) for start_s, end_s, label in grid.getTier(tiers[0]).entries)


def _label(label: str) -> str:
    return SILENCE if label.strip().lower() in SILENT_LABELS else label.strip()


def cut_phones(phones: tuple[Phone, ...], start_s: float, stop_s: float) -> tuple[Phone, ...]:
    """Phones within [start_s, stop_s) of the source, in clip time; those on a border are cut there. Rounded to a microsecond.

    >>> cut_phones((Phone(0.0, 0.5, "AA"), Phone(0.5, 0.9, "M"), Phone(0.9, 1.2, "SIL")), 0.4, 0.8)
    (Phone(start_s=0.0, end_s=0.1, phone='AA'), Phone(start_s=0.1, end_s=0.4, phone='M'))
    """
    spans = ((max(p.start_s, start_s) - start_s, min(p.end_s, stop_s) - start_s, p.phone) for p in phones)
    rounded = (Phone(round(a, 6), round(b, 6), phone) for a, b, phone in spans)
    return tuple(p for p in rounded if p.end_s > p.start_s)
