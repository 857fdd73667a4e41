"""``speechlip.prepare``: talking videos → a folder of shards; and its plan alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from speechlip import assets, recipes
from speechlip.aligning.sphinx import library
from speechlip.aligning.sphinx import library as pocketsphinx
from speechlip.checks import Workers, check_kind, check_workers
from speechlip.errors import ModelError, NoVideos, OptionError
from speechlip.faces.crops import check_preset
from speechlip.faces.detectors.opening import choose_detector
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.files.stamps import sha256_of
from speechlip.format import MANIFEST, WORK_FOLDER
from speechlip.identity.asked import check_landmarks
from speechlip.identity.network import weights_file
from speechlip.manifest import About
from speechlip.media.decord_frames import DECORD_LIMITS
from speechlip.preparing.cut.speaker import lr_asd
from speechlip.preparing.ends.local import DEFAULT_WORK, WorkPlace, ends_of
from speechlip.preparing.job import Job
from speechlip.preparing.options import FILES, LR_ASD, SPEAKING, PrepOptions
from speechlip.preparing.plan.inspecting import inspect_on
from speechlip.preparing.plan.make_plan import limited, make_plan
from speechlip.preparing.plan.teaching import teach_on
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.plan.written import PLAN
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.run_job import run_job
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.scoring.sync.sync_filter import open_model
from speechlip.shards.ledger import read_ledger
from speechlip.workers.auto import settle_workers
from speechlip.workers.engines import LOCAL, EngineChoice, get_engine, workers_of
from speechlip.workers.events import DEFAULT_LIMITS, Limits
from speechlip.workers.processes import start_server

DEFAULTS = PrepOptions()
PEAK_BYTES = 1_100_000_000
"""Of memory that one worker takes: a little above what benchmarks/memory.py measured of long videos."""


def prepare(
    videos: str | Path,
    out: str | Path,
    options: PrepOptions = DEFAULTS,
    *,
    workers: Workers = 1,
    engine: EngineChoice = LOCAL,
    accept_losses: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Turn talking videos into shards of aligned speech and lip crops, as ``prep-shards`` does.

    videos: a folder of videos, or one video; or a URL of either, such as ``s3://bucket/videos``.
    out: the folder for the shards; an unfinished one is continued, a finished one is kept. Or a URL, to which
        the finished folder is uploaded, the manifest last.
    options: all that the shards depend on.
    workers: processes, or ``auto`` for as many as the machine holds; the shards do not depend on it.
    engine: what runs the workers: ``local``, ``ray`` or a ``RayCluster``, or one of another package.
    accept_losses: finish without videos that went away, crashed a worker, or met an unexpected error.
    limits: how long a video may stand still, and how much memory it may take.
    progress: told how far it is.
    work: where on this disk it works where either is a URL; ``Prepared.folder`` is there then.

    Raises NoVideos where the recipe finds none, OptionError for paths and options that cannot be used,
    ModelError for a missing model, and ShardError where ``out`` was made otherwise or is damaged, or a source
    went away; HubError for a store that cannot be reached.
    """
    check_arguments(options, workers, limits)
    run_engine = get_engine(engine, limits)
    ends = ends_of(videos, out, work, progress)
    out = ends.out
    sources = find_sources(ends.videos, out, options)
    if engine == LOCAL and not (out / MANIFEST).exists():
        start_server()
    here = ends.workers(settle_workers(workers, len(sources), "video", PEAK_BYTES, progress), progress)
    settled = settle_models(options, out, progress)
    job = Job(
        out,
        sources,
        settled,
        declarations(recipes.get(options.recipe)),
        options.open_sync_filter(),
        accept_losses,
        inspect_on(here, limits),
        teach_on(here, limits),
        videos=ends.videos,
    )
    at_once = here if ends.largest else workers_of(engine, workers, here)
    manifest = run_job(job, run_engine, at_once, progress)
    ends.publish(progress)
    return Prepared(out, manifest, tuple(read_ledger(out)))


def prepare_plan(
    videos: str | Path,
    out: str | Path,
    options: PrepOptions = DEFAULTS,
    *,
    workers: Workers = 1,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Plan:
    """The plan that ``prepare`` would follow: which video goes into which shard, and which are refused.

    It opens every video and writes nothing into ``out``. Parameters and errors are those of ``prepare``.
    """
    check_arguments(options, workers, limits)
    ends = ends_of(videos, out, work, progress)
    sources = find_sources(ends.videos, ends.out, options)
    if options.speakers != "by-name":
        options = settle_detector(options, ends.out, progress)
        check_faces(options)
    workers = ends.workers(settle_workers(workers, len(sources), "video", PEAK_BYTES, progress), progress)
    return make_plan(sources, options, progress, inspect_on(workers, limits))


def check_arguments(options: PrepOptions, workers: Workers, limits: Limits) -> None:
    """Raise OptionError for an argument of another kind."""
    check_kind("options", options, PrepOptions)
    check_workers(workers)
    check_kind("limits", limits, Limits)


def find_sources(videos: Path, out: Path, options: PrepOptions) -> list[Source]:
    """The sources of the recipe under ``videos``, without ``out``. Raises OptionError, NoVideos."""
    if not videos.exists():
        raise OptionError(f"{videos} does not exist; give a folder of videos or one video")
    if out.resolve() == videos.resolve():
        raise OptionError("-o must not be the video folder itself; give it a folder of its own")
    sources = limited(recipes.listed(options.recipe, videos, out), options)
    if not sources:
        raise NoVideos(f"nothing to prepare: the recipe {options.recipe!r} found no video in {videos}")
    return sources


def settle_models(options: PrepOptions, out: Path, progress: Progress) -> PrepOptions:
    """The options with the detector that runs and the sync model as it is recorded.

    Raises OptionError where the crop needs landmarks and the detector gives none; ModelError.
    """
    options = settle_detector(options, out, progress)
    check_faces(options)
    check_preset(options.crop, DETECTORS.get(options.detector).has_landmarks)
    check_speaking(options)
    if options.decoder == "decord":
        progress.say(DECORD_LIMITS)
    if options.phones != FILES:
        pocketsphinx()
    sync_filter = options.open_sync_filter()
    if options.speaking_by == LR_ASD and sync_filter is None:
        return replace(options, sync_model=f"{LR_ASD} {sha256_of(assets.path('lr_asd'))}")
    if sync_filter is None:
        return options
    model = open_model(sync_filter)
    known = "" if model.official else " (unknown weights)"
    return replace(options, sync_model=f"{model.name} {model.sha256}{known}")


def check_faces(options: PrepOptions) -> None:
    """Raise OptionError where faces are compared and the detector gives no landmarks; ModelError without the
    extra [identity].
    """
    if options.speakers != "by-name":
        check_landmarks(options.detector)
        weights_file()


def check_speaking(options: PrepOptions) -> None:
    """Raise OptionError for ``--faces speaking`` without landmarks, ModelError without a recogniser."""
    if options.faces != SPEAKING:
        return
    if options.speaking_by == LR_ASD:
        lr_asd()
        return
    if not DETECTORS.get(options.detector).has_landmarks:
        raise OptionError(
            f"--faces speaking looks at landmarks of mouths, and the detector {options.detector} gives boxes "
            "only; take --detector landmarker, or --faces largest"
        )
    if not options.learns:
        library()


def settle_detector(options: PrepOptions, out: Path, progress: Progress) -> PrepOptions:
    """The options with ``auto`` replaced by the detector of an earlier run into ``out``, else by what is
    there.

    Raises ModelError where an earlier run is to be ended with a detector that cannot be used any more.
    """
    if options.detector == "auto":
        if finished := detector_of(out / MANIFEST, Path.read_bytes):
            return replace(options, detector=finished)
        if begun := detector_of(out / WORK_FOLDER / PLAN, first_line):
            try:
                choose_detector(begun)
            except ModelError as error:
                raise ModelError(
                    f"{out} was begun with --detector {begun}, and faces of two detectors are not mixed: "
                    f"{error}; or choose another -o"
                ) from error
            return replace(options, detector=begun)
    name, why = choose_detector(options.detector)
    if why:
        progress.say(why)
    return replace(options, detector=name)


def first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def detector_of(record: Path, read: Callable[[Path], bytes]) -> str:
    """The detector that a manifest or a plan names; empty where there is none, or it is damaged, which
    ``run_job`` says.
    """
    try:
        return str(json.loads(read(record))["options"]["detector"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def declarations(recipe: recipes.Recipe) -> About:
    """What a recipe declares, for manifest and card."""
    return About(
        title=recipe.TITLE,
        licence=recipe.LICENCE,
        citation=recipe.CITATION,
        access=recipe.ACCESS,
        homepage=recipe.HOMEPAGE,
        language=getattr(recipe, "LANGUAGE", ""),
    )
