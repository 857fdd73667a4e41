"""``render-lips``."""

from typing import Any

import click

from speechlip.commands.base import DETECTOR, DEVICE, ENCODER, Named, command, engine_options
from speechlip.commands.places import FILE, MODEL, RESULT
from speechlip.commands.values import read_engine
from speechlip.device import PRECISIONS


@command(
    "render-lips",
    epilog=(
        "\b\nExample:\n  render-lips may.mp4 --encoder runs/se4lip --encoder hubert --encoder log-mel "
        "-o renders/may"
    ),
)
@click.argument("person", type=FILE)
@click.option(
    "--encoder",
    "encoders",
    type=ENCODER,
    multiple=True,
    required=True,
    metavar="NAME|RUN",
    help="Whose features drive the lips; again for each encoder.",
)
@click.option(
    "-o", "--out", type=RESULT, default="renders", help="Folder; each row has one of its own in it."
)
@click.option(
    "--split",
    type=Named(("se4lip", "speech2lip")),
    default="se4lip",
    help="Learn from the first 10/11 (se4lip) or 9/10 (speech2lip), render the rest.",
)
@click.option(
    "--renderer",
    type=Named(("pca", "implicit")),
    default="pca",
    help=(
        "What turns features into mouths: pca, a ridge to principal components, in seconds; implicit, the "
        "network of Speech2Lip, in minutes."
    ),
)
@click.option(
    "--mapping",
    type=Named(("similarity", "mesh")),
    default="similarity",
    help="What takes the head's movement out of mouths: similarity (place, size, roll), or mesh (turns in "
    "depth as well, by MediaPipe's 478 points).",
)
@click.option(
    "--size", type=Named(("lite", "faithful")), help="Of implicit: 128×6, or 256×8.  [default: lite]"
)
@click.option("--steps", type=int, help="Of implicit.  [default: 20000; faithful: 100000]")
@click.option("--time", is_flag=True, help="Of implicit: tell it the time of a frame, too.")
@click.option("--blend", is_flag=True, help="Of implicit: train Blend-Net afterwards, which mends each crop.")
@click.option(
    "--sync-expert",
    type=MODEL,
    metavar="RUN",
    help="Of implicit: a run of train-encoder, whose frozen encoders judge the lips in the last steps.",
)
@click.option("--sync-weight", type=float, help="Of the sync expert's loss.  [default: 0.01]")
@click.option("--lpips-weight", type=float, help="Of LPIPS in the last steps.  [default: 0; faithful: 0.01]")
@click.option("--precision", type=Named(PRECISIONS), help="Of implicit; bf16 pays on a GPU.  [default: fp32]")
@click.option("--seed", type=int, help="Of implicit: weights and sampled pixels.  [default: 0]")
@click.option(
    "--audio",
    type=FILE,
    metavar="FILE",
    help="Another video or audio file that drives the lips; scored by what needs no reference.",
)
@click.option(
    "--pose",
    type=FILE,
    metavar="VIDEO",
    help="Another clip whose head motion (place, size, roll) the renders have.",
)
@click.option(
    "--table",
    type=Named(("3", "4", "6")),
    help="Print the encoders' numbers in the shape of that table of SE4Lip, too, its printed rows apart.",
)
@click.option(
    "--detector", type=DETECTOR, default="auto", help="What finds the face; it has to give landmarks."
)
@click.option("--device", type=DEVICE, default="auto", help="auto: cuda where there is one.")
@engine_options
@click.option("--max-picture", default="40MP", help="Refuse a video whose pictures have more pixels.")
@click.option("--quiet", is_flag=True, help="No progress bar, no words but failures.")
def render_lips(**given: Any) -> int:
    """Judge encoders by rendered lips: one small renderer for all, learned from one person's video.

    PERSON is a video of one person who talks, without cuts, 3 minutes or more. Its first part teaches the
    renderer, its last is rendered by the features of each encoder and scored by score-sync in the region of
    the mouth: scores.csv, scores.json and index.html in the folder. Ground truth, resampled ground truth, PCA
    oracle, mean crop and audio of other times are always rows. Finished rows are kept. Exit code 0 when every
    row is rendered, 3 when some failed (each with its reason), 1 for an error.
    """
    from speechlip.commands.output.render_lips import run

    return run(engine=read_engine(given), **given)
