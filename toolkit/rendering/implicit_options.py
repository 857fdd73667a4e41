"""What a user may choose of the implicit renderer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from speechlip.checks import check_types
from speechlip.device import PRECISIONS
from speechlip.errors import OptionError, no_such

SIZES = ("lite", "faithful")
STEPS = {"lite": 20_000, "faithful": 100_000}
LPIPS_WEIGHT = {"lite": 0.0, "faithful": 0.01}
"""Of each size, where none is given."""
LAST_SHARE = 0.1
"""Of the steps, the last ones: they see whole crops where a loss wants these."""


@dataclass(frozen=True)
class ImplicitOptions:
    """Options of the renderer ``implicit``. Raises OptionError for what cannot be.

    size: ``lite``, 6 layers of 128, or ``faithful``, the 8 of 256 of the paper.
    steps: of training; None for 20 000 (lite) or 100 000 (faithful).
    time: the network is told the time of a frame, too.
    blend: Blend-Net is trained after the lips, in a tenth of the steps, and mends every crop.
    sync_expert: a run of ``train-encoder`` whose encoders judge lips in the last steps; empty: none.
    sync_weight: of the contrastive sync loss.
    lpips_weight: of LPIPS in the last steps; None for 0 (lite) or 0.01 (faithful).
    precision: ``fp32`` or ``bf16``, of the networks.
    seed: of weights and sampled pixels.
    """

    size: str = "lite"
    steps: int | None = None
    time: bool = False
    blend: bool = False
    sync_expert: str = ""
    sync_weight: float = 0.01
    lpips_weight: float | None = None
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        check_types(self)
        if self.size not in SIZES:
            raise no_such("size", self.size, SIZES)
        if self.precision not in PRECISIONS:
            raise no_such("precision", self.precision, PRECISIONS)
        for name, value, least in (
            ("steps", self.steps, 1),
            ("sync_weight", self.sync_weight, 0),
            ("lpips_weight", self.lpips_weight, 0),
            ("seed", self.seed, 0),
        ):
            if value is not None and not least <= value < 2**31:
                raise OptionError(f"{name} is {value}, wanted {least} or more")

    @property
    def all_steps(self) -> int:
        """Steps of training."""
        return STEPS[self.size] if self.steps is None else self.steps

    @property
    def last_steps(self) -> int:
        """How many of them, the last ones, see whole crops; 0 where no loss wants these."""
        wanted = self.lpips > 0 or (self.sync_expert and self.sync_weight > 0)
        return max(1, round(self.all_steps * LAST_SHARE)) if wanted else 0

    @property
    def blend_steps(self) -> int:
        """Steps of Blend-Net's training; 0 without it."""
        return max(1, round(self.all_steps * LAST_SHARE)) if self.blend else 0

    @property
    def lpips(self) -> float:
        """Weight of LPIPS."""
        return LPIPS_WEIGHT[self.size] if self.lpips_weight is None else self.lpips_weight

    def facts(self) -> dict[str, Any]:
        """What tables say of them, and what crops depend on."""
        named = asdict(self) | {"steps": self.all_steps, "lpips_weight": self.lpips}
        if not self.sync_expert:
            named.pop("sync_weight")
        return {name: value for name, value in named.items() if value is not False and value != ""}


def given_options(given: Mapping[str, Any]) -> ImplicitOptions | None:
    """Options of what a user gave; None where everything was left as it is.

    >>> given_options({"size": None, "blend": False}), given_options({"size": "faithful"}).all_steps
    (None, 100000)
    """
    defaults = {each.name: each.default for each in fields(ImplicitOptions)}
    chosen = {name: value for name, value in given.items() if value not in (None, defaults[name])}
    return ImplicitOptions(**chosen) if chosen else None
