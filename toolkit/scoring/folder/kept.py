"""The result of each clip, kept in ``OUT/.clips`` under a name of everything that its numbers depend on."""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from speechlip.errors import UNREADABLE
from speechlip.faces.detectors.opening import packages
from speechlip.files.names import is_file
from speechlip.files.stamps import file_stamp
from speechlip.files.writing import write_text
from speechlip.metrics import table
from speechlip.metrics.statistics.intervals import METHOD
from speechlip.scoring.clip.faces import sidecar_of
from speechlip.scoring.clip.signals import textgrid_of
from speechlip.scoring.networks import Networks
from speechlip.scoring.options import OWN_FILES, ScoreOptions
from speechlip.scoring.records import ClipScore, ScoreRow, ScoreTask, read_detail
from speechlip.scoring.scores import FORMAT
from speechlip.scoring.sync.spoken import Spoken
from speechlip.version import VERSION
from speechlip.workers.events import CRASHED, OVER_LIMIT
from speechlip.workers.unexpected import UNEXPECTED

FOLDER = ".clips"
VERSIONS_THAT_SHOW = (
    "av",
    "lpips",
    "numpy",
    "opencv-python-headless",
    "scikit-image",
    "scipy",
    "torch",
)
HEARD_BY = {"speech": "silero-vad", "phones": "pocketsphinx", "identity": "dlib-bin"}
"""What a metric needs → the library that hears or sees it."""
MAY_PASS = (CRASHED, OVER_LIMIT, UNEXPECTED, UNREADABLE)
NO_NUMBERS = (*OWN_FILES, "allow_unknown_weights")
"""Options that say where a network lies; ``Networks`` says which it is."""


def place_of(folder: Path, task: ScoreTask, options: ScoreOptions, networks: Networks) -> Path:
    """The file in ``folder`` for a clip's result; another one where anything changed that its numbers depend
    on.
    """
    files = [task.render, *filter(None, (task.reference, task.driving_audio))]
    files += [sidecar_of(path) for path in (task.render, task.reference) if path]
    if table.families_that_need("phones", options.metrics):
        files += [textgrid_of(path) for path in (task.driving_audio or task.render, task.reference) if path]
    facts = {
        "task": [task.clip, task.problem, task.audio_problem],
        "files": [[str(path), *(file_stamp(path) if is_file(path) else (0, 0))] for path in files],
        "options": {name: value for name, value in options.as_dict().items() if name not in NO_NUMBERS},
        "networks": networks.as_dict(),
        "versions": versions(options.detector, options.metrics),
        "format": [FORMAT, METHOD],
    }
    text = json.dumps(facts, sort_keys=True).encode("utf-8", "backslashreplace")
    return folder / f"{hashlib.sha256(text).hexdigest()[:32]}.json"


@lru_cache
def versions(detector: str, metrics: tuple[str, ...]) -> dict[str, str]:
    """Library → version, of those that numbers depend on; metrics: families that were asked for."""
    own = {"speechlip": VERSION, "python": sys.version.split()[0]}
    libraries = {name: version(name) for name in (*VERSIONS_THAT_SHOW, *packages(detector))}
    for what, library in HEARD_BY.items():
        if table.families_that_need(what, metrics):
            libraries[library] = version_there(library)
    return own | libraries | table.packages_of(metrics)


def version_there(library: str) -> str:
    """The version of a library, ``none`` where it is not installed: once it is, clips are scored again."""
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


def keep(result: ClipScore, place: Path) -> None:
    """Write a clip's result. Raises WriteError."""
    rows = [row.cells() for row in result.rows]
    content = {"rows": rows, "detail": asdict(result.detail), "missing": dict(result.missing)}
    if result.spoken:
        content["spoken"] = result.spoken.as_dict()
    write_text(place, json.dumps(content, ensure_ascii=False))


def read(place: Path) -> ClipScore:
    """A clip's result as it was written. Raises OSError, ValueError, TypeError or KeyError."""
    content = json.loads(place.read_text(encoding="utf-8"))
    return ClipScore(
        tuple(map(ScoreRow.of, content["rows"])),
        read_detail(content["detail"]),
        dict(content["missing"]),
        Spoken.read(content["spoken"]) if "spoken" in content else None,
    )


def finished(place: Path) -> bool:
    """Whether a clip's result is there and final: neither damaged, nor one that another run may mend."""
    try:
        return not may_pass(read(place))
    except (OSError, ValueError, TypeError, KeyError):
        return False


def may_pass(result: ClipScore) -> bool:
    """Whether a clip failed of what another run may not meet: a process that died, a disk, a limit."""
    return any(reason in row.reason for row in result.rows for reason in MAY_PASS)


def remove_others(folder: Path, places: Sequence[Path]) -> None:
    """Remove every result in ``folder`` that is none of ``places``."""
    for stale in set(folder.glob("*.json")) - set(places):
        stale.unlink()
