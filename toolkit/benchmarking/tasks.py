"""One task for every row of the table, named by everything that its numbers depend on."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.records import (
    AS_TRAINED,
    CONTROL,
    ENCODER,
    FORMAT,
    HEAD,
    LIPS,
    PROTOCOL,
    ShardsFacts,
)
from speechlip.encoders.checkpoint import CheckpointFacts, open_checkpoint
from speechlip.encoders.features.layer_stack import without_mix
from speechlip.encoders.registry import ENCODERS
from speechlip.errors import ModelError
from speechlip.files.stamps import file_stamp
from speechlip.metrics.statistics.intervals import METHOD
from speechlip.version import VERSION

CONTROLS = {
    "random:se4lip": "se4lip's network, untrained",
    "shuffled:log-mel": "log-mel of other clips: has to be at chance",
    "log-stft": "the spectrum itself",
    "log-mel": "the mel spectrum itself",
}
VERSIONS_THAT_SHOW = ("numpy", "scikit-learn", "scipy", "torch", "torchaudio", "transformers")
OTHER_SHARDS = "trained on other shards: people of this split may have been among its own"


@dataclass(frozen=True)
class Task:
    """One row to come."""

    name: str
    """Of the encoder."""
    label: str
    """Unique in the table."""
    role: str
    mode: str
    key: str
    """Names everything that its numbers depend on."""
    features_key: str
    """The same of its features; two rows of one run share it."""
    note: str = ""
    run: CheckpointFacts | None = field(default=None, compare=False)
    """Of a run of train-encoder."""


def tasks_of(names: Sequence[str], facts: ShardsFacts, options: BenchmarkOptions) -> list[Task]:
    """The encoders that were asked for, in their order, then the controls.

    A run of train-encoder gives two rows.
    """
    controls = dict(CONTROLS) | ({LIPS: f"mouth points, {facts.landmarks}"} if facts.landmarks else {})
    wanted = [(name, ENCODER, controls.get(name, "")) for name in dict.fromkeys(names)]
    wanted += [(name, CONTROL, note) for name, note in controls.items() if name not in names]
    tasks = []
    for name, role, note in wanted:
        key, run = key_of(name, HEAD, facts, options), run_facts(name)
        elsewhere = trained_elsewhere(run, facts)
        tasks.append(Task(name, name, role, HEAD, key, key, joined(note, elsewhere), run))
        if is_run(name) and not options.random_init:
            label, own_key = f"{name} ({AS_TRAINED})", key_of(name, AS_TRAINED, facts, options)
            own_note = joined("its own two halves, no common head", elsewhere)
            tasks.append(Task(name, label, role, AS_TRAINED, own_key, key, own_note, run))
    return tasks


def is_run(name: str) -> bool:
    """Whether ``name`` is the folder of a run of train-encoder."""
    return Path(name).is_dir() and any(Path(name).glob("step-*"))


def run_facts(name: str) -> CheckpointFacts | None:
    """The last checkpoint of a run; None for what is no run, or a damaged one, whose row will fail."""
    try:
        return open_checkpoint(Path(name)).facts if is_run(name) else None
    except ModelError:
        return None


def trained_elsewhere(run: CheckpointFacts | None, facts: ShardsFacts) -> str:
    """A note on a run that learned from another train split than the heads do; else empty.

    Empty too where the run does not say.
    """
    digest = run.shards.digest if run else ""
    return OTHER_SHARDS if digest and digest != facts.train_digest else ""


def joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def key_of(name: str, mode: str, facts: ShardsFacts, options: BenchmarkOptions) -> str:
    """A name for everything that a row depends on: 32 hex digits that change when any of it does."""
    content = {
        "protocol": [PROTOCOL, FORMAT, METHOD, VERSION],
        "encoder": [name, mode, identity(name)],
        "shards": [facts.manifest_sha256, facts.split],
        "options": asdict(options),
        "versions": versions(),
    }
    return hashlib.sha256(
        json.dumps(content, sort_keys=True).encode("utf-8", "backslashreplace")
    ).hexdigest()[:32]


def identity(name: str) -> Any:
    """What tells encoders of one name apart: weights of a run, files of a folder, file of a module."""
    name = without_mix(name)
    kind, _, rest = name.partition(":")
    if is_run(name):
        try:
            return open_checkpoint(Path(name)).facts.sha256
        except ModelError as error:
            return str(error)
    if kind in ("random", "shuffled"):
        return identity(rest)
    if rest and Path(rest).is_dir():
        return [
            [str(path.relative_to(rest)), *stamp(path)]
            for path in sorted(Path(rest).rglob("*"))
            if path.is_file()
        ]
    if added := ENCODERS.added().get(name):
        return stamp(module_file(added.module))
    return stamp(Path(rest) if Path(rest).is_file() else module_file(kind)) if rest else None


def module_file(module: str) -> Path | None:
    """The file that ``module:function`` is read from, where it can be found without running it."""
    here = Path(module.replace(".", "/") + ".py")
    if here.is_file():
        return here
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def stamp(path: Path | None) -> list[int]:
    """Size and time of change, which differ when a file does."""
    if path is None or not path.is_file():
        return []
    return [*file_stamp(path)]


def versions() -> dict[str, str]:
    known = {"python": sys.version.split()[0]}
    for name in VERSIONS_THAT_SHOW:
        with suppress(PackageNotFoundError):
            known[name] = version(name)
    return known
