"""``speechlip.prepare``: talking videos → a folder of shards; and its plan alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from speechlip import assets, recipes
from speechlip.aligning.sphinx import library as pocketsphinx
from speechlip.checks import Workers, check_kind
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
from speechlip.preparing.brisque import settle_brisque
from speechlip.preparing.choices import FILES, LR_ASD, SPEAKING
from speechlip.preparing.cut.speaker import lr_asd
from speechlip.preparing.ends.local import DEFAULT_WORK, Ends, WorkPlace
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.inspecting import inspect_on
from speechlip.preparing.plan.make_plan import limited, make_plan
from speechlip.preparing.plan.teaching import teach_on
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.plan.written import PLAN
from speechlip.preparing.prep_run import PrepRun
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.run_job import run_job
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.scoring.sync.sync_filter import open_model
from speechlip.shards.ledger_file import stored_ledger
from speechlip.workers.engines import LOCAL, EngineChoice, refuse_no_answer
from speechlip.workers.events import DEFAULT_LIMITS, Limits
from speechlip.workers.processes import start_server

DEFAULTS = PrepOptions()


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
    return prepare_as(videos, out, options, PrepRun(workers, engine, accept_losses, limits, progress, work))


def prepare_as(videos: str | Path, out: str | Path, options: PrepOptions, run: PrepRun) -> Prepared:
    """``prepare``, run as the record says."""
    check_kind("options", options, PrepOptions)
    ends = run.ends(videos, out)
    engine = run.open_engine(ends.videos, ends.out)
    sources = find_sources(ends.videos, ends.out, options)
    if not (ends.out / MANIFEST).exists():
        refuse_no_answer(run.engine)
        if run.engine == LOCAL:
            start_server()
    here = run.workers_here(ends, len(sources), "video")
    job = whole_job(ends, sources, options, run, here)
    manifest = run_job(job, engine, run.units_at_once(ends, here), run.progress)
    ends.publish(run.progress)
    return Prepared(ends.out, manifest, stored_ledger(ends.out))


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
    return plan_as(videos, out, options, PrepRun(workers, limits=limits, progress=progress, work=work))


def plan_as(videos: str | Path, out: str | Path, options: PrepOptions, run: PrepRun) -> Plan:
    """``prepare_plan``, run as the record says."""
    check_kind("options", options, PrepOptions)
    ends = run.ends(videos, out)
    sources = find_sources(ends.videos, ends.out, options)
    if options.speakers != "by-name":
        options = settle_detector(options, ends.out, run.progress)
        check_faces(options)
    here = run.workers_here(ends, len(sources), "video")
    return make_plan(sources, options, run.progress, inspect_on(here, run.limits))


def whole_job(ends: Ends, sources: list[Source], options: PrepOptions, run: PrepRun, here: int) -> Job:
    """What is to be done, its models settled.

    sources: of the recipe.
    here: processes of this machine that look at the videos for the plan.
    """
    return Job(
        ends.out,
        sources,
        settle_models(options, ends.out, run.progress),
        declarations(recipes.get(options.recipe)),
        options.open_sync_filter(),
        run.accept_losses,
        inspect_on(here, run.limits),
        teach_on(here, run.limits),
        videos=ends.videos,
    )


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
    options = settle_brisque(settle_detector(options, out, progress))
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
        pocketsphinx()


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
