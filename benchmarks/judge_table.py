"""The table of what each metric sees, from a judge.json of ``speechlip judge``, as docs/judge.md prints it.

    speechlip judge METRIC … --clips CLIPS -o judge/
    python benchmarks/judge_table.py judge/judge.json

AUC at the largest step of a harm, in brackets the smallest step noticed; ``·`` no clear answer, ``−`` called
better, ``°`` clear alone but not among all answers of the run (false discovery rate of 5 %), ``×`` the metric
cannot take the harm, ``?`` too few values. Metrics without any answer come below the table.
"""

import argparse
import json
from pathlib import Path

HARMS = (
    "late",
    "foreign",
    "elsewhere",
    "mp3_avi",
    "h264",
    "blur",
    "frozen",
    "mouth_less",
    "mouth_more",
    "frame_rate",
)
HARMLESS = ("again", "container", "louder", "h264_fine")
MOST_BY_CHANCE = 0.05
SIGNS = {"worse": "", "better": " −", "unmoved": " ·", "unknown": " ?"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("judgement", type=Path)
    judgement = json.loads(parser.parse_args().judgement.read_text(encoding="utf-8"))
    print("\n".join(lines(judgement["metrics"], judgement["foreign"], judgement["missing_metrics"])))


def lines(metrics: list[dict], foreign: dict | None, missing: dict[str, str]) -> list[str]:
    """The table, and what stands below it. missing: family of metrics → why no copy was scored by it."""
    rows = [row(metric) for metric in metrics if answered(metric)]
    without = [metric["title"] for metric in metrics if not answered(metric)]
    clear = [answer for metric in metrics for answer in answers(metric) if is_clear(answer)]
    kept = sum(not by_chance(answer) for answer in clear)
    of_all = sum(answer["p"] is not None for metric in metrics for answer in answers(metric))
    below = [f"{kept} of {len(clear)} clear answers hold among all {of_all}."]
    below += [f"No answer: {', '.join(without)}."] if without else []
    below += [f"Not scored: {family}, {why.partition(':')[0]}." for family, why in missing.items()]
    if foreign:
        heard = ", ".join(f"{clip} ← {other}" for clip, other in foreign["audio_of"].items())
        below += [f"Another speaker's audio, told by {', '.join(foreign['told_by'])}: {heard}."]
    return [*HEAD, *rows, "", *below]


HEAD = (
    "| number | " + " | ".join(f"`{harm}`" for harm in HARMS) + " | false alarms |",
    "|" + "---|" * (len(HARMS) + 2),
)


def row(metric: dict) -> str:
    curves = {curve["harm"]: curve for curve in metric["curves"]}
    cells = [cell(curves[harm]) for harm in HARMS]
    title = f"{metric['title']} {metric['arrow']}".strip()
    return "| " + " | ".join([title, *cells, false_alarms(curves)]) + " |"


def answers(metric: dict) -> list[dict]:
    return [answer for curve in metric["curves"] for answer in curve["answers"]]


def answered(metric: dict) -> bool:
    return any(answer["auc"] is not None for answer in answers(metric))


def is_clear(answer: dict) -> bool:
    return answer["verdict"] in ("worse", "better")


def by_chance(answer: dict) -> bool:
    return is_clear(answer) and answer["p_corrected"] > MOST_BY_CHANCE


def cell(curve: dict) -> str:
    if curve["cannot"]:
        return "×"
    known = [answer for answer in curve["answers"] if answer["auc"] is not None]
    if not known:
        return "?"
    noticed = curve["notices_from"]
    sign = SIGNS[known[-1]["verdict"]]
    if noticed is not None and len(curve["answers"]) > 1:
        sign = f" ({noticed:g})"
    if by_chance(known[-1]):
        sign += "°"
    return f"{known[-1]['auc']:.2f}{sign}"


def false_alarms(curves: dict[str, dict]) -> str:
    answered = [
        f"`{harm}`" + "°" * all(map(by_chance, alarms))
        for harm in HARMLESS
        if (alarms := [answer for answer in curves[harm]["answers"] if is_clear(answer)])
    ]
    return ", ".join(answered) or "none"


if __name__ == "__main__":
    main()
