"""Synthetic talking heads that say sentences with espeak-ng's voices (docs/synthetic.md)."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from speechlip.checks import Workers, check_out, check_workers
from speechlip.errors import OptionError, WorkerError
from speechlip.files.locks import LOCK, only_run
from speechlip.files.writing import make_folder, write_text
from speechlip.progress import SILENT, Progress
from speechlip.recipes import folder
from speechlip.records import Source
from speechlip.version import VERSION
from speechlip.wording import counted
from speechlip.workers.auto import settle_workers
from speechlip.workers.events import Crashed, Report, unheard
from speechlip.workers.outcomes import in_this_process, outcomes

NAME = "synthetic"
TITLE = "Synthetic talking heads"
LICENCE = "CC0-1.0"
"""Images and sentences are ours. espeak-ng, which speaks them, is a GPL-3.0 program; its output is not."""
CITATION = ""
ACCESS = "speechlip synthesize FOLDER makes it; needs espeak-ng, speechlip's extra [synthetic]"
HOMEPAGE = ""
LANGUAGE = "en"
SPLITS = None

NOTE = "synthetic.json"
PEAK_BYTES = 500_000_000
"""Of memory that one worker takes, an estimate."""


@dataclass(frozen=True)
class SyntheticOptions:
    """What makes a corpus: the same options give the same bytes, and fewer people or clips a part of them.

    identities: speakers, each with a face and a voice.
    clips: of each speaker.
    seed: of faces, voices and sentences.
    offset_frames: how many frames the audio is early; below 0 it is late (SyncNet's sign).
    size: pixels of a frame's side, even.
    fps: of the videos.
    seconds: the least that a clip lasts; 0: a sentence or two.
    """

    identities: int = 6
    clips: int = 2
    seed: int = 0
    offset_frames: int = 0
    size: int = 256
    fps: int = 25
    seconds: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("identities", 1, 999),
            ("clips", 1, 999),
            ("seed", 0, 2**32 - 1),
            ("size", 96, 1024),
            ("fps", 10, 60),
            ("seconds", 0, 600),
        ):
            if not least <= getattr(self, name) <= most:
                raise OptionError(f"{name} is {getattr(self, name)}; it must lie in {least} … {most}")
        if self.size % 2 or abs(self.offset_frames) > 250:
            raise OptionError(
                f"size {self.size} must be even and offset_frames {self.offset_frames} in -250 … 250"
            )


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield the clips that ``generate`` made. Raises OptionError where they are not all there."""
    note = _read_note(Path(root))
    if note is None:
        raise OptionError(
            f"no {NOTE} in {root}: not a synthetic corpus; make one with: speechlip synthesize {root}"
        )
    options = SyntheticOptions(**note["options"])
    missing = [name for name in clip_names(options) if not (Path(root) / f"{name}.mp4").is_file()]
    if missing:
        total = options.identities * options.clips
        raise OptionError(
            f"{root} is not finished: {len(missing)} of {counted(total, 'clip')} missing; "
            "run speechlip synthesize again"
        )
    for source in folder.sources(Path(root), exclude):
        yield Source(**{**vars(source), "licence": LICENCE})


def clip_names(options: SyntheticOptions) -> list[str]:
    """Paths of the clips without ending, relative to the corpus.

    >>> clip_names(SyntheticOptions(identities=1, clips=2))
    ['speaker-000/clip-000', 'speaker-000/clip-001']
    """
    return [
        f"speaker-{who:03d}/clip-{clip:03d}"
        for who in range(options.identities)
        for clip in range(options.clips)
    ]


def generate(
    root: Path,
    options: SyntheticOptions = SyntheticOptions(),
    workers: Workers = 1,
    progress: Progress = SILENT,
) -> float:
    """Make the corpus in ``root`` → seconds of video in all; clips that are there already are kept.

    workers: processes, or ``auto`` for as many as the machine holds; the bytes do not depend on it.

    Raises OptionError where espeak-ng or OpenCV is missing, ``root``
    holds anything else, or another run writes there.
    """
    from speechlip.recipes._synthetic.paint import cv2_module
    from speechlip.recipes._synthetic.voice import espeak_files

    check_workers(workers)
    cv2_module()
    espeak_files()
    root = check_out(root, "root")
    tasks = [(root, options, name) for name in clip_names(options)]
    workers = settle_workers(workers, len(tasks), "clip", PEAK_BYTES, progress)
    progress.begin("rendering", len(tasks), "clips")
    total_s = 0.0
    with only_run(root):
        _claim(root, options)
        for length_s in _each(tasks, workers):
            total_s += length_s
            progress.advance()
    return total_s


def _each(tasks: list[tuple], workers: int) -> Iterator[float]:
    """Seconds of each clip, as they are there. Raises WorkerError where a process dies at one twice."""
    made = (
        in_this_process(_make_clip, tasks)
        if workers == 1
        else outcomes(_make_clip, tasks, workers, unheard, _died)
    )
    return (length_s for _, length_s in made)


def _died(task: tuple, crash: Crashed) -> NoReturn:
    raise WorkerError(
        f"the process that draws {crash.source} died twice ({crash.detail}), perhaps for lack of memory; "
        "the same command goes on where it stopped, with --workers 1 it takes least"
    )


def _make_clip(task: tuple[Path, SyntheticOptions, str], report: Report) -> float:
    from speechlip.recipes._synthetic.film import film_duration_s, write_clip
    from speechlip.recipes._synthetic.paint import cv2_module

    root, options, name = task
    report(name, 0.0)
    stem = root / name
    if (stem.parent / f"{stem.name}.mp4").is_file():
        return film_duration_s(stem)
    who, clip = (int(part.rsplit("-", 1)[1]) for part in name.split("/"))
    cv2_module().setNumThreads(1)  # images are small: threads cost more than they give
    make_folder(stem.parent)
    return write_clip(
        stem,
        _portrait(options.seed, who, options.size),
        [options.seed, 3, who, clip],
        options.fps,
        options.offset_frames,
        options.seconds,
    )


@lru_cache(maxsize=4)
def _portrait(seed: int, number: int, size: int):
    from speechlip.recipes._synthetic.identity import identity
    from speechlip.recipes._synthetic.portrait import portrait

    return portrait(identity(seed, number), [seed, 2, number], size)


def _claim(root: Path, options: SyntheticOptions) -> None:
    """Make ``root`` this corpus's folder; refuse one that holds something else."""
    chosen = {name: value for name, value in asdict(options).items() if (name, value) != ("seconds", 0)}
    note = {"options": chosen, "speechlip": VERSION}
    there = _read_note(root)
    if there == note:
        return
    if there is not None:
        raise OptionError(
            f"{root} holds a corpus made otherwise ({_difference(there, note)}); "
            "choose another folder or remove it"
        )
    if root.exists() and (not root.is_dir() or any(path.name != LOCK for path in root.iterdir())):
        raise OptionError(f"{root} is not an empty folder; choose another one for the corpus")
    make_folder(root)
    write_text(root / NOTE, json.dumps(note, indent=2) + "\n")


def _difference(there: dict, wanted: dict) -> str:
    pairs = (
        {**there.get("options", {}), "speechlip": there.get("speechlip")},
        {**wanted["options"], "speechlip": wanted["speechlip"]},
    )
    return ", ".join(
        f"{key}: {pairs[0].get(key)} there, {value} wanted"
        for key, value in pairs[1].items()
        if pairs[0].get(key) != value
    )


def _read_note(root: Path) -> dict | None:
    path = root / NOTE
    if not path.is_file():
        return None
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        SyntheticOptions(**note["options"])
    except (ValueError, KeyError, TypeError) as error:
        raise OptionError(
            f"{path} is damaged ({error}); remove the folder and make the corpus again"
        ) from error
    return note
