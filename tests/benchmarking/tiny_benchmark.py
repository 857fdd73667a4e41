"""A benchmark on a tiny folder, for the tests that run one: shards, options that take no time, a watcher that
counts.
"""

import json
from dataclasses import replace

import speechlip
from kept_progress import KeptProgress
from speechlip.benchmarking import row
from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.projection import projection_head
from speechlip.benchmarking.row_records import Cost
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


class Watched(KeptProgress):
    """Also keeps the plan, and the labels of rows as they are made."""

    def __init__(self):
        super().__init__()
        self.plan, self.rows = None, []

    def benchmark(self, shards, out, *encoders, options=OPTIONS, workers=1, engine="local"):
        def keep_plan(plan):
            self.plan = plan

        return speechlip.benchmark(
            encoders,
            shards,
            out,
            options,
            workers=workers,
            engine=engine,
            progress=self,
            on_plan=keep_plan,
            on_row=lambda row: self.rows.append(row.label),
        )


def benchmark(shards, out, *encoders, options=OPTIONS, workers=1, engine="local"):
    watched = Watched()
    made = watched.benchmark(shards, out, *encoders, options=options, workers=workers, engine=engine)
    return made, watched


def no_cost(task, parameters, *rest):
    """In ``measured_cost``'s place: no process is started to measure."""
    return Cost(parameters, 1, None)


def tiny_row(task, report, **options):
    """``make_row`` in a fresh process, which knows nothing of the fixture ``tiny``."""
    from tiny_lips import TinyLips

    projection_head.LipEncoder, row.measured_cost = TinyLips, no_cost
    return row.make_row(task, report, **options)


def without_times(benchmark_json):
    """benchmark.json less what no two runs have in common."""
    content = json.loads(benchmark_json)
    return content | {
        "rows": [
            {name: value for name, value in row.items() if name not in ("seconds", "cost")}
            for row in content["rows"]
        ]
    }
