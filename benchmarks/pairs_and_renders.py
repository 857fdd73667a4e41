"""Does pair AUC tell which encoder renders better lips? Cheap encoders of different worth, one person.

    python benchmarks/pairs_and_renders.py SHARDS [--person may.mp4] [--seconds 60] [--steps 24]
    python benchmarks/pairs_and_renders.py --finished TABLE/benchmark.json RENDERS/scores.json

Scores log-mel, log-stft and three encoders that hear less (four bands, the loudness alone, noise) by the
protocol on SHARDS, with one learning rate and a few steps; renders the person by each; prints the table, the
rank correlation, and CPU time. As ``score-encoder --render`` does, without its controls.

--finished takes a table of score-encoder and a run of render-lips that are there already; a folder and a link
to it are the same encoder.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import torch

from speechlip.benchmarking import tasks
from speechlip.benchmarking.benchmark import benchmark
from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.rendered import answer, cannot, scores_of
from speechlip.benchmarking.report.rendered import render_text
from speechlip.encoders.features.controls import LogSpectra
from speechlip.metrics.statistics.blocks import block_difference
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.rendering.records import FAILED, RenderRow, Renders


class Bands(LogSpectra):
    """The log-mel spectrum in fewer bands, each the mean of neighbours."""

    def __init__(self, name: str, bands: int) -> None:
        super().__init__(mel=True)
        self.name, self.dim = name, bands

    def encode(self, waveform):
        return super().encode(waveform).unflatten(2, (self.dim, -1)).mean(3)


class FourBands(Bands):
    def __init__(self):
        super().__init__("four-bands", 4)


class Loudness(Bands):
    def __init__(self):
        super().__init__("loudness", 1)


class Noise(Bands):
    """Eight numbers that depend on nothing that is said."""

    def __init__(self):
        super().__init__("noise", 8)

    def encode(self, waveform):
        shape = super().encode(waveform).shape
        return torch.randn(shape, generator=torch.Generator().manual_seed(waveform.shape[1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path, nargs="?")
    parser.add_argument("--finished", type=Path, nargs=2, metavar=("BENCHMARK", "SCORES"))
    parser.add_argument("--person", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--steps", type=int, default=24)
    given = parser.parse_args()
    if given.finished:
        print(render_text(together(*given.finished)))
        print(f"\nLMD of one less that of the other, px, over the same frames\n{paired(given.finished[1])}")
        return
    if given.shards is None:
        parser.error("give SHARDS, or --finished")
    sys.path.append(str(Path(__file__).parent))
    own = [f"pairs_and_renders:{name}" for name in ("FourBands", "Loudness", "Noise")]
    tasks.CONTROLS, tasks.LIPS = {"log-mel": "the mel spectrum itself"}, "log-mel"
    options = BenchmarkOptions.preset("quick", lr=5e-4, steps=given.steps, batch_size=16, device="cpu")
    began = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        person = given.person or synthetic_person(Path(folder) / "people", given.seconds)
        table = benchmark(
            ["log-mel", "log-stft", *own],
            given.shards,
            Path(folder) / "out",
            options,
            render=person,
            workers=1,
        )
    print(render_text(table))
    for row in table.rows:
        if reason := row.reason or row.render["render_lmd"].reason:
            print(f"{row.label}: {reason}")
    print(f"{time.process_time() - began[0]:.0f} s of CPU, {time.perf_counter() - began[1]:.0f} wall")


def paired(scores_file: Path) -> str:
    """Every two encoders of a run: the difference of their LMD with its interval over blocks of 1 s."""
    rows = [RenderRow(**as_row(row)) for row in json.loads(scores_file.read_text())["rows"]]
    heard = [row for row in rows if row.encoder and not row.shuffled and row.status != FAILED]
    lines = []
    for one, other in combinations(sorted(heard, key=lambda row: row.values["lmd"]), 2):
        apart = block_difference(one.frames("lmd"), other.frames("lmd"))
        lines.append(
            f"{one.name} - {other.name}: {apart.value:.3f} ({apart.ci_low:.3f} … {apart.ci_high:.3f})"
        )
    return "\n".join(lines)


def as_row(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != "below_shuffled"}


def together(table_file: Path, scores_file: Path) -> Benchmark:
    """A finished table with the rows of a finished run beside it."""
    table, facts = Benchmark.load(table_file), json.loads(scores_file.read_text())
    rendered = [RenderRow(**as_row(row)) for row in facts["rows"]]
    renders = Renders(
        scores_file.parent, facts["person"], "", facts["split"], {}, 0, 0, 0, (0, 0), (), tuple(rendered)
    )
    by_encoder = {same(row.encoder): row.encoder for row in rendered if row.encoder}
    rows = []
    for row in table.rows:
        scores = scores_of(by_encoder.get(same(row.name), row.name), renders, cannot(row.name))
        rows.append(replace(row, render=scores))
    return replace(table, rows=tuple(rows), render=answer(rows, facts["person"]))


def same(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).exists() else name


def synthetic_person(folder: Path, seconds: int) -> Path:
    generate(folder, SyntheticOptions(identities=1, clips=1, seconds=seconds))
    return next(folder.rglob("*.mp4"))


if __name__ == "__main__":
    main()
