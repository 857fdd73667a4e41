"""``aud_<encoder>.json``: what the files beside it are.

It is written last and removed first, so that a folder with it is whole.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import OptionError
from speechlip.exporting.layouts import LAYOUTS
from speechlip.exporting.records import Exporter, ExportPlan, Task
from speechlip.exporting.scale import Scale
from speechlip.files.names import plain_name
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.files.writing import write_text
from speechlip.timing import FPS
from speechlip.version import VERSION

FORMAT = 1
AVE_NOTE = "aud_ave.patch.txt"


def own_name(label: str) -> str:
    return f"aud_{label}.npy"


def facts_name(label: str) -> str:
    return f"aud_{label}.json"


def made_from(task: Task, exporter: Exporter, plan: ExportPlan) -> str:
    """A name for everything that a video's files depend on."""
    facts = {
        "format": FORMAT,
        "speechlip": VERSION,
        "file": [str(task.path), *file_stamp(task.path)],
        "encoder": exporter.described(),
        "renderers": sorted(plan.renderers),
        "train_share": str(plan.train_share),
        "scale": plan.scale_sha256,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "backslashreplace")).hexdigest()[
        :32
    ]


def frames_if_done(task: Task, exporter: Exporter, plan: ExportPlan) -> int | None:
    """T of a video whose files are there, made from the same; None where they are not."""
    try:
        facts = json.loads((task.folder / facts_name(exporter.label)).read_text(encoding="utf-8"))
        done = facts["made_from"] == made_from(task, exporter, plan) and all(
            (task.folder / name).is_file() for name in facts["files"]
        )
        return int(facts["frames"]) if done else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(folder: Path, label: str) -> None:
    """Remove what an earlier export left, its JSON first.

    From here until the new JSON the folder says of itself that it is not done. Its own file goes last and
    comes first, so that ``foreign_files`` knows a half-done export from files of somebody else.
    """
    for name in (facts_name(label), AVE_NOTE, *LAYOUTS, own_name(label)):
        (folder / name).unlink(missing_ok=True)


def foreign_files(folder: Path, label: str) -> list[str]:
    """Files under the renderers' names that no export of ``label`` has written."""
    ours = (folder / facts_name(label)).is_file() or (folder / own_name(label)).is_file()
    return [] if ours else [name for name in LAYOUTS if (folder / name).is_file()]


def write_facts(
    task: Task,
    exporter: Exporter,
    plan: ExportPlan,
    scale: Scale,
    shapes: dict[str, tuple[int, ...]],
    left_out: dict[str, str],
    notes: Sequence[str],
) -> None:
    """Write the JSON, and with it the video is done."""
    facts = {
        "format": FORMAT,
        "speechlip": VERSION,
        "made_from": made_from(task, exporter, plan),
        "source": plain_name(task.name),
        "notes": list(notes),
        "encoder": exporter.described(),
        "fps": FPS,
        "frames": shapes[own_name(exporter.label)][0],
        "steps_per_frame": exporter.steps,
        "files": shapes,
        "left_out": left_out,
        "train_share": str(plan.train_share),
        "scale_of": plan.scale_sha256 or None,
        "pca_kept": scale.kept,
        "mean": numbers(scale.mean),
        "std": numbers(scale.std),
        "pca_axes": None if scale.axes is None else [numbers(axis) for axis in scale.axes],
    }
    write_text(task.folder / facts_name(exporter.label), json.dumps(facts, ensure_ascii=False) + "\n")


def numbers(values: np.ndarray) -> list[float]:
    """float32 as the shortest decimals that give it back.

    >>> numbers(np.float32([0.1, 2]))
    [0.1, 2.0]
    """
    return [float(str(value)) for value in values]


def same_weights(one: Any, other: dict[str, Any]) -> bool:
    """Whether two descriptions are of the same network; a run's folder may be called by another path."""
    return isinstance(one, dict) and (
        one | {"name": ""} == other | {"name": ""} if other["weights"] else one == other
    )


def read_scale(folder: Path, exporter: Exporter, want_axes: bool) -> tuple[Scale, str]:
    """The scale of an earlier export of the same encoder, and the hash of its JSON.

    Raises OptionError where there is none that fits.
    """
    path = folder / facts_name(exporter.label)
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        encoder, axes = facts["encoder"], facts["pca_axes"]
        mean, std = np.array(facts["mean"], np.float32), np.array(facts["std"], np.float32)
        scale = Scale(mean, std, None if axes is None else np.array(axes, np.float32), facts["pca_kept"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(
            f"{path} cannot be read ({error}); give the folder of one video that {exporter.encoder.name} "
            "was exported of"
        ) from error
    if (
        not same_weights(encoder, exporter.described())
        or mean.shape != (exporter.encoder.dim,)
        or std.shape != mean.shape
    ):
        raise OptionError(
            f"{path} is of another encoder or of other weights; export that video again, or take its encoder"
        )
    if want_axes and scale.axes is None:
        raise OptionError(
            f"{path} was exported without ad-nerf and has no principal components; leave ad-nerf out of "
            "--for, or export it again"
        )
    return scale, sha256_of(path)
