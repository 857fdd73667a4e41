"""What a user may choose for ``render_lips``."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from speechlip.checks import check_types
from speechlip.device import check_device
from speechlip.errors import OptionError, no_such
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.files.names import plain_name
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.rendering.implicit_options import ImplicitOptions

RENDERERS = ("pca", "implicit")
"""What turns features into crops, the default first."""

MAPPINGS = ("similarity", "mesh")
"""What takes the head's movement out of a mouth and gives it back, the default first."""
SPLITS = {"se4lip": Fraction(10, 11), "speech2lip": Fraction(9, 10)}
"""Whose split → the share of frames, from the first on, that a renderer trains on."""


@dataclass(frozen=True)
class RenderOptions:
    """Options of ``render_lips``. Raises OptionError for what cannot be.

    split: whose: ``se4lip`` trains on the first 10/11, ``speech2lip`` on the first 9/10.
    detector: what finds faces, in the person's video and in the renders; it has to give landmarks.
    device: of the encoders and of ``implicit``: auto, cpu, cuda, cuda:1, mps.
    max_picture_px: a video whose frames have more pixels is refused.
    renderer: what turns features into crops: ``pca``, a ridge to components, or ``implicit``, a network.
    audio: a video or audio file that drives the lips instead of the person's own test part; empty: none.
    pose: a clip whose head motion the render has; empty: the person's own.
    mapping: ``similarity``, place, size and roll; ``mesh``, turns in depth as well, by MediaPipe's mesh.
    implicit: options of ``implicit``; None for the defaults.
    """

    split: str = "se4lip"
    detector: str = "auto"
    device: str = "auto"
    max_picture_px: int = MAX_PICTURE_PX
    renderer: str = RENDERERS[0]
    audio: str = ""
    pose: str = ""
    mapping: str = MAPPINGS[0]
    implicit: ImplicitOptions | None = None

    def __post_init__(self) -> None:
        check_types(self)
        check_device(self.device)
        if self.split not in SPLITS:
            raise no_such("split", self.split, SPLITS)
        if self.renderer not in RENDERERS:
            raise no_such("renderer", self.renderer, RENDERERS)
        if self.mapping not in MAPPINGS:
            raise no_such("mapping", self.mapping, MAPPINGS)
        if self.implicit and self.renderer != "implicit":
            raise OptionError(
                f"size, steps, blend, losses, precision and seed are of the renderer implicit, and "
                f"{self.renderer} is chosen; add --renderer implicit, or leave them out"
            )
        if self.detector != "auto" and self.detector not in DETECTORS.names():
            raise DETECTORS.no_such(self.detector)

    @property
    def driven_by(self) -> str:
        """In words, behind the person's name; empty where it is the person's own test part."""
        parts = [("audio of", self.audio), ("the head motion of", self.pose)]
        given = [f"{what} {plain_name(Path(path).name)}" for what, path in parts if path]
        return f" with {' and '.join(given)}" if given else ""

    @property
    def train_share(self) -> Fraction:
        """Of the frames, from the first on, that are learned from."""
        return SPLITS[self.split]
