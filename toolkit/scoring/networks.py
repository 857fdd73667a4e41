"""The networks of a scoring run: which there are, known before it starts, and opened once per process."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from speechlip import assets
from speechlip.errors import ModelError, OptionError
from speechlip.faces.detectors.opening import choose_detector, model_hashes
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.files.stamps import sha256_of
from speechlip.libraries import there
from speechlip.metrics import table
from speechlip.metrics.declared import Network, NotScored
from speechlip.metrics.sync.columns import FAMILY
from speechlip.progress import SILENT, Progress
from speechlip.scoring.options import ScoreOptions, without_groups
from speechlip.scoring.sync.models import AnyModel, SyncNetModel, open_sync_model
from speechlip.scoring.sync.verdict import least_confidence_of
from speechlip.workers.engines import LOCAL, EngineChoice, device_of, here_of

STAND_IN = (
    "SyncNet's weights are not there: lip sync is judged by phones (sync_… columns), which is no LSE; "
    "for LSE: speechlip models fetch syncnet_v2"
)
NO_SYNC_MODEL = NotScored("no sync model", "none was given: name one by ScoreOptions(sync_model=...)")


@dataclass(frozen=True)
class SyncModelFacts:
    """Which sync model scores, as ``SyncModel`` says it.

    name: in every output.
    sha256: of its weights.
    official: whether they are those that published numbers rest on.
    is_lse: whether its numbers are LSE-C and LSE-D.
    """

    name: str
    sha256: str
    official: bool
    is_lse: bool


@dataclass(frozen=True)
class Networks:
    """Which networks a run scores with, known before it starts.

    sync: the sync model; None where there is none.
    models: file name → SHA-256, of every file that is read.
    problems: family of metrics → why its network is not there.
    least_confidence: what the sync model declares (``verdict``); None where it says nothing.
    """

    sync: SyncModelFacts | None
    models: dict[str, str]
    problems: dict[str, NotScored]
    least_confidence: float | None = None

    @property
    def other_model(self) -> str:
        """Name of the sync model where it is none that gives LSE."""
        return self.sync.name if self.sync and not self.sync.is_lse else ""

    def as_dict(self) -> dict[str, Any]:
        """What numbers depend on, as plain values: ``sync``, ``models``, ``problems``."""
        problems = {family: (problem.reason, problem.detail) for family, problem in self.problems.items()}
        return {"sync": self.sync and asdict(self.sync), "models": self.models, "problems": problems}


@dataclass(frozen=True)
class Tools:
    """The opened networks of a run, and why one that is wanted is not there.

    sync: what scores lip-sync.
    networks: family of metrics → the network that it computes with.
    problems: family of metrics → why it has no network.
    """

    sync: AnyModel | None = None
    networks: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, NotScored] = field(default_factory=dict)

    def missing(self, metrics: Iterable[str]) -> dict[str, NotScored]:
        """Those of ``metrics`` that want a network that is not there, each with the reason."""
        absent = {} if self.sync else {FAMILY: NO_SYNC_MODEL}
        for family, network in networks_of(metrics).items():
            if family not in self.networks:
                absent[family] = NotScored(network.missing, f"the network of {family} was not opened")
        return {
            family: self.problems.get(family) or absent[family]
            for family in metrics
            if family in self.problems or family in absent
        }


def networks_of(metrics: Iterable[str]) -> dict[str, Network]:
    """Family of metrics → the network that it declares, of those that need one beside the sync model."""
    first = {family: table.metrics_of(family)[0] for family in metrics}
    return {family: metric.network for family, metric in first.items() if metric.network}


def settle(
    options: ScoreOptions, has_reference: bool, progress: Progress = SILENT, engine: EngineChoice = LOCAL
) -> ScoreOptions:
    """``options`` with metrics, device and detector chosen by what is there.

    engine: what scores, as ``device_of`` takes it.

    Raises OptionError for a device that is not there or that precision is not for, ModelError for a detector
    whose model cannot be had.
    """
    metrics = without_groups(options.metrics or (table.DEFAULT,), has_reference)
    settled = replace(options, metrics=metrics, device=device_of(engine, options.device))
    if settled.precision == "bf16" and settled.device != "cpu":
        raise OptionError(f"precision bf16 is for a CPU, and SyncNet computes on {settled.device}; take fp32")
    if not settled.needs_faces:
        return settled
    name, why = choose_detector(settled.detector)
    if why:
        progress.say(why)
    return with_sync_model(replace(settled, detector=name), progress)


def with_sync_model(options: ScoreOptions, progress: Progress) -> ScoreOptions:
    """``options`` with ``phones`` for lip sync where nothing of a model is named and SyncNet has no weights.

    Other protocols than ``direct`` repeat what was published of SyncNet: they have no stand-in.
    """
    if FAMILY not in options.metrics or not wants_stand_in(options) or why_no_stand_in(options):
        return options
    progress.say(STAND_IN)
    return replace(options, sync_model="phones")


def wants_stand_in(options: ScoreOptions) -> bool:
    """Whether nothing of SyncNet is named and its weights are not there, in protocol ``direct``."""
    of_syncnet = options.sync_model or options.syncnet_weights or options.precision != "fp32"
    return not of_syncnet and options.protocol == "direct" and not assets.available("syncnet_v2")


def why_no_stand_in(options: ScoreOptions) -> NotScored | None:
    """Why ``phones`` cannot judge in SyncNet's place; None where it can.

    options: with the detector settled.
    """
    if not DETECTORS.get(options.detector).has_landmarks:
        return NotScored(
            "no landmarks",
            "without SyncNet's weights lip sync is judged by phones, which wants landmarks, and detector "
            f"{options.detector} gives boxes only; take --detector landmarker, or speechlip models fetch "
            "syncnet_v2",
        )
    if not there("pocketsphinx"):
        return NotScored(
            "no phone recogniser",
            "without SyncNet's weights lip sync is judged by phones, which wants pocketsphinx: "
            "pip install pocketsphinx, or speechlip models fetch syncnet_v2",
        )
    return None


def find_networks(options: ScoreOptions, progress: Progress = SILENT) -> Networks:
    """Look for the weights that the options want, and say which are missing.

    Raises ModelError for a file that is not what it should be or that an option names in vain, OptionError
    for an unknown name.
    """
    options = replace(options, device=here_of(options.device))
    models: dict[str, str] = {}
    problems: dict[str, NotScored] = {}
    sync = _find_sync(options, models, problems) if FAMILY in options.metrics else None
    for family, network in networks_of(options.metrics).items():
        own = own_files(network, options)
        try:
            with table.METRICS.guard(family):
                files = network.weights(*own)
            for path in files if isinstance(files, tuple) else (files,):
                models[path.name if path.name not in models else path.as_posix()] = sha256_of(path)
        except ModelError as error:
            if any(own):
                raise
            problems[family] = NotScored(network.missing, str(error))
    if options.needs_faces:
        models |= model_hashes(options.detector)
    for family, problem in problems.items():
        progress.say(f"{family} is not scored, {problem}")
    least = least_confidence_of(open_model(options)) if sync else None
    return Networks(sync, models, problems, least)


def _find_sync(
    options: ScoreOptions, models: dict[str, str], problems: dict[str, NotScored]
) -> SyncModelFacts | None:
    if not options.other_model and not options.syncnet_weights and not assets.available("syncnet_v2"):
        if wants_stand_in(options) and (why := why_no_stand_in(options)):
            problems[FAMILY] = why
            return None
        try:
            assets.path("syncnet_v2")
        except ModelError as error:
            problems[FAMILY] = NotScored(
                "no SyncNet weights",
                f"{error}; or score with --sync-model phones, "
                "or another file of the format with --syncnet-weights",
            )
        return None
    model = open_model(options)
    models[model.name if options.other_model else syncnet_file(options).name] = model.sha256
    return SyncModelFacts(model.name, model.sha256, model.official, model.is_lse)


def syncnet_file(options: ScoreOptions) -> Path:
    return Path(options.syncnet_weights or assets.path("syncnet_v2"))


def open_model(options: ScoreOptions) -> AnyModel:
    """The sync model of the options, once per process."""
    if options.other_model:
        return open_other(options.other_model, options.device)
    return open_syncnet(
        syncnet_file(options), options.allow_unknown_weights, options.device, options.precision
    )


@lru_cache(maxsize=2)
def open_other(name: str, device: str) -> AnyModel:
    return open_sync_model(name, device)


@lru_cache(maxsize=2)
def open_syncnet(weights: Path, allow_unknown: bool, device: str, precision: str) -> AnyModel:
    return SyncNetModel(weights, allow_unknown, device, precision)


def own_files(network: Network, options: ScoreOptions) -> tuple[Any, ...]:
    """The files that the options name for a network; None for each that they do not."""
    return tuple(getattr(options, name) for name in network.given)


@cache
def open_network(
    family: str, device: str, own: tuple[Any, ...] = (), hashes: tuple[tuple[str, str], ...] = ()
) -> Any:
    """The network that a family of metrics computes with, once per process.

    own: from ``own_files``.
    hashes: of files, by name: where one of the user's own changed, the network is opened again.
    """
    with table.METRICS.guard(family):
        return networks_of([family])[family].open(device, *own)


def tools_of(options: ScoreOptions, networks: Networks) -> Tools:
    """The networks themselves, opened once per process."""
    there = [family for family in options.metrics if family not in networks.problems]
    return Tools(
        sync=open_model(options) if FAMILY in there else None,
        networks={
            family: open_network(
                family,
                options.device,
                own_files(network, options),
                tuple(networks.models.items()) if network.given else (),
            )
            for family, network in networks_of(there).items()
        },
        problems=networks.problems,
    )
