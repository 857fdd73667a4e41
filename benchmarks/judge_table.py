"""The table of what each metric sees, from a judge.json of ``speechlip judge``, as docs/judge.md prints it.

    speechlip judge METRIC … --clips CLIPS -o judge/
    python benchmarks/judge_table.py judge/judge.json

AUC at the largest step of a harm, in brackets the smallest step noticed; ``·`` no clear answer, ``−`` called
better, ``×`` the metric cannot take the harm, ``?`` too few values.
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
SIGNS = {"worse": "", "better": " −", "unmoved": " ·", "unknown": " ?"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("judgement", type=Path)
    metrics = json.loads(parser.parse_args().judgement.read_text(encoding="utf-8"))["metrics"]
    print("| number | " + " | ".join(f"`{harm}`" for harm in HARMS) + " | false alarms |")
    print("|" + "---|" * (len(HARMS) + 2))
    for metric in metrics:
        curves = {curve["harm"]: curve for curve in metric["curves"]}
        cells = [cell(curves[harm]) for harm in HARMS]
        title = f"{metric['title']} {metric['arrow']}".strip()
        print("| " + " | ".join([title, *cells, false_alarms(curves)]) + " |")


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
    return f"{known[-1]['auc']:.2f}{sign}"


def false_alarms(curves: dict[str, dict]) -> str:
    answered = [
        f"`{harm}`"
        for harm in HARMLESS
        if any(answer["verdict"] in ("worse", "better") for answer in curves[harm]["answers"])
    ]
    return ", ".join(answered) or "none"


if __name__ == "__main__":
    main()
