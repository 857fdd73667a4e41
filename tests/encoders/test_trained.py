"""Whole clips through a pair: windows in their order, one reading, the signs of time."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save as to_bytes

from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.trained import TrainedPair, batches, load_run
from speechlip.errors import ModelError, ShardError
from speechlip.metrics.declared import NotScored
from speechlip.spectra import spectrogram


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    return TrainedPair(
        build_pair("mel-cnn", "mouth", rectified=False), "runs/x (mel-cnn)", "0" * 64, 4, "lips"
    )


def clip(n_frames, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n_frames, 96, 96, 3), np.uint8), rng.normal(0, 3000, 640 * n_frames).astype(
        np.int16
    )


@pytest.mark.parametrize("n_frames", [5, 6, 36, 37, 70])
def test_windows_are_all_runs_of_five_frames(n_frames):
    frames = np.arange(n_frames, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    windows = torch.cat(list(batches(iter(frames))))
    assert windows.shape == (n_frames - 4, 5, 2, 2, 3)
    assert windows[:, :, 1, 0, 2].tolist() == [list(range(first, first + 5)) for first in range(n_frames - 4)]


def test_rows_are_the_embeddings_of_windows_as_shards_hold_them(trained):
    frames, audio = clip(8)
    lips, speech = trained.features(iter(frames), audio)
    columns = torch.from_numpy(spectrogram(audio))
    with torch.inference_mode():
        for row in range(4):
            wanted_lips = trained.pair.embed_lips(torch.from_numpy(frames[None, row : row + 5]))
            wanted_speech = trained.pair.embed_speech(columns[None, 5 * row : 5 * row + 25])
            np.testing.assert_allclose(lips[row, :512], (wanted_lips / wanted_lips.norm())[0], atol=1e-5)
            np.testing.assert_allclose(
                speech[row, :512], (wanted_speech / wanted_speech.norm())[0], atol=1e-5
            )
    assert lips.shape == speech.shape == (4, 513) and lips.dtype == speech.dtype == np.float32


@pytest.mark.parametrize(
    ("n_frames", "n_samples", "rows"), [(12, 640 * 12, 8), (12, 640 * 9 + 100, 5), (9, 640 * 12, 5)]
)
def test_the_shorter_of_picture_and_sound_decides_and_no_frame_is_read_beyond_it(
    trained, n_frames, n_samples, rows
):
    frames, reading = iter(clip(n_frames)[0]), []

    def read():
        for frame in frames:
            reading.append(1)
            yield frame

    lips, speech = trained.features(read(), np.zeros(n_samples, np.int16))
    assert len(lips) == len(speech) == rows
    assert len(reading) == min(n_frames, n_samples // 640)


def test_sound_that_is_moved_by_frames_moves_the_rows(trained):
    audio = clip(20)[1]
    whole, later = trained.speech_features(audio), trained.speech_features(audio[3 * 640 :])
    np.testing.assert_allclose(later[1:], whole[4:], atol=1e-3)  # the first row sees the STFT's edge


def test_one_embedding_of_speech_a_frame_of_the_window_around_it(trained):
    audio = clip(9)[1]
    rows, unit = trained.speech_embeddings(np.append(audio, audio[:100])), trained.speech_features(audio)
    assert rows.shape == (9, 512) and rows.dtype == np.float32
    with torch.inference_mode():
        window = torch.from_numpy(spectrogram(audio))[None, 5 * 3 : 5 * 3 + 25]
        np.testing.assert_allclose(rows[5], trained.pair.embed_speech(window)[0], atol=1e-5)  # frames 3 … 7
    assert all(np.array_equal(rows[edge], rows[inner]) for edge, inner in ((0, 2), (1, 2), (7, 6), (8, 6)))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    assert abs(lengths - 1).min() > 0.1, "they keep their length"
    np.testing.assert_allclose((rows / lengths)[2:7], unit[:, :512], atol=1e-6)
    with pytest.raises(ShardError, match="4 frames of speech came; a window of 5 is wanted"):
        trained.speech_embeddings(audio[: 640 * 4 + 639])


def test_a_network_that_reads_the_waveform_is_given_the_windows_of_shards():
    torch.manual_seed(0)
    pair = build_pair("mel-cnn-wav2lip", "mouth", rectified=False)
    trained, audio = TrainedPair(pair, "runs/y (mel-cnn-wav2lip)", "0" * 64, 4, "lips"), clip(40)[1]
    rows = trained.speech_embeddings(audio)
    assert rows.shape == (40, 512)
    with torch.inference_mode():
        for start in (0, 1, 31, 35):
            window = torch.from_numpy(pair.reads.cut(audio, start, 5))[None]
            np.testing.assert_allclose(rows[start + 2], pair.embed_speech(window)[0], atol=1e-4)
    later = trained.speech_embeddings(
        audio[640 * 5 :]
    )  # five frames are 16 columns; other shifts move the columns against the frames
    np.testing.assert_allclose(later[3:], rows[8:], atol=1e-4)


def test_too_short_is_said(trained):
    for frames, samples in ((4, 640 * 9), (9, 640 * 4), (0, 0)):
        with pytest.raises(NotScored, match="no window of 5 frames"):
            trained.features(iter(clip(frames)[0]), np.zeros(samples, np.int16))


def test_it_cuts_its_own_crops_and_takes_finished_ones_of_their_size_only(trained):
    from speechlip.faces.crops import plan_crop
    from speechlip.faces.cutting import cut
    from speechlip.records import FaceTrack

    boxes = np.tile(np.float32([40, 40, 200, 200]), (3, 1))
    track = FaceTrack(0, boxes, np.ones(3, np.float32), np.zeros(3, bool))
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    np.testing.assert_array_equal(
        trained.cropper(track)(picture, 2), cut(picture, plan_crop(track, "lips").affines[2])
    )
    whole = trained.cropper(None)
    assert whole(picture[:96, :96], 0).shape == (96, 96, 3)
    with pytest.raises(NotScored, match="96×96 are wanted, this is 256×256"):
        whole(picture, 0)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(ModelError, match="holds no checkpoint"):
        load_run(tmp_path)
    (tmp_path / "step-00000001").mkdir()
    (tmp_path / "step-00000001" / "checkpoint.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ModelError, match="format 1"):
        load_run(tmp_path)


@pytest.fixture
def saved(tmp_path):
    """A run with one checkpoint; its facts."""
    folder = tmp_path / "run" / "step-00000004"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    tensors = {
        f"pair.{name}": value.contiguous()
        for name, value in build_pair("mel-cnn", "mouth", rectified=False).state_dict().items()
    }
    return folder, write_checkpoint(folder, tensors), tensors


def write_checkpoint(folder, tensors, **changed):
    content = to_bytes(tensors)
    (folder / "model.safetensors").write_bytes(content)
    facts = {
        "format": 1,
        "step": 4,
        "rectified": False,
        "sha256": hashlib.sha256(content).hexdigest(),
        "crop": "lips",
        "shards": {},
        "data": {},
    }
    facts |= {"options": {"encoder": "mel-cnn", "lip_input": "mouth"}} | changed
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    return facts


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"step": "4"}, "lacks or garbles step"),
        ({"step": -1}, "lacks or garbles step"),
        ({"sha256": None}, "lacks or garbles sha256"),
        ({"options": []}, "lacks or garbles options"),
        ({"options": {"encoder": ["x"], "lip_input": 3}}, r"garbles options\.encoder, options\.lip_input"),
        ({"shards": [], "data": 7}, "garbles shards, data"),
        ({"rectified": "yes"}, "garbles rectified"),
        ({"crop": "../x"}, "says crops"),
        ({"format": [1]}, "is no checkpoint of format 1"),
    ],
)
def test_a_hostile_checkpoint_is_refused_in_a_line(saved, changed, said):
    folder, _, tensors = saved
    load_run(folder.parent)
    write_checkpoint(folder, tensors, **changed)
    with pytest.raises(ModelError, match=said):
        load_run(folder.parent)


@pytest.mark.parametrize("text", ["[" * 100_000, "3", "", "{"])
def test_a_checkpoint_of_another_form_is_refused_in_a_line(saved, text):
    folder = saved[0]
    (folder / "checkpoint.json").write_text(text)
    with pytest.raises(ModelError, match=r"checkpoint\.json cannot be read|is no checkpoint of format"):
        load_run(folder.parent)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(saved, value):
    folder, _, tensors = saved
    name = next(name for name in tensors if name.startswith("pair.lips") and name.endswith("weight"))
    write_checkpoint(folder, tensors | {name: tensors[name].clone().fill_(value)})
    with pytest.raises(ModelError, match=rf"not all finite \({name.removeprefix('pair.')}, 1 in all\)"):
        load_run(folder.parent)
