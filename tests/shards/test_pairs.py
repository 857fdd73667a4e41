"""Proportions of kinds, distances of negatives, windows that hold what they say, a saved position."""

import itertools
import json
import math
from collections import Counter
from functools import partial

import numpy as np
import pytest
import tiny_dataset
import torch
from position_auc import position_auc

from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs import batches
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.mix import PairMix, parse_mix
from speechlip.shards.pairs.rules import KINDS, NO_OFFSET, PairRules
from speechlip.shards.pairs.stream import POOL_WINDOWS_PER_CLIP
from speechlip.shards.read import filmstrip, lip_windows
from speechlip.shards.read.filmstrip import decode_coded, decode_strip
from speechlip.shards.read.lip_windows import LipWindow
from speechlip.shards.read.reader import ClipReader

POSITIVE, SHIFT, CLIP, SPEAKER = range(4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "out")


@pytest.fixture(scope="module")
def clips(folder):
    return {clip.key: clip for clip in ClipReader(folder, "train", fields=["lips", "spectrogram"])}


@pytest.fixture
def black(monkeypatch):
    """Lips are not decoded: for tests that draw thousands of pairs and look at none."""
    monkeypatch.setattr(
        batches, "decode_lips", lambda windows: np.zeros((len(windows), 5, 96, 96, 3), np.uint8)
    )


def rows_of(batches):
    """One dict per pair."""
    for batch in batches:
        for row in range(len(batch["label"])):
            yield {
                name: values[row].item() if values[row].ndim == 0 else values[row]
                for name, values in batch.items()
                if name != "keys"
            } | {"keys": batch["keys"][row]}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_has_one_type_whatever_the_workers(folder, black, workers):
    batch = next(iter(pair_loader(folder, "train", batch_size=4, workers=workers)))
    assert type(batch["keys"]) is list and {type(keys) for keys in batch["keys"]} == {tuple}
    assert {type(values) for name, values in batch.items() if name != "keys"} == {torch.Tensor}


@pytest.mark.parametrize("n_frames", [20, 25, 100])
def test_the_best_that_position_can_tell_in_training(tmp_path, black, n_frames):
    """The likelihood of each start, learned on half of the pairs, ranks the other half at chance (0.70 in
    clips of 25 frames with the older drawing).
    """
    folder = tiny_dataset.write_dataset(tmp_path / "out", {"train": {"anna": (n_frames,) * 6}}, shards=1)
    loader = pair_loader(
        folder, "train", mix=PairMix(0.5, 0.5, 0, 0), batch_size=50, windows_per_clip=700, seed=1
    )
    batches = list(loader)
    labels = torch.cat([batch["label"] for batch in batches]).numpy()
    assert len(labels) > 3000
    for name in ("lips_start", "speech_start"):
        assert position_auc(torch.cat([batch[name] for batch in batches]).numpy(), labels) < 0.55


# what is loaded


@pytest.mark.parametrize("lips_format", ["png", "jpg"])
@pytest.mark.parametrize("spectrogram", ["stft", "mel"])
def test_layout_of_a_batch(tmp_path, lips_format, spectrogram):
    splits = {"train": {"anna": (20, 16), "ben": (17, 18)}}
    folder = tiny_dataset.write_dataset(
        tmp_path / "out", splits, shards=1, lips_format=lips_format, spectrogram=spectrogram
    )
    batch = next(iter(pair_loader(folder, "train", batch_size=6)))
    described = {
        name: (tuple(values.shape), values.dtype) for name, values in batch.items() if name != "keys"
    }
    assert described == {
        "lips": ((6, 5, 96, 96, 3), torch.uint8),
        "spectrogram": ((6, 25, {"stft": 257, "mel": 80}[spectrogram]), torch.float16),
        "label": ((6,), torch.float32),
        **dict.fromkeys(("kind", "offset", "lips_start", "speech_start"), ((6,), torch.int64)),
    }
    assert len(batch["keys"]) == 6


@pytest.mark.parametrize("workers", [0, 2])
def test_windows_hold_what_they_say(folder, clips, workers):
    for row in rows_of(pair_loader(folder, "train", batch_size=8, workers=workers)):
        lips, speech = (clips[key] for key in row["keys"])
        start = row["lips_start"]
        np.testing.assert_array_equal(row["lips"], lips.lips[start : start + 5])
        start = 5 * row["speech_start"]
        np.testing.assert_array_equal(row["spectrogram"], speech.spectrogram[start : start + 25])
        one_clip = row["kind"] in (POSITIVE, SHIFT)
        assert (row["keys"][0] == row["keys"][1]) == one_clip
        assert row["offset"] == (row["speech_start"] - row["lips_start"] if one_clip else NO_OFFSET)
        assert (lips.meta.speaker == speech.meta.speaker) == (row["kind"] != SPEAKER)
        assert row["label"] == (row["kind"] == POSITIVE) == (row["offset"] == 0)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "rules",
    [PairRules(), PairRules(gap_frames=0), PairRules(max_shift_frames=14), PairRules(window=3, gap_frames=1)],
)
def test_no_negative_shares_a_frame_with_its_positive(black, folder, clips, seed, rules):
    """In recording time, from the samples' own json."""
    n_negatives = 0
    for row in rows_of(pair_loader(folder, "train", batch_size=5, seed=seed, rules=rules)):
        lips, speech = (clips[key].meta for key in row["keys"])
        lips_frame = round(lips.start_s * 25) + row["lips_start"]
        speech_frame = round(speech.start_s * 25) + row["speech_start"]
        assert (
            0 <= row["lips_start"] <= lips.n_frames - rules.window
            and 0 <= row["speech_start"] <= speech.n_frames - rules.window
        )
        if row["label"] == 0 and lips.source == speech.source:
            gap = rules.window if rules.gap_frames is None else rules.gap_frames
            assert abs(speech_frame - lips_frame) >= rules.window + gap
            n_negatives += 1
        if row["kind"] == SHIFT and rules.max_shift_frames:
            assert abs(row["offset"]) <= rules.max_shift_frames
    assert n_negatives > 5


def test_copies_of_a_recording_under_another_speaker_are_no_negative(black, tmp_path):
    """The same film in two folders: the same time under two speakers would be a positive called negative."""
    folder = tiny_dataset.write_dataset(
        tmp_path / "out", {"train": {"anna": (20,), "ben": (20,), "chen": (20,)}}, shards=1
    )

    def copy(samples):
        meta = json.loads(samples["anna-0"]["json"])
        samples["ben-0"]["json"] = json.dumps(
            {**json.loads(samples["ben-0"]["json"]), "source_sha256": meta["source_sha256"]}
        ).encode()

    tiny_dataset.rewrite(folder, "train-00000-of-00001.tar", copy)
    copies = {"anna-0", "ben-0"}
    seen = Counter()
    for seed in range(20):
        mix = PairMix(0.5, 0, 0, 0.5)
        for row in rows_of(pair_loader(folder, "train", batch_size=4, mix=mix, seed=seed)):
            if row["kind"] == SPEAKER and set(row["keys"]) == copies:
                assert abs(row["lips_start"] - row["speech_start"]) >= 10
            seen[set(row["keys"]) == copies and row["kind"] == SPEAKER] += 1
    assert seen[True] > 5


@pytest.mark.parametrize(
    "text",
    [
        "shift:0.5,clip:0.25,speaker:0.25",
        "shift:1",
        "speaker:1",
        "positive:0.1,shift:0.2,clip:0.3,speaker:0.4",
    ],
)
@pytest.mark.parametrize("batch_size", [1, 7, 16])
def test_proportions_hold_after_every_batch(black, folder, text, batch_size):
    mix = parse_mix(text)
    loader = pair_loader(folder, "train", batch_size=batch_size, mix=mix, seed=4)
    for _ in range(3):
        counts, total = Counter(), 0
        for batch in loader:
            assert len(batch["kind"]) == batch_size
            counts.update(batch["kind"].tolist())
            total += batch_size
            for number, share in enumerate(mix.shares().values()):
                assert abs(counts[number] - share * total) <= 1
        assert total >= 48
        assert loader.counts.pairs == {KINDS[number]: n for number, n in counts.items()}


def test_lips_say_nothing_about_the_label(black, folder):
    """Every clip's lips stand in positives and negatives in about the same proportion (binomial, 4 standard
    deviations).
    """
    counts = {0.0: Counter(), 1.0: Counter()}
    for seed in range(30):
        for row in rows_of(pair_loader(folder, "train", batch_size=8, seed=seed)):
            counts[row["label"]][row["keys"][0]] += 1
    for key in counts[0.0] | counts[1.0]:
        n = counts[0.0][key] + counts[1.0][key]
        assert abs(counts[1.0][key] - n / 2) < 4 * math.sqrt(n / 4)


def test_every_kind_of_partner_and_every_window_occurs(black, folder, clips):
    starts, partners = Counter(), set()
    loader = pair_loader(folder, "train", batch_size=8)
    for _ in range(25):
        for row in rows_of(loader):
            if row["kind"] == POSITIVE and row["keys"][0] == "ben-2":
                starts[row["lips_start"]] += 1
            if row["kind"] in (CLIP, SPEAKER):
                partners.add(row["keys"])
    assert len(starts) > 15  # 26 frames have 22 windows
    assert len(partners) > 60  # of 72 ordered pairs of 9 clips


def test_clips_too_short_serve_other_kinds_and_the_mix_holds(tmp_path):
    """14 frames have no two windows ten apart, 4 no window at all: they wait for longer clips, and are
    counted.
    """
    splits = {"train": {"anna": (14, 14, 40), "ben": (4, 14, 40), "chen": (14, 14)}}
    folder = tiny_dataset.write_dataset(tmp_path / "out", splits, shards=1)
    loader = pair_loader(folder, "train", batch_size=4)
    counts = Counter()
    for row in rows_of(loader):
        counts[KINDS[row["kind"]]] += 1
        assert row["kind"] != SHIFT or row["keys"][0] in ("anna-2", "ben-2")
    n = sum(counts.values())
    assert n >= 16 and counts["positive"] == n / 2 and counts["shift"] == n / 4
    assert loader.counts.too_short == 1 and loader.counts.clips == 8 and loader.counts.waited["shift"] > 0
    sampled = loader.counts.clips * 8 - 8
    assert n + loader.counts.unused == sampled


def test_a_png_filmstrip_is_decoded_once(tmp_path, monkeypatch):
    folder, decoded = tiny_dataset.write_dataset(tmp_path / "out", lips_format="png"), Counter()
    monkeypatch.setattr(
        filmstrip,
        "decode_strip",
        lambda data, n_frames: decoded.update([data]) or decode_strip(data, n_frames),
    )
    n_pairs = sum(8 for _ in pair_loader(folder, "train", batch_size=8))
    assert n_pairs > 40 and len(decoded) == 9 and set(decoded.values()) == {1}


@pytest.mark.parametrize("lips_format", ["jpg", "png"])
def test_skipped_batches_decode_no_picture(tmp_path, lips_format, monkeypatch):
    folder = tiny_dataset.write_dataset(tmp_path / "out", lips_format=lips_format)
    loader, resumed = (pair_loader(folder, "train", batch_size=8) for _ in range(2))
    whole = list(loader)
    loader.epoch = 0
    list(itertools.islice(iter(loader), len(whole) - 1))
    resumed.load_state_dict(loader.state_dict())
    decoded, cut = Counter(), LipWindow.cut
    monkeypatch.setattr(
        filmstrip, "decode_coded", lambda windows, out: decoded.update(windows) or decode_coded(windows, out)
    )
    monkeypatch.setattr(lip_windows, "decode_coded", filmstrip.decode_coded)
    monkeypatch.setattr(LipWindow, "cut", lambda window: decoded.update([window.strip]) or cut(window))
    assert same(list(resumed), whole[-1:])
    del decoded[None]
    assert decoded.total() == 8 + (resumed.counts.unused if lips_format == "png" else 0)


def test_the_pool_forgets_old_clips(tmp_path):
    folder = tiny_dataset.write_dataset(
        tmp_path / "out", {"train": dict.fromkeys("abcdefgh", (12,))}, shards=1
    )
    mix = PairMix(0.5, 0, 0, 0.5)
    rows = rows_of(pair_loader(folder, "train", batch_size=2, mix=mix, pool_clips=1, shuffle_clips=0))
    order = "abcdefgh"
    distances = {
        order.index(row["keys"][0][0]) - order.index(row["keys"][1][0])
        for row in rows
        if row["kind"] == SPEAKER
    }
    assert distances == {1} and POOL_WINDOWS_PER_CLIP == 4


# seeds and positions


def same(one, other):
    return len(one) == len(other) and all(
        a["keys"] == b["keys"] and all(torch.equal(a[name], b[name]) for name in a if name != "keys")
        for a, b in zip(one, other, strict=True)
    )


def test_same_seed_same_batches(folder):
    make = partial(pair_loader, folder, "train", batch_size=8)
    assert same(list(make(seed=1)), list(make(seed=1)))
    assert not same(list(make(seed=1)), list(make(seed=2)))
    loader = make(seed=1)
    first, second = list(loader), list(loader)
    assert not same(first, second) and loader.epoch == 2
    loader = make(seed=1, shuffle_clips=0)
    assert not same(list(loader), list(loader))  # other windows, though the clips come in the same order


@pytest.mark.parametrize(
    ("workers", "stop"), [*((0, stop) for stop in (1, 2, 5, 7, 8, 11)), (1, 3), (2, 4), (2, 9)]
)
def test_resume_equals_the_uninterrupted_run(folder, workers, stop):
    make = partial(pair_loader, folder, "train", batch_size=8, workers=workers, seed=9)
    loader = make()
    whole = []
    while loader.epoch < 2:
        whole += loader
    assert len(whole) >= 12
    loader, before = make(), []
    while len(before) < stop:
        before += itertools.islice(iter(loader), stop - len(before))
    resumed, after = make(), []
    resumed.load_state_dict(json.loads(json.dumps(loader.state_dict())))
    while resumed.epoch < 2:
        after += resumed
    assert same(before + after, whole)
    assert resumed.counts == loader_counts(make, 1)


def loader_counts(make, epoch):
    loader = make()
    loader.epoch = epoch
    list(loader)
    return loader.counts


def test_a_broken_loop_goes_on(folder):
    make = partial(pair_loader, folder, "train", batch_size=8, seed=9)
    loader = make()
    parts = [next(iter(loader)), *itertools.islice(iter(loader), 2), *loader]
    assert same(parts, list(make()))


def test_a_position_of_other_pairs_is_refused(folder):
    state = pair_loader(folder, "train", batch_size=8).state_dict()
    with pytest.raises(ShardError, match="batch_size was 8, is 4"):
        pair_loader(folder, "train", batch_size=4).load_state_dict(state)
    with pytest.raises(ShardError, match=r"rules was.*gap_frames=None.*gap_frames=0"):
        pair_loader(folder, "train", batch_size=8, rules=PairRules(gap_frames=0)).load_state_dict(state)


# kinds that cannot be


def test_one_speaker_leaves_out_the_speaker_kind_and_says_so(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "out", {"train": {"anna": (40, 40, 40)}}, shards=1)
    with pytest.warns(
        UserWarning,
        match=(
            r"'speaker' negatives cannot be drawn: split 'train' has one speaker; "
            r"the mix is positive:0\.5, shift:0\.333"
        ),
    ):
        loader = pair_loader(folder, "train", batch_size=6)
    assert loader.mix == PairMix().without(("speaker",)) and len(loader.notes) == 2
    assert {row["kind"] for row in rows_of(loader)} == {POSITIVE, SHIFT, CLIP}
    with pytest.raises(OptionError, match=r"'speaker' negatives cannot be drawn.*one speaker"):
        pair_loader(folder, "train", mix=parse_mix("speaker:1"))


def test_one_clip_each_leaves_out_the_clip_kind(tmp_path):
    folder = tiny_dataset.write_dataset(
        tmp_path / "out", {"train": {"anna": (40,), "ben": (40,), "chen": (30,)}}, shards=1
    )
    with pytest.warns(
        UserWarning, match="'clip' negatives cannot be drawn: each speaker of split 'train' has one clip"
    ):
        loader = pair_loader(folder, "train", batch_size=6)
    assert {row["kind"] for row in rows_of(loader)} == {POSITIVE, SHIFT, SPEAKER}


def test_an_epoch_without_a_batch_is_an_error(tmp_path):
    folder = tiny_dataset.write_dataset(
        tmp_path / "out", {"train": {"anna": (12, 12), "ben": (12, 12)}}, shards=1
    )
    with pytest.raises(
        ShardError, match=r"out: 4 clips gave no batch of 8 pairs .*could not serve: shift \(\d+ times\)"
    ):
        list(pair_loader(folder, "train", batch_size=8, mix=parse_mix("shift:1")))


def test_fewer_pairs_than_a_batch_are_said_as_such(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "out", {"train": {"anna": (90,)}}, shards=1)
    with pytest.raises(ShardError, match=r"1 clip gives at most 8 pairs an epoch .*than batch_size 16\. To"):
        list(pair_loader(folder, "train", batch_size=16, mix="shift:1"))


@pytest.mark.parametrize("option", ["batch_size", "windows_per_clip", "pool_clips"])
def test_counts_must_be_positive(folder, option):
    with pytest.raises(OptionError, match=f"{option} must be at least 1"):
        pair_loader(folder, "train", **{option: 0})
