"""What a user may choose for ``score`` and ``score_folder``. Every option changes numbers; workers do not."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from speechlip.checks import check_types
from speechlip.device import PRECISIONS, check_device
from speechlip.errors import OptionError, no_such
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.metrics import table
from speechlip.metrics.regions import REGIONS
from speechlip.metrics.sync.columns import FAMILY, MOUTH_MODELS
from speechlip.scoring import protocols
from speechlip.scoring.transcode.binary import EMULATED, Ffmpeg, find
from speechlip.scoring.transcode.rules import DEFAULT

SYNCNET = "syncnet"
OF_SETS = {"fid": "--fid-weights FILE", "fvd": "--fvd-weights FILE"}
"""Number of a set of clips → what asks for it."""
OWN_FILES = ("syncnet_weights", "brisque_model", "brisque_range", "fid_weights", "fvd_weights")
"""Options that say where files of the user's lie; ``networks`` says which they are."""


@dataclass(frozen=True)
class ScoreOptions:
    """Options of one scoring run. Raises OptionError, which lists what there is, where one cannot be used.

    metrics: families of ``metrics.table``, and groups of them. Empty, and as ``default``: those that are
        scored by default. Of a group, without a reference, those that need none.
    protocol: from file to crops and audio, a name of docs/protocols.md.
    detector: what finds faces: auto, landmarker, mediapipe, face-alignment, cascade, sidecar, or one of
        another package.
    device: of the networks: auto, cpu, cuda, or another name of torch's.
    region: where image metrics look: full, face or mouth.
    syncnet_weights: a file in the format of syncnet_v2.model; None: the official one in the model cache.
    allow_unknown_weights: take ``syncnet_weights`` though it is not the official file; every score says so.
    sync_model: what scores lip sync: syncnet, phones or self (from landmarks, without weights), a run folder,
        or another package's sync model. None or auto: SyncNet, and where its weights are not there phones.
    max_picture_px: a video whose frames have more pixels is refused.
    ffmpeg: whose choice of frames the protocol follows: a generation, which is emulated, or a binary to run.
    brisque_model: with metrics brisque: a regression of libsvm in a text file of the user's own.
    brisque_range: the ranges of its features; None: ``allrange`` beside it.
    fid_weights: pytorch-fid's file of Inception: FID of all renders beside their real videos; None: no FID.
    fvd_weights: VideoGPT's file of I3D: FVD of all renders beside their real videos; None: no FVD.
    precision: of SyncNet's lips: fp32, or bf16, which is faster on some CPUs and moves scores by up to 1e-3.
    """

    metrics: tuple[str, ...] = ()
    protocol: str = "direct"
    detector: str = "auto"
    device: str = "auto"
    region: str = "full"
    syncnet_weights: str | Path | None = None
    allow_unknown_weights: bool = False
    sync_model: str | None = None
    max_picture_px: int = MAX_PICTURE_PX
    ffmpeg: str = DEFAULT
    precision: str = "fp32"
    brisque_model: str | Path | None = None
    brisque_range: str | Path | None = None
    fid_weights: str | Path | None = None
    fvd_weights: str | Path | None = None

    def __post_init__(self) -> None:
        if isinstance(self.metrics, str | list | set | frozenset):
            names = (self.metrics,) if isinstance(self.metrics, str) else tuple(self.metrics)
            object.__setattr__(self, "metrics", names)
        check_types(self)
        if self.metrics:
            object.__setattr__(self, "metrics", ordered(self.metrics))
        protocols.get(self.protocol)
        if self.region not in REGIONS:
            raise no_such("region", self.region, REGIONS)
        if self.detector != "auto" and self.detector not in DETECTORS.names():
            raise DETECTORS.no_such(self.detector)
        check_device(self.device)
        if self.precision not in PRECISIONS:
            raise no_such("precision", self.precision, PRECISIONS)
        self._check_sync_model()
        self._check_brisque()
        if find(self.ffmpeg) != EMULATED and not protocols.get(self.protocol).uses_ffmpeg:
            using = ", ".join(name for name, protocol in protocols.PROTOCOLS.items() if protocol.uses_ffmpeg)
            raise OptionError(
                f"protocol {self.protocol} runs no ffmpeg; leave out --ffmpeg, or take one of {using}"
            )

    def _check_sync_model(self) -> None:
        if self.allow_unknown_weights and not self.syncnet_weights:
            raise OptionError(
                "--allow-unknown-weights goes with --syncnet-weights FILE; the official file needs no leave"
            )
        if self.sync_model == "auto":
            object.__setattr__(self, "sync_model", None)
        if self.other_model and self.syncnet_weights:
            raise OptionError("--sync-model scores with its own network; leave out --syncnet-weights")
        if self.other_model and self.precision != "fp32":
            raise OptionError("--precision is SyncNet's; leave it out with --sync-model")
        if self.sync_model in MOUTH_MODELS and not protocols.get(self.protocol).crops:
            raise OptionError(
                f"protocol {self.protocol} looks for no face; with --sync-model {self.sync_model} "
                "take --protocol direct"
            )
        if self.other_model and self.protocol == "lrs":
            raise OptionError(
                "protocol lrs resizes for SyncNet; with --sync-model take --protocol direct or precropped"
            )

    def _check_brisque(self) -> None:
        if self.brisque_range and not self.brisque_model:
            raise OptionError("--brisque-range goes with --brisque-model FILE, whose features it scales")
        if self.brisque_model and "brisque" not in self.metrics:
            raise OptionError(
                "--brisque-model goes with metric brisque, which only its own name asks for; name it, or "
                "leave the file out"
            )

    @property
    def other_model(self) -> str:
        """The sync model that scores instead of SyncNet; empty: SyncNet."""
        return "" if self.sync_model in (None, SYNCNET) else self.sync_model

    @property
    def needs_faces(self) -> bool:
        """Whether faces have to be found in the render."""
        crops = protocols.get(self.protocol).crops
        families = without_groups(self.metrics, True) if self.metrics else ()
        of_landmarks = table.families_that_need("landmarks", families)
        return (FAMILY in families and crops) or bool(of_landmarks) or self.region != "full"

    @property
    def transcoder(self) -> Ffmpeg:
        """The ffmpeg of ``ffmpeg``: a generation that is emulated, or a binary with its version."""
        return find(self.ffmpeg)

    @property
    def ffmpeg_words(self) -> str:
        """``4.2 emulated``, ``7.0.2 run``, or empty where the protocol runs no ffmpeg."""
        return self.transcoder.words if protocols.get(self.protocol).uses_ffmpeg else ""

    def as_dict(self) -> dict:
        files = {name: getattr(self, name) for name in OWN_FILES}
        stated = {name: str(file) if file else None for name, file in files.items()}
        return asdict(self) | stated | {"ffmpeg": self.ffmpeg_words}


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Families and groups of metrics in the order of every table; those of other packages last, by name.

    Raises OptionError for no name, an unknown one, or one of another package that cannot be used.

    >>> ordered(["psnr", "lips", "lse"])
    ('lips', 'lse', 'psnr')
    """
    asked = {names} if isinstance(names, str) else {*names}
    if not asked:
        raise OptionError(f"no metric named; there are: {', '.join(table.METRICS.names())}")
    for name in sorted(asked):
        if name in OF_SETS:
            raise OptionError(
                f"{name} is no metric of a clip: it is of all renders beside the real videos, by weights of "
                f"your own; give {OF_SETS[name]} (docs/protocols.md)"
            )
        if not table.members(name):
            table.metrics_of(name)
    built_in = [name for name in table.METRICS.choices() if name in asked]
    return (*built_in, *sorted(asked - {*built_in}))


def without_groups(names: Iterable[str], has_reference: bool) -> tuple[str, ...]:
    """Families in order, of families and groups; of groups those that can be scored.

    >>> without_groups(["lips", "psnr"], False)
    ('psnr', 'slcc', 'silent_lips', 'lip_dynamics')
    """
    families = {name for name in names if not table.members(name)}
    for group in {*names} - families:
        families |= {*(scorable(table.members(group), has_reference) or table.members(group))}
    return ordered(families)


def scorable(families: Iterable[str], has_reference: bool) -> tuple[str, ...]:
    """Those of ``families`` that need no reference where there is none."""
    families = tuple(families)
    need_reference = () if has_reference else table.families_that_need("reference", families)
    return tuple(family for family in families if family not in need_reference)


def default_metrics(has_reference: bool) -> tuple[str, ...]:
    """The families that are scored by default.

    >>> default_metrics(False)
    ('lse', 'cpbd')
    """
    return scorable(table.families(), has_reference)


def parse_metrics(text: str | None) -> tuple[str, ...]:
    """Read a list such as ``lse,lmd``; None is all that can be computed. Raises OptionError.

    >>> parse_metrics("psnr, lse"), parse_metrics(None)
    (('lse', 'psnr'), ())
    """
    return () if text is None else ordered(filter(None, map(str.strip, text.split(","))))
