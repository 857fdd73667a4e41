"""``render-lips --renderer implicit`` on a small head: rows, tables, going on, Blend-Net, a sync expert."""

import csv
import json
import shutil

import numpy as np
import pytest
import small_person
import torch
from click.testing import CliRunner
from safetensors.torch import save

from speechlip import render_lips
from speechlip.commands.cli import speechlip
from speechlip.encoders.networks.pair import build_pair
from speechlip.errors import ModelError, OptionError
from speechlip.files.stamps import sha256_of
from speechlip.progress import SILENT
from speechlip.rendering.implicit_options import ImplicitOptions
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.renderers.implicit import renderer
from speechlip.rendering.renderers.implicit.judges import SyncExpert
from speechlip.rendering.renderers.opening import open_renderer

LOUD = ["small_person:loud"]
ROWS = ["ground-truth", "resampled", "implicit-oracle", "mean-crop"]


def options(**of_implicit):
    implicit = ImplicitOptions(**{"steps": 2, **of_implicit})
    return RenderOptions(detector="sidecar", renderer="implicit", implicit=implicit)


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    """What train-encoder leaves: a network at random weights as a checkpoint."""
    torch.manual_seed(3)
    pair = build_pair("mel-cnn", "mouth", rectified=False)
    step = tmp_path_factory.mktemp("runs") / "mel" / "step-00000004"
    step.mkdir(parents=True)
    weights = {f"pair.{name}": value.contiguous() for name, value in pair.state_dict().items()}
    (step / "model.safetensors").write_bytes(save(weights))
    facts = {
        "format": 1,
        "options": {"encoder": "mel-cnn", "lip_input": "mouth"},
        "rectified": False,
        "step": 4,
        "crop": "lips",
        "sha256": sha256_of(step / "model.safetensors"),
        "shards": {},
        "data": {},
    }
    (step / "checkpoint.json").write_text(json.dumps(facts))
    return step.parent


def test_the_expert_moves_rendered_lips_and_stays_as_it_is(expert):
    audio = small_person.audio_of(small_person.loudness(25))
    judge = SyncExpert(str(expert), audio, torch.device("cpu"))
    assert judge.speech.shape == (21, 512)
    crops = torch.rand(1, 5, 96, 96, 3, requires_grad=True)
    judge.loss(crops, torch.tensor([0]), torch.tensor([10])).backward()
    assert crops.grad[:, :, 24:72].abs().sum() > 0 and not crops.grad[:, :, 72:].any()
    assert all(each.grad is None for each in judge.lips.parameters())


def test_an_expert_is_checked_before_any_work(expert, tmp_path):
    named = open_renderer(options(sync_expert=str(expert)), SILENT).stated()
    assert named["sync_expert"].startswith("mel (") and named["sync_weight"] == 0.01
    with pytest.raises(ModelError, match="nothing"):
        open_renderer(options(sync_expert=str(tmp_path / "nothing")), SILENT)
    other = shutil.copytree(expert, tmp_path / "face")
    (facts,) = other.rglob("checkpoint.json")
    facts.write_text(facts.read_text().replace('"lips"', '"face-256"'))
    with pytest.raises(OptionError, match=r"was trained on 'face-256' crops, .* take a run of train-encoder"):
        open_renderer(options(sync_expert=str(other)), SILENT)


def test_without_alexnet_lpips_is_left_out_or_missed(monkeypatch):
    def none():
        raise ModelError("LPIPS wants AlexNet's weights")

    monkeypatch.setattr("speechlip.metrics.image.lpips.alexnet_path", none)
    faithful = open_renderer(options(size="faithful"), SILENT)
    assert faithful.options.lpips == 0 and faithful.stated()["lpips_weight"] == 0
    with pytest.raises(ModelError, match="LPIPS wants AlexNet's weights"):
        open_renderer(options(lpips_weight=0.1), SILENT)


def test_pca_states_and_depends_on_nothing_new():
    pca = open_renderer(RenderOptions(), SILENT)
    assert pca.stated() == {"renderer": "pca"} and pca.facts() == {}


@pytest.fixture(scope="module")
def may(tmp_path_factory):
    return small_person.write_person(tmp_path_factory.mktemp("people") / "may.mp4")


@pytest.fixture(scope="module")
def run(may, tmp_path_factory):
    out = tmp_path_factory.mktemp("renders")
    words = ["--renderer", "implicit", "--steps", "2", "--seed", "7", "--detector", "sidecar"]
    done = CliRunner().invoke(
        speechlip, ["render-lips", str(may), "--encoder", LOUD[0], *words, "-o", str(out)]
    )
    return done, out


@pytest.mark.slow
def test_rows_and_what_tables_say(run):
    done, out = run
    assert done.exit_code == 0, done.output
    assert "renderer implicit: size lite, steps 2, lpips_weight 0.0, precision fp32, seed 7" in done.output
    with (out / "scores.csv").open(newline="") as file:
        rows = {row["row"]: row for row in csv.DictReader(file)}
    assert [*rows] == [*ROWS, "small_person-loud", "small_person-loud-shuffled"]
    loud = rows["small_person-loud"]
    assert (loud["renderer"], loud["size"], loud["steps"], loud["ridge_lambda"]) == (
        "implicit",
        "lite",
        "2",
        "",
    )
    assert float(loud["train_psnr"]) < 30 and rows["mean-crop"]["train_psnr"] == ""
    facts = json.loads((out / "scores.json").read_text())
    assert (facts["renderer"], facts["steps"], facts["seed"]) == ("implicit", 2, 7)


@pytest.mark.slow
def test_shuffled_lips_are_the_right_ones_at_other_times(run):
    right, shuffled = (
        np.load(run[1] / f"small_person-loud{ending}" / "canonical.npy") for ending in ("", "-shuffled")
    )
    assert np.array_equal(shuffled, np.roll(right, len(right) // 2, axis=0))


@pytest.mark.slow
def test_blend_net_goes_on_from_the_same_lips(may, run, tmp_path, monkeypatch):
    out = shutil.copytree(run[1], tmp_path / "out")
    lips = out / ".person" / "small_person-loud" / "lips.pt"
    before, learned = lips.read_bytes(), []
    learn = renderer.learn
    monkeypatch.setattr(
        renderer, "learn", lambda lesson, *rest: learned.append(lesson) or learn(lesson, *rest)
    )
    render_lips(may, LOUD, out, options(seed=7, blend=True))
    assert lips.read_bytes() == before and (lips.parent / "blend.pt").exists()
    assert [lesson.title for lesson in learned] == ["learning lips", "learning to blend"] * 2
    one, two = (np.load(folder / "small_person-loud" / "canonical.npy") for folder in (run[1], out))
    assert not np.array_equal(one, two)
    render_lips(may, LOUD, out, options(seed=7))
    assert np.array_equal(np.load(out / "small_person-loud" / "canonical.npy"), one)


@pytest.mark.slow
def test_a_sync_expert_changes_the_lips(may, run, expert, tmp_path):
    render_lips(may, LOUD, tmp_path, options(seed=7, sync_expert=str(expert), sync_weight=1.0))
    one, two = (np.load(folder / "small_person-loud" / "canonical.npy") for folder in (run[1], tmp_path))
    assert not np.array_equal(one, two)
