"""An encoder that is to be exported, as it is opened wherever a unit of work needs it."""

from dataclasses import dataclass
from functools import lru_cache

from speechlip.encoders.features.catalogue import open_encoder
from speechlip.errors import OptionError
from speechlip.exporting.records import Exporter, WaveformEncoder


@dataclass(frozen=True)
class Opening:
    """How an encoder is opened.

    name: as ``open_encoder`` takes it.
    label: in file names.
    device: as ``choose_device`` takes it.
    """

    name: str
    label: str
    device: str
    random_init: bool = False


def open_exporter(name: str, label: str, device: str, random_init: bool) -> Exporter:
    """The encoder of that name.

    Raises OptionError for one that does not read sound, and what ``open_encoder`` raises.
    """
    encoder = open_encoder(name, device=device, random_init=random_init)
    if not isinstance(encoder, WaveformEncoder):
        raise OptionError(
            f"{name!r} does not read sound, so it cannot be exported of videos; "
            "take a run of train-encoder or a speech encoder"
        )
    return Exporter(encoder, label, getattr(encoder, "weights", ""))


@lru_cache(maxsize=1)
def opened(opening: Opening) -> Exporter:
    """The encoder, opened once in a process. Raises what ``open_exporter`` raises."""
    return open_exporter(opening.name, opening.label, opening.device, opening.random_init)
