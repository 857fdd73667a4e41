"""``speechlip.render_lips``: one person's video rendered by the features of every encoder, and scored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from speechlip.checks import check_kind, check_out, check_path
from speechlip.encoders.features.catalogue import check_name
from speechlip.errors import ModelError, OptionError
from speechlip.faces.detectors.opening import choose_detector
from speechlip.files.locks import only_run
from speechlip.files.names import is_file
from speechlip.files.writing import check_writable, make_folder
from speechlip.progress import SILENT, Progress
from speechlip.rendering import kept
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.records import Renders
from speechlip.rendering.renderers.opening import open_renderer
from speechlip.rendering.rows import rows_of
from speechlip.rendering.run import Run
from speechlip.scoring.clip.score_clip import given_file
from speechlip.scoring.networks import settle
from speechlip.scoring.options import ScoreOptions
from speechlip.workers.engines import LOCAL, EngineChoice, device_of, engine_name, get_engine, here_of

DEFAULTS = RenderOptions()
DRIVES_NOTHING = {
    "lips": "it is the true lips' own points, and the renderer's oracle row shows what they allow",
    "shuffled": "every encoder has a row -shuffled already",
}


def render_lips(
    person: str | Path,
    encoders: Sequence[str],
    out: str | Path = "renders",
    options: RenderOptions = DEFAULTS,
    *,
    engine: EngineChoice = LOCAL,
    progress: Progress = SILENT,
) -> Renders:
    """Render the last part of a person's video by each encoder, learned from the first part.

    person: a video of one person who talks, 3 minutes and more.
    encoders: names as ``open_encoder`` takes them, of encoders that read audio.
    out: a folder; finished rows that lie there are kept.
    engine: what makes the rows, as ``prepare`` takes it; ``local``: this process.

    A row that fails, of an encoder or not, has its reason, and the others go on. Raises OptionError for a
    video that cannot be rendered, an unknown encoder, or a folder that another run writes to; ModelError for
    a detector that cannot be had; WriteError.
    """
    check_kind("options", options, RenderOptions)
    path, out = check_path("person", person), check_out(out)
    names = (encoders,) if isinstance(encoders, str) else tuple(encoders)
    get_engine(engine)
    here = options
    if engine_name(engine) != LOCAL:
        here = replace(options, device=here_of(device_of(engine, options.device)))
    renderer = open_renderer(here, progress)
    rows = rows_of(names, renderer.oracle, bool(options.audio))
    for name in names:
        refuse_unknown(name)
    if not is_file(path):
        raise OptionError(f"there is no file {path}; give one video of a person who talks")
    for what, name in (("audio", options.audio), ("pose", options.pose)):
        if name:
            given_file(what, name)
    detector, why = choose_detector(options.detector)
    if why:
        progress.say(why)
    scoring = ScoreOptions(
        region="mouth",
        detector=detector,
        device=here.device,
        max_picture_px=options.max_picture_px,
    )
    kept.refuse_other_person(out / kept.FOLDER, path, options.driven_by)
    scoring = settle(scoring, not options.audio, progress)
    check_writable(out)
    with only_run(make_folder(out / kept.FOLDER)):
        return Run(path, out, options, renderer, scoring, progress).finish(rows, engine)


def refuse_unknown(name: str) -> None:
    """Raise OptionError for a name that means no encoder; what is wrong with its weights, its row says."""
    kind = name.partition(":")[0]
    if kind in DRIVES_NOTHING:
        raise OptionError(f"{name!r} drives no lips: {DRIVES_NOTHING[kind]}; leave it out")
    try:
        check_name(name)
    except ModelError:
        return
