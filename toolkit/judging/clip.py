"""One clip: every copy that is still to be judged is made, scored against the clean one, kept and removed."""

import json
import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from speechlip.errors import ModelError, OptionError, SourceRefused
from speechlip.faces.detectors.declared import Detector
from speechlip.faces.detectors.opening import Opener, open_detector
from speechlip.files.strict_json import strict_json
from speechlip.files.writing import make_folder, write_text
from speechlip.judging.harms.copies import write_copy
from speechlip.judging.harms.material import Material, read_material
from speechlip.judging.harms.table import AUDIO, CLEAN, HARMS, Harm
from speechlip.judging.options import JudgeOptions
from speechlip.metrics import table
from speechlip.metrics.declared import NotScored
from speechlip.records import Source
from speechlip.scoring.clip.meshes import wants_mesh
from speechlip.scoring.clip.score_clip import Recalled
from speechlip.scoring.clip.signals import Signals
from speechlip.scoring.folder.score_task import score_task
from speechlip.scoring.networks import Networks
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.workers.events import Report
from speechlip.workers.processes import use_one_thread
from speechlip.workers.unexpected import unexpected_refused

HEARING = {"audio", "speech", "phones"}


@dataclass(frozen=True)
class Copy:
    """One harm at one step.

    harm: its name; ``clean`` for the clean copy.
    step: in the harm's unit.
    place: the file for its result.
    """

    harm: str
    step: float
    place: Path


@dataclass(frozen=True)
class ClipTask:
    """Copies of one clip that are to be made.

    clip: its name.
    path: the video.
    others: videos whose audio may stand in for its own.
    copies: which.
    """

    clip: str
    path: Path
    others: tuple[Path, ...]
    copies: tuple[Copy, ...]


@dataclass(frozen=True)
class CopyScore:
    """What came of one copy.

    values: column → number.
    missing: family → why it has none.
    problem: why there is no such copy; empty where there is one.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Settings:
    """What every clip of a run is judged by.

    options: as they were given.
    scoring: settled (``scoring.networks.settle``).
    networks: which there are.
    scratch: a folder for the copies.
    one_thread: whether other cores are taken.
    """

    options: JudgeOptions
    scoring: ScoreOptions
    networks: Networks
    scratch: Path
    one_thread: bool = False


@dataclass(frozen=True)
class ClipDone:
    """How a clip ended.

    refused: why it could not be read; empty where it could.
    copies_s: seconds that making and scoring each copy took.
    """

    refused: str = ""
    copies_s: tuple[float, ...] = ()


def hears(family: str) -> bool:
    """Whether any metric of a family is given audio, or what is found in it.

    >>> hears("slcc"), hears("psnr")
    (True, False)
    """
    return any(HEARING & {*metric.needs} for metric in table.metrics_of(family))


def asked_of(harm: Harm, families: tuple[str, ...]) -> tuple[str, ...]:
    """The families that a harm could reach: of a harm of the audio alone, those that hear it."""
    return tuple(family for family in families if harm.changes != AUDIO or hears(family))


def judge_copies(task: ClipTask, report: Report, *, settings: Settings) -> ClipDone:
    """Make and score the copies of one clip; each result is written to its place as soon as it is there.

    An error of a clip goes no further than this. Raises ModelError, OptionError, WriteError.
    """
    took: list[float] = []
    if settings.one_thread:
        use_one_thread()
    report(task.clip, 0.0)
    folder = make_folder(settings.scratch / task.copies[0].place.stem)
    try:
        material = _read(task, settings)
        clean = folder / f"clean.{CLEAN.form.muxer}"
        write_copy(clean, material.images, material.audio)
        references: dict[Path, Signals] = {}
        for copy in task.copies:
            began = time.perf_counter()
            _keep(_score(task, copy, material, clean, report, settings, references), copy.place)
            took.append(time.perf_counter() - began)
            report(task.clip, 1.0)
    except SourceRefused as refusal:
        return ClipDone(str(refusal))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ClipDone("", tuple(took))


def _read(task: ClipTask, settings: Settings) -> Material:
    wanted = settings.scoring.needs_faces or any(harm.needs_landmarks for harm in _harms_of(task))
    detector = settings.scoring.detector if wanted else ""
    options = settings.options
    with unexpected_refused("judge", ModelError, OptionError):
        return read_material(
            task.path,
            options.seconds,
            options.side_px,
            task.others,
            detector,
            options.max_picture_px,
            wants_mesh(settings.scoring.metrics),
        )


def _harms_of(task: ClipTask) -> list[Harm]:
    return [HARMS[copy.harm] for copy in task.copies if copy.harm in HARMS]


def _score(
    task: ClipTask,
    copy: Copy,
    material: Material,
    clean: Path,
    report: Report,
    settings: Settings,
    references: dict[Path, Signals],
) -> CopyScore:
    harm = HARMS.get(copy.harm, CLEAN)
    families = asked_of(harm, settings.scoring.metrics)
    if not families:
        return CopyScore()
    try:
        images, audio = harm.apply(material, copy.step)
    except NotScored as cannot:
        return CopyScore(problem=str(cannot))
    path = clean.with_name(harm.form.name)
    write_copy(path, images, audio, harm.form, copy.step)
    del images, audio
    paired = table.families_that_need("reference", families)
    same = {clean, path} if harm is CLEAN or harm.changes == AUDIO else {clean}
    result = score_task(
        ScoreTask(task.clip, path, clean if paired else None),
        lambda clip, seconds: report(clip, 0.0),
        options=replace(settings.scoring, metrics=families),
        networks=settings.networks,
        scratch=clean.parent,
        one_thread=settings.one_thread,
        recalled=Recalled(_recalling(material, same), references),
    )
    path.unlink()
    values = {name: float(value) for name, value in result.row.values.items() if value is not None}
    return CopyScore(values, dict(result.missing))


def _recalling(material: Material, same: set[Path]) -> Opener:
    """Faces of files that show the clip's own frames are known; those of others are looked for."""

    def opened(detector: str, source: Source) -> AbstractContextManager[Detector]:
        known = material.faces if source.path in same else None
        return known.opened() if known else open_detector(detector, source)

    return opened


def _keep(score: CopyScore, place: Path) -> None:
    write_text(place, json.dumps(asdict(score), ensure_ascii=False))


def kept_score(place: Path) -> CopyScore | None:
    """A copy's result as it was written; None where there is none, or none that can be read."""
    try:
        return CopyScore(**strict_json(place.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
