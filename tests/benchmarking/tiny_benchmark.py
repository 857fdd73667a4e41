"""A benchmark on a tiny folder, for the tests that run one: shards, options that take no time, a watcher that counts."""

import json
from dataclasses import replace

from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.records import Cost
from speechlip.benchmarking.run import BenchmarkJob, run_benchmark
from speechlip.benchmarking.tasks import CONTROLS, LIPS

SPLITS = {
    "train": dict.fromkeys(("anna", "ben", "chen", "dan"), (60, 55, 50)),
    "test": {"dora": (60, 48), "emil": (50, 40)},
}
OPTIONS = BenchmarkOptions(
    steps=40, seeds=2, batch_size=16, lr=5e-3, warmup_steps=5, device="cpu", resamples=50
)
REAL_CONTROLS, REAL_LIPS = CONTROLS, LIPS
"""Before the fixture ``tiny`` puts its own in their place."""
SEEING, SHUFFLED = "tiny_encoders:seeing", "shuffled:tiny_encoders:seeing"
FEW = replace(OPTIONS, steps=1, seeds=1, batch_size=4)
"""Options that give a row in no time."""


class Silent:
    def __init__(self):
        self.plan, self.rows, self.steps = None, [], 0

    def planned(self, plan):
        self.plan = plan

    def advanced(self, doing, steps):
        self.steps += steps

    def replaced(self, event):
        self.replacements = [*getattr(self, "replacements", []), event]

    def scored(self, row):
        self.rows.append(row.label)


def benchmark(shards, out, *encoders, options=OPTIONS):
    watcher = Silent()
    return run_benchmark(BenchmarkJob(shards, out, encoders, options), watcher), watcher


def no_cost(task, parameters, *rest):
    """In ``measured_cost``'s place: no process is started to measure."""
    return Cost(parameters, 1, None)


def without_times(benchmark_json):
    """benchmark.json less what no two runs have in common."""
    content = json.loads(benchmark_json)
    return content | {
        "rows": [
            {name: value for name, value in row.items() if name not in ("seconds", "cost")}
            for row in content["rows"]
        ]
    }
