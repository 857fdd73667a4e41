"""How a job tells whoever started it how far it is: one protocol for all jobs."""

from typing import Protocol


class Progress(Protocol):
    """Called by a job in the process that started it.

    It tells a person how far a job is, in words and amounts. What a caller takes apart, the rows and the plan
    of a job, goes to the job's ``on_row`` and ``on_plan``, so that no progress need know records of a job.

    stage: what is done now, such as ``preparing``.
    total, done, amount: in ``unit``, such as ``s of video``.
    at: the name of what is worked on.
    text: a sentence for a person, such as a worker that had to be replaced.
    """

    def begin(self, stage: str, total: float, unit: str, done: float = 0.0) -> None:
        """A stage begins, of which ``done`` units were there before."""

    def advance(self, amount: float = 1.0, at: str = "") -> None:
        """``amount`` more units of the stage are done."""

    def say(self, text: str) -> None:
        """Something a person should know while it happens."""


class Silent:
    """Progress that nobody listens to: the default of every job."""

    def begin(self, stage: str, total: float, unit: str, done: float = 0.0) -> None:
        return

    def advance(self, amount: float = 1.0, at: str = "") -> None:
        return

    def say(self, text: str) -> None:
        return


SILENT = Silent()


def ignore(record: object) -> None:
    """The ``on_row`` or ``on_plan`` of whoever asks for nothing."""
