"""The command line: options in, one library call, words out. Heavy imports stay inside the commands, so that ``--help`` is instant."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from speechlip.errors import SpeechLipError

USAGE, NOTHING_KEPT, INTERRUPTED = 1, 2, 130
FILE = click.Path(path_type=Path)


class _OneLineErrors:
    """Usage errors and SpeechLipErrors become one line on stderr and exit code 1; Ctrl-C says how to go on."""

    def main(self, *args: Any, **kwargs: Any) -> None:
        sys.exit(self._exit_code(*args, **kwargs))

    def _exit_code(self, *args: Any, **kwargs: Any) -> int:
        try:
            return super().main(*args, **(kwargs | {"standalone_mode": False})) or 0  # type: ignore[misc]
        except click.ClickException as error:
            error.show()
        except SpeechLipError as error:
            click.echo(f"error: {error}", err=True)
        except (click.Abort, KeyboardInterrupt):
            click.echo("stopped; the same command goes on where it stopped", err=True)
            return INTERRUPTED
        return USAGE


class Command(_OneLineErrors, click.Command):  # type: ignore[misc]
    """A command of speechlip."""


class Group(_OneLineErrors, click.Group):  # type: ignore[misc]
    """A group of commands of speechlip."""

    command_class = Command


@click.group(cls=Group)
@click.version_option(package_name="speechlip")
def speechlip() -> None:
    """Shards of aligned speech and lips from raw talking videos."""


@speechlip.command(
    "prep-shards",
    epilog="\b\nExample:\n  prep-shards videos/ -o shards/ --workers 2\n  prep-shards interview.mp4 -o shards/ --detector cascade",
)
@click.argument("video_dir", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="Folder for the shards; a folder begun earlier is gone on with.")
@click.option("--recipe", default="folder", show_default=True, help="How VIDEO_DIR is laid out.")
@click.option(
    "--detector", default="auto", show_default=True, help="mediapipe, face-alignment, cascade, sidecar; auto: mediapipe, else cascade."
)
@click.option("--crop", default="lips", show_default=True, help="lips, lower-face (Wav2Lip), auto-avsr.")
@click.option(
    "--faces", type=click.Choice(["largest", "all"]), default="largest", show_default=True, help="Which faces of a shot become clips."
)
@click.option("--spectrogram", default="stft", show_default=True, help="stft (257 bins) or mel (80).")
@click.option("--lips-format", default="jpg", show_default=True, help="jpg (quality 95) or png (lossless).")
@click.option(
    "--split", default="train=0.9,validation=0.05,test=0.05", show_default=True, help="Shares of seconds; a speaker is in one split only."
)
@click.option("--shard-size", default="256MB", show_default=True, help="Largest size of a shard, as far as it can be foreseen.")
@click.option("--min-clip", default="1s", show_default=True, help="Shorter spans are dropped, and counted.")
@click.option("--max-clip", default="10s", show_default=True, help="Longer spans are cut evenly.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default="all cores",
    help="Processes; the shards do not depend on it.",
)
@click.option("--engine", default="local", show_default=True, help="What runs the workers.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the splits and the evaluation pairs.")
@click.option("--decoder", default="pyav", show_default=True, help="pyav, or decord (says what it cannot do).")
@click.option("--limit", type=click.IntRange(0), default=0, help="Only the first so many videos.  [default: all]")
@click.option("--sync-filter", default="", help="Keep only faces whose lips fit the sound, such as 'conf>=3,abs(offset)<=6'.")
@click.option("--sync-correct", is_flag=True, help="With --sync-filter: move the sound of what is kept by its measured offset.")
@click.option("--sync-model", help="With --sync-filter: judge by another sync model than SyncNet, such as the run folder runs/NAME.")
@click.option("--syncnet-weights", type=FILE, help="With --sync-filter: another file in the format of syncnet_v2.model.")
@click.option("--allow-unknown-weights", is_flag=True, help="Take --syncnet-weights though it is not the official file.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--quiet", is_flag=True, help="No progress bars, no funnel.")
def prep_shards(video_dir: Path, out: Path, workers: int, engine: str, dry_run: bool, quiet: bool, **chosen: Any) -> int:
    """Turn talking videos into WebDataset shards of aligned STFT windows and lip crops.

    VIDEO_DIR is a folder of videos (mp4 mov mkv webm avi mpg, any depth) or one video. OUT gets data/*.tar, the frozen evaluation pairs,
    a ledger with one row per video, a dataset card, and the manifest, which is written last. Exit code 0 when something was kept, 2 when
    nothing was, 1 for an error.
    """
    from speechlip.prep_shards import run

    return run(video_dir, out, workers, engine, dry_run, quiet, chosen)


@speechlip.command("verify-shards", epilog="\b\nExample:\n  verify-shards shards/")
@click.argument("folder", type=FILE)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def verify_shards(folder: Path, quiet: bool) -> int:
    """Re-read a prepared FOLDER and check hashes, counts, shapes, keys, lengths, splits and pairs. Exit code 0 when it is sound, else 1."""
    from speechlip.shards.verify import verify
    from tqdm import tqdm

    with tqdm(desc="verifying", unit=" clips", disable=True if quiet else None) as bar:

        def on_clip(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        verification = verify(folder, on_clip)
    click.echo(verification, err=not verification.ok)
    return 0 if verification.ok else USAGE


@speechlip.command(
    "score-sync",
    epilog="\b\nExample:\n  score-sync renders/ --reference gt/ -o scores/\n  score-sync renders/ --audit",
)
@click.argument("renders", type=FILE)
@click.option("--reference", type=FILE, help="Folder of the real videos (or one file); matched by relative path without extension.")
@click.option("--pairs", type=FILE, help="CSV with columns render, reference, audio.  [default: RENDERS/pairs.csv where there is one]")
@click.option("--metrics", help="Any of lse,lmd,psnr,ssim,lpips,cpbd.  [default: all; without --reference lse,cpbd]")
@click.option("--protocol", default="direct", show_default=True, help="direct, wav2lip, latentsync, precropped: docs/protocols.md.")
@click.option("--region", default="full", show_default=True, help="Where psnr, ssim, lpips, cpbd look: full, face, mouth.")
@click.option(
    "--detector", default="auto", show_default=True, help="mediapipe, face-alignment, cascade, sidecar; auto: mediapipe, else cascade."
)
@click.option("--device", default="auto", show_default=True, help="For SyncNet and LPIPS: cpu, cuda; auto: cuda where there is one.")
@click.option("--syncnet-weights", type=FILE, help="Another file in the format of syncnet_v2.model.")
@click.option(
    "--allow-unknown-weights", is_flag=True, help="Take --syncnet-weights though it is not the official file; every score says so."
)
@click.option("--sync-model", help="Score with a run of train-encoder (its folder) or another package's sync model; never called LSE.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="all cores", help="Processes.")
@click.option("-o", "--out", type=FILE, help="Folder for scores.csv, scores.json and report.html.  [default: scores]")
@click.option("--audit", is_flag=True, help="Only report what the containers did to the sound, and what each protocol would add.")
@click.option("--fix-offset", is_flag=True, help="Write OUT/corrected/: copies with the sound moved by the measured offset.")
@click.option("--quiet", is_flag=True, help="No progress bar, no table.")
@click.pass_context
def score_sync(context: click.Context, renders: Path, reference: Path | None, pairs: Path | None, out: Path | None, **given: Any) -> int:
    """Score lip-sync and pictures of rendered videos by a named protocol: LSE-C, LSE-D, LMD, PSNR, SSIM, LPIPS, CPBD.

    RENDERS is a folder of videos (any depth) or one video. Finished clips are not scored again unless their files or the options changed. Exit code
    0 when every clip has every score that was asked for, 3 when some are missing (each with its reason), 1 for an error.
    """
    from speechlip.score_sync import run

    own = {name: given.pop(name) for name in ("workers", "quiet", "audit", "fix_offset")}
    command = shlex.join([Path(context.find_root().info_name or "score-sync").name, *sys.argv[1:]])
    return run(renders, out, reference, pairs, command=command, chosen=given, **own)


@speechlip.command(
    "train-encoder",
    epilog="\b\nExample:\n  train-encoder shards/ --encoder se4lip -o runs/se4lip\n  train-encoder shards/ --encoder mel-cnn --preset fast --steps 2000",
)
@click.argument("shards", type=FILE)
@click.option("--encoder", help="se4lip (= stft-gru), stft-gru-small, mel-gru, mel-cnn, stft-cnn, or another package's.  [default: se4lip]")
@click.option("--preset", default="paper", show_default=True, help="paper: lr 5e-5, batch 16, relu. fast: nce, batch 64, lr 5e-4, cosine.")
@click.option("--loss", help="relu, clamp, half, s2l, logit, nce: docs/training.md.")
@click.option("--steps", type=int, help="Batches in all.")
@click.option("--batch-size", type=int, help="Pairs a step.")
@click.option("--lr", type=float, help="Learning rate of Adam, at its highest.")
@click.option("--schedule", help="constant, or cosine down to 0 at the last step.")
@click.option("--warmup-steps", type=int, help="Steps until the learning rate is there.")
@click.option("--negatives", help="Shares such as shift:0.5,clip:0.25,speaker:0.25; with positive:… they are shares of all pairs.")
@click.option("--windows-per-clip", type=int, help="Windows of lips that a clip gives in an epoch.")
@click.option("--lip-input", help="mouth: rows 24–71 of the crop. literal: all 96, of which the network never sees the lowest.")
@click.option("--device", help="auto, cpu, cuda.")
@click.option("--precision", help="fp32, bf16.")
@click.option("--workers", type=int, help="Processes that read shards; 0: none beside this one.")
@click.option("--seed", type=int, help="Draws weights and pairs.")
@click.option("--validation-pairs", type=int, help="How many of the frozen validation pairs are looked at.")
@click.option("--validate-every", type=int, help="Steps between looks.")
@click.option("--checkpoint-every", type=int, help="Steps between checkpoints.")
@click.option("-o", "--out", type=FILE, help="Folder of the run.  [default: runs/ENCODER]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out from its last checkpoint, with its options.")
@click.option("--quiet", is_flag=True, help="No progress bar, no words but notes.")
def train_encoder(shards: Path, out: Path | None, preset: str, resume: bool, quiet: bool, **chosen: Any) -> int:
    """Train a speech encoder and the lip encoder on prepared SHARDS, so that what is said and what is seen lie close together.

    Leaves OUT/step-…/model.safetensors, what is needed to go on, and OUT/history.csv. The paper preset is what SE4Lip states; what it leaves
    open is printed and saved.
    """
    from speechlip.train_encoder import run

    return run(shards, out, preset, resume, quiet, chosen)


@speechlip.command("synthesize", epilog="\b\nExample:\n  speechlip synthesize corpus/ --identities 6 --clips 2")
@click.argument("out", type=FILE)
@click.option("--identities", type=click.IntRange(1), default=6, show_default=True, help="Drawn speakers, each with a face and a voice.")
@click.option("--clips", type=click.IntRange(1), default=2, show_default=True, help="Clips of each, one sentence or two long.")
@click.option("--offset-frames", type=int, default=0, show_default=True, help="Known A/V offset; > 0: the audio is early, < 0: late.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="all cores")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def synthesize(out: Path, workers: int, quiet: bool, **chosen: int) -> None:
    """Make a corpus of drawn talking heads with exact phones, landmarks and A/V offset (needs the extra [synthetic])."""
    from speechlip.recipes.synthetic import SyntheticOptions, generate

    length_s = generate(out, SyntheticOptions(**chosen), workers=workers, quiet=quiet)
    click.echo(f"{chosen['identities'] * chosen['clips']} clips, {length_s:.0f} s, in {out}")


@speechlip.group(cls=Group)
def models() -> None:
    """The model files: which there are, fetch one, where it lies. All are kept in SPEECHLIP_HOME."""


@models.command("list")
def models_list() -> None:
    """Name, size, licence, address of every model file, and whether it is here."""
    from speechlip import assets

    for row in assets.rows():
        here = "here" if row["here"] == "yes" else "not here"
        click.echo(f"{row['name']:<16}{row['MB']:>6} MB  {here:<9} {row['licence']:<32} {row['url']}")
    click.echo(f"kept in {assets.cache_folder()}")


@models.command("fetch", epilog="\b\nExample:\n  speechlip models fetch face_landmarker")
@click.argument("name")
def models_fetch(name: str) -> None:
    """Download NAME, check its SHA-256, keep it."""
    from speechlip import assets

    click.echo(assets.fetch(name))


@models.command("path", epilog="\b\nExample:\n  speechlip models path face_landmarker")
@click.argument("name")
def models_path(name: str) -> None:
    """Print where NAME lies, its SHA-256 checked."""
    from speechlip import assets

    click.echo(assets.path(name))
