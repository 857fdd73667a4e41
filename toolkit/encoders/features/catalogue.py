"""Encoders of every kind by name, as features of clips; ``open_encoder`` opens all (docs/encoders.md).

A name is ``NAME``, ``NAME@LAYER``, ``NAME:WHERE`` or ``NAME@LAYER:WHERE``; ``random:`` and ``shuffled:`` go
before any other name. ``@*`` in place of a layer is all of them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from speechlip.encoders.checkpoint import last_checkpoint
from speechlip.encoders.features.controls import LipPoints, LogSpectra, Shuffled
from speechlip.encoders.features.layer_stack import (
    WITH_LAYERS,
    asks_mix,
    no_layers,
    refuse_mix,
    stacked,
    without_mix,
)
from speechlip.encoders.features.plugins import function_of, open_added, open_function
from speechlip.encoders.features.pretrained import PRETRAINED, chosen_layer, open_pretrained
from speechlip.encoders.features.protocol import ClipFeatures
from speechlip.encoders.features.speech_half import open_network, open_run
from speechlip.encoders.features.stored import open_deepspeech, open_stored
from speechlip.encoders.features.waveform import FromWaveform
from speechlip.encoders.features.whisper import known_size, open_whisper
from speechlip.encoders.registry import ENCODERS, SPEECH_NETWORKS
from speechlip.errors import OptionError
from speechlip.remote.mirror import run_at
from speechlip.remote.names import is_remote
from speechlip.urls import path_here

PLAIN = ("log-stft", "log-mel", "lips")
WEIGHTLESS = ("features", "deepspeech", *PLAIN)
FORMS = (
    "features:DIR",
    "deepspeech:DIR",
    "whisper:SIZE",
    "random:NAME",
    "shuffled:NAME",
    "module:function",
    "a run of train-encoder",
)
_NAME = re.compile(r"(?P<name>[^@:]+)(@(?P<layer>\d+))?(:(?P<where>.*))?", re.DOTALL)
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Request:
    """A name taken apart."""

    name: str
    layer: int | None
    """Of a transformer."""
    where: str
    """A path or size; both may be absent."""
    device: str
    random_init: bool
    """Random weights instead of the published ones."""

    @property
    def path(self) -> Path:
        """``where`` as a path. Raises OptionError for a URL."""
        return path_here(self.where, f"{self.name}:")


def open_encoder(
    name: str, device: str = "cpu", random_init: bool = False, *, mix: bool = False
) -> ClipFeatures:
    """The encoder called ``name``, ready to give features of clips.

    random_init: seeded random weights of the same network, as ``random:NAME``; what has no weights stays as
    it is. mix: whether ``NAME@*`` is taken, all layers side by side (``stack`` of them). Raises OptionError
    for an unknown name, layer or size, or a plug-in that is none; ModelError for weights that cannot be had
    or are not this network's.

    >>> open_encoder("hubrt")
    Traceback (most recent call last):
    speechlip.errors.OptionError: no encoder 'hubrt'; there are: hubert, ...; did you mean hubert?
    >>> open_encoder("log-mel").clock.rate_hz
    125
    """
    if not mix:
        refuse_mix(name)
    head, _, rest = name.partition(":")
    if head == "shuffled":
        return Shuffled(open_encoder(rest, device, random_init, mix=mix))
    if asks_mix(name):
        return stacked(open_encoder(without_mix(name), device, random_init), name, device)
    if is_remote(name):
        return FromWaveform(open_run(run_at(name), device, random_init), device)
    if head == "random":
        return _random(rest, device)
    request = _taken_apart(name, device, random_init)
    if opener := _opener(request.name):
        return opener(request)
    if name in ENCODERS:
        _refuse_random(name, random_init)
        return open_added(name, device)
    if name and Path(name).is_dir():
        return FromWaveform(open_run(Path(name), device, random_init), device)
    if _FUNCTION.fullmatch(name):
        _refuse_random(name, random_init)
        return open_function(name, device)
    raise _unknown(name)


def check_name(name: str, *, mix: bool = False) -> None:
    """Raise what ``open_encoder`` raises for a name that means no encoder here; no weights are read.

    mix: as for ``open_encoder``. Raises OptionError for an unknown name, a folder or file that is not there,
    a module that cannot be imported; ModelError for a folder that is no run.

    >>> check_name("shuffled:log-mell")
    Traceback (most recent call last):
    speechlip.errors.OptionError: no encoder 'log-mell'; there are: hubert, ...; did you mean log-mel?
    """
    if not mix:
        refuse_mix(name)
    kind, _, rest = name.partition(":")
    if asks_mix(name) and kind != "shuffled":
        check_name(without_mix(name))
        _check_layers(name)
        return
    request = _taken_apart(name, "cpu", False)
    if is_remote(name) or name in ENCODERS.added() or (kind == "random" and rest in SPEECH_NETWORKS):
        pass
    elif kind in ("shuffled", "random"):
        check_name(rest, mix=mix)
    elif _opener(request.name):
        _check_place(name, request)
    elif name and Path(name).is_dir():
        last_checkpoint(Path(name))
    elif _FUNCTION.fullmatch(name):
        function_of(name)
    else:
        raise _unknown(name)


def _check_layers(name: str) -> None:
    """Raises OptionError for a mix of what has no layers; of other packages' encoders only opening tells."""
    base = without_mix(name).removeprefix("random:")
    kind = _taken_apart(base, "cpu", False).name
    added = base in ENCODERS.added() or (not _opener(kind) and _FUNCTION.fullmatch(base))
    if kind not in WITH_LAYERS and not added:
        raise no_layers(name)


def _check_place(name: str, request: Request) -> None:
    """Raises OptionError where a name's folder, file or size is not there, or it has what it cannot have."""
    place = request.path
    if request.name in PLAIN:
        _refuse_place(request)
    elif request.name in ("features", "deepspeech") and not (request.where and place.is_dir()):
        raise OptionError(
            f"encoder {name!r}: there is no folder {request.where or 'named'}; give that of its .npy files, "
            f"{request.name}:DIR"
        )
    elif request.name == "whisper" and request.where:
        if "/" not in request.where and not place.is_dir():
            known_size(request.where)
    elif request.name in PRETRAINED:
        chosen_layer(request.name, request.layer, PRETRAINED[request.name].layers)
        if request.where and not place.is_file():
            raise OptionError(
                f"encoder {name!r}: there is no file {request.where}; give a checkpoint, or leave the place "
                "out to fetch it"
            )


def _unknown(name: str) -> OptionError:
    untrained = f"an untrained one is random:{name}" if name in SPEECH_NETWORKS else ""
    return ENCODERS.no_such(name, FORMS, untrained)


def _random(name: str, device: str) -> ClipFeatures:
    if name in SPEECH_NETWORKS:
        return FromWaveform(open_network(name, device), device)
    if _taken_apart(name, device, True).name in WEIGHTLESS:
        raise OptionError(f"encoder {name!r} has no weights to draw; leave 'random:' out")
    return open_encoder(name, device, random_init=True)


def _taken_apart(name: str, device: str, random_init: bool) -> Request:
    match = _NAME.fullmatch(name)
    if match is None:
        return Request(name, None, "", device, random_init)
    layer = match["layer"]
    return Request(
        match["name"], None if layer is None else int(layer), match["where"] or "", device, random_init
    )


def _refuse_random(name: str, random_init: bool) -> None:
    if random_init:
        raise OptionError(
            f"encoder {name!r} is another package's, and how to draw its weights is not known here; leave "
            "random weights out"
        )


def _opener(name: str) -> Callable[[Request], ClipFeatures] | None:
    return ENCODERS.get(name) if name in ENCODERS.built_in else FOLDERS.get(name)


def pretrained(request: Request) -> ClipFeatures:
    path = request.path if request.where else None
    return FromWaveform(
        open_pretrained(request.name, request.layer, path, request.random_init), request.device
    )


def whisper(request: Request) -> ClipFeatures:
    where = str(request.path) if request.where else ""
    return FromWaveform(open_whisper(where, request.layer, request.random_init), request.device)


def log_stft(request: Request) -> ClipFeatures:
    _refuse_place(request)
    return FromWaveform(LogSpectra(mel=False))


def log_mel(request: Request) -> ClipFeatures:
    _refuse_place(request)
    return FromWaveform(LogSpectra(mel=True))


def lips(request: Request) -> ClipFeatures:
    _refuse_place(request)
    return LipPoints()


def _refuse_place(request: Request) -> None:
    if request.layer is not None or request.where:
        raise OptionError(f"encoder {request.name!r} has neither layers nor a place; give its name alone")


def _folder(make: Callable[[Path], ClipFeatures], request: Request) -> ClipFeatures:
    if not request.where or request.layer is not None:
        raise OptionError(f"{request.name!r} wants the folder of its .npy files: {request.name}:DIR")
    return make(request.path)


FOLDERS: dict[str, Callable[[Request], ClipFeatures]] = {
    "features": partial(_folder, open_stored),
    "deepspeech": partial(_folder, open_deepspeech),
}
"""Encoders that are nothing without the folder of their files, and so no names of their own."""
