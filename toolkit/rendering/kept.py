"""What a run keeps so that the next goes on: the faces of the person's video, and every finished row."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import OptionError
from speechlip.faces.detectors.opening import model_hashes, packages
from speechlip.files.stamps import file_stamp
from speechlip.files.strict_json import record_of, strict_json
from speechlip.files.writing import write_text
from speechlip.media.probe import probe
from speechlip.media.whole_audio import read_audio
from speechlip.rendering.kept_arrays import KeptArrays
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import Person
from speechlip.rendering.records import FORMAT, RENDERED, RenderRow
from speechlip.scoring.clip.faces import sidecar_of
from speechlip.scoring.folder.kept import versions
from speechlip.timing import SAMPLES_PER_FRAME
from speechlip.wording import listed

FOLDER = ".person"
FACES, MESH, MOTION, ROW = "faces.npz", "mesh.npz", "motion.npz", "row.json"
MESH_DETECTOR = "landmarker"
"""Whose face model reads meshes."""


def digest(facts: Mapping[str, Any]) -> str:
    """A name for everything that something was made from."""
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def faces_made_from(path: Path, options: RenderOptions, detector: str) -> str:
    """What a person's faces depend on."""
    return digest(
        {
            "file": [str(path.absolute()), *file_stamp(path), *file_stamp(sidecar_of(path))],
            "detector": [detector, model_hashes(detector), dict.fromkeys(packages(detector), "")],
            "versions": versions(detector, ()),
            "max_picture_px": options.max_picture_px,
        }
    )


def drivers(options: RenderOptions) -> dict[str, Any]:
    """What rows depend on beside the person: the files that drive lips and head, another mapping."""
    given = {"audio": options.audio, "pose": options.pose}
    files = {what: [path, *file_stamp(Path(path))] for what, path in given.items() if path}
    mesh = {"mapping": ["mesh", model_hashes(MESH_DETECTOR)]} if options.mapping == "mesh" else {}
    return files | mesh


def mesh_of(folder: Path, faces: str, options: RenderOptions) -> KeptArrays:
    """Where the person's mesh mapping is kept.

    faces: what the faces are made from.
    """
    facts = {
        "faces": faces,
        "split": options.split,
        "model": model_hashes(MESH_DETECTOR),
        "versions": versions(MESH_DETECTOR, ()),
    }
    return KeptArrays(folder / MESH, digest(facts))


def motion_of(folder: Path, options: RenderOptions, detector: str) -> KeptArrays:
    """Where the head motion of the clip ``options.pose`` is kept."""
    return KeptArrays(folder / MOTION, faces_made_from(Path(options.pose), options, detector))


def keep_person(folder: Path, person: Person, driven_by: str, made_from: str) -> None:
    """Write the person's faces, and what the folder is of. Raises WriteError."""
    KeptArrays(folder / FACES, made_from).write(
        person=person.path.name + driven_by,
        start=person.start,
        size=person.size,
        landmarks=person.landmarks,
        tracks=person.tracks,
        seen=person.seen,
        notes=np.array(person.notes, str),
    )


def kept_person(folder: Path, path: Path, options: RenderOptions, made_from: str) -> Person | None:
    """The person whose faces an earlier run found in the same file; None where there is none."""
    there = KeptArrays(folder / FACES, made_from).read()
    if not there:
        return None
    start, seen = int(there["start"]), there["seen"]
    width, height = map(int, there["size"])
    audio = read_audio(path, options.max_picture_px)
    samples = audio.samples[start * SAMPLES_PER_FRAME :][: len(seen) * SAMPLES_PER_FRAME]
    return Person(
        path,
        probe(path, max_picture_px=options.max_picture_px),
        start,
        (width, height),
        there["landmarks"],
        there["tracks"],
        seen,
        samples,
        audio.frames,
        tuple(map(str, there["notes"])),
    )


def refuse_other_person(folder: Path, path: Path, driven_by: str) -> None:
    """Raise OptionError where the folder has renders of another video, or driven by other files."""
    try:
        with np.load(folder / FACES, allow_pickle=False) as kept:
            name = str(kept["person"])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        return
    if name != (wanted := path.name + driven_by):
        raise OptionError(
            f"{folder.parent} holds renders of {name}, and {wanted} is wanted; choose another -o"
        )


def keep_row(folder: Path, row: RenderRow, made_from: str) -> None:
    """Write a finished row, last of its files. Raises WriteError."""
    write_text(folder / ROW, json.dumps({"made_from": made_from, **asdict(row)}, ensure_ascii=False) + "\n")


def other_rows(out: Path, names: Sequence[str]) -> list[str]:
    """A sentence on rows of an earlier run that lie in the folder, and that are not of this one."""
    others = sorted({path.parent.name for path in out.glob(f"*/{ROW}")} - {*names})
    if not others:
        return []
    return [
        f"not in this table, but in the folder, from an earlier run: {listed(others)}; name their encoders "
        "again, or remove their folders"
    ]


def kept_row(folder: Path, made_from: str, video: str) -> RenderRow | None:
    """A row that an earlier run finished of the same; None where it is to be made."""
    try:
        raw = strict_json((folder / ROW).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    row = record_of(RenderRow, raw)
    done = row and raw.get("made_from") == made_from and row.status == RENDERED and (folder / video).is_file()
    return row if done else None
