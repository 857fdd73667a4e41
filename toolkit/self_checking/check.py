"""The synthetic clip scored on the CPU, a family of metrics at a time, and compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from speechlip.errors import SpeechLipError
from speechlip.metrics.sync.columns import FAMILY
from speechlip.metrics.table import metric
from speechlip.scoring.clip.score_clip import score
from speechlip.scoring.options import ScoreOptions
from speechlip.self_checking.expected import EXPECTED, LSE, Expected
from speechlip.self_checking.footage import Footage, write_footage
from speechlip.workers.unexpected import where_raised


@dataclass(frozen=True)
class CheckedMetric:
    """One number beside the expected one.

    expected: what it should be.
    got: what it is; None where there is none.
    reason: why there is none.
    """

    expected: Expected
    got: float | None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a number, no further off than its tolerance.

        >>> psnr = Expected("psnr", 30.0, 0.01, ("numpy",))
        >>> CheckedMetric(psnr, 30.009).ok, CheckedMetric(psnr, 30.02).ok, CheckedMetric(psnr, None).ok
        (True, False, False)
        """
        return self.got is not None and abs(self.got - self.expected.number) <= self.expected.tolerance


@dataclass(frozen=True)
class SelfCheck:
    """What came of it.

    metrics: all that are compared, in the order of every table.
    versions: module → version, of the libraries that they are computed with.
    """

    metrics: tuple[CheckedMetric, ...]
    versions: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether every metric is as expected."""
        return not self.differing

    @property
    def differing(self) -> tuple[CheckedMetric, ...]:
        """The metrics that are not."""
        return tuple(checked for checked in self.metrics if not checked.ok)


def self_check() -> SelfCheck:
    """Score a synthetic clip that is made on the spot, and compare every metric that needs no download.

    Takes seconds, writes only into a temporary folder. LSE is that of seeded weights. A metric that raises
    has the error as its reason; nothing is raised but what ends a process.
    """
    families = dict.fromkeys(metric(each.metric).family for each in EXPECTED)
    with TemporaryDirectory(prefix="speechlip-self-check-") as folder:
        try:
            footage = write_footage(Path(folder))
        except Exception as error:
            answers: dict[str, Mapping[str, float] | str] = dict.fromkeys(families, f"no clip: {said(error)}")
        else:
            answers = {family: numbers(family, footage, Path(folder)) for family in families}
    versions = {name: version_of(name) for name in LSE}
    return SelfCheck(tuple(compared(each, answers) for each in EXPECTED), versions)


def numbers(family: str, footage: Footage, folder: Path) -> Mapping[str, float] | str:
    """Column → number of a family, or why there is none."""
    try:
        options = ScoreOptions((family,), detector="sidecar", device="cpu")
        if family == FAMILY:
            from speechlip.self_checking.network import write_seeded

            weights = write_seeded(folder / "seeded.model")
            options = replace(options, syncnet_weights=weights, allow_unknown_weights=True)
        scored = score(footage.render, footage.reference, options)
        return scored.missing.get(family) or scored.row.values
    except Exception as error:
        return said(error)


def said(error: Exception) -> str:
    """An error in words; of one that nobody expects also the line that raised it."""
    return str(error) if isinstance(error, SpeechLipError) else where_raised(error)


def compared(expected: Expected, answers: Mapping[str, Mapping[str, float] | str]) -> CheckedMetric:
    """One metric, out of what came of its family."""
    answer = answers[metric(expected.metric).family]
    if isinstance(answer, str):
        return CheckedMetric(expected, None, answer)
    got = answer.get(expected.metric)
    return CheckedMetric(expected, got, "" if got is not None else "not computed")


def version_of(module: str) -> str:
    """Version of a library, or why it cannot be imported."""
    try:
        return str(import_module(module).__version__)
    except ImportError as error:
        return f"not loaded: {error}"
