"""What a user may choose for ``judge``. Every option changes numbers; workers do not."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechlip.checks import check_types
from speechlip.errors import OptionError
from speechlip.judging.harms.table import harms_of
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.scoring.options import OWN_FILES, ScoreOptions


@dataclass(frozen=True)
class JudgeOptions:
    """Options of one judgement. Raises OptionError, which lists what there is, where one cannot be used.

    metrics: families of ``metrics.table`` and groups of them; empty: those that are scored by default.
    harms: names of ``judging.harms.table``; empty: all.
    seconds: of each clip, from its beginning.
    side_px: frames are scaled down to this longer side; 0: never.
    detector, device, sync_model, syncnet_weights, allow_unknown_weights, brisque_model, brisque_range: as of
        ``ScoreOptions``.
    max_picture_px: a clip whose frames have more pixels is refused.
    """

    metrics: tuple[str, ...] = ()
    harms: tuple[str, ...] = ()
    seconds: float = 4.0
    side_px: int = 512
    detector: str = "auto"
    device: str = "auto"
    sync_model: str | None = None
    syncnet_weights: str | Path | None = None
    allow_unknown_weights: bool = False
    max_picture_px: int = MAX_PICTURE_PX
    brisque_model: str | Path | None = None
    brisque_range: str | Path | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if not 1 <= self.seconds <= 60:
            raise OptionError(f"seconds is {self.seconds:g}; it must lie in 1 … 60")
        if self.side_px and not 64 <= self.side_px <= 4096:
            raise OptionError(f"side_px is {self.side_px}; it must be 0 or lie in 64 … 4096")
        harms_of(self.harms)
        object.__setattr__(self, "metrics", self.scoring.metrics)

    @property
    def scoring(self) -> ScoreOptions:
        """How every copy is scored."""
        return ScoreOptions(
            self.metrics,
            detector=self.detector,
            device=self.device,
            sync_model=self.sync_model,
            syncnet_weights=self.syncnet_weights,
            allow_unknown_weights=self.allow_unknown_weights,
            max_picture_px=self.max_picture_px,
            brisque_model=self.brisque_model,
            brisque_range=self.brisque_range,
        )

    def as_dict(self) -> dict[str, Any]:
        """Option → plain value, as ``judge.json`` has them."""
        plain = asdict(self)
        return {name: str(each) if name in OWN_FILES and each else each for name, each in plain.items()}
