"""Which objective an encoder is trained with."""

from speechlip.training.objectives.excerpts import PhoneExcerpts
from speechlip.training.objectives.objective import Objective
from speechlip.training.objectives.windows import WindowPairs
from speechlip.training.options import TrainOptions


def objective_of(options: TrainOptions) -> Objective:
    """The objective of ``options.encoder``."""
    return PhoneExcerpts(options) if options.learns_from_phones else WindowPairs(options)
