"""``train-encoder``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import DEVICE, Named, Names, cache_option, command
from speechlip.commands.places import RESULT, SHARDS
from speechlip.device import PRECISIONS
from speechlip.encoders.registry import SPEECH_NETWORKS

ENCODER = Named(SPEECH_NETWORKS)
FEATURE = Named(("logmag", "mag", "power", "complex"))
LOSS = Named(("relu", "clamp", "half", "s2l", "logit", "nce"))
AUGMENT = Names(("colour", "shift", "flip", "noise"))
LIPS = Named(("mouth", "literal"))


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def term_weight(name: str, default: float, what: str) -> Decorator:
    """The weight of a term of PASE's loss."""
    words = f"Of pase, weight of a term, 0: off; {what}.  [default: {default}]"
    return click.option(f"--{name}-weight", type=float, help=words)


def share(name: str, default: float, what: str) -> Decorator:
    """A share of what PASE is given."""
    return click.option(f"--{name}", type=float, help=f"Of pase, share of {what}.  [default: {default}]")


@command(
    "train-encoder",
    epilog=(
        "\b\nExample:\n  train-encoder shards/ --encoder se4lip -o runs/se4lip\n  train-encoder shards/ "
        "--encoder mel-cnn --preset fast --steps 2000"
    ),
)
@click.argument("shards", type=SHARDS, nargs=-1, required=True)
@click.option(
    "--weights", help="Of several SHARDS: the share of each in the batches, such as 2,1.  [default: equal]"
)
@cache_option
@click.option(
    "--encoder",
    type=ENCODER,
    help="The speech network; se4lip is stft-gru. Other packages add theirs.  [default: se4lip]",
)
@click.option("--feature", type=FEATURE, help="Of the STFT; a mel has no complex.  [default: logmag]")
@click.option(
    "--pool", type=Named(("last", "mean")), help="Which state of a GRU is the embedding.  [default: last]"
)
@click.option(
    "--preset",
    type=Named(("paper", "fast", "small")),
    default="paper",
    help="paper: lr 5e-5, batch 16, relu. fast: nce, batch 64, lr 5e-4, cosine. Of pase also small.",
)
@click.option("--loss", type=LOSS, help="docs/training.md has each.  [default: relu; fast: nce]")
@click.option("--steps", type=int, help="Batches in all.  [default: 100000; fast: 5000]")
@click.option("--batch-size", type=int, help="Pairs a step.  [default: 16; fast: 64]")
@click.option(
    "--lr", type=float, help="Learning rate of Adam, at its highest.  [default: 5e-05; fast: 0.0005]"
)
@click.option(
    "--schedule",
    type=Named(("constant", "cosine")),
    help="cosine goes down to 0 at the last step.  [default: constant; fast: cosine]",
)
@click.option(
    "--warmup-steps", type=int, help="Steps until the learning rate is there.  [default: 0; fast: 20]"
)
@click.option(
    "--negatives",
    help=(
        "Shares such as shift:0.5,clip:0.25,speaker:0.25; with positive:… they are shares of all pairs.  "
        "[fast: positive:1]"
    ),
)
@click.option(
    "--min-neg-gap",
    type=int,
    help="Least frames between the two windows of a negative; 0 lets them touch.  [default: 5]",
)
@click.option(
    "--pairs",
    type=Named(("speech", "any")),
    help="Windows of which half is speech, or any.  [default: speech]",
)
@click.option(
    "--windows-per-clip", type=int, help="Windows of lips that a clip gives in an epoch.  [default: 8]"
)
@click.option("--augment", type=AUGMENT, help="Any of these, or none.  [default: none]")
@click.option(
    "--lip-input",
    type=LIPS,
    help="Rows 24–71 of the crop, or all 96, whose lowest the network never sees.  [default: mouth]",
)
@click.option("--size", type=Named(("full", "small")), help="Of pase.  [default: full]")
@click.option(
    "--alignment",
    type=Named(("attention", "mean")),
    help="Of pase: segments read by cross-attention, or as means of their frames.  [default: attention]",
)
@click.option("--clip-frames", type=int, help="Of pase: length of an excerpt.  [default: 50]")
@click.option(
    "--negatives-mask",
    type=Named(("none", "phoneme", "viseme")),
    help="Of pase: segments of one of these are no negatives of each other.  [default: viseme]",
)
@term_weight("contrast", 1.0, "audio and lips of a segment, told from those of others")
@term_weight("anchors", 0.5, "the viseme of a segment, read from either side")
@term_weight("prediction", 1.0, "lip features predicted at masked frames")
@term_weight("audio", 0.5, "the clean spectrum, reconstructed")
@term_weight("mouth", 0.1, "the grey mouth, reconstructed")
@share("masked-share", 0.3, "frames that the audio path is not given")
@share("noisy-share", 0.5, "excerpts with noise under their speech")
@share("audio-dropped", 0.15, "excerpts whose audio is withheld from the reconstruction")
@share("lips-dropped", 0.25, "excerpts whose lips are withheld from it")
@click.option("--device", type=DEVICE, help="auto: cuda where there is one.  [default: auto]")
@click.option("--precision", type=Named(PRECISIONS), help="bf16 pays on a GPU alone.  [default: fp32]")
@click.option(
    "--compile",
    is_flag=True,
    default=None,
    help="Compile the networks; pays on a GPU, in runs of more than a few minutes.",
)
@click.option(
    "--workers", type=int, help="Processes that read shards; 0: none beside this one.  [default: 0]"
)
@click.option("--seed", type=int, help="Draws weights and pairs.  [default: 0]")
@click.option(
    "--validation-pairs",
    type=int,
    help="How many of the frozen validation pairs are looked at.  [default: 256]",
)
@click.option("--validate-every", type=int, help="Steps between looks.  [default: 200]")
@click.option("--checkpoint-every", type=int, help="Steps between checkpoints.  [default: 1000]")
@click.option("-o", "--out", type=RESULT, help="Folder of the run.  [default: runs/ENCODER]")
@click.option(
    "--resume", is_flag=True, help="Go on with the run in --out from its last checkpoint, with its options."
)
@click.option(
    "--check-data",
    is_flag=True,
    help="First learn one batch by heart, and say what is wrong where that fails.",
)
@click.option(
    "--tensorboard/--no-tensorboard",
    default=None,
    help="Scalars in OUT/tensorboard.  [default: where TensorBoard is installed]",
)
@click.option("--quiet", is_flag=True, help="No progress bar, no words but notes.")
def train_encoder(
    shards: tuple[str | Path, ...],
    cache: Path | None,
    out: Path | None,
    preset: str,
    resume: bool,
    check_data: bool,
    tensorboard: bool | None,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Train a speech encoder and the lip encoder on prepared SHARDS (a folder, hf://user/name, https://,
    s3://), so that what is said and what is seen lie close together. Several are blended: each batch is of
    one of them, and validation pairs are the first one's.

    Leaves OUT/step-…/model.safetensors, what is needed to go on, OUT/history.csv, the picture
    OUT/training.png and the card OUT/README.md. The paper preset is what SE4Lip states; what it leaves open
    is printed and saved.
    """
    from speechlip.commands.output.train_encoder import run

    return run(shards, cache, out, preset, resume, quiet, check_data, tensorboard, chosen)
