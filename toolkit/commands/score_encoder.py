"""``score-encoder``."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from speechlip.benchmarking.options import PRESETS, RATES
from speechlip.commands.base import (
    DEVICE,
    ENCODER,
    Named,
    cache_option,
    command,
    engine_options,
    workers_option,
)
from speechlip.commands.places import FILE, RESULT, SHARDS
from speechlip.commands.values import read_engine
from speechlip.device import PRECISIONS


@command(
    "score-encoder",
    epilog="\b\nExample:\n  score-encoder shards/ --encoder hubert --encoder runs/se4lip --preset quick\n"
    "  score-encoder shards/ --encoder 'hubert@*' --encoder runs/mel-cnn-wav2lip --noise 20,10,5,0\n"
    "  score-encoder shards/ --encoder features:my_features/ -o mine/",
)
@click.argument("shards", type=SHARDS)
@cache_option
@click.option(
    "--encoder",
    "encoders",
    type=ENCODER,
    metavar="NAME",
    multiple=True,
    help=(
        "May be given again: hubert, hubert@9, 'hubert@*' (a learned mix of its layers), wav2vec2, wavlm, "
        "whisper, a run's folder, features:DIR, module:function (docs/encoders.md)."
    ),
)
@click.option(
    "--preset",
    type=Named(PRESETS),
    default="full",
    help="full: 3 seeds of 3000 steps of 64. quick: one of 120 steps of 32.",
)
@click.option("--steps", type=int, help="Training batches of each seed.  [default: 3000; quick: 120]")
@click.option(
    "--seeds", type=int, help="How many times each encoder's head is trained.  [default: 3; quick: 1]"
)
@click.option("--batch-size", type=int, help="Pairs a step.  [default: 64; quick: 32]")
@click.option(
    "--lr",
    type=float,
    help=(
        "Learning rate of Adam, at its highest.  "
        f"[default: of {', '.join(f'{rate:g}' for rate in RATES)} the best on validation people]"
    ),
)
@click.option("--split", help="Whose frozen pairs are examined.  [default: test, else validation]")
@click.option("--device", type=DEVICE, help="auto: cuda where there is one.  [default: auto]")
@click.option("--precision", type=Named(PRECISIONS), help="Of the training.  [default: fp32]")
@click.option(
    "--random-init",
    is_flag=True,
    default=None,
    help="Pretrained encoders at random weights; nothing is fetched.",
)
@click.option(
    "--recognised-phones",
    is_flag=True,
    default=None,
    help="VA and AR also of phones recognised without a transcript; many of these are wrong.",
)
@click.option(
    "--noise",
    help="Also with white noise so many dB below the speech, such as 20,10,5,0; each is evaluated anew.",
)
@click.option(
    "--render",
    type=FILE,
    metavar="PERSON",
    help="A video of one person: each encoder also renders its lips (render-lips), into OUT/renders.",
)
@workers_option("Encoders at a time, on a GPU one;")
@engine_options
@click.option(
    "-o", "--out", type=RESULT, default=Path("benchmark"), help="Folder of the tables and of finished rows."
)
@click.option("--quiet", is_flag=True, help="No progress, no table.")
@click.pass_context
def score_encoder(
    context: click.Context,
    shards: str | Path,
    cache: Path | None,
    out: Path,
    encoders: tuple[str, ...],
    **given: Any,
) -> int:
    """Put speech encoders into one table: how well their features find the lips that belong to them, by one
    protocol (docs/benchmark.md).

    Every encoder is frozen; the same head and the same lip encoder are trained on the train split of SHARDS,
    and examined on the frozen pairs of another. Controls are always there. Leaves OUT/benchmark.json, .csv
    and .html; rows that are finished are not made again. Exit code 0 when all rows are there, 3 when some are
    missing (each with its reason), 1 for an error.
    """
    engine = read_engine(given)
    from speechlip.commands.output.score_encoder import run

    own = {name: given.pop(name) for name in ("preset", "render", "workers", "quiet")}
    typed = shlex.join([Path(context.find_root().info_name or "score-encoder").name, *sys.argv[1:]])
    return run(shards, cache, out, encoders, command=typed, engine=engine, chosen=given, **own)
