"""Which objective an encoder is trained with."""

from speechlip.training.objectives.objective import Objective
from speechlip.training.objectives.windows import WindowPairs
from speechlip.training.options import TrainOptions


def objective_of(options: TrainOptions) -> Objective:
    """The objective of ``options.encoder``."""
    return WindowPairs(options)
