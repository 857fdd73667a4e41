"""Every command that writes results, on the smallest thing that it makes something of; and when two runs of
it made the same.
"""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import small_person
import tiny_dataset
from tiny_benchmark import SPLITS, without_times

from zoo import write_clip


@dataclass(frozen=True)
class Case:
    """A command.

    typed: its words, with {videos}, {talking}, {person}, {shards} or {pairs} for what is given; -o is last.
    last: the file that it writes last; there it is done.
    read: part of the path of a file that it reads.
    own: path → what of a file two runs have in common; files that are not named are compared as they are.
    left: files that no two runs have in common.
    """

    typed: str
    last: str
    read: str
    own: dict[str, Callable] | None = None
    left: tuple[str, ...] = ()

    def words(self, given, out):
        return [*self.typed.format(**given).split(), out, *(["--resume"] if self._goes_on(out) else [])]

    def _goes_on(self, run):
        return self.typed.startswith("train") and any(run.glob("step-*[0-9]"))

    def made(self, out):
        """Path → digest of what there is, less what no two runs have in common."""
        own = self.own or {}
        return {
            name: hashlib.sha256(own.get(name, lambda data: data)(path.read_bytes())).hexdigest()
            for path in out.rglob("*")
            if path.is_file()
            and not (name := path.relative_to(out).as_posix()).startswith(self.left)
            and path.name != ".lock"
        }


def without_run(data):
    """scores.json or judge.json without seconds and the command."""
    return dumped(forgotten(json.loads(data)))


def forgotten(value):
    """Without keys of times, the command, and folders."""
    if isinstance(value, dict):
        gone = ("seconds", "command", "took_s")
        return {name: forgotten(inner) for name, inner in value.items() if name not in gone}
    return [forgotten(inner) for inner in value] if isinstance(value, list) else value


def dumped(value):
    return json.dumps(value, sort_keys=True).encode()


def history(data):
    rows = csv.DictReader(io.StringIO(data.decode()))
    return dumped([[row["step"], row["lr"], row["auc"]] for row in rows])


def statuses(data):
    """ledger.jsonl of export-features, where what an earlier run did is ``kept``."""
    rows = [json.loads(line) for line in data.splitlines()]
    return dumped([row | {"status": row["status"].replace("exported", "kept")} for row in rows])


QUICK = "--quiet --device cpu"
CASES = {
    "score-sync": Case(
        "score-sync {videos} --metrics cpbd --workers 2 --quiet -o",
        "report.html",
        "/videos/1.mp4",
        {"scores.json": without_run},
        (".clips/", "report.html"),
    ),
    "score-encoder": Case(
        f"score-encoder {{pairs}} --encoder tiny_encoders:seeing --steps 1 --seeds 1 --batch-size 4 "
        f"--lr 0.001 --workers 1 {QUICK} -o",
        "README.md",
        "/data/train-00000",
        {"benchmark.json": lambda data: dumped(without_times(data) | {"command": ""})},
        (".rows/", "benchmark.csv", "benchmark.html", "README.md"),
    ),
    "export-features": Case(
        f"export-features tiny_speech:tiny {{videos}} {QUICK} -o",
        "ledger.jsonl",
        "/videos/1.mp4",
        {"ledger.jsonl": statuses},
    ),
    "export-clips": Case(
        "speechlip export-clips {shards} --split validation --quiet -o",
        "clips.csv",
        "/data/validation-00001",
    ),
    "align": Case(
        "speechlip align {talking} --from transcript --workers 1 --quiet -o",
        "speaker-001/clip-000.TextGrid",
        "/speaker-001/clip-000.mp4",
    ),
    "render-lips": Case(
        f"render-lips {{person}} --encoder small_person:loud --detector sidecar {QUICK} -o",
        "index.html",
        "/may.mp4",
    ),
    "judge": Case(
        "speechlip judge cpbd --clips {videos} --harms blur --seconds 1 --workers 1 --quiet -o",
        "judge.html",
        "/videos/1.mp4",
        {"judge.json": without_run},
        ("judge.html",),
    ),
    "train-encoder": Case(
        f"train-encoder {{shards}} --encoder mel-cnn --steps 4 --checkpoint-every 2 --validate-every 2 "
        f"--batch-size 4 --no-tensorboard {QUICK} -o",
        "README.md",
        "/data/train-00000",
        {"history.csv": history},
        ("README.md", "training.png"),
    ),
}


def write_given(folder, talking):
    """What the commands are given: name → path."""
    folder.mkdir()
    (folder / "videos").mkdir()
    for number in range(3):
        rng = np.random.default_rng(number)
        images = rng.integers(0, 256, (25, 16, 16, 3), np.uint8).repeat(8, 1).repeat(8, 2)
        noise = rng.normal(0, 2000, 16000).astype(np.int16)
        write_clip(folder / "videos" / f"{number}.mp4", images, noise)
    for name in ("speaker-000", "speaker-001"):
        unaligned = shutil.ignore_patterns("*.TextGrid", "*.npz")
        shutil.copytree(talking / name, folder / "talking" / name, ignore=unaligned)
    return {
        "videos": folder / "videos",
        "talking": folder / "talking",
        "person": small_person.write_person(folder / "may.mp4"),
        "shards": tiny_dataset.write_dataset(folder / "shards"),
        "pairs": tiny_dataset.write_dataset(folder / "pairs", SPLITS, lips_format="jpg", landmarks=True),
    }
