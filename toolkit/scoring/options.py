"""What a user may choose for ``score-sync``. Everything here changes numbers; the number of workers does not, and is not here."""

from dataclasses import asdict, dataclass
from pathlib import Path

from speechlip.errors import OptionError, no_such
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.metrics import table
from speechlip.metrics.regions import REGIONS
from speechlip.scoring import protocols
from speechlip.scoring.transcode.binary import EMULATED, Ffmpeg

FAMILIES: dict[str, tuple[str, ...]] = {
    family: tuple(metric.name for metric in table.metrics_of(family)) for family in table.families()
}
"""What may be asked for, and the columns of each."""
NEED_REFERENCE = table.families_that_need("reference", FAMILIES)
WITHOUT_REFERENCE = tuple(family for family in FAMILIES if family not in NEED_REFERENCE)


@dataclass(frozen=True)
class ScoreOptions:
    """Options of one scoring run. metrics: families, in the order of ``FAMILIES``; region: where the image metrics look.

    detector: a name, settled before the run. syncnet_weights: a file instead of the cached official one. sync_model: scores instead of SyncNet.
    ffmpeg: whose rules the hop of a published protocol follows, or the binary that takes it.
    """

    metrics: tuple[str, ...]
    protocol: str = "direct"
    detector: str = "cascade"
    device: str = "cpu"
    region: str = "full"
    syncnet_weights: Path | None = None
    allow_unknown_weights: bool = False
    sync_model: str | None = None
    max_picture_px: int = MAX_PICTURE_PX
    ffmpeg: Ffmpeg = EMULATED

    def __post_init__(self) -> None:
        protocols.get(self.protocol)
        if self.region not in REGIONS:
            raise no_such("region", self.region, REGIONS)
        if self.allow_unknown_weights and not self.syncnet_weights:
            raise OptionError(
                "--allow-unknown-weights goes with --syncnet-weights FILE; the official file needs no leave"
            )
        if self.sync_model and self.syncnet_weights:
            raise OptionError("--sync-model scores with its own network; leave out --syncnet-weights")
        if self.sync_model and self.protocol == "lrs":
            raise OptionError(
                "protocol lrs resizes for SyncNet; with --sync-model take --protocol direct or precropped"
            )
        if self.ffmpeg != EMULATED and not protocols.get(self.protocol).uses_ffmpeg:
            using = ", ".join(name for name, protocol in protocols.PROTOCOLS.items() if protocol.uses_ffmpeg)
            raise OptionError(
                f"protocol {self.protocol} runs no ffmpeg; leave out --ffmpeg, or take one of {using}"
            )

    @property
    def looks_at_faces(self) -> bool:
        """Whether the faces of a clip are wanted at all."""
        crops = protocols.get(self.protocol).crops
        return ("lse" in self.metrics and crops) or "lmd" in self.metrics or self.region != "full"

    @property
    def ffmpeg_words(self) -> str:
        """``4.2 emulated``, ``7.0.2 run``, or empty where the protocol runs no ffmpeg."""
        return self.ffmpeg.words if protocols.get(self.protocol).uses_ffmpeg else ""

    def as_dict(self) -> dict:
        weights = str(self.syncnet_weights) if self.syncnet_weights else None
        return asdict(self) | {"syncnet_weights": weights, "ffmpeg": self.ffmpeg_words}


def parse_metrics(text: str | None, has_reference: bool) -> tuple[str, ...]:
    """Read a list such as ``lse,lmd``; by default everything, without a reference what needs none. Raises OptionError.

    >>> parse_metrics("psnr,lse", True), parse_metrics(None, False)
    (('lse', 'psnr'), ('lse', 'cpbd'))
    """
    if text is None:
        return tuple(FAMILIES) if has_reference else WITHOUT_REFERENCE
    asked = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in asked if name not in FAMILIES]
    if unknown or not asked:
        raise OptionError(
            f"no metric {', '.join(map(repr, unknown)) or 'named'}; there are: {', '.join(FAMILIES)}"
        )
    return tuple(name for name in FAMILIES if name in asked)
