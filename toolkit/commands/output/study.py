"""What ``speechlip study`` prints."""

from collections.abc import Sequence
from pathlib import Path

from speechlip.commands.terminal import Bars, echo
from speechlip.scoring.report.table import layout, number
from speechlip.study.key import SCALES
from speechlip.study.make import make_study
from speechlip.study.results import StudyResults, read_study
from speechlip.wording import counted, shown

FEW_RATERS = "one rater: no agreement, and score-sync --mos wants two or more"


def run_make(renders: Path, out: Path, reference: Path | None, seed: int, quiet: bool) -> int:
    """Write the page and say where it is."""
    with Bars(quiet) as progress:
        study = make_study(renders, out, reference, seed=seed, progress=progress)
    if not quiet:
        size = f"{study.bytes / 1e6:.1f} MB"
        echo(f"{counted(study.clips, 'video')}, {size}: send {study.page}, keep {study.key}")
    return 0


def run_read(answers: Sequence[Path], key: Path | None, out: Path | None) -> int:
    """Print the tables."""
    results = read_study(answers, key, out)
    raters = results.raters
    rated = len({answer.of.clip for answer in results.answers})
    echo(
        f"{counted(len(raters), 'rater')}, {counted(len(results.answers), 'answer')}, {rated} of "
        f"{counted(results.videos, 'video')}"
    )
    echo(means(results))
    if len(raters) > 1:
        echo(f"\n{agreement(results)}")
    else:
        echo(FEW_RATERS, err=True)
    if results.preferences:
        echo(f"\n{preferences(results)}")
    if out:
        echo(f"{out}: mos.csv, agreement.csv, preferences.csv, opinions.csv (score-sync --mos)")
    return 0


def means(results: StudyResults) -> str:
    """Mean opinions by method, with their intervals."""
    rows = {(each.method, each.scale): each for each in results.means}
    lines = [["method", "videos", *(SCALES[scale] for scale in SCALES)]]
    for method in dict.fromkeys(each.method for each in results.means):
        own = [rows.get((method, scale)) for scale in SCALES]
        cells = [
            "–"
            if each is None
            else f"{number(each.mean, 2)} [{number(each.ci_low, 2)}, {number(each.ci_high, 2)}]"
            for each in own
        ]
        videos = max(each.videos for each in own if each)
        lines.append([shown(method) or "renders", str(videos), *cells])
    return layout(lines)


def agreement(results: StudyResults) -> str:
    """Krippendorff's α of all raters, and each rater's correlation with the others."""
    rows = {(each.rater, each.scale): each for each in results.agreement}
    lines = [["agreement", "answers", *(SCALES[scale] for scale in SCALES)]]
    for rater in ("", *results.raters):
        own = [rows[rater, scale] for scale in SCALES]
        values = (number(each.correlation if rater else each.alpha, 2) for each in own)
        answers = max(each.opinions for each in own)
        lines.append([f"ρ of {shown(rater)}" if rater else "α of all", str(answers), *values])
    return layout(lines)


def preferences(results: StudyResults) -> str:
    """Every two methods: share of preferences, difference with interval, p."""
    lines = [["scale", "methods", "preferred", "difference", "95 % interval", "p", "contents"]]
    for each in results.preferences:
        ends = f"{number(each.ci_low, 2)} … {number(each.ci_high, 2)}"
        lines.append(
            [
                SCALES[each.scale],
                f"{shown(each.first) or 'renders'} : {shown(each.second)}",
                "–" if each.preferred != each.preferred else f"{100 * each.preferred:.0f} %",
                number(each.difference, 2),
                ends,
                number(each.p, 3),
                str(each.contents),
            ]
        )
    return layout(lines)
