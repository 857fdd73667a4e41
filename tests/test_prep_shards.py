"""The main job end to end, through the command line, on synthetic and on real faces."""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import zoo
from checker import check_shards
from preparing import BIN, one_after_another, prep, prep_process, prep_without_workers
from speechlip.workers.processes import started

pytestmark = pytest.mark.early


def contents(folder):
    """SHA-256 of every file below ``folder``, by its relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def samples(folder):
    """All samples of a prepared folder by key, read with tarfile alone."""
    found = {}
    for shard in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                key, _, field = member.name.partition(".")
                found.setdefault(key, {})[field] = tar.extractfile(member).read()
    return found


def ledger(folder):
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def prepared(talking, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "shards"
    done = prep_process(talking, "-o", out, "--detector", "sidecar", "--workers", 2)
    assert done.returncode == 0, done.stderr
    return out, done


def test_the_folder_is_whole_and_the_funnel_is_printed(prepared):
    out, done = prepared
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "card",
        "clips.parquet",
        "croissant.json",
        "data",
        "ledger.jsonl",
        "manifest.json",
        "pairs",
    ]
    assert "= kept" in done.stdout and str(out / "data") in done.stdout
    rows = ledger(out)
    assert [row["status"] for row in rows] == ["kept"] * 4
    for row in rows:
        assert row["seconds"] == pytest.approx(row["seconds_kept"] + sum(row["dropped"].values()))
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["fields"] == [
        "audio.flac",
        "json",
        "landmarks.npy",
        "lips.jpg",
        "phones.json",
        "stft.npy",
    ]
    assert set(manifest["splits"]) == {"train", "validation", "test"}
    assert set(manifest["pairs"]) == {"validation", "test"}


def test_the_card_made_anew_from_manifest_and_ledger_is_the_same(prepared, tmp_path):
    from speechlip.cards.dataset import renew_card

    copy = Path(shutil.copytree(prepared[0], tmp_path / "copy"))
    renew_card(copy)
    assert contents(copy) == contents(prepared[0])


def test_an_independent_reader_finds_it_sound(prepared, talking):
    flat = list(talking.rglob("*.mp4"))
    code, said = check_shards(prepared[0])
    assert code == 0, said
    assert len({json.loads(sample["json"])["source"] for sample in samples(prepared[0]).values()}) == len(
        flat
    )


def test_datasets_reads_the_folder_with_the_cards_types(prepared, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    found = samples(prepared[0])
    for split in ("train", "validation", "test"):
        for row in load_dataset(str(prepared[0]), split=split, streaming=True):
            sample = found[row["__key__"]]
            known = {name: value for name, value in row["json"].items() if value is not None}
            assert known == json.loads(sample["json"])
            assert row["audio.flac"] == sample["audio.flac"]
            np.testing.assert_array_equal(
                np.array(row["stft.npy"], np.float16), np.load(io.BytesIO(sample["stft.npy"]))
            )
            assert row["lips.jpg"].size == (96, 96 * row["json"]["n_frames"])


def test_plain_webdataset_reads_every_sample(prepared):
    import webdataset

    shards = [str(path) for path in sorted((prepared[0] / "data").glob("*.tar"))]
    read = {sample["__key__"]: sample for sample in webdataset.WebDataset(shards, shardshuffle=False)}
    assert set(read) == set(samples(prepared[0]))


def test_audio_and_phones_come_from_the_clips_own_time(prepared, talking):
    import av

    for sample in samples(prepared[0]).values():
        meta = json.loads(sample["json"])
        audio, _ = soundfile.read(io.BytesIO(sample["audio.flac"]), dtype="float32")
        with av.open(str(talking / meta["source"])) as container:
            resampler = av.AudioResampler("flt", "mono", 16000)
            blocks = [
                block.to_ndarray()[0]
                for frame in container.decode(audio=0)
                for block in resampler.resample(frame)
            ]
        start = round(meta["start_s"] * 16000)
        expected = np.concatenate(blocks)[start : start + len(audio)]
        np.testing.assert_allclose(audio[: len(expected)], expected, atol=3e-3)
        phones = json.loads(sample["phones.json"])
        assert phones and all(
            0 <= phone["start_s"] < phone["end_s"] <= meta["n_frames"] / 25 + 1e-6 for phone in phones
        )


@pytest.mark.parametrize(("container", "fps"), [("mp4", 25), ("mkv", 25), ("mp4", 30), ("mkv", 24)])
def test_a_flash_and_a_click_meet_in_the_prepared_clip(talking, tmp_path, container, fps):
    """A white source frame and a click when it comes on: within 2 ms, and in the frames that display it."""
    clip = sorted(talking.rglob("*.mp4"))[0]
    frames, _ = zoo.read_clip(clip)
    frames, flash = frames[:70].copy(), 31
    frames[flash] = 255
    audio = np.zeros(len(frames) * 16000 // fps, np.int16)
    click = round(flash / fps * 16000)
    audio[click] = 30000
    zoo.write_clip(tmp_path / f"flash.{container}", frames, audio, fps=fps)
    with np.load(clip.with_name(f"{clip.stem}.landmarks.npz")) as sidecar:
        np.savez(
            tmp_path / "flash.landmarks.npz",
            landmarks=sidecar["landmarks"][: len(frames)],
            time_s=np.arange(len(frames)) / fps,
        )
    assert (
        prep(tmp_path / f"flash.{container}", "-o", tmp_path / "out", "--detector", "sidecar").exit_code == 0
    )
    (sample,) = samples(tmp_path / "out").values()
    heard, _ = soundfile.read(io.BytesIO(sample["audio.flac"]), dtype="int16")
    lips = np.asarray(Image.open(io.BytesIO(sample["lips.jpg"]))).reshape(-1, 96, 96, 3)
    assert json.loads(sample["json"])["start_s"] == 0
    assert np.abs(heard.astype(int)).argmax() / 16 == pytest.approx(click / 16, abs=2)
    shown = [index for index in range(len(lips)) if flash / fps <= (index + 0.5) / 25 < (flash + 1) / fps]
    assert np.flatnonzero(lips.mean((1, 2, 3)) > 240).tolist() == shown


def test_lips_are_in_the_middle(prepared):
    for sample in samples(prepared[0]).values():
        points = np.load(io.BytesIO(sample["landmarks.npy"]), allow_pickle=False)
        centre = (points.max(1) + points.min(1)) / 2
        assert np.abs(np.median(centre, 0) - 48).max() < 3
        assert np.ptp(points[..., 0], 1).mean() == pytest.approx(96 / 1.9, rel=0.1)


def test_the_bytes_do_not_depend_on_the_workers(prepared, talking, tmp_path):
    """Two there, three here; one, after it was killed."""
    assert (
        prep(talking, "-o", tmp_path / "again", "--detector", "sidecar", "--workers", 3, "--quiet").exit_code
        == 0
    )
    assert contents(tmp_path / "again") == contents(prepared[0])


STATES = {
    "the plan is written": ".work/plan.json",
    "a shard is open": ".work/*-0*.part",
    "shards are put in place": "data/*.tar",
    "the manifest is next": "README.md",
}


def kill_program(talking, out, state):
    """A program of its own, and its workers."""
    command = [BIN / "prep-shards", talking, "-o", out, "--detector", "sidecar", "--workers", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not any(out.glob(STATES[state])) and process.poll() is None:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_process(talking, out, state):
    """One process without workers."""
    process, _ = started(prep_without_workers, talking, "-o", out, "--detector", "sidecar", "--workers", 1)
    while not any(out.glob(STATES[state])) and process.is_alive():
        time.sleep(0.001)
    process.kill()
    process.join()


@pytest.mark.parametrize(
    ("kill", "state"), [(kill_program, "a shard is open"), *((kill_process, state) for state in STATES)]
)
def test_killed_in_any_state_and_run_again_gives_the_same_bytes(prepared, talking, tmp_path, kill, state):
    """tests/faults/test_kills.py kills programs at random times."""
    out = tmp_path / "killed"
    kill(talking, out, state)
    finished = (out / "manifest.json").exists()
    assert finished or (out / ".work" / "plan.json").exists()
    assert not finished or state == "the manifest is next", "the kill came too late to show anything"
    assert prep(talking, "-o", out, "--detector", "sidecar", "--workers", 1).exit_code == 0
    assert contents(out) == contents(prepared[0])


def test_ctrl_c_says_how_to_go_on_and_leaves_no_shard(talking, tmp_path):
    out = tmp_path / "stopped"
    command = [BIN / "prep-shards", talking, "-o", out, "--detector", "sidecar"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed_interrupts
    )
    wait_for(out / ".work" / "plan.json")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    _, words = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command goes on where it stopped" in words and "Traceback" not in words
    assert not (out / "manifest.json").exists() and not list(out.glob("data/*.tar"))


def heed_interrupts():
    """What a shell started in the background ignores Ctrl-C, and so would all that the tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(path):
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.05)
    raise TimeoutError(path)


def test_a_rerun_of_a_finished_job_touches_nothing(prepared, talking):
    out, _ = prepared
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    done = prep(talking, "-o", out, "--detector", "sidecar")
    assert done.exit_code == 0 and "= kept" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_other_options_and_other_videos_are_refused_with_the_difference(prepared, talking, tmp_path):
    out, _ = prepared
    done = prep(talking, "-o", out, "--detector", "sidecar", "--crop", "lower-face", "--seed", 5)
    assert done.exit_code == 1
    assert "crop was 'lips', is now 'lower-face'" in done.stderr and "seed was 0, is now 5" in done.stderr
    fewer = tmp_path / "fewer"
    shutil.copytree(talking, fewer)
    gone = sorted(fewer.rglob("*.mp4"))[0]
    gone.unlink()
    done = prep(fewer, "-o", out, "--detector", "sidecar")
    assert done.exit_code == 1
    assert f"1 source new, gone or changed: '{gone.relative_to(fewer)}'" in done.stderr


def test_another_licence_in_metadata_csv_is_refused_by_name(talking, tmp_path):
    folder, out = Path(shutil.copytree(talking, tmp_path / "talking")), tmp_path / "out"
    video = sorted(folder.rglob("*.mp4"))[0].relative_to(folder)
    arguments = (folder, "-o", out, "--detector", "sidecar", "--limit", 1, "--workers", 1)
    assert prep(*arguments).exit_code == 0
    (folder / "metadata.csv").write_text(f"file,licence\n{video},CC-BY-4.0\n")
    done = prep(*arguments)
    assert done.exit_code == 1
    assert f"1 source new, gone or changed: '{video}' (licence). Choose another -o" in done.stderr


def test_two_runs_into_one_folder_are_refused(talking, tmp_path, monkeypatch):
    """The second one while the first is at work."""
    command, second = (talking, "-o", tmp_path / "both", "--detector", "sidecar", "--workers", 1), []

    def engine(work, units, workers):
        second.append(prep(*command))
        return one_after_another(work, units, workers)

    monkeypatch.setattr("speechlip.preparing.prep_run.get_engine", lambda *given: engine)
    assert prep(*command).exit_code == 0
    assert [said.exit_code for said in second] == [1] and "another run is writing to" in second[0].stderr


def test_dry_run_shows_the_plan_and_writes_nothing(talking, tmp_path):
    done = prep(talking, "-o", tmp_path / "none", "--dry-run", "--detector", "cascade")
    assert done.exit_code == 0
    assert "4 videos" in done.stdout
    assert re.search(r"train +2 videos +2 speakers .* 2 shards\n", done.stdout)
    assert re.search(r"test +1 video +1 speaker .* 1 shard\n", done.stdout)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere does not exist"),
        ([".", "--split", "train=0.5"], "add up to 0.5"),
        ([".", "--detector", "hog"], "no detector 'hog'; there are:"),
        ([".", "--crop", "nose"], "no crop preset 'nose'; there are:"),
        ([".", "--crop", "auto-avsr", "--detector", "cascade"], "boxes only"),
        ([".", "--recipe", "lrs9"], "no recipe 'lrs9'; there are:"),
        ([".", "--engine", "slurm"], "no engine 'slurm'; there are: local"),
        ([".", "--decoder", "vlc"], "no decoder 'vlc'; there are:"),
        ([".", "--workers", "0"], "--workers"),
        ([".", "--wrokers", "1"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_1(talking, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(talking)
    done = prep(*arguments, "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "data").exists()


def test_other_crops_and_spectrograms_and_formats(talking, tmp_path):
    out = tmp_path / "other"
    arguments = [
        "--detector",
        "sidecar",
        "--crop",
        "auto-avsr",
        "--spectrogram",
        "mel",
        "--lips-format",
        "png",
        "--limit",
        2,
        "--max-clip",
        "2s",
    ]
    assert prep(talking, "-o", out, *arguments).exit_code == 0
    found = samples(out)
    assert {json.loads(sample["json"])["crop"] for sample in found.values()} == {"auto-avsr"}
    assert all(
        np.load(io.BytesIO(sample["mel.npy"])).shape[1] == 80 and "lips.png" in sample
        for sample in found.values()
    )
    assert all(json.loads(sample["json"])["n_frames"] <= 50 for sample in found.values())


def test_a_single_video_serves(talking, tmp_path):
    video = sorted(talking.rglob("*.mp4"))[0]
    assert prep(video, "-o", tmp_path / "one", "--detector", "cascade").exit_code == 0
    assert {json.loads(sample["json"])["detector"] for sample in samples(tmp_path / "one").values()} == {
        "cascade"
    }


def test_real_clips_with_landmarks(real_clips, face_model, tmp_path):
    """One clip without audio, one AVI that loses frames, one that is small."""
    out, few = tmp_path / "real", tmp_path / "few"
    few.mkdir()
    for name in ("liveportrait_d13_noaudio.mp4", "syncnet_example.avi", "videoretalking_3.mp4"):
        shutil.copy(real_clips / name, few)
    done = prep(few, "-o", out, "--detector", "landmarker", "--workers", 2)
    assert done.exit_code == 0, done.stderr
    rows = {row["source"]: row for row in ledger(out)}
    assert [name for name, row in rows.items() if row["status"] == "skipped"] == [
        "liveportrait_d13_noaudio.mp4"
    ]
    assert rows["liveportrait_d13_noaudio.mp4"]["reason"] == "no audio stream"
    assert (
        rows["syncnet_example.avi"]["seconds_kept"] > 5
        and sum(rows["syncnet_example.avi"]["dropped"].values()) > 0
    )
    assert rows["videoretalking_3.mp4"]["seconds_kept"] > 4.5
    code, said = check_shards(out, "--sources", few, "--refused", "liveportrait_d13_noaudio")
    assert code == 0, said
