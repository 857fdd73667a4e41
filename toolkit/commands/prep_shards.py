"""``prep-shards``."""

from typing import Any

import click

from speechlip.checks import Workers
from speechlip.commands.base import (
    DETECTOR,
    Named,
    command,
    correction_options,
    engine_options,
    limit_options,
    spool_option,
    work_option,
    workers_option,
)
from speechlip.commands.places import END, FILE, MODEL
from speechlip.commands.values import read_engine
from speechlip.format import LIPS_FORMATS
from speechlip.recipes import RECIPES

RECIPE = Named(RECIPES)


@command(
    "prep-shards",
    epilog="\b\nExample:\n  prep-shards videos/ -o shards/ --workers 2\n"
    "  prep-shards interview.mp4 -o shards/ --detector cascade",
)
@click.argument("video_dir", type=END)
@click.option(
    "-o",
    "--out",
    type=END,
    required=True,
    help="Folder for the shards; a folder begun earlier is gone on with. Or a URL, such as s3://bucket/shards.",
)
@click.option(
    "--recipe", type=RECIPE, default="folder", help="How VIDEO_DIR is laid out; speechlip recipes says more."
)
@click.option(
    "--detector", type=DETECTOR, default="auto", help="What finds faces; auto: landmarker, else cascade."
)
@click.option(
    "--crop",
    type=Named(("lips", "lower-face", "auto-avsr", "face-256")),
    default="lips",
    help="What is cut out: the mouth, 96 px (lower-face as Wav2Lip), or the face, 256 px.",
)
@click.option(
    "--faces",
    type=click.Choice(["largest", "all", "speaking"]),
    default="largest",
    help="Which faces of a shot become clips; speaking: of several the one whose mouth follows the sound.",
)
@click.option(
    "--spectrogram", type=Named(("stft", "mel")), default="stft", help="Of the sound: 257 bins, or 80."
)
@click.option(
    "--lips-format", type=Named(LIPS_FORMATS), default="jpg", help="jpg at quality 95, or png, lossless."
)
@click.option(
    "--split",
    show_default="train=0.9,validation=0.05,test=0.05; in time train=10/11,validation=1/11",
    help="Shares of seconds, such as train=0.8,test=0.2.",
)
@click.option(
    "--split-by",
    type=Named(("speaker", "file", "time")),
    default="speaker",
    help="What is in one split only; time: cut every video.",
)
@click.option("--shard-size", default="256MB", help="Largest size of a shard, as far as it can be foreseen.")
@click.option("--min-clip", default="1s", help="Shorter spans are dropped, and counted.")
@click.option("--max-clip", default="10s", help="Longer spans are cut evenly.")
@click.option(
    "--cut-sources",
    default="0",
    show_default="none",
    help="Longer videos are cut evenly into parts, such as 20min, which workers do side by side.",
)
@workers_option("Processes; the shards do not depend on it;")
@engine_options
@click.option("--seed", type=int, default=0, help="Draws the splits and the evaluation pairs.")
@click.option(
    "--decoder",
    type=Named(("pyav", "decord")),
    default="pyav",
    help="What reads the pictures; decord says what it cannot do.",
)
@click.option(
    "--limit", type=click.IntRange(0), default=0, show_default="all", help="Only the first so many videos."
)
@click.option(
    "--sync-filter",
    default="",
    show_default=False,
    help="Keep only faces whose lips fit the sound, such as 'conf>=3,abs(offset)<=6'.",
)
@click.option(
    "--sync-correct",
    is_flag=True,
    help="With --sync-filter: move the sound of what is kept by its offset, where that is decided.",
)
@correction_options
@click.option(
    "--sync-model",
    type=MODEL,
    help="With --sync-filter: judge by another sync model than SyncNet: phones, self, or the run folder "
    "runs/NAME. With --faces speaking: phones, self or lr-asd.",
)
@click.option(
    "--undecided",
    type=Named(("keep", "drop")),
    show_default="as the conditions say",
    help="With --sync-filter: faces whose offset the sync model cannot decide.",
)
@click.option(
    "--syncnet-weights", type=FILE, help="With --sync-filter: another file in the format of syncnet_v2.model."
)
@click.option(
    "--allow-unknown-weights", is_flag=True, help="Take --syncnet-weights though it is not the official file."
)
@click.option(
    "--doubles",
    type=Named(("keep", "drop", "mark")),
    default="keep",
    help="drop: of copies, also cut, re-encoded or mirrored ones, only one is prepared; "
    "mark: all are, in one split, and copies say of what.",
)
@click.option(
    "--speakers",
    type=Named(("by-name", "check", "by-face")),
    default="by-name",
    help="check: names are compared with faces, and who is in two splits is said; "
    "by-face: a speaker is whose face is largest. Both need the extra [identity].",
)
@click.option(
    "--face-distance",
    type=float,
    default=0.5,
    help="With --speakers: distance up to which two faces are one person's.",
)
@click.option(
    "--speech",
    default="",
    show_default=False,
    help="Keep only clips in which somebody speaks, such as 'share>=0.5'. Singing is not heard as speech.",
)
@click.option(
    "--quality",
    type=click.Choice(["talkvid"]),
    help="Keep only clips that reach TalkVid's thresholds of head movement, turn, size and place.",
)
@click.option(
    "--brisque-model",
    type=FILE,
    help="A fit of your own, such as allmodel of BRISQUE's authors (libsvm's text): clips get the column "
    "brisque.",
)
@click.option(
    "--brisque-range",
    type=FILE,
    show_default="allrange beside it",
    help="With --brisque-model: the ranges of its features, as svm-scale saves them.",
)
@click.option(
    "--pairs",
    type=click.Choice(["speech", "any"]),
    default="speech",
    help="Windows of the frozen pairs: of which half is speech, or any.",
)
@click.option(
    "--phones",
    type=click.Choice(["files", "align", "recognise"]),
    default="files",
    help="files: those beside the videos; align: transcripts with the sound; recognise: no transcript.",
)
@limit_options
@click.option(
    "--accept-losses",
    is_flag=True,
    help="Finish without videos that went away, or that crashed a worker or met an odd error.",
)
@work_option("VIDEO_DIR or OUT is a URL")
@spool_option
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--plan-only", is_flag=True, help="For an array of jobs: write the plan into OUT and stop.")
@click.option(
    "--units",
    metavar="I::N",
    help="Do every N-th shard of that plan, from the I-th on (from 0), beside other jobs.",
)
@click.option("--finish", is_flag=True, help="Finish OUT once all jobs are done; says what is missing.")
@click.option("--quiet", is_flag=True, help="No progress bars, no funnel.")
def prep_shards(video_dir: str, out: str, workers: Workers, **given: Any) -> int:
    """Turn talking videos into WebDataset shards of aligned STFT windows and lip crops.

    VIDEO_DIR is a folder of videos (any depth; mp4, mov, mkv, MTS, wmv, …), one video, or the URL of either
    (s3://, gs://, hf://datasets/, file://). OUT gets data/*.tar,
    the frozen evaluation pairs, a ledger with one row per video, a dataset card, and the manifest, which is
    written last. Exit code 0 when something was kept, 2 when nothing was, 1 for an error.
    """
    from speechlip.commands.output.prep_shards import run

    engine = read_engine(given)
    own = {
        name: given.pop(name)
        for name in ("quiet", "accept_losses", "max_wait", "max_memory", "work", "spool")
    }
    steps = {name: given.pop(name) for name in ("dry_run", "plan_only", "units", "finish")}
    return run(video_dir, out, workers, engine, steps, chosen=given, **own)
