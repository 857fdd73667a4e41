"""``speechlip export-clips``: what lies in its files, read by other decoders, and how it ends."""

import csv
import errno
import io
import json
import os
import tarfile
import wave
from dataclasses import replace

import av
import numpy as np
import pytest
import soundfile
import tiny_dataset
from click.testing import CliRunner
from PIL import Image

import speechlip
from speechlip.commands.cli import speechlip as command
from speechlip.errors import OptionError, ShardError
from speechlip.exporting import clip_files
from speechlip.exporting import clips as exporting
from speechlip.files.locks import only_run

SPLITS = {"train": {"anna": (20, 14), "ben": (30, 12)}, "test": {"dora": (16, 25)}}
N_CLIPS = 6


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("exported") / "shards", SPLITS)


@pytest.fixture(scope="module")
def exported(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("clips") / "mp4"
    return speechlip.export_clips(shards, out)


def run(*arguments):
    return CliRunner().invoke(command, ["export-clips", *map(str, arguments)], catch_exceptions=False)


def truth(shards):
    """Key → (crops, audio), by tarfile, Pillow and soundfile alone."""
    members = {}
    for path in sorted((shards / "data").glob("*.tar")):
        with tarfile.open(path) as tar:
            members.update({info.name: tar.extractfile(info).read() for info in tar})
    keys = {name.removesuffix(".json") for name in members if name.endswith(".json")}
    return {
        key: (
            np.asarray(Image.open(io.BytesIO(members[f"{key}.lips.jpg"]))).reshape(-1, 96, 96, 3),
            soundfile.read(io.BytesIO(members[f"{key}.audio.flac"]), dtype="int16")[0],
        )
        for key in keys
    }


def rows_of(out):
    with (out / "clips.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def decoded(path):
    """(frames, their times in s, samples, and those of the first) of a video."""
    with av.open(str(path)) as file:
        images = list(file.decode(video=0))
    with av.open(str(path)) as file:
        blocks = list(file.decode(audio=0))
        assert file.streams.audio[0].rate == 16000 and file.streams.audio[0].channels == 1
    return (
        np.stack([image.to_ndarray(format="rgb24") for image in images]),
        [float(image.pts * image.time_base) for image in images],
        np.concatenate([block.to_ndarray().ravel() for block in blocks]),
        float(blocks[0].pts * blocks[0].time_base),
    )


def psnr(images, lips):
    """Of each frame, dB."""
    errors = np.square(images.astype(float) - lips).mean(axis=(1, 2, 3))
    return 10 * np.log10(255**2 / errors)


@pytest.mark.parametrize("form", ["mp4", "avi"])
def test_every_frame_and_every_sample_stands_in_its_place(shards, tmp_path, form):
    done = run(shards, "-o", tmp_path / "out", "--format", form)
    assert (done.exit_code, done.stdout) == (
        0,
        f"6 exported; {tmp_path / 'out' / 'clips.csv'} names the files\n",
    )
    clips = truth(shards)
    assert {row["key"] for row in rows_of(tmp_path / "out")} == set(clips) and len(clips) == N_CLIPS
    for row in rows_of(tmp_path / "out"):
        lips, audio = clips[row["key"]]
        images, times, samples, begin = decoded(tmp_path / "out" / row["video"])
        assert images.shape == lips.shape and np.allclose(times, np.arange(len(lips)) / 25)
        assert psnr(images, lips).min() > 35
        assert np.abs((images - lips.astype(float)).mean()) < 2  # no other range or matrix of colours
        # no two frames are alike, so each is nearest to its own
        coarse = images[:, 12::24, 12::24].reshape(len(lips), 1, -1).astype(float)
        own = lips[:, 12::24, 12::24].reshape(1, len(lips), -1)
        assert (np.abs(coarse - own).sum(axis=2).argmin(axis=1) == np.arange(len(lips))).all()
        assert np.array_equal(samples[: len(audio)], audio) and len(samples) == len(audio) and begin == 0
        with wave.open(str(tmp_path / "out" / row["audio"])) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
            assert np.array_equal(np.frombuffer(file.readframes(file.getnframes()), np.int16), audio)


def test_the_bytes_of_a_video_do_not_depend_on_the_processor(monkeypatch):
    """With and without SIMD: the sums of x264 that differ between kinds of it also differ between runs."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((96, 96))
    lips = np.stack([np.roll(np.asarray(noise), shift, axis=1) for shift in range(30)])
    audio = rng.integers(-3000, 3000, 30 * 640).astype(np.int16)

    def video():
        clip_files.write_video(file := io.BytesIO(), lips, audio, "mp4")
        return file.getvalue()

    with_simd, form = video(), clip_files.FORMATS["mp4"]
    options = {**form.options, "x264-params": form.options["x264-params"] + ":asm=0"}
    monkeypatch.setitem(clip_files.FORMATS, "mp4", replace(form, options=options))
    assert video() == with_simd


def test_opencv_reads_the_same_frames(shards, exported):
    cv2 = pytest.importorskip("cv2")
    clips = truth(shards)
    for row in exported.rows[:2]:
        file, images = cv2.VideoCapture(str(exported.folder / row.video)), []
        assert (file.get(cv2.CAP_PROP_FPS), file.get(cv2.CAP_PROP_FRAME_COUNT)) == (25, row.about["n_frames"])
        while (read := file.read())[0]:
            images.append(read[1][..., ::-1])
        assert psnr(np.stack(images), clips[row.about["key"]][0]).min() > 35


def test_the_table_says_what_the_files_are_of(exported):
    rows = {row["key"]: row for row in rows_of(exported.folder)}
    assert rows["dora-1"] == {
        "video": "test/dora-1.mp4",
        "audio": "test/dora-1.wav",
        "key": "dora-1",
        "split": "test",
        "speaker": "dora",
        "source": "dora.mp4",
        "start_s": "0.64",
        "seconds": "1.0",
        "n_frames": "25",
        "transcript": "",
    }


def test_only_what_is_asked_for(shards, tmp_path):
    where = "n_frames >= 20 and speaker != 'ben'"
    assert run(shards, "-o", tmp_path / "a", "--where", where).exit_code == 0
    assert [row["key"] for row in rows_of(tmp_path / "a")] == ["anna-0", "dora-1"]
    assert run(shards, "-o", tmp_path / "b", "--split", "test", "--quiet").output == ""
    assert {row["split"] for row in rows_of(tmp_path / "b")} == {"test"}
    assert not (tmp_path / "b" / "train").exists()


def test_finished_clips_are_kept_and_the_others_made(shards, tmp_path, monkeypatch):
    """Stopped while the third video is written, and run again."""
    out, written = tmp_path / "out", []

    def stopping(file, *given):
        written.append(file)
        if len(written) == 3:
            file.write(b"half")
            raise KeyboardInterrupt
        write(file, *given)

    write = exporting.write_video
    monkeypatch.setattr(exporting, "write_video", stopping)
    stopped = run(shards, "-o", out)
    assert stopped.exit_code == 130 and "goes on where it stopped" in stopped.stderr
    assert len(list(out.rglob("*.mp4"))) == 2 and not (out / "clips.csv").exists()
    monkeypatch.undo()
    again = run(shards, "-o", out)
    assert (again.exit_code, again.stdout.partition(";")[0]) == (0, "4 exported, 2 kept")
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {"clips.csv", "export.json"} | {
        f"{split}/{speaker}-{number}.{ending}"
        for split, speakers in SPLITS.items()
        for speaker in speakers
        for number in (0, 1)
        for ending in ("mp4", "wav")
    }
    clips = truth(shards)
    for row in rows_of(out):
        images, _, samples, _ = decoded(out / row["video"])
        assert psnr(images, clips[row["key"]][0]).min() > 35
        assert np.array_equal(samples, clips[row["key"]][1])


def test_a_file_that_went_missing_is_made_again(shards, tmp_path):
    assert run(shards, "-o", tmp_path / "out", "--split", "test").exit_code == 0
    (tmp_path / "out" / "test" / "dora-0.wav").unlink()
    done = speechlip.export_clips(shards, tmp_path / "out", split="test")
    assert done.counts == {"exported": 1, "kept": 1} and len(list((tmp_path / "out").rglob("*.wav"))) == 2


def test_a_damaged_clip_is_a_reason_and_the_others_go_on(shards, tmp_path):
    damaged = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (20, 14, 15)}}, shards=1)
    (shard,) = (damaged / "data").glob("*.tar")
    data = bytearray(shard.read_bytes())
    with tarfile.open(shard) as tar:
        at = tar.getmember("anna-1.audio.flac").offset_data
    data[at : at + 4] = b"fLaX"
    shard.write_bytes(data)
    done = run(damaged, "-o", tmp_path / "out")
    assert done.exit_code == 3 and done.stdout.startswith("2 exported, 1 failed; ")
    assert "sample anna-1 of" in done.stderr and "audio.flac cannot be decoded" in done.stderr
    assert [row["key"] for row in rows_of(tmp_path / "out")] == ["anna-0", "anna-2"]
    assert not list((tmp_path / "out").rglob("anna-1*"))


def test_another_export_is_not_mixed_in(shards, exported, tmp_path):
    refused = run(shards, "-o", exported.folder, "--where", "seconds > 0.5")
    assert refused.exit_code == 1 and refused.stderr == (
        f"error: {exported.folder} holds clips of other shards, or by another --where, --split or --format "
        "(export.json); choose another -o\n"
    )
    (tmp_path / "mine.txt").touch()
    refused = run(shards, "-o", tmp_path)
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"error: {tmp_path} is not empty, and no export began it; choose another -o\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--where", "seconds > 60"], "none of 6 clips fulfils 'seconds > 60', so nothing is exported"),
        (["--where", "secnds > 60"], "did you mean seconds?"),
        (["--where", "exec('x')"], "no function"),
        (["--split", "tset"], "no split 'tset' in the folder; there are: train, test"),
        (["--format", "mkv"], "no format 'mkv'; there are: "),
    ],
)
def test_what_is_not_there_ends_in_one_line(shards, tmp_path, arguments, said):
    done = run(shards, "-o", tmp_path / "out", *arguments)
    assert done.exit_code == 1 and done.stderr.startswith("error: ") and said in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "out").exists()


def test_folders_that_are_none(shards, tmp_path):
    assert "there is no folder" in run(tmp_path / "nothing", "-o", tmp_path / "out").stderr
    with pytest.raises(OptionError, match="which stays as it is; choose another -o"):
        speechlip.export_clips(shards, shards / "clips")
    (tmp_path / "file").touch()
    refused = run(shards, "-o", tmp_path / "file")
    assert refused.exit_code == 1 and f"cannot write to {tmp_path / 'file'}" in refused.stderr
    with only_run(tmp_path / "held"), pytest.raises(OptionError, match="another run is writing"):
        speechlip.export_clips(shards, tmp_path / "held")


def test_a_full_disk_is_said_of_a_wav(capfd):
    """libsndfile calls back where an exception is printed and lost."""

    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left on device"):
        clip_files.write_wav(Full(), np.zeros(16000, np.int16))
    assert capfd.readouterr().err == ""


def test_no_name_leads_out_of_the_folder():
    for name in ("../a.mp4", "a/b.mp4", ".hidden.mp4", "a\n.mp4", "ü" * 130 + ".mp4"):
        with pytest.raises(ShardError, match="names no file; run verify-shards"):
            exporting.check_name(name)


def test_shards_without_audio_are_refused(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (20,)}}, shards=1)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["fields"].remove("audio.flac")
    tiny_dataset.write_manifest(folder, manifest)
    assert "carries no 'audio'" in run(folder, "-o", tmp_path / "out").stderr
