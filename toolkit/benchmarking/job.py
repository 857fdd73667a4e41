"""What all rows of a benchmark share, and where a row keeps what it has."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from speechlip.benchmarking.evaluation.phones import AnchorRatios
from speechlip.benchmarking.evaluation.scores import PairFacts
from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.records import ShardsFacts
from speechlip.benchmarking.tasks import Task
from speechlip.format import pairs_file
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs

ROWS_FOLDER = ".rows"
Advance = Callable[[str, float], None]
"""advance(what is being done, training steps done since the last call)"""


@dataclass(frozen=True)
class RowJob:
    """What all rows of a run share."""

    out: Path
    shards: Path
    facts: ShardsFacts
    options: BenchmarkOptions
    """Split and device settled."""
    anchors: AnchorRatios
    """What AR* is measured between."""

    @cached_property
    def pairs(self) -> tuple[FrozenPair, ...]:
        return read_pairs(self.shards / pairs_file(self.facts.split))

    @cached_property
    def validation_pairs(self) -> tuple[FrozenPair, ...]:
        """The frozen pairs that choose learning rates; none where no people are there for that."""
        split = self.facts.validation
        return read_pairs(self.shards / pairs_file(split)) if split else ()

    @cached_property
    def pair_facts(self) -> PairFacts:
        return PairFacts.of(self.pairs, self.facts.off)

    def folder(self, task: Task) -> Path:
        return self.out / ROWS_FOLDER / task.key
