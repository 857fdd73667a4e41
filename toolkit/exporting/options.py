"""What a user may choose for ``export-features``."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from speechlip.checks import check_types
from speechlip.device import check_device
from speechlip.errors import OptionError
from speechlip.exporting.layouts import check_renderers
from speechlip.media.streams.opening import MAX_PICTURE_PX


@dataclass(frozen=True)
class ExportOptions:
    """Options of ``export_features``. Raises OptionError for what cannot be."""

    renderers: tuple[str, ...] | None = None
    """Whose files are written; None: all whose files the features go into."""
    train_share: Fraction | float = Fraction(10, 11)
    """Of the frames, from the first on, that mean and deviation are taken from; the default is the renderers'
    own split.
    """
    scale_of: str | Path | None = None
    """Folder of an exported video whose mean and deviation are taken instead, to drive its renderer with
    other speech.
    """
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    random_init: bool = False
    """The encoder at seeded random weights: a control."""
    max_picture_px: int = MAX_PICTURE_PX
    """Pixels of a frame; videos with larger ones are refused."""

    def __post_init__(self) -> None:
        check_types(self)
        check_renderers(self.renderers or ())
        check_device(self.device)
        if not 0 < self.train_share <= 1:
            raise OptionError(
                f"--train-share {str(self.train_share)!r} is no share above 0 and up to 1; "
                "give 10/11 (as the renderers split), 9/10, or 1"
            )
