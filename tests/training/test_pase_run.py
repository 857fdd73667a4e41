"""``train-encoder --encoder pase`` in a small size: run, resume, inference, bad shards, what it says."""

import hashlib
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny_dataset
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from tiny_runs import checkpoint, facts, history, same_weights

from speechlip.commands.cli import train_encoder
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.networks.pase.audio import LOOK_AHEAD_MS
from speechlip.encoders.trained import TrainedPair, load_run
from speechlip.errors import ModelError, OptionError, ShardError
from speechlip.spectra import spectrogram
from speechlip.training.check_data import check_data
from speechlip.training.objectives.pase_loss import PaseLoss
from speechlip.training.options import TrainOptions
from speechlip.training.run.history import read
from speechlip.training.train import train

SMALL = TrainOptions.preset(
    "small",
    encoder="pase",
    steps=4,
    batch_size=2,
    clip_frames=12,
    validation_pairs=8,
    validate_every=1,
    checkpoint_every=2,
)
TERMS = {"contrast", "anchors", "prediction", "audio", "mouth"}


def with_phones(folder, phones_of):
    """A tiny folder whose samples have ``phones_of(n_frames)``: (phone, start_s, end_s)."""
    tiny_dataset.write_dataset(folder, phones=True)

    def change(samples):
        for members in samples.values():
            rows = phones_of(json.loads(members["json"])["n_frames"])
            members["phones.json"] = json.dumps(
                [{"start_s": start, "end_s": end, "phone": phone} for phone, start, end in rows]
            ).encode()

    for row in json.loads((folder / "manifest.json").read_text())["shards"]:
        tiny_dataset.rewrite(folder, row["name"], change)
    return folder


def in_turn(n_frames, phones=("T", "AH0", "M")):
    return [(phones[n % len(phones)], 0.2 * n, 0.2 * n + 0.2) for n in range(n_frames // 5)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return with_phones(tmp_path_factory.mktemp("tiny") / "shards", in_turn)


@pytest.fixture(scope="module")
def straight(shards, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "straight"
    train(shards, run, SMALL)
    return run


def command(*words):
    return CliRunner().invoke(train_encoder, list(map(str, words)))


# a run


def test_two_steps_and_two_more_are_four(shards, straight, tmp_path):
    def kill(row):
        if row.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(shards, tmp_path / "run", SMALL, on_row=kill)
    train(shards, tmp_path / "run", None, resume=True)
    assert same_weights(tmp_path / "run", straight)
    assert history(tmp_path / "run") == history(straight)


def test_the_history_has_every_term_and_the_loss_is_their_weighted_sum(straight):
    rows = read(straight)
    assert len(rows) == 4 and all(set(row.terms) == TERMS for row in rows)
    weights = SMALL.term_weights
    for row in rows:
        total = sum(weights[name] * value for name, value in row.terms.items())
        assert row.loss == pytest.approx(total, rel=1e-4)


def test_the_card_and_the_checkpoint_say_that_all_is_our_choice(straight):
    card = (straight / "README.md").read_text()
    assert "it is not the authors'\nmodel" in card and "excerpts of 12 frames" in card
    assert all(word.endswith("our choice") for word in facts(straight)["unlike_paper"].values())
    assert facts(straight)["options"]["negatives_mask"] == "viseme" and (straight / "training.png").is_file()


def test_tensorboard_has_every_term(shards, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(shards, tmp_path / "run", replace(SMALL, steps=1), tensorboard=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert {f"terms/{name}" for name in TERMS} <= set(events.Tags()["scalars"])


def test_the_command_says_what_is_chosen_and_how_large_it_is(shards, tmp_path):
    words = ("--encoder", "pase", "--preset", "small", "--steps", 1, "--batch-size", 2, "--clip-frames", 12)
    done = command(shards, *words, "--validation-pairs", 4, "--mouth-weight", 0, "-o", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "No text of its paper could be had; our choice: lip_input mouth" in done.output
    assert "the paper's are 37.7 M, second-hand. A feature looks 8 ms beyond its frame" in done.output
    assert set(read(tmp_path / "run")[0].terms) == TERMS - {"mouth"}


def test_bf16_and_compile_reach_the_networks(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda module: module)
    train(shards, tmp_path / "run", replace(SMALL, steps=1, precision="bf16", compile=True))
    assert np.isfinite(read(tmp_path / "run")[0].loss)


def test_one_batch_is_learned_by_heart(shards):
    memorised = check_data(shards, replace(SMALL, steps=1, batch_size=2))
    assert memorised.last_loss < memorised.first_loss / 2 and str(memorised).startswith(
        "one batch of 2 clips"
    )


# after it


@pytest.fixture(scope="module")
def audio():
    return np.random.default_rng(0).normal(0, 3000, 30 * 640).astype(np.int16)


def test_inference_is_the_audio_path_bit_for_bit(straight, audio):
    trained = load_run(straight)
    columns = torch.from_numpy(spectrogram(audio))[None]
    with torch.inference_mode():
        wanted = trained.pair.speech(columns)[0][0].numpy()
    np.testing.assert_array_equal(trained.speech_embeddings(audio), wanted)
    opened = open_encoder(str(straight))
    np.testing.assert_array_equal(opened.encode_waveform(audio), wanted)
    assert wanted.shape == (30, 512) and opened.clock.rate_hz == 25
    assert opened.clock.future_ms == 20 + LOOK_AHEAD_MS == 28
    assert opened.parameters == sum(each.numel() for each in trained.pair.speech.parameters())


@pytest.mark.parametrize("frames", [1, 7])
def test_chunks_with_their_states_are_the_whole(straight, audio, frames, monkeypatch):
    pair = load_run(straight).pair
    columns = spectrogram(audio)
    with torch.inference_mode():
        whole = pair.frame_features(columns)
        monkeypatch.setattr("speechlip.encoders.networks.pase.pair.CHUNK_FRAMES", frames)
        np.testing.assert_allclose(pair.frame_features(columns), whole, atol=1e-5)


def test_a_feature_hears_8_ms_beyond_its_frame_and_no_more(straight, audio):
    trained, frame = load_run(straight), 10
    heard = trained.speech_embeddings(audio)
    for beyond, changes in ((7, True), (9, False)):
        other = audio.copy()
        other[(frame + 1) * 640 + 16 * beyond :] = 0
        same = np.array_equal(trained.speech_embeddings(other)[frame], heard[frame])
        assert same != changes, beyond


def test_it_measures_sync_like_any_run(straight, audio):
    lips = np.random.default_rng(1).integers(0, 256, (30, 96, 96, 3), np.uint8)
    seen, said = load_run(straight).features(iter(lips), audio)
    assert seen.shape == said.shape == (26, 513)
    np.testing.assert_allclose(np.linalg.norm(said[:, :-1], axis=1), 1, rtol=1e-5)


def test_validation_is_what_the_trained_pair_gives(shards, straight):
    from speechlip.shards.read.reader import ClipReader
    from speechlip.training.clip_validation import open_clip_validation

    exam, _ = open_clip_validation(shards, 1000)
    trained = load_run(straight)
    clips = {
        clip.key: clip
        for clip in ClipReader(shards, "validation", fields=("lips", "audio"), rank=0, world_size=1)
    }
    batch, cosines = exam.batches[0], exam.cosines(trained.pair)
    for number in range(3):
        lips_key, speech_key = batch["keys"][number]
        lips, _ = trained.features(iter(clips[lips_key].lips), clips[lips_key].audio)
        said = trained.speech_features(clips[speech_key].audio)
        both = lips[batch["lips_start"][number], :-1], said[batch["speech_start"][number], :-1]
        assert cosines[number] == pytest.approx(np.dot(*both), abs=1e-3)


def test_random_weights_are_an_encoder_too(audio):
    assert open_encoder("random:pase").encode_waveform(audio[: 5 * 640]).shape == (5, 512)


def test_the_full_size_has_8_layers_and_table_2():
    pair = build_pair("pase", "mouth", rectified=False)
    counts = [sum(each.numel() for each in part.parameters()) for part in (pair.speech, pair.lips)]
    gru = 8 * (2 * 3 * 512 * 512 + 2 * 3 * 512 + 2 * 512)
    assert counts == [257 * 512 + 512 + 512 + gru + 2 * 512, 9_932_544] and len(pair.speech.grus) == 8


# bad input


def test_shards_without_phones_are_refused_with_what_to_do(tmp_path):
    shards = tiny_dataset.write_dataset(tmp_path / "shards")
    done = command(shards, "--encoder", "pase", "--preset", "small", "-o", tmp_path / "run")
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert "carries no phones" in done.output and "--phones align" in done.output and "grid" in done.output


@pytest.mark.parametrize(
    ("phones_of", "words"),
    [
        (lambda n: in_turn(n, ("tʃ", "ə")), r"no label is one of the 40 phones .*'tʃ' \(\d+ times\), 'ə'"),
        (lambda n: [("T", 0.0, 0.03)], "of the 9 clips looked at none has a phone of 40 ms"),
        (lambda n: in_turn(n, ("T", "D")), r"are of one viseme \(D, T\), which leaves no negatives"),
    ],
)
def test_phones_that_nothing_can_be_learned_from(tmp_path, phones_of, words):
    shards = with_phones(tmp_path / "shards", phones_of)
    with pytest.raises(ShardError, match=words):
        train(shards, tmp_path / "run", SMALL)


def test_labels_that_are_no_phones_are_named_before_the_run(tmp_path):
    from kept_progress import KeptProgress

    shards, progress = (
        with_phones(tmp_path / "shards", lambda n: in_turn(n, ("T", "spn", "M"))),
        KeptProgress(),
    )
    train(shards, tmp_path / "run", replace(SMALL, steps=1), progress=progress)
    assert any("give no segments: 'spn'" in note for note in progress.said)


def test_speech_that_is_no_number_stops_the_run_with_its_clips(shards, tmp_path, monkeypatch):
    real = PaseLoss.forward

    def spoilt(self, batch):
        batch["spectrogram"][0] = float("nan")
        return real(self, batch | {"heard": batch["spectrogram"]})

    monkeypatch.setattr(PaseLoss, "forward", spoilt)
    done = command(
        shards, "--encoder", "pase", "--preset", "small", "--batch-size", 2, "-o", tmp_path / "run"
    )
    assert done.exit_code == 1
    assert re.search(
        r"the speech of these pairs is not finite; run verify-shards: .*(anna|ben|chen)-\d", done.output
    )


def test_a_mel_is_refused(tmp_path):
    shards = tiny_dataset.write_dataset(tmp_path / "shards", spectrogram="mel", phones=True)
    with pytest.raises(ShardError, match="prepare with --spectrogram stft"):
        train(shards, tmp_path / "run", SMALL)


def test_full_memory_names_a_smaller_batch_and_a_shorter_clip(shards, tmp_path, monkeypatch):
    def full(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(PaseLoss, "forward", full)
    with pytest.raises(
        OptionError, match="batches of 4 clips; try --batch-size 2 or --clip-frames 6, with another -o"
    ):
        train(shards, tmp_path / "run", replace(SMALL, batch_size=4))


@pytest.mark.parametrize("change", [{"encoder": "mel-cnn"}, {"size": "full"}, {"alignment": "mean"}])
def test_a_checkpoint_of_other_networks_is_refused(straight, tmp_path, change):
    run = shutil.copytree(straight, tmp_path / "run")
    path = checkpoint(run) / "checkpoint.json"
    content = json.loads(path.read_text())
    content["options"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="holds weights of another network"):
        load_run(run)


def test_a_run_from_before_every_segment_was_read_by_every_phone_is_refused(straight, shards, tmp_path):
    """Its attention had a layer more; its weights were learned from what leaked through the queries."""
    run = shutil.copytree(straight, tmp_path / "run")
    weights = checkpoint(run) / "model.safetensors"
    tensors = load_file(weights)
    save_file(tensors | {"pair.attention.out.weight": torch.zeros(512, 512)}, weights)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    facts = checkpoint(run) / "checkpoint.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"sha256": sha256}))
    words = (
        r"weights of another network: Unexpected .*attention\.out\.weight.*train again, or use the release"
    )
    with pytest.raises(ModelError, match=words):
        load_run(run)
    done = command(shards, "--resume", "-o", run, "--steps", 6)
    assert done.exit_code == 1 and "train again, or use the release that wrote them" in done.output


def test_tables_of_another_size_are_refused(shards, straight, tmp_path, monkeypatch):
    run = shutil.copytree(straight, tmp_path / "run")
    monkeypatch.setattr("speechlip.encoders.networks.pase.heads.TABLE", ("SIL", "AA"))
    with pytest.raises(ModelError, match=r"holds weights of another network: .*phones\.weight"):
        train(shards, run, replace(SMALL, steps=6), resume=True)


def test_a_trained_pair_of_one_frame_has_a_feature():
    pair = TrainedPair(build_pair("pase", "mouth", False, size="small"), "x", "0" * 64, 0, "lips")
    assert pair.speech_embeddings(np.zeros(640, np.int16)).shape == (1, 512)
    with pytest.raises(ShardError, match="0 frames of speech came"):
        pair.speech_embeddings(np.zeros(600, np.int16))
