"""What encoders render stands beside their rows, with the rank correlation of pair AUC and LMD."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from tiny_benchmark import FEW, SEEING

import speechlip
from speechlip.benchmarking import rendered
from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.rendered import answer
from speechlip.benchmarking.report.rendered import render_text
from speechlip.benchmarking.row_records import EncoderRow, Score
from speechlip.commands.cli import speechlip as command
from speechlip.rendering.records import RenderRow, Renders

pytestmark = pytest.mark.usefixtures("tiny")
FRAMES = 75


def render_row(name, encoder, lmd, psnr, **more):
    """A number a frame, around the ones given."""
    around = np.linspace(-0.1, 0.1, FRAMES)
    frames = {
        column: {str(frame): value + around[frame] for frame in range(FRAMES)}
        for column, value in (("lmd", lmd), ("psnr", psnr))
    }
    return RenderRow(name, encoder, values={"lmd": lmd, "psnr": psnr}, per_frame=frames, **more)


def renders_of(folder, encoders):
    rows = [render_row("mean-crop", "", 2.0, 22.0)]
    for number, name in enumerate(encoders):
        rows += [
            render_row(name, name, 1.0 + number / 10, 25.0),
            render_row(f"{name}-shuffled", name, 2.5, 21.0, shuffled=True),
        ]
    facts = {"split": "se4lip", "renderer": "pca", "train_frames": 900, "learned_frames": 900, "notes": ()}
    size = {"test_frames": FRAMES, "size": (256, 256)}
    return Renders(folder, "may.mp4", "may.mp4", **facts, **size, rows=tuple(rows))


@pytest.fixture(scope="module")
def scored(shards, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("rendered")
    person = out / "may.mp4"
    person.write_bytes(b"")
    asked = []

    def rendering(path, names, folder, options, engine, progress):
        asked.append((path, names, folder.name, options.device))
        return renders_of(folder, names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendered, "render_lips", rendering)
        names = [SEEING, "log-mel", "shuffled:log-mel"]
        table = speechlip.benchmark(names, shards, out, replace(FEW), render=person, workers=1)
    return out, table, asked


def test_each_row_has_what_its_encoder_renders_or_why_not(scored):
    _, table, asked = scored
    (path, names, folder, device) = asked[0]
    assert (path.name, folder, device) == ("may.mp4", "renders", "cpu") and len(asked) == 1
    assert "log-mel" in names and not any(name.startswith("shuffled:") for name in names)
    rows = {row.name: row for row in table.rows}
    assert rows["log-mel"].render["render_lmd"].value == pytest.approx(1.0 + names.index("log-mel") / 10)
    gain = rows["log-mel"].render["render_psnr_gain"]
    assert gain.value == pytest.approx(25 - 22) and gain.ci_low <= 3 <= gain.ci_high
    assert "drives no lips" in rows["shuffled:log-mel"].render["render_lmd"].reason


def test_it_stands_in_every_file_and_says_when_there_are_too_few(scored, browser):
    out, table, _ = scored
    assert Benchmark.load(out / "benchmark.json") == table and table.render.rho is None
    assert render_text(table).splitlines()[-1].endswith("wants 5 encoders that are scored and rendered")
    lines = {line["name"]: line for line in csv.DictReader((out / "benchmark.csv").open())}
    assert (
        float(lines["log-mel"]["render_psnr_gain"]) == pytest.approx(3)
        and lines["shuffled:log-mel"]["render_lmd"] == ""
    )
    shown = browser.open(out / "benchmark.html")
    section = shown.html.partition('id="rendered"')[2].partition("</section>")[0]
    assert shown.console == () and "rendered LMD" in section and section.count("<circle") >= 1


def rows_with(pairs):
    return [
        EncoderRow(
            str(place), str(place), "encoder", "head", "scored",
            scores={"pair_auc": Score(auc)}, render={"render_lmd": Score(lmd)},
        )
        for place, (auc, lmd) in enumerate(pairs)
    ]  # fmt: skip


def test_the_rank_correlation_is_scipy_s_over_rows_below_the_common_head():
    from scipy.stats import spearmanr

    pairs = [(0.9, 1.1), (0.8, 1.0), (0.7, 1.6), (0.6, 1.5), (0.5, 2.0), (0.55, 1.9)]
    rows = rows_with(pairs)
    rows.append(replace(rows[0], mode="as trained", scores={"pair_auc": Score(0.1)}))
    rows.append(replace(rows[0], render={"render_lmd": Score(None, reason="no")}))
    said = answer(rows, "may.mp4")
    assert said.rho == pytest.approx(spearmanr(*zip(*pairs, strict=True)).statistic) and said.encoders == 6
    assert -1 <= said.ci_low < said.rho < said.ci_high <= 1
    same = answer(rows_with([(0.5, lmd) for _, lmd in pairs]), "may.mp4")
    assert same.rho is None and same.reason == "all have the same pair AUC, or the same LMD"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--render", "nowhere.mp4"), "there is no file nowhere.mp4; give one video of a person"),
        (("--render", __file__, "--random-init"), "encoders at random weights cannot be rendered together"),
    ],
)
def test_what_cannot_be_rendered_ends_before_anything_is_trained(shards, tmp_path, capsys, more, words):
    with pytest.raises(SystemExit) as ended:
        command(["score-encoder", str(shards), "-o", str(tmp_path / "out"), *more])
    error = capsys.readouterr().err
    assert ended.value.code == 1 and words in error and not list(tmp_path.rglob("*.npz"))
