"""``render-lips`` on a small head: what comes out, an encoder that fails, going on after a kill, the page."""

import csv
import json
import shutil

import numpy as np
import pytest
import small_person
from click.testing import CliRunner

from speechlip import render_lips
from speechlip.commands.cli import speechlip
from speechlip.errors import OptionError, WriteError
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.whole_audio import read_audio
from speechlip.metrics.declared import NotScored
from speechlip.progress import SILENT
from speechlip.recipes._muxing import mux
from speechlip.rendering import inputs, page
from speechlip.rendering import run as run_of_rows
from speechlip.rendering.compose import write_rows
from speechlip.rendering.drive import drive_of
from speechlip.rendering.hear import reasons
from speechlip.rendering.mappings.similarity import SimilarityMapping
from speechlip.rendering.material import decompose
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import find_person
from speechlip.rendering.renderers.pca import PcaRenderer
from speechlip.study.make import make_study
from workmen import STAND_IN, add_stand_in, dying

SIDECAR = RenderOptions(detector="sidecar")
ENCODERS = [f"small_person:{name}" for name in ("loud", "deaf", "short", "broken")]
FRAMES, TRAIN = 550, 500
RENDER_UNIT = "speechlip.rendering.run:render_unit"


@pytest.fixture(scope="module")
def may(tmp_path_factory):
    return small_person.write_person(tmp_path_factory.mktemp("people") / "may.mp4")


@pytest.fixture(scope="module")
def run(may, tmp_path_factory):
    """Exit code, output and folder of one run over four encoders, two of which fail."""
    out = tmp_path_factory.mktemp("renders")
    words = [word for name in ENCODERS for word in ("--encoder", name)]
    done = CliRunner().invoke(
        speechlip, ["render-lips", str(may), *words, "--detector", "sidecar", "-o", str(out)]
    )
    return done, out


@pytest.fixture(scope="module")
def rows(run):
    with (run[1] / "scores.csv").open(newline="") as file:
        return {row["row"]: row for row in csv.DictReader(file)}


def frames_of(path):
    return np.stack([frame.rgb() for frame in read_frames(path, probe(path))])


def test_encoders_that_fail_take_no_other_along(run, rows):
    done, out = run
    assert done.exit_code == 3, done.output
    assert [row["status"] for row in rows.values()] == ["rendered"] * 8 + ["failed"] * 4
    assert "gave 525 features for 22.00 s, wanted 550" in rows["small_person-short"]["reason"]
    assert "RuntimeError: no such kernel" in rows["small_person-broken"]["reason"]
    assert done.output.count("no such kernel") == 3  # once as it comes, and in two rows of the table
    assert not (out / "small_person-broken").exists()


def test_the_terminal_says_why_numbers_are_missing(run, rows):
    reasons = [row["reason"] for row in rows.values() if row["status"] == "rendered" and row["reason"]]
    said = [line for line in run[0].output.splitlines() if line.startswith("missing in ")]
    assert {line.split(": ", 1)[1] for line in said} == {*reasons} != set()
    assert sum(int(line.split()[2]) for line in said) == len(reasons)


def test_who_hears_more_renders_better(rows):
    order = ["ground-truth", "resampled", "pca-oracle", "small_person-loud", "mean-crop"]
    psnr = {name: float(row["psnr"]) for name, row in rows.items() if row["psnr"]}
    assert sorted(order, key=lambda name: -psnr[name]) == order
    assert psnr["small_person-loud"] > psnr["small_person-loud-shuffled"] + 3
    assert abs(psnr["small_person-deaf"] - psnr["mean-crop"]) < 1
    assert float(rows["ground-truth"]["lmd"]) == 0


def test_a_row_below_its_shuffled_row_is_marked(rows):
    assert rows["small_person-loud"]["below_shuffled"] == ""
    assert rows["small_person-deaf"]["below_shuffled"] == "psnr, ssim"


def test_intervals_and_paired_differences_stand_beside_values(rows):
    loud, mean = rows["small_person-loud"], rows["mean-crop"]
    assert float(loud["psnr_low"]) < float(loud["psnr"]) < float(loud["psnr_high"])
    gain = float(loud["psnr"]) - float(mean["psnr"])
    assert float(loud["psnr_minus_mean_crop"]) == pytest.approx(gain, abs=1e-4)
    assert mean["psnr_minus_mean_crop"] == ""


def test_numbers_of_single_frames_are_those_whose_mean_is_the_value(run, rows):
    facts = json.loads((run[1] / "scores.json").read_text())
    by_name = {row["name"]: row for row in facts["rows"]}
    for column in ("psnr", "ssim"):
        numbers = by_name["small_person-loud"]["per_frame"][column]
        assert [*numbers] == [str(frame) for frame in range(FRAMES - TRAIN)]
        wanted = float(rows["small_person-loud"][column])
        assert np.mean([*numbers.values()]) == pytest.approx(wanted, abs=1e-5)


def test_a_short_video_comes_with_the_reason_why_it_ranks_nothing(run):
    facts = json.loads((run[1] / "scores.json").read_text())
    assert "22 s of video are short: learned from 13 s" in facts["notes"][0]
    assert "which ranks no encoders" in run[0].output
    assert (facts["train_frames"], facts["test_frames"], facts["split"]) == (TRAIN, FRAMES - TRAIN, "se4lip")


def test_videos_are_the_last_part_with_its_audio(may, run):
    true = frames_of(may)[TRAIN:]
    rendered = frames_of(run[1] / "small_person-loud" / "may.mp4")
    assert rendered.shape == true.shape
    assert np.abs(rendered[:, :20].astype(int) - true[:, :20]).mean() < 2  # above the face: only the codec
    samples = read_audio(run[1] / "small_person-loud" / "may.mp4").samples
    assert np.array_equal(samples, read_audio(may).samples[TRAIN * 640 :])


def test_canonical_crops_are_kept(run):
    oracle, mean = (np.load(run[1] / name / "canonical.npy") for name in ("pca-oracle", "mean-crop"))
    assert oracle.shape == mean.shape == (FRAMES - TRAIN, 96, 96, 3)
    assert (mean == mean[0]).all() and not (oracle == oracle[0]).all()


def test_the_folder_is_what_a_study_takes(run, tmp_path):
    study = make_study(run[1], tmp_path)
    methods = {line.split(",")[3] for line in study.key.read_text().splitlines()[1:]}
    assert study.clips == 8 and {"ground-truth", "small_person-loud"} <= methods


def again(may, run, tmp_path, encoders=tuple(ENCODERS), options=SIDECAR):
    out = shutil.copytree(run[1], tmp_path / "out", dirs_exist_ok=True)
    return out, lambda: render_lips(may, encoders, out, options)


def test_finished_rows_are_kept(may, run, tmp_path, monkeypatch):
    out, go_on = again(may, run, tmp_path)
    monkeypatch.setattr(inputs, "find_person", None)
    monkeypatch.setattr(run_of_rows, "write_rows", None)
    go_on()
    for name in ("scores.csv", "scores.json", "index.html"):
        assert (out / name).read_bytes() == (run[1] / name).read_bytes()


def test_a_killed_run_goes_on_to_the_same_numbers(may, run, tmp_path, monkeypatch):
    scored = []

    def killed_at_the_fifth(row, *given):
        if len(scored) == 4:
            raise KeyboardInterrupt
        scored.append(row.name)
        return score_row(row, *given)

    score_row = run_of_rows.score_row
    monkeypatch.setattr(run_of_rows, "score_row", killed_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        render_lips(may, ENCODERS[:1], tmp_path / "out", SIDECAR)
    assert not (tmp_path / "out" / "scores.csv").exists()
    monkeypatch.setattr(
        run_of_rows, "score_row", lambda row, *given: scored.append(row.name) or score_row(row, *given)
    )
    monkeypatch.setattr(inputs, "find_person", None)
    render_lips(may, ENCODERS[:1], tmp_path / "out", SIDECAR)
    assert len(scored) == len(set(scored)) == 6
    wanted = (run[1] / "scores.csv").read_text().splitlines()[:7]
    assert (tmp_path / "out" / "scores.csv").read_text().splitlines() == wanted


def test_on_another_engine_an_encoder_that_dies_twice_is_a_row_and_all_else_is_the_same(
    may, run, tmp_path, monkeypatch
):
    out, _ = again(may, run, tmp_path)
    add_stand_in(monkeypatch)
    for name in ("mean-crop", "small_person-loud"):
        (out / name / "row.json").unlink()
    deaths = dying(monkeypatch, RENDER_UNIT, {ENCODERS[0]: 2}, tmp_path / "deaths")
    lost = render_lips(may, ENCODERS[:2], out, SIDECAR, engine=STAND_IN)
    assert {row.name: row.reason for row in lost.failed} == {
        "small_person-loud": "crashed the worker: exit code -9, twice"
    } | {"small_person-loud-shuffled": "crashed the worker: exit code -9, twice"}
    assert deaths() == 2 and not (out / "small_person-loud" / "may.mp4").exists()
    made = render_lips(may, ENCODERS[:2], out, SIDECAR, engine=STAND_IN)
    facts = {row["name"]: row for row in json.loads((run[1] / "scores.json").read_text())["rows"]}
    for row in made.rows:
        assert row.values == facts[row.name]["values"]
        for path in (run[1] / row.name).iterdir():
            assert path.read_bytes() == (out / row.name / path.name).read_bytes()


def test_another_split_is_made_anew(may, run, tmp_path):
    _, go_on = again(may, run, tmp_path, ENCODERS[:1], RenderOptions("speech2lip", "sidecar"))
    made = go_on()
    assert (made.train_frames, made.test_frames) == (495, 55)
    assert made.row("resampled").values["psnr"] != pytest.approx(100)
    assert made.notes[-1].startswith(
        "not in this table, but in the folder, from an earlier run: small_person-d"
    )


def test_another_person_does_not_go_into_the_same_folder(may, run, tmp_path):
    out, _ = again(may, run, tmp_path)
    june = shutil.copy(may, tmp_path / "june.mp4")
    with pytest.raises(OptionError, match=r"holds renders of may\.mp4, and june\.mp4 is wanted; choose"):
        render_lips(june, ENCODERS[:1], out, SIDECAR)


@pytest.fixture
def loud(may, run, tmp_path):
    """(a copy of the run without some rows, a call that makes these again, lines of scores.csv by row)."""
    out = shutil.copytree(run[1], tmp_path / "out")
    words = ["render-lips", str(may), "--encoder", ENCODERS[0], "--detector", "sidecar", "-o", str(out)]

    def lines():
        return {line.split(",")[0]: line for line in (out / "scores.csv").read_text().splitlines()}

    def make_again(*rows):
        for row in rows:
            (out / row / "row.json").unlink(missing_ok=True)
        return CliRunner().invoke(speechlip, words), lines()

    return out, make_again, lines()


def test_an_oracle_and_a_row_that_cannot_be_written_fail_alone(loud, monkeypatch):
    out, make_again, before = loud
    mean_crop, paste = np.load(out / "mean-crop" / "canonical.npy")[0], SimilarityMapping.paste

    def failing(mapping, image, crop, number):
        if (crop == mean_crop).all():
            raise ValueError("a box of no size")
        return paste(mapping, image, crop, number)

    def no_room(*given):
        raise RuntimeError("no room on the device")

    with monkeypatch.context() as patched:
        patched.setattr(PcaRenderer, "best", no_room)
        patched.setattr(SimilarityMapping, "paste", failing)
        done, lines = make_again("resampled", "pca-oracle", "mean-crop")
    assert done.exit_code == 3, done.output
    assert "pca-oracle: rendering: unexpected error (RuntimeError: no room on the device" in done.output
    assert lines["resampled"].startswith("resampled,,rendered,")
    assert lines["pca-oracle"].startswith("pca-oracle,,failed,,rendering: unexpected error (RuntimeError: no")
    assert lines["mean-crop"].startswith("mean-crop,,failed,,rendering: unexpected error (ValueError: a box")
    assert not (out / "mean-crop" / "may.mp4").exists() and not [*out.rglob("*.part")]
    done, lines = make_again()
    assert done.exit_code == 0 and lines.items() <= before.items()


def test_without_ground_truth_the_others_have_what_wants_no_reference(loud, monkeypatch):
    _, make_again, before = loud
    write_rows = run_of_rows.write_rows

    def no_truth(material, drive, files, scratch):
        if any(file.parent.name == "ground-truth" for file in files):
            raise RuntimeError("no such codec")
        write_rows(material, drive, files, scratch)

    with monkeypatch.context() as patched:
        patched.setattr(run_of_rows, "write_rows", no_truth)
        done, lines = make_again("ground-truth", "resampled")
    assert done.exit_code == 3 and "RuntimeError: no such codec" in lines["ground-truth"], done.output
    assert lines["resampled"].startswith("resampled,,rendered,") and "no reference" in lines["resampled"]
    done, lines = make_again()
    assert done.exit_code == 0 and lines.items() <= before.items()


def test_a_full_disk_is_no_reason_of_one_row():
    with pytest.raises(WriteError), reasons("features"):
        raise WriteError("cannot write lips.pt: No space left on device")
    with pytest.raises(NotScored, match="features: unexpected error"), reasons("features"):
        raise OSError("cannot read")


def test_an_odd_row_and_column_are_left_out(tmp_path):
    loud = small_person.loudness(525)
    points = small_person.landmarks_of(loud)
    path = tmp_path / "odd.mkv"
    with path.open("wb") as file:
        images = small_person.images_of(points)[:, 1:, :-1]
        mux(file, images, small_person.audio_of(loud)[:, None], 16000, 25)
    small_person.write_sidecar(path, points - [0, 1])
    material = decompose(find_person(path, SIDECAR, "sidecar", SILENT), SIDECAR, SILENT)
    assert material.person.size == (127, 127)
    write_rows(
        material, drive_of(material, None, None), {tmp_path / "odd.mp4": material.test_crops}, tmp_path
    )
    assert np.abs(frames_of(tmp_path / "odd.mp4").astype(int) - images[material.first :, :-1, :-1]).mean() < 2


def test_a_full_disk_leaves_no_half_video(may, tmp_path, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("speechlip.rendering.mappings.similarity.paste", full)
    done = CliRunner().invoke(
        speechlip,
        ["render-lips", str(may), "--encoder", ENCODERS[0], "--detector", "sidecar", "-o", str(tmp_path)],
    )
    assert done.exit_code == 1 and "No space left on device; what is finished is kept" in done.output
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".part", ".mp4")]


def test_the_page_plays_all_and_names_no_folder(browser, run, may):
    seen = browser.open(run[1] / "index.html")
    assert not seen.console
    assert seen.html.count("<video") == 8 and "no better than shuffled: psnr, ssim" in seen.html
    said = [words.split("</div>")[0] for words in seen.html.split('class="words small marked">')[1:]]
    assert sum("no such kernel" in words for words in said) == 2
    worst = json.loads((run[1] / "index.html").read_text().split('id="data">')[1].split("</script>")[0])
    assert [second for second, _ in worst["seconds"]] in ([0, 1], [1, 0])
    assert worst["seconds"][0][1] <= worst["seconds"][1][1]
    assert str(may.parent) not in json.dumps(worst)


def test_a_page_that_would_be_too_large_plays_the_files_beside_it(browser, run, tmp_path, may, monkeypatch):
    out, go_on = again(may, run, tmp_path)
    monkeypatch.setattr(page, "MAX_BYTES", 1000)
    go_on()
    text = (out / "index.html").read_text()
    assert "base64" not in text and '"video":"small_person-loud/may.mp4"' in text and len(text) < 60_000
    assert not browser.open(out / "index.html").console


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["may.mp4", "--encoder", "small_person:lowd"], "small_person"),
        (["may.mp4", "--encoder", "log-mell"], "no encoder 'log-mell'; there are"),
        (["may.mp4", "--encoder", "log-mel", "--encoder", "log-mel"], "two rows would be called 'log-mel'"),
        (
            ["may.mp4", "--encoder", "log-mel", "--split", "half"],
            "no split 'half'; there are: se4lip, speech2lip",
        ),
        (["may.mp4", "--encoder", "log-mel", "--detector", "eyes"], "no detector 'eyes'"),
        (["may.mp4", "--encoder", "log-mel", "--renderer", "nerf"], "no renderer 'nerf'; there are: pca, im"),
        (["may.mp4", "--encoder", "log-mel", "--size", "faithful"], "add --renderer implicit, or leave"),
        (["june.mp4", "--encoder", "log-mel"], "there is no file june.mp4"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(words, said, may, tmp_path, monkeypatch):
    monkeypatch.chdir(may.parent)
    done = CliRunner().invoke(speechlip, ["render-lips", *words, "-o", str(tmp_path / "out")])
    assert done.exit_code == 1 and said in done.output
    assert not (tmp_path / "out").exists()


def test_no_encoder_is_refused(may, tmp_path):
    with pytest.raises(OptionError, match="no encoder named"):
        render_lips(may, [], tmp_path)
