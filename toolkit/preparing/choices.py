"""What single options of ``prepare`` may be: names, shares of splits, lengths; others are refused."""

import math
import re
from collections.abc import Iterable, Mapping

from speechlip.checks import check_type
from speechlip.errors import OptionError, no_such
from speechlip.format import SPLIT_NAME

Shares = Mapping[str, float]
PEOPLE: Shares = {"train": 0.9, "validation": 0.05, "test": 0.05}
TIME: Shares = {"train": 10 / 11, "validation": 1 / 11}
"""The first 10/11 of a video to train on, as AD-NeRF, ER-NeRF, SyncTalk and TalkingGaussian do."""
SPLIT_BY = {"speaker": PEOPLE, "file": PEOPLE, "time": TIME}
"""What falls into one split only → the shares unless others are given."""
SPEAKING, LR_ASD = "speaking", "lr-asd"
FACES = ("largest", "all", SPEAKING)
DOUBLES = ("keep", "drop", "mark")
FILES, ALIGN, RECOGNISE = "files", "align", "recognise"
PHONES = (FILES, ALIGN, RECOGNISE)
SPEAKERS = ("by-name", "check", "by-face")
SHARD_BYTES = 256 * 10**6


def check_name(what: str, name: str, known: Iterable[str]) -> None:
    """Raise OptionError, which lists the known names, where ``name`` is not one of them."""
    if name not in (names := list(known)):
        raise no_such(what, name, names)


def length_s(name: str, value: float) -> float:
    """The value as float. Raises OptionError for what is not finite."""
    if not math.isfinite(value):
        raise OptionError(f"{name} is {value!r}, wanted a number of seconds such as 1.5")
    return float(value)


def check_split(shares: Shares) -> None:
    """Raise OptionError where a split has no usable name or share, or the shares do not add up to 1."""
    for name, share in shares.items():
        check_type("the name of a split", name, str)
        check_type(f"the share of split {name!r}", share, float)
        if not re.fullmatch(SPLIT_NAME, name):
            raise OptionError(f"a split cannot be called {name!r}; take a-z, 0-9 and _, a letter first")
        if not 0 <= share <= 1:
            raise OptionError(f"the share of split {name!r} is {share}; it must lie between 0 and 1")
    if abs(sum(shares.values()) - 1) > 1e-6:
        given = ",".join(f"{name}={share:g}" for name, share in shares.items())
        raise OptionError(
            f"the shares of {given!r} add up to {sum(shares.values()):g}; they must add up to 1"
        )


def parse_least_share(text: str) -> float:
    """The least share of speech that a clip must have, out of ``share>=0.5``; 0 for no text.

    Raises OptionError for other text.

    >>> parse_least_share("share >= 0.5"), parse_least_share("")
    (0.5, 0.0)
    """
    if not text:
        return 0.0
    match = re.fullmatch(r"share>=(\d*\.?\d+)", re.sub(r"\s", "", text))
    share = float(match[1]) if match else math.nan
    if not 0 < share <= 1:
        raise OptionError(
            f"cannot read --speech {text!r:.80}; write it as 'share>=0.5', with a share above 0 and up to 1"
        )
    return share
