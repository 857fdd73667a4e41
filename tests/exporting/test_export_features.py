"""``export-features`` from the command line: videos at any rate, broken ones, resuming, refusals."""

import hashlib
import json
import os
import time

import numpy as np
import pytest
import soundfile
import tiny_speech
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from here import in_this_process
from speechlip.commands.cli import export_features
from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.trained import load_run
from speechlip.errors import ModelError
from speechlip.exporting import job, video
from speechlip.files.locks import only_run
from speechlip.media.whole_audio import read_audio
from speechlip.workers.outcomes import outcomes
from workmen import STAND_IN, add_stand_in, dying
from zoo import RATE, write_clip

EXPORT_UNIT = "speechlip.exporting.job:export_unit"
LOUD_FROM_S = 0.8


def pictures(count):
    return np.zeros((count, 48, 64, 3), np.uint8)


def half_silent(seconds):
    """Noise from 0.8 s on, nothing before."""
    samples = np.random.default_rng(0).normal(size=int(seconds * RATE)) * 3000
    samples[: int(LOUD_FROM_S * RATE)] = 0
    return samples.astype(np.int16)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Two good videos, one in a sub-folder and at 30 fps."""
    root = tmp_path_factory.mktemp("videos")
    (root / "ann").mkdir()
    write_clip(root / "ben.mp4", pictures(50), half_silent(2))
    write_clip(root / "ann" / "may.mkv", pictures(60), half_silent(2), fps=30)
    return root


@pytest.fixture(autouse=True)
def read_in_this_process(monkeypatch):
    monkeypatch.setattr(job, "outcomes", in_this_process)


@pytest.fixture
def encoded(monkeypatch):
    """How often an encoder was asked."""
    asked = []
    encode = tiny_speech.TinySpeech.encode
    monkeypatch.setattr(
        tiny_speech.TinySpeech,
        "encode",
        lambda self, waveform: asked.append(self.name) or encode(self, waveform),
    )
    return asked


def run(videos, out, *more, encoder="tiny_speech:tiny"):
    return CliRunner().invoke(export_features, [encoder, str(videos), "-o", str(out), *map(str, more)])


def rows(out):
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_video_gets_its_files_and_its_row(filmed, tmp_path):
    done = run(filmed, tmp_path)
    assert done.exit_code == 0, done.output
    everything = ["aud.npy", "aud_ave.npy", "aud_ave.patch.txt", "aud_ds.npy", "aud_hu.npy"]
    for folder in (tmp_path / "ben", tmp_path / "ann" / "may"):
        assert files(folder) == sorted([*everything, "aud_tiny_speech-tiny.json", "aud_tiny_speech-tiny.npy"])
        assert {len(np.load(path)) for path in folder.glob("*.npy")} == {50}
    assert [(row["source"], row["status"], row["frames"]) for row in rows(tmp_path)] == [
        ("ann/may.mkv", "exported", 50),
        ("ben.mp4", "exported", 50),
    ]
    assert "2 exported" in done.output
    facts = json.loads((tmp_path / "ann" / "may" / "aud_tiny_speech-tiny.json").read_text())
    assert "frame rate 30 → 25" in facts["notes"]


@pytest.mark.parametrize("name", ["ben", "ann/may"])
def test_row_t_is_the_sound_of_frame_t(filmed, tmp_path, name):
    run(filmed, tmp_path)
    own = np.load(tmp_path / name / "aud_tiny_speech-tiny.npy")
    change = np.abs(np.diff(own.reshape(50, -1), axis=0)).sum(1)
    assert change.argmax() + 1 == LOUD_FROM_S * 25  # the first loud frame


@pytest.mark.parametrize(("heard_s", "silent"), [(1, 25), (3, 0)])
def test_there_are_as_many_rows_as_pictures_however_long_the_sound_is(tmp_path, heard_s, silent):
    write_clip(tmp_path / "may.mkv", pictures(50), half_silent(heard_s))
    sound = read_audio(tmp_path / "may.mkv")
    assert (sound.frames, len(sound.samples)) == (50, 50 * 640)
    assert not sound.samples[:12000].any() and sound.samples[13000:15000].any()
    assert sound.samples[-14000:].any() == (silent == 0)
    assert any("frames are silent for want of sound" in note for note in sound.notes) == (silent > 0)


def test_the_names_of_renderers_choose_the_files(filmed, tmp_path):
    done = run(filmed / "ben.mp4", tmp_path, "--for", "er-nerf,talking-gaussian")
    assert done.exit_code == 0
    assert files(tmp_path / "ben") == ["aud_hu.npy", "aud_tiny_speech-tiny.json", "aud_tiny_speech-tiny.npy"]


def test_a_file_of_sound_is_taken_to_its_last_sample(tmp_path):
    soundfile.write(tmp_path / "may.wav", half_silent(2.01), RATE, subtype="PCM_16")
    done = run(tmp_path / "may.wav", tmp_path / "out")
    assert done.exit_code == 0, done.output
    own = np.load(tmp_path / "out" / "may" / "aud_tiny_speech-tiny.npy")
    assert len(own) == 51  # 50.25 frames
    assert abs(own[50, 0] - own[:20, 0].mean(0)).max() > 0.1  # the last quarter is in it


def test_broken_videos_are_rows_and_the_others_go_on(filmed, tmp_path):
    root = tmp_path / "videos"
    root.mkdir()
    (root / "empty.mp4").write_bytes(b"")
    (root / "text.mp4").write_text("no video\n" * 100)
    write_clip(root / "mute.mp4", pictures(25), None)
    write_clip(root / "unseen.mp4", None, half_silent(1))
    write_clip(root / "blink.mp4", pictures(2), half_silent(1)[:1280])
    (root / "good.mp4").write_bytes((filmed / "ben.mp4").read_bytes())
    done = run(root, tmp_path / "out")
    assert done.exit_code == 3
    found = {row["source"]: (row["status"], row["stage"], row["reason"]) for row in rows(tmp_path / "out")}
    assert found == {
        "blink.mp4": ("exported", "", ""),
        "empty.mp4": ("failed", "probe", "empty file"),
        "good.mp4": ("exported", "", ""),
        "mute.mp4": ("failed", "probe", "no audio stream"),
        "text.mp4": ("failed", "probe", "not a video file"),
        "unseen.mp4": ("failed", "probe", "no video stream"),
    }
    assert "mute.mp4: probe: no audio stream" in done.output and "4 failed" in done.output
    assert not (tmp_path / "out" / "mute").exists()


def test_names_are_no_commands_to_a_terminal(tmp_path):
    (tmp_path / "a\x1b[2J\n.mp4").write_bytes(b"")
    done = run(tmp_path, tmp_path / "out")
    assert (
        done.exit_code == 3
        and "a\\x1b[2J\\n.mp4: probe: empty file" in done.output
        and "\x1b" not in done.output
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [(RuntimeError("out of memory"), "unexpected error"), (ModelError("odd"), "cannot be encoded")],
)
def test_an_encoder_that_breaks_does_not_lose_the_others(filmed, tmp_path, monkeypatch, error, reason):
    encode = tiny_speech.TinySpeech.encode

    def sometimes(self, waveform, asked=[]):  # noqa: B006
        asked.append(1)
        if len(asked) == 1:
            raise error
        return encode(self, waveform)

    monkeypatch.setattr(tiny_speech.TinySpeech, "encode", sometimes)
    assert run(filmed, tmp_path).exit_code == 3
    assert [(row["status"], row["reason"]) for row in rows(tmp_path)] == [
        ("failed", reason),
        ("exported", ""),
    ]
    assert str(error) in rows(tmp_path)[0]["detail"]


def test_what_is_done_is_not_done_again(filmed, tmp_path, encoded):
    run(filmed, tmp_path)
    assert len(encoded) == 2
    again = run(filmed, tmp_path)
    assert len(encoded) == 2 and "2 kept" in again.output
    assert {row["frames"] for row in rows(tmp_path)} == {50}
    (tmp_path / "ben" / "aud_hu.npy").unlink()
    assert "1 exported, 1 kept" in run(filmed, tmp_path).output
    assert (tmp_path / "ben" / "aud_hu.npy").exists()
    (tmp_path / "ben" / "aud_tiny_speech-tiny.json").write_text("{")
    assert "1 exported, 1 kept" in run(filmed, tmp_path).output


def test_another_option_or_file_is_done_again_and_leaves_nothing_of_the_old(filmed, tmp_path, encoded):
    root = tmp_path / "videos"
    root.mkdir()
    clip = root / "ben.mp4"
    clip.write_bytes((filmed / "ben.mp4").read_bytes())
    run(root, tmp_path / "out")
    run(root, tmp_path / "out", "--train-share", "9/10")
    os.utime(clip, (1, 1))
    run(root, tmp_path / "out", "--train-share", "9/10")
    run(root, tmp_path / "out", "--for", "er-nerf")
    assert len(encoded) == 4
    assert files(tmp_path / "out" / "ben") == [
        "aud_hu.npy",
        "aud_tiny_speech-tiny.json",
        "aud_tiny_speech-tiny.npy",
    ]


def test_half_done_never_looks_done(filmed, tmp_path, monkeypatch):
    run(filmed / "ben.mp4", tmp_path)
    write, written = video.write_npy, []

    def killed(path, shape, parts):
        written.append(path.name)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(path, shape, parts)

    with monkeypatch.context() as patched:
        patched.setattr(video, "write_npy", killed)
        stopped = run(filmed / "ben.mp4", tmp_path, "--train-share", "1")
    assert stopped.exit_code == 130 and "goes on where it stopped" in stopped.output
    assert files(tmp_path / "ben") == sorted(written[:2])  # no JSON, and none of the earlier files
    assert "1 exported" in run(filmed / "ben.mp4", tmp_path, "--train-share", "1").output


def test_other_speech_on_the_scale_of_a_video(filmed, tmp_path):
    run(filmed / "ben.mp4", tmp_path / "trained")
    done = run(filmed / "ann", tmp_path / "driving", "--scale-of", tmp_path / "trained" / "ben")
    assert done.exit_code == 0, done.output
    one, two = (
        json.loads(next(folder.glob("*.json")).read_text())
        for folder in (tmp_path / "trained" / "ben", tmp_path / "driving" / "may")
    )
    assert one["mean"] == two["mean"] and one["pca_axes"] == two["pca_axes"] and two["scale_of"]


def test_a_wide_encoder_says_what_it_leaves_out(filmed, tmp_path):
    done = run(filmed / "ben.mp4", tmp_path, encoder="tiny_speech:wide")
    assert done.exit_code == 0, done.output
    assert "aud_hu.npy is not written: 1285 numbers a step do not go into its 1024 channels" in done.output
    assert files(tmp_path / "ben") == [
        "aud.npy",
        "aud_ds.npy",
        "aud_tiny_speech-wide.json",
        "aud_tiny_speech-wide.npy",
    ]
    refused = run(filmed / "ben.mp4", tmp_path / "b", "--for", "er-nerf", encoder="tiny_speech:wide")
    assert refused.exit_code == 1 and "leave it out of --for" in refused.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--for", "er-nerd"],
            "no renderer 'er-nerd'; there are: sync-talk, er-nerf, talking-gaussian, ad-nerf",
        ),
        (["--train-share", "11/10"], "no share above 0 and up to 1"),
        (["--train-share", "1/0"], "no share above 0 and up to 1"),
        (["--scale-of", "nowhere"], "cannot be read"),
        (["--device", "gpu9"], "no device 'gpu9'"),
    ],
)
def test_what_cannot_be_used_is_said_before_any_work(filmed, tmp_path, encoded, options, words):
    done = run(filmed, tmp_path / "out", *options)
    assert done.exit_code == 1 and words in done.output
    assert not encoded and not (tmp_path / "out").exists()


def test_two_encoders_do_not_share_a_folder(filmed, tmp_path):
    run(filmed, tmp_path)
    done = run(filmed, tmp_path, encoder="tiny_speech:wide")
    assert done.exit_code == 1 and "features of another encoder (aud_tiny_speech-tiny.json)" in done.output


def test_two_videos_of_one_name_are_refused(filmed, tmp_path):
    for name in ("a.mp4", "a.mov"):
        (tmp_path / name).write_bytes(b"")
    done = run(tmp_path, tmp_path / "out")
    assert done.exit_code == 1 and "a.mov and a.mp4 would both be written to" in done.output
    done = run(tmp_path / "out", tmp_path / "elsewhere")
    assert done.exit_code == 1 and "no folder or file" in done.output
    (tmp_path / "none").mkdir()
    assert "no video in" in run(tmp_path / "none", tmp_path / "elsewhere").output


def test_features_that_are_not_of_sound_are_refused(filmed, tmp_path):
    done = run(filmed, tmp_path, encoder="lips")
    assert done.exit_code == 1 and "does not read sound" in done.output


def test_an_unknown_encoder_is_refused(filmed, tmp_path):
    done = run(filmed, tmp_path, encoder="hubrt")
    assert done.exit_code == 1 and "no encoder 'hubrt'" in done.output


def test_a_run_gives_the_embeddings_of_its_speech_half(tmp_path):
    torch.manual_seed(0)
    step = tmp_path / "runs" / "ours" / "step-00000004"
    step.mkdir(parents=True)
    tensors = {
        f"pair.{name}": value.contiguous()
        for name, value in build_pair("mel-cnn", "mouth", rectified=False).state_dict().items()
    }
    save_file(tensors, step / "model.safetensors")
    sha256 = hashlib.sha256((step / "model.safetensors").read_bytes()).hexdigest()
    options = {"encoder": "mel-cnn", "lip_input": "mouth"}
    facts = {
        "format": 1,
        "options": options,
        "rectified": False,
        "sha256": sha256,
        "step": 4,
        "crop": "lips",
        "shards": {},
        "data": {},
    }
    (step / "checkpoint.json").write_text(json.dumps(facts))
    soundfile.write(tmp_path / "may.wav", half_silent(1), RATE, subtype="PCM_16")
    done = run(tmp_path / "may.wav", tmp_path / "out", encoder=str(step.parent))
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out" / "may"
    assert np.load(folder / "aud_ave.npy").shape == (25, 512) and np.load(folder / "aud_hu.npy").shape == (
        25,
        1,
        1024,
    )
    said = json.loads((folder / "aud_ours.json").read_text())
    raw = np.load(folder / "aud_ours.npy")[:, 0] * np.float32(said["std"]) + np.float32(said["mean"])
    np.testing.assert_allclose(raw, load_run(step.parent).speech_embeddings(half_silent(1)), atol=1e-3)
    assert said["encoder"]["weights"] == sha256 and said["steps_per_frame"] == 1
    again = run(tmp_path / "may.wav", tmp_path / "more", "--scale-of", folder, encoder=f"{step.parent}/")
    assert again.exit_code == 0, again.output
    short = tmp_path / "short.wav"
    soundfile.write(short, half_silent(1)[:1280], RATE, subtype="PCM_16")
    refused = run(short, tmp_path / "out", encoder=str(step.parent))
    assert refused.exit_code == 3 and "features: cannot be encoded (2 frames" in refused.output


def test_files_of_another_tool_stay(filmed, tmp_path):
    """The renderers' own folders have the same shape and the same names."""
    (tmp_path / "ben").mkdir()
    (tmp_path / "ben" / "aud_ds.npy").write_bytes(b"theirs")
    done = run(filmed, tmp_path)
    assert (
        done.exit_code == 1
        and "ben holds aud_ds.npy, which no export of tiny_speech-tiny wrote" in done.output
    )
    assert (tmp_path / "ben" / "aud_ds.npy").read_bytes() == b"theirs"


def reads_badly(task, report, max_picture_px):
    """One video kills its process, one hangs, one takes a breath."""
    report(task.name, 0.0)
    if task.name == "dies.mp4":
        os._exit(9)
    time.sleep(60 * (task.name == "hangs.mp4"))
    return read_audio(task.path)


def test_a_video_that_kills_or_hangs_its_process_is_a_row_and_the_others_are_exported(
    filmed, tmp_path, monkeypatch
):
    root = tmp_path / "videos"
    root.mkdir()
    for name in ("dies.mp4", "good.mp4", "hangs.mp4"):
        (root / name).write_bytes((filmed / "ben.mp4").read_bytes())
    monkeypatch.setattr(job, "outcomes", outcomes)
    monkeypatch.setattr(job, "read_task", reads_badly)
    done = run(root, tmp_path / "out", "--max-wait", "4s")
    assert done.exit_code == 3
    assert [(row["status"], row["reason"], row["detail"]) for row in rows(tmp_path / "out")] == [
        ("failed", "crashed the worker", "exit code 9"),
        ("exported", "", ""),
        ("failed", "over the limit", "no step forward in 4 s (--max-wait)"),
    ]
    monkeypatch.undo()
    assert "2 exported, 1 kept" in run(root, tmp_path / "out").output, "the same command tries them again"


def test_on_another_engine_a_video_that_dies_twice_is_a_row_and_all_files_are_the_same(
    filmed, tmp_path, monkeypatch
):
    run(filmed, tmp_path / "here")
    monkeypatch.undo()
    add_stand_in(monkeypatch)
    deaths = dying(monkeypatch, EXPORT_UNIT, {"ben.mp4": 2}, tmp_path / "deaths")
    there = (filmed, tmp_path / "there", "--engine", STAND_IN)
    done = run(*there)
    assert done.exit_code == 3 and deaths() == 2
    assert [(row["status"], row["reason"], row["detail"]) for row in rows(tmp_path / "there")] == [
        ("exported", "", ""),
        ("failed", "crashed the worker", "exit code -9"),
    ]
    assert run(*there).exit_code == 0
    for name in ("ben", "ann/may"):
        for path in (tmp_path / "here" / name).iterdir():
            assert path.read_bytes() == (tmp_path / "there" / name / path.name).read_bytes()


def test_two_exports_into_one_folder_are_refused_and_a_place_that_cannot_be_is_one_line(filmed, tmp_path):
    with only_run(tmp_path / "out"):
        done = run(filmed, tmp_path / "out")
    assert done.exit_code == 1 and "another run is writing to" in done.output
    (tmp_path / "file").write_text("")
    done = run(filmed, tmp_path / "file" / "out")
    assert done.exit_code == 1 and "cannot write to" in done.output and "Traceback" not in done.output
