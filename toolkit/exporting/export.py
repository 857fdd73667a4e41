"""``speechlip.export_features``: speech features of whole videos in the files that renderers load."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from speechlip.checks import check_kind, check_out, check_path
from speechlip.errors import OptionError
from speechlip.exporting.facts import read_scale
from speechlip.exporting.job import LEDGER, check_folders, export_all, find_tasks, label_of
from speechlip.exporting.layouts import RENDERERS, choose_layouts
from speechlip.exporting.opening import Opening, open_exporter
from speechlip.exporting.options import ExportOptions
from speechlip.exporting.records import FAILED, Exporter, ExportPlan, ExportRow
from speechlip.files.names import plain_name
from speechlip.files.writing import check_writable
from speechlip.progress import SILENT, Progress
from speechlip.wording import shown
from speechlip.workers.engines import LOCAL, EngineChoice, device_of, get_engine, here_of
from speechlip.workers.events import DEFAULT_LIMITS, Limits

DEFAULTS = ExportOptions()


@dataclass(frozen=True)
class Exported:
    """What became of every video."""

    folder: Path
    """Of the ledger; each video has a folder of its own in it."""
    rows: tuple[ExportRow, ...]
    """One a video, as in the ledger."""
    files: tuple[str, ...]
    """Names of the files that each exported video has."""
    left_out: dict[str, str]
    """Renderers' files that are not written → why the features do not go into them."""

    @property
    def counts(self) -> dict[str, int]:
        """Status → videos: exported, kept (done earlier), failed; in the order of the alphabet."""
        return dict(sorted(Counter(row.status for row in self.rows).items()))

    @property
    def failed(self) -> tuple[ExportRow, ...]:
        return tuple(row for row in self.rows if row.status == FAILED)

    @property
    def ledger(self) -> Path:
        return self.folder / LEDGER


def export_features(
    encoder: str,
    videos: str | Path,
    out: str | Path | None = None,
    options: ExportOptions = DEFAULTS,
    *,
    engine: EngineChoice = LOCAL,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
) -> Exported:
    """Write features of the speech in ``videos``, one row for each 40 ms, as ``export-features`` does.

    encoder: a name as ``open_encoder`` takes it, such as the folder of a training run
    videos: a folder, at any depth, one video, or one file of audio
    out: None for ``features/ENCODER``
    engine: what exports videos, as ``prepare`` takes it
    limits: how long a video may stand still, and how much memory it may take

    A video that fails is a row with its reason; finished ones are kept. Raises OptionError for what cannot be
    exported at all: no video, another encoder's files in ``out``, an encoder that does not read sound, a
    renderer whose files the features do not go into, no scale that fits; ModelError and WriteError.
    """
    check_kind("options", options, ExportOptions)
    check_kind("limits", limits, Limits)
    label, renderers = label_of(encoder, options.random_init), options.renderers
    out = check_out(out) if out else Path("features") / label
    tasks = find_tasks(check_path("videos", videos), out)
    check_folders(tasks, label)
    get_engine(engine)
    opening = Opening(encoder, label, device_of(engine, options.device), options.random_init)
    exporter = open_exporter(encoder, label, here_of(opening.device), options.random_init)
    layouts, left_out = choose_layouts(renderers or RENDERERS, exporter.steps, exporter.encoder.dim)
    check_wanted(renderers or (), left_out, exporter)
    scale, sha256 = None, ""
    if options.scale_of:
        exported = check_path("scale_of", options.scale_of)
        scale, sha256 = read_scale(exported, exporter, "aud_ds.npy" in layouts)
    check_writable(out)
    plan = ExportPlan(
        renderers or tuple(RENDERERS), options.train_share, scale, sha256, options.max_picture_px
    )
    rows = []
    progress.begin(f"exporting {label}", len(tasks), "videos")
    for row in export_all(tasks, exporter, plan, out, limits, progress, engine, opening):
        rows.append(row)
        progress.advance()
        if row.status == FAILED:
            progress.say(f"{shown(row.source)}: {row.why}")
    order = {plain_name(task.name): number for number, task in enumerate(tasks)}
    rows.sort(key=lambda row: order[row.source])
    return Exported(out, tuple(rows), (f"aud_{label}.npy", *layouts), left_out)


def check_wanted(renderers: tuple[str, ...], left_out: dict[str, str], exporter: Exporter) -> None:
    """Raise OptionError for a renderer asked for by name none of whose files can hold the features."""
    for name in renderers:
        if set(RENDERERS[name]) <= left_out.keys():
            reasons = "; ".join(f"{file}: {left_out[file]}" for file in RENDERERS[name])
            raise OptionError(
                f"{exporter.encoder.name} has no features for {name} ({reasons}); leave it out of --for"
            )
