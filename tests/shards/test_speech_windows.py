"""Windows of the waveform instead of the spectrogram: the same pairs, the samples of their frames, the same
position to go on from.
"""

import itertools
import json
from functools import partial

import numpy as np
import pytest
import tiny_dataset
import torch

from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.lookup import evaluation_batches
from speechlip.shards.pairs.speech_windows import SpeechWindows
from speechlip.shards.read.reader import ClipReader

READS = SpeechWindows("waveform", before=401, after=200, grid=200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    splits = {
        "train": {"anna": (30, 22), "ben": (25, 21), "chen": (24,)},
        "validation": {"dora": (30, 26), "emil": (28,)},
    }
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "out", splits)


def samples(audio, start):
    """The window of ``READS`` from frame ``start``, sample by sample."""
    first = (640 * start) // 200 * 200
    return [audio[n] if 0 <= n < len(audio) else 0 for n in range(first - 401, first + 3200 + 200)]


def test_windows_hold_the_samples_of_their_frames_and_zeros_beyond_the_clip(folder):
    clips = {clip.key: clip.audio for clip in ClipReader(folder, "train", fields=["audio"])}
    beyond = 0
    for batch in pair_loader(folder, "train", batch_size=4, reads=READS):
        assert (
            "spectrogram" not in batch
            and batch["waveform"].dtype == torch.int16
            and batch["waveform"].shape == (4, 3801)
        )
        for row, (_, key) in enumerate(batch["keys"]):
            start = batch["speech_start"][row].item()
            np.testing.assert_array_equal(batch["waveform"][row], samples(clips[key], start))
            beyond += start == 0 or 640 * (start + 5) == len(clips[key])
    assert beyond, "some window reached beyond its clip"


def test_every_start_of_a_clip_is_cut_as_sample_by_sample():
    audio = np.arange(1, 640 * 9 + 1)
    for reads in (READS, SpeechWindows("waveform"), SpeechWindows("waveform", after=7000)):
        for start in range(5):
            first = 640 * start // reads.grid * reads.grid
            wanted = [
                n + 1 if 0 <= n < len(audio) else 0
                for n in range(first - reads.before, first + 3200 + reads.after)
            ]
            np.testing.assert_array_equal(reads.cut(audio, start, 5), wanted)


def test_a_seed_gives_the_same_pairs_in_either_form(folder):
    waveforms, spectrograms = (
        list(pair_loader(folder, "train", batch_size=4, seed=3, reads=reads))
        for reads in (READS, SpeechWindows())
    )
    assert len(waveforms) == len(spectrograms) > 3
    for one, other in zip(waveforms, spectrograms, strict=True):
        assert one["keys"] == other["keys"]
        assert all(torch.equal(one[name], other[name]) for name in one.keys() & other.keys() - {"keys"})


@pytest.mark.parametrize("workers", [0, 1])
def test_a_position_goes_on_with_the_same_waveforms(folder, workers):
    make = partial(pair_loader, folder, "train", batch_size=4, seed=5, workers=workers, reads=READS)
    whole, loader, resumed = list(make()), make(), make()
    before = list(itertools.islice(iter(loader), 2))
    resumed.load_state_dict(json.loads(json.dumps(loader.state_dict())))
    parts = before + list(resumed)
    assert len(parts) == len(whole)
    assert all(
        torch.equal(part["waveform"], wanted["waveform"]) for part, wanted in zip(parts, whole, strict=True)
    )


def test_a_position_of_the_other_form_is_refused(folder):
    state = pair_loader(folder, "train", batch_size=4).state_dict()
    with pytest.raises(ShardError, match=r"reads was .*form='spectrogram'.* is .*form='waveform'"):
        pair_loader(folder, "train", batch_size=4, reads=READS).load_state_dict(state)


def test_frozen_pairs_are_cut_of_the_waveform_too(folder):
    clips = {clip.key: clip.audio for clip in ClipReader(folder, "validation", fields=["audio"])}
    rows = list(read_pairs(folder / "pairs" / "validation.parquet"))
    cut = torch.cat([batch["waveform"] for batch in evaluation_batches(folder, "validation", 7, READS)])
    assert len(cut) == len(rows) > 7
    for row, window in zip(rows, cut, strict=True):
        np.testing.assert_array_equal(window, samples(clips[row.audio_key], row.audio_start_frame))


def test_frozen_pairs_beyond_their_clip_are_refused_in_samples_too(folder):
    from speechlip.shards.pairs.lookup import ClipLookup

    lookup = ClipLookup(folder, "validation", READS)
    assert lookup.speech("dora-0", 25, 5).shape == (3801,)
    with pytest.raises(ShardError, match="frames 26 … 30 reach beyond clip dora-0"):
        lookup.speech("dora-0", 26, 5)


def test_mel_shards_have_waveforms(tmp_path):
    folder = tiny_dataset.write_dataset(
        tmp_path / "out", {"train": {"anna": (20, 18), "ben": (20, 18)}}, shards=1, spectrogram="mel"
    )
    assert next(iter(pair_loader(folder, "train", batch_size=4, reads=READS)))["waveform"].shape == (4, 3801)


def test_forms_and_margins_that_cannot_be_are_refused():
    with pytest.raises(OptionError, match="no form of speech 'wav'; there are: spectrogram, waveform"):
        SpeechWindows("wav")
    with pytest.raises(
        OptionError, match="before -1 and after 0 must be at least 0 samples, grid 1 at least 1"
    ):
        SpeechWindows("waveform", before=-1)
