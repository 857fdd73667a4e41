"""What ``export-features`` does between the command line and the job: open the encoder, settle the files, show progress, say what came of it."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

from speechlip.commands.terminal import Bar, echo, say
from speechlip.commands.values import parse_limits, parse_pixels
from speechlip.device import choose_device
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.errors import SOME_MISSING, OptionError
from speechlip.exporting.facts import read_scale
from speechlip.exporting.job import LEDGER, check_folders, export, find_tasks, label_of
from speechlip.exporting.layouts import RENDERERS, choose_layouts, parse_renderers
from speechlip.exporting.records import FAILED, Exporter, ExportOptions, WaveformEncoder
from speechlip.files.writing import check_writable
from speechlip.wording import shown


def run(
    encoder: str,
    videos: Path,
    out: Path | None,
    renderers: str | None,
    train_share: str,
    scale_of: Path | None,
    device: str,
    random_init: bool,
    max_wait: str,
    max_memory: str,
    max_picture: str,
    quiet: bool,
) -> int:
    """Export every video and say what came of it; returns the exit code."""
    label = label_of(encoder, random_init)
    out = out or Path("features") / label
    share, names, limits = (
        parse_share(train_share),
        parse_renderers(renderers),
        parse_limits(max_wait, max_memory),
    )
    tasks = find_tasks(videos, out)
    check_folders(tasks, label)
    exporter = open_exporter(encoder, label, str(choose_device(device)), random_init)
    layouts, left_out = choose_layouts(names, exporter.steps, exporter.encoder.dim)
    if renderers is not None:
        check_wanted(names, left_out, exporter)
    scale, sha256 = read_scale(scale_of, exporter, "aud_ds.npy" in layouts) if scale_of else (None, "")
    if not quiet:
        for name, why in left_out.items():
            echo(f"{name} is not written: {why}", err=True)
    check_writable(out)
    options, counts = ExportOptions(names, share, scale, sha256, parse_pixels(max_picture)), Counter[str]()
    with Bar(len(tasks), f"exporting {label}", "videos", quiet=quiet) as bar:
        for row in bar.over(export(tasks, exporter, options, out, limits, lambda event: say(str(event)))):
            counts[row.status] += 1
            if row.status == FAILED:
                detail = f" ({row.detail})" if row.detail else ""
                say(f"{shown(row.source)}: {row.stage}: {row.reason}{detail}")
    if not quiet:
        files = ", ".join([f"aud_{label}.npy", *layouts])
        echo(
            f"{', '.join(f'{count} {status}' for status, count in sorted(counts.items()))}; {files} in {out}, rows in {out / LEDGER}"
        )
    return SOME_MISSING if counts[FAILED] else 0


def open_exporter(name: str, label: str, device: str, random_init: bool) -> Exporter:
    """The encoder of that name. Raises OptionError for features that are not computed from sound, and what ``open_encoder`` raises."""
    encoder = open_encoder(name, device=device, random_init=random_init)
    if not isinstance(encoder, WaveformEncoder):
        raise OptionError(
            f"{name!r} does not read sound, so it cannot be exported of videos; take a run of train-encoder or a speech encoder"
        )
    return Exporter(encoder, label, getattr(encoder, "weights", ""))


def parse_share(text: str) -> Fraction:
    """``10/11`` or ``0.9``. Raises OptionError for what is not above 0 and at most 1.

    >>> parse_share("10/11"), parse_share("0.9")
    (Fraction(10, 11), Fraction(9, 10))
    """
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share <= 1:
        raise OptionError(
            f"--train-share {text!r} is no share above 0 and up to 1; give 10/11 (as the renderers split), 9/10, or 1"
        )
    return share


def check_wanted(names: tuple[str, ...], left_out: dict[str, str], exporter: Exporter) -> None:
    """Raise OptionError for a renderer that was asked for by name and has no file that these features go into."""
    for name in names:
        if set(RENDERERS[name]) <= left_out.keys():
            reasons = "; ".join(f"{file}: {left_out[file]}" for file in RENDERERS[name])
            raise OptionError(
                f"{exporter.encoder.name} has no features for {name} ({reasons}); leave it out of --for"
            )
