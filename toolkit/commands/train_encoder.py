"""``train-encoder``."""

from pathlib import Path
from typing import Any

import click

from .base import FILE, SHARDS, cache_option, command


@command(
    "train-encoder",
    epilog="\b\nExample:\n  train-encoder shards/ --encoder se4lip -o runs/se4lip\n  train-encoder shards/ --encoder mel-cnn --preset fast --steps 2000",
)
@click.argument("shards", type=SHARDS)
@cache_option
@click.option(
    "--encoder",
    help="se4lip (= stft-gru), stft-gru-small, mel-gru, mel-cnn, stft-cnn, mel-cnn-wav2lip, another package's.  [default: se4lip]",
)
@click.option("--feature", help="logmag, mag, power, complex: of the STFT; a mel has no complex.  [default: logmag]")
@click.option("--pool", help="last, mean: which state of a GRU is the embedding.  [default: last]")
@click.option("--preset", default="paper", show_default=True, help="paper: lr 5e-5, batch 16, relu. fast: nce, batch 64, lr 5e-4, cosine.")
@click.option("--loss", help="relu, clamp, half, s2l, logit, nce: docs/training.md.")
@click.option("--steps", type=int, help="Batches in all.")
@click.option("--batch-size", type=int, help="Pairs a step.")
@click.option("--lr", type=float, help="Learning rate of Adam, at its highest.")
@click.option("--schedule", help="constant, or cosine down to 0 at the last step.")
@click.option("--warmup-steps", type=int, help="Steps until the learning rate is there.")
@click.option("--negatives", help="Shares such as shift:0.5,clip:0.25,speaker:0.25; with positive:… they are shares of all pairs.")
@click.option("--min-neg-gap", type=int, help="Least frames between the two windows of a negative; 0 lets them touch.  [default: 5]")
@click.option("--windows-per-clip", type=int, help="Windows of lips that a clip gives in an epoch.")
@click.option("--augment", help="colour, shift, flip, noise, with commas between them, or none.  [default: none]")
@click.option("--lip-input", help="mouth: rows 24–71 of the crop. literal: all 96, of which the network never sees the lowest.")
@click.option("--device", help="auto, cpu, cuda.")
@click.option("--precision", help="fp32, bf16.")
@click.option("--compile", is_flag=True, default=None, help="Compile the networks; pays on a GPU, in runs of more than a few minutes.")
@click.option("--workers", type=int, help="Processes that read shards; 0: none beside this one.")
@click.option("--seed", type=int, help="Draws weights and pairs.")
@click.option("--validation-pairs", type=int, help="How many of the frozen validation pairs are looked at.")
@click.option("--validate-every", type=int, help="Steps between looks.")
@click.option("--checkpoint-every", type=int, help="Steps between checkpoints.")
@click.option("-o", "--out", type=FILE, help="Folder of the run.  [default: runs/ENCODER]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out from its last checkpoint, with its options.")
@click.option("--check-data", is_flag=True, help="First learn one batch by heart, and say what is wrong where that fails.")
@click.option("--tensorboard/--no-tensorboard", default=None, help="Scalars in OUT/tensorboard.  [default: where TensorBoard is installed]")
@click.option("--quiet", is_flag=True, help="No progress bar, no words but notes.")
def train_encoder(
    shards: str | Path,
    cache: Path | None,
    out: Path | None,
    preset: str,
    resume: bool,
    check_data: bool,
    tensorboard: bool | None,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Train a speech encoder and the lip encoder on prepared SHARDS (a folder, hf://user/name, https://…), so that what is said and what is seen lie
    close together.

    Leaves OUT/step-…/model.safetensors, what is needed to go on, OUT/history.csv, the picture OUT/training.png and the card OUT/README.md.
    The paper preset is what SE4Lip states; what it leaves open is printed and saved.
    """
    from speechlip.remote.standin import shards_at
    from speechlip.train_encoder import run

    return run(shards_at(shards, cache), out, preset, resume, quiet, check_data, tensorboard, chosen)
