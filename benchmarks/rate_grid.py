"""What choosing among three learning rates costs: a row of score-encoder with one rate, and with the grid.

    python benchmarks/rate_grid.py SHARDS [--encoder log-mel] [--steps 6] [--batch-size 8] [--seeds 1]

SHARDS have a validation split. Prints CPU and wall time of training, validation and evaluation for both, the
validation AUC at each rate, and the rate that was chosen.
"""

import argparse
import tempfile
import time
from pathlib import Path

from speechlip.benchmarking import rates, seeds, tasks
from speechlip.benchmarking.benchmark import benchmark
from speechlip.benchmarking.evaluation.evaluate import evaluate, pair_cosines
from speechlip.benchmarking.options import MIDDLE, BenchmarkOptions
from speechlip.benchmarking.projection.fit import fit
from speechlip.benchmarking.report.trained import rate_words


class Clock:
    """CPU and wall seconds inside a function."""

    def __init__(self, function):
        self.function, self.cpu_s, self.wall_s = function, 0.0, 0.0

    def __call__(self, *given):
        began = time.process_time(), time.perf_counter()
        try:
            return self.function(*given)
        finally:
            self.cpu_s += time.process_time() - began[0]
            self.wall_s += time.perf_counter() - began[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path)
    parser.add_argument("--encoder", default="log-mel")
    for name, value in (("--steps", 6), ("--batch-size", 8), ("--seeds", 1)):
        parser.add_argument(name, type=int, default=value)
    given = parser.parse_args()
    tasks.CONTROLS, tasks.LIPS = {given.encoder: "the encoder alone"}, given.encoder
    sizes = {"steps": given.steps, "batch_size": given.batch_size, "seeds": given.seeds}
    for words, lr in (("one rate", MIDDLE), ("the grid", None)):
        clocks = {"training": Clock(fit), "validation": Clock(pair_cosines), "evaluation": Clock(evaluate)}
        rates.fit, rates.pair_cosines, seeds.evaluate = clocks.values()
        options = BenchmarkOptions.preset("quick", lr=lr, device="cpu", resamples=10, **sizes)
        with tempfile.TemporaryDirectory() as folder:
            row = benchmark(given.encoder, given.shards, folder, options, workers=1).rows[0]
        times = ", ".join(
            f"{name} {clock.cpu_s:.1f} s CPU ({clock.wall_s:.1f} wall)" for name, clock in clocks.items()
        )
        print(f"{words}, at {rate_words(row.rate)}: {times}", flush=True)
        for each in row.rate.tried:
            print(f"  {each.lr:g}: validation AUC {', '.join(f'{auc:.3f}' for auc in each.validation)}")


if __name__ == "__main__":
    main()
