"""``score-sync``."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import (
    DETECTOR,
    DEVICE,
    Named,
    Names,
    command,
    correction_options,
    engine_options,
    limit_options,
    workers_option,
)
from speechlip.commands.places import FILE, MODEL, RESULT
from speechlip.commands.values import read_engine
from speechlip.device import PRECISIONS
from speechlip.metrics.table import METRICS
from speechlip.scoring.transcode.rules import GENERATIONS

PROTOCOL = Named(("direct", "wav2lip", "latentsync", "lrs", "precropped", "theval"))
FFMPEG = Named(GENERATIONS)


def check_installation(context: click.Context, option: click.Parameter, asked: bool) -> None:
    """``--self-check``, which like ``--help`` leaves everything else on the command line aside."""
    if asked and not context.resilient_parsing:
        from speechlip.commands.output.self_check import run

        context.exit(run())


@command(
    "score-sync",
    epilog="\b\nExample:\n  score-sync renders/ --reference gt/ -o scores/\n  score-sync renders/ --audit",
)
@click.argument("renders", type=FILE)
@click.option(
    "--reference",
    type=FILE,
    help="Folder of the real videos (or one file); matched by relative path without extension.",
)
@click.option(
    "--pairs",
    type=FILE,
    help="CSV with columns render, reference, audio.  [default: RENDERS/pairs.csv where there is one]",
)
@click.option(
    "--metrics",
    type=Names(METRICS),
    help="Any of these; lips, articulation, head, theval, expression, identity and image are groups.  "
    "[default: default; without --reference those of it that need none]",
)
@click.option(
    "--by",
    help="Columns of metadata.csv, such as language,gender: means by group, the worst marked.",
)
@click.option(
    "--mos",
    type=FILE,
    help="CSV of opinions (clip, scales, rater): how far each metric orders the clips as people do.",
)
@click.option(
    "--protocol",
    type=PROTOCOL,
    default="direct",
    help="From file to crops and sound: docs/protocols.md; theval: direct, with --metrics theval.",
)
@click.option(
    "--ffmpeg",
    type=FFMPEG,
    default="4.2",
    help="Whose choice of frames wav2lip, latentsync and lrs follow: a generation, which is emulated, "
    "or the path of an ffmpeg to run.",
)
@click.option(
    "--region",
    type=Named(("full", "face", "mouth")),
    default="full",
    help="Where image metrics look.",
)
@click.option(
    "--detector", type=DETECTOR, default="auto", help="What finds faces; auto: landmarker, else cascade."
)
@click.option(
    "--device", type=DEVICE, default="auto", help="For SyncNet and LPIPS; auto: cuda where there is one."
)
@click.option(
    "--precision",
    type=Named(PRECISIONS),
    default="fp32",
    help="Of SyncNet's lips on a CPU; bf16 is faster where the CPU has it, and moves scores by up to 0.001.",
)
@click.option("--syncnet-weights", type=FILE, help="Another file in the format of syncnet_v2.model.")
@click.option(
    "--allow-unknown-weights",
    is_flag=True,
    help="Take --syncnet-weights though it is not the official file; every score says so.",
)
@click.option(
    "--brisque-model",
    type=FILE,
    help="With --metrics brisque: a fit of your own, such as allmodel of its authors (libsvm's text).",
)
@click.option(
    "--brisque-range",
    type=FILE,
    show_default="allrange beside it",
    help="With --brisque-model: the ranges of its features, as svm-scale saves them.",
)
@click.option(
    "--fid-weights",
    type=FILE,
    help="FID of all frames beside the real videos', by pytorch-fid's file of Inception, which you have.",
)
@click.option(
    "--fvd-weights",
    type=FILE,
    help="FVD of windows of 16 frames beside the real videos', by VideoGPT's file of I3D, which you have.",
)
@click.option(
    "--sync-model",
    type=MODEL,
    default="auto",
    help="What scores lip sync: syncnet (LSE), phones or self (from landmarks, no weights), the folder of a "
    "run of train-encoder, another package's; auto: syncnet, else phones.",
)
@workers_option("Processes;")
@engine_options
@limit_options
@click.option(
    "-o", "--out", type=RESULT, help="Folder for scores.csv, scores.json and report.html.  [default: scores]"
)
@click.option(
    "--audit",
    is_flag=True,
    help="Only report what the containers did to the sound, and what each protocol would add.",
)
@click.option(
    "--fix-offset",
    is_flag=True,
    help="Write OUT/corrected/: copies with the sound moved by the measured offset, where it is decided.",
)
@correction_options
@click.option(
    "--self-check",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=check_installation,
    help="Only say whether this installation computes the numbers it should, of a clip made on the spot; "
    "needs no RENDERS. Exit code 1 where one differs.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, no table.")
@click.pass_context
def score_sync(
    context: click.Context,
    renders: Path,
    reference: Path | None,
    pairs: Path | None,
    out: Path | None,
    **given: Any,
) -> int:
    """Score lip sync and images of rendered videos by a named protocol.

    RENDERS is a folder of videos (any depth) or one video. Finished clips are not scored again unless their
    files or the options changed. Exit code 0 when every clip has every score that was asked for, 3 when some
    are missing (each with its reason), 1 for an error.
    """
    from speechlip.commands.output.score_sync import run

    engine = read_engine(given)
    own = {
        name: given.pop(name)
        for name in ("workers", "quiet", "audit", "fix_offset", "max_wait", "max_memory")
    }
    command = shlex.join([Path(context.find_root().info_name or "score-sync").name, *sys.argv[1:]])
    return run(renders, out, reference, pairs, command=command, engine=engine, chosen=given, **own)
