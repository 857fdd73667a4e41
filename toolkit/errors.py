"""What can go wrong, said so that a person can act: what came, what was wanted, what to do.

The command line turns every ``SpeechLipError`` into one line and exit code 1. ``SourceRefused`` never gets
there: preparation catches it and writes it into the ledger.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from signal import SIGINT

ERROR, NOTHING_KEPT, SOME_MISSING = 1, 2, 3
"""Exit codes of the commands, beside 0 and those of ``exit_code``."""


def install(extra: str) -> str:
    """What to type for an extra that is not installed; speechlip lives in clones, and on no package index.

    >>> install("train")
    "pip install -e '.[train]' in the clone of speechlip"
    """
    return f"pip install -e '.[{extra}]' in the clone of speechlip"


class SpeechLipError(Exception):
    """Base of every error that speechlip raises on purpose."""


class SignalCame(KeyboardInterrupt):
    """This process was asked to stop, by the signal of that number, as by Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def exit_code(stopped: BaseException) -> int:
    """What a shell expects of a process that a signal ended: 130 for Ctrl-C, 143 for SIGTERM.

    >>> exit_code(KeyboardInterrupt()), exit_code(SignalCame(15))
    (130, 143)
    """
    return 128 + (stopped.number if isinstance(stopped, SignalCame) else SIGINT)


class OptionError(SpeechLipError):
    """An option or argument that cannot be used as given."""


class NoVideos(SpeechLipError):
    """Nothing to prepare: the recipe found no video."""


def no_such(
    kind: str, name: str, known: Iterable[str], forms: Iterable[str] = (), hint: str = ""
) -> OptionError:
    """The refusal of a name that means nothing.

    known: all names there are; forms: what may be given beside them, such as ``whisper:SIZE``; hint: another
    sentence.

    >>> no_such("encoder", "hubrt", ["hubert", "lips"], ["features:DIR"]).args
    ("no encoder 'hubrt'; there are: hubert, lips, features:DIR; did you mean hubert?",)
    >>> no_such("sync model", "ours", []).args
    ("no sync model 'ours'; there are: none",)
    """
    names = [*known]
    near = get_close_matches(str(name).lower(), names, n=1, cutoff=0.7)
    words = [
        f"no {kind} {name!r}; there are: {', '.join([*names, *forms]) or 'none'}",
        *([hint] if hint else []),
        *([f"did you mean {near[0]}?"] if near else []),
    ]
    return OptionError("; ".join(words))


class ModelError(SpeechLipError):
    """A model file that is missing, cannot be fetched, or is not the file it claims to be."""


GO_ON = "what is finished is kept: mend that and run the same command again"


class WriteError(SpeechLipError):
    """A file that cannot be written: no space, no permission."""


class ShardError(SpeechLipError):
    """A prepared folder that is damaged, unfinished, or made with other options."""


class WorkerError(SpeechLipError):
    """Worker processes that cannot be started, or that end before they do anything."""


class HubError(SpeechLipError):
    """Something that the Hugging Face Hub or another server refused, or that the network lost."""


class NotThere(HubError):
    """Nothing lies elsewhere under this name."""


UNREADABLE = "unreadable file"


class ReadError(OSError):
    """A file that its disk or network does not give, which says nothing about the file: another run may
    read it.

    >>> error = ReadError(5, "Input/output error", "videos/may.mp4")
    >>> str(error), error.reason
    ("[Errno 5] Input/output error: 'videos/may.mp4'", 'unreadable file: input/output error')
    """

    @property
    def reason(self) -> str:
        """Why a source gave nothing: short stable phrase."""
        return f"{UNREADABLE}: {(self.strerror or 'read error').lower()}"


class SourceRefused(SpeechLipError):
    """One source that cannot be prepared.

    stage: of the line, which refused it: ``probe``, ``video``, ``audio``, ``phones``, ``faces``, ``clips``,
        ``read``
    reason: short stable phrase, which the funnel counts: ``no audio stream``
    detail: sentence for a person, possibly empty
    """

    def __init__(self, stage: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{stage}: {reason}" + (f" ({detail})" if detail else ""))
        self.stage, self.reason, self.detail = stage, reason, detail

    def __reduce__(self) -> tuple:
        return type(self), (self.stage, self.reason, self.detail)
