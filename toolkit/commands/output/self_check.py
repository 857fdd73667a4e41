"""What ``score-sync --self-check`` prints: the comparison, and what to look at where it differs."""

from speechlip.commands.terminal import echo
from speechlip.errors import ERROR
from speechlip.self_checking.check import SelfCheck, self_check
from speechlip.self_checking.expected import MADE_WITH

NOT_CHECKED = (
    "Not checked: what needs a model file (LSE with SyncNet's weights, LPIPS, landmarks), and any GPU; "
    "speechlip models list"
)


def run() -> int:
    """Check and print; returns 0, or 1 where a metric differs."""
    checked = self_check()
    echo(table(checked))
    if checked.ok:
        echo(f"{len(checked.metrics)} of {len(checked.metrics)} metrics as expected. {NOT_CHECKED}")
        return 0
    echo(advice(checked), err=True)
    return ERROR


def table(checked: SelfCheck) -> str:
    """metric, expected, got, tolerance, ok: a line a metric.

    >>> from speechlip.self_checking.check import CheckedMetric
    >>> from speechlip.self_checking.expected import Expected
    >>> psnr = CheckedMetric(Expected("psnr", 33.96, 0.01, ("numpy",)), 33.961)
    >>> print(table(SelfCheck((psnr,), {})))
    metric          expected       got  tolerance  ok
    psnr            33.96000  33.96100    0.01000  yes
    """
    lines = [f"{'metric':<14}  {'expected':>8}  {'got':>8}  {'tolerance':>9}  ok"]
    for each in checked.metrics:
        got = "–" if each.got is None else f"{each.got:.5f}"
        numbers = f"{each.expected.number:8.5f}  {got:>8}  {each.expected.tolerance:9.5f}"
        lines.append(f"{each.expected.metric:<14}  {numbers}  {'yes' if each.ok else 'no'}")
    return "\n".join(lines)


def advice(checked: SelfCheck) -> str:
    """What differs, with the libraries that it is computed with."""
    names = [each.expected.metric for each in checked.differing]
    lines = [f"{len(names)} of {len(checked.metrics)} metrics differ: {', '.join(names)}"]
    for reason in dict.fromkeys(each.reason for each in checked.differing if each.reason):
        without = [each.expected.metric for each in checked.differing if each.reason == reason]
        lines.append(f"  {', '.join(without)}: {reason}")
    asked = dict.fromkeys(name for each in checked.differing for name in each.expected.libraries)
    here = ", ".join(f"{name} {checked.versions[name]}" for name in asked)
    lines.append(f"look at the versions of libraries, the likeliest first: {here}")
    lines.append(f"the expected numbers were made with {MADE_WITH}; docs/install.md says what to install")
    return "\n".join(lines)
