"""The table of docs/judge.md: its cells by hand."""

import runpy

import pytest

TABLE = runpy.run_path("benchmarks/judge_table.py")


def answer(verdict, auc=0.9, p_corrected=0.01, step=1):
    p = None if auc is None else 0.001
    return {"verdict": verdict, "auc": auc, "p": p, "p_corrected": p_corrected, "step": step}


def curve(harm, answers, notices_from=None, cannot=""):
    return {"harm": harm, "answers": answers, "notices_from": notices_from, "cannot": cannot}


@pytest.mark.parametrize(
    ("answers", "notices_from", "cannot", "cell"),
    [
        ([], None, "hears no audio", "×"),
        ([answer("unknown", None, None)], None, "", "?"),
        ([answer("worse")], 1, "", "0.90"),
        ([answer("unmoved", 0.5), answer("worse", 0.96)], 2, "", "0.96 (2)"),
        ([answer("worse", 0.8), answer("worse", 0.95, 0.2)], 1, "", "0.95 (1)°"),
        ([answer("unmoved", 0.51, 0.9)], None, "", "0.51 ·"),
        ([answer("better", 0.2)], None, "", "0.20 −"),
        ([answer("better", 0.2, 0.06)], None, "", "0.20 −°"),
        ([answer("worse"), answer("unknown", None, None)], None, "", "0.90"),
    ],
)
def test_a_cell(answers, notices_from, cannot, cell):
    assert TABLE["cell"](curve("blur", answers, notices_from, cannot)) == cell


def metric(title, changed):
    nothing = {
        harm: curve(harm, [answer("unmoved", 0.5, 0.9)]) for harm in TABLE["HARMS"] + TABLE["HARMLESS"]
    }
    return {"title": title, "arrow": "↑", "curves": [*(nothing | changed).values()]}


def test_the_whole_table():
    blind = {
        harm: curve(harm, [answer("unknown", None, None)]) for harm in TABLE["HARMS"] + TABLE["HARMLESS"]
    }
    metrics = [
        metric(
            "PSNR", {"blur": curve("blur", [answer("worse")]), "again": curve("again", [answer("better")])}
        ),
        metric("SSIM", {"louder": curve("louder", [answer("worse", p_corrected=0.3)])}),
        metric("lips closed", blind),
    ]
    foreign = {"told_by": ["audio", "face"], "audio_of": {"a.mp4": "b.mp4"}, "problems": []}
    head, line, psnr, ssim, gap, *below = TABLE["lines"](
        metrics, foreign, {"lpips": "no AlexNet weights: place them"}
    )
    assert head.startswith("| number | `late` | `foreign` | ") and line == "|" + "---|" * 12 and gap == ""
    assert psnr == "| PSNR ↑ | " + "0.50 · | " * 5 + "0.90 | " + "0.50 · | " * 4 + "`again` |"
    assert ssim.endswith("| `louder`° |")
    assert below == [
        "2 of 3 clear answers hold among all 28.",
        "No answer: lips closed.",
        "Not scored: lpips, no AlexNet weights.",
        "Another speaker's audio, told by audio, face: a.mp4 ← b.mp4.",
    ]
    assert TABLE["lines"](metrics, None, {})[-1] == "No answer: lips closed."
