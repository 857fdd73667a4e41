"""The frozen evaluation pairs: balanced, fixed by the seed on every machine, never a positive in disguise,
and read back as windows.
"""

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
from position_auc import position_auc

from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.freeze import freeze_pairs
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs, write_pairs
from speechlip.shards.pairs.lookup import evaluation_batches
from speechlip.shards.pairs.rules import KINDS, NEGATIVES, NO_OFFSET, PairClip, PairRules
from speechlip.shards.read.reader import ClipReader


def random_clips(seed):
    """Clips of up to 6 speakers; several per recording, some overlapping in time (two faces), some recordings
    under two speakers.
    """
    rng = np.random.default_rng(seed)
    return [
        PairClip(
            f"clip-{number}",
            f"s{rng.integers(6)}",
            f"r{rng.integers(8)}",
            int(rng.integers(0, 60)),
            int(rng.integers(3, 60)),
        )
        for number in range(rng.integers(2, 40))
    ]


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("rules", [PairRules(), PairRules(gap_frames=0), PairRules(max_shift_frames=12)])
def test_rows_keep_every_rule(seed, rules):
    clips = {clip.key: clip for clip in random_clips(seed)}
    frozen = freeze_pairs(clips.values(), seed, rules=rules)
    for row in frozen.rows:
        lips, speech = clips[row.lips_key], clips[row.audio_key]
        assert (
            0 <= row.lips_start_frame <= lips.n_frames - 5
            and 0 <= row.audio_start_frame <= speech.n_frames - 5
        )
        offset = row.audio_start_frame - row.lips_start_frame if lips == speech else None
        wanted = (
            ("positive" if offset == 0 else "shift")
            if lips == speech
            else ("clip" if lips.speaker == speech.speaker else "speaker")
        )
        assert (row.kind, row.label, row.offset_frames, row.window) == (
            wanted,
            int(wanted == "positive"),
            offset,
            5,
        )
        moments = lips.start_frame + row.lips_start_frame, speech.start_frame + row.audio_start_frame
        if not row.label and lips.recording == speech.recording:
            assert abs(moments[0] - moments[1]) >= rules.min_offset
        if row.kind == "shift" and rules.max_shift_frames:
            assert abs(row.offset_frames) <= rules.max_shift_frames
    assert Counter(row.kind for row in frozen.rows) == Counter(frozen.counts)
    assert frozen.counts["positive"] * 2 == len(frozen.rows)
    assert len({(row.lips_key, row.lips_start_frame, row.label) for row in frozen.rows}) == len(frozen.rows)


@pytest.mark.parametrize("seed", range(10))
def test_lips_and_speech_alone_say_nothing(seed):
    """The same windows of lips, and, but for shifts, only windows of speech that are positives too."""
    rows = freeze_pairs(random_clips(seed), seed).rows
    lips = [
        Counter((row.lips_key, row.lips_start_frame) for row in rows if row.label == label)
        for label in (0, 1)
    ]
    assert lips[0] == lips[1]
    positives = {(row.audio_key, row.audio_start_frame) for row in rows if row.label}
    assert {
        (row.audio_key, row.audio_start_frame) for row in rows if row.kind in ("clip", "speaker")
    } <= positives


@pytest.mark.parametrize("n_frames", [20, 25, 100])
@pytest.mark.parametrize("rules", [PairRules(), PairRules(max_shift_frames=14)])
def test_position_alone_says_nothing(n_frames, rules):
    """In clips of one length, among positives and shifts (0.70 in clips of 25 frames in older releases)."""
    clips = [PairClip(f"c{number}", f"s{number % 7}", f"r{number}", 0, n_frames) for number in range(500)]
    rows = [row for row in freeze_pairs(clips, 0, rules=rules).rows if row.kind in ("positive", "shift")]
    assert Counter(row.label for row in rows).keys() == {0, 1} and len(rows) > 2500
    order = np.random.default_rng(0).permutation(len(rows))
    labels = np.array([row.label for row in rows])[order]
    for name in ("lips_start_frame", "audio_start_frame"):
        assert position_auc(np.array([getattr(row, name) for row in rows])[order], labels) < 0.55


def test_kinds_of_negatives_get_equal_shares():
    clips = [PairClip(f"c{number}", f"s{number % 5}", f"r{number}", 0, 50) for number in range(30)]
    counts = freeze_pairs(clips, 0).counts
    assert counts["positive"] == 120 and [counts[kind] for kind in NEGATIVES] == [40, 40, 40]


def test_a_scarce_kind_is_served_by_the_clips_that_can():
    """Ten clips can only give speaker negatives, five any: the shifts and clips that are wanted all come from
    the five.
    """
    short = [PairClip(f"short{number}", f"s{number}", f"r{number}", 0, 9) for number in range(10)]
    long = [PairClip(f"long{number}", "long", f"l{number}", 0, 90) for number in range(5)]
    counts = freeze_pairs([*short, *long], 0).counts
    assert counts["positive"] == 60 and counts["speaker"] == 40 and counts["shift"] == counts["clip"] == 10


def test_speakers_take_turns_under_a_bound():
    clips = [PairClip(f"a{number}", "anna", f"a{number}", 0, 50) for number in range(90)]
    clips += [
        PairClip(f"{name}{number}", name, f"{name}{number}", 0, 50)
        for name in ("ben", "chen")
        for number in range(5)
    ]
    rows = freeze_pairs(clips, 0, max_positives=48).rows
    speaker = {clip.key: clip.speaker for clip in clips}
    assert Counter(speaker[row.lips_key] for row in rows if row.label) == {"anna": 16, "ben": 16, "chen": 16}
    assert (
        max(Counter(row.lips_key for row in rows if row.label).values()) == 4
        and len({row.lips_key for row in rows}) == 26
    )


def test_kinds_that_are_off_say_why():
    one_speaker = freeze_pairs([PairClip("a", "s", "r", 0, 50), PairClip("b", "s", "q", 0, 50)], 0)
    assert one_speaker.off == {"speaker": "there are not two speakers"}
    short = freeze_pairs(
        [PairClip("a", "s", "r", 0, 14), PairClip("b", "t", "q", 0, 14), PairClip("c", "u", "p", 0, 4)], 0
    )
    assert short.off == {
        "shift": "no clip has a window 10 frames from another",
        "clip": "no speaker has a second clip",
    }
    assert freeze_pairs([PairClip("a", "s", "r", 0, 12)], 0).unused == 4
    nothing = freeze_pairs([], 0)
    assert nothing.rows == () and set(nothing.off) == set(KINDS)


def test_rows_depend_on_facts_and_seed_alone():
    clips = random_clips(3)
    rows = freeze_pairs(clips, 7).rows
    assert rows == freeze_pairs(reversed(clips), 7).rows != freeze_pairs(clips, 8).rows


def test_rows_are_these_on_every_machine():
    """Worked out once; only integers and SHA-256 take part, so any machine must find the same."""
    clips = [
        PairClip(f"{who}{number}", who, f"{who}{number}", 0, 40 + number)
        for who in "abc"
        for number in range(3)
    ]
    rows = [row for row in freeze_pairs(clips, seed=1, per_clip=1).rows if not row.label]
    assert [
        (row.lips_key, row.lips_start_frame, row.audio_key, row.audio_start_frame, row.kind) for row in rows
    ] == EXPECTED

    # by hand: the one window of "a0" starts at sha256("1\nstart\na0\n0") modulo its 36 starts
    digest = hashlib.sha256(b"1\nstart\na0\n0").digest()
    assert EXPECTED[0][:2] == ("a0", int.from_bytes(digest[:8], "big") % 36)

    # by hand: the lips of "a1" at 32 of 37 starts, 10 … 27 steps on over the end: speech at 5 … 22
    digest = hashlib.sha256(b"1\nshift\na1/0").digest()
    assert EXPECTED[1][3] == range(5, 23)[int.from_bytes(digest[:8], "big") % 18]


EXPECTED = [
    ("a0", 19, "a2", 34, "clip"),
    ("a1", 32, "a1", 10, "shift"),
    ("a2", 34, "c1", 33, "speaker"),
    ("b0", 22, "b0", 32, "shift"),
    ("b1", 35, "b2", 1, "clip"),
    ("b2", 1, "b0", 22, "clip"),
    ("c0", 4, "a2", 34, "speaker"),
    ("c1", 33, "c1", 17, "shift"),
    ("c2", 10, "a2", 34, "speaker"),
]


def test_two_writes_give_the_same_bytes(tmp_path):
    rows = freeze_pairs(random_clips(1), 0).rows
    hashes = [write_pairs(tmp_path / name / "validation.parquet", rows) for name in ("one", "two")]
    files = [(tmp_path / name / "validation.parquet").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1] and hashes == [hashlib.sha256(files[0]).hexdigest()] * 2
    assert b"pandas" not in files[0] and str(tmp_path).encode() not in files[0]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["validation.parquet"]


@pytest.mark.parametrize("rows", [(), freeze_pairs(random_clips(2), 0).rows])
def test_pairs_read_back(tmp_path, rows):
    write_pairs(tmp_path / "p.parquet", rows)
    assert read_pairs(tmp_path / "p.parquet") == rows


def test_pairs_are_plain_parquet_for_others(tmp_path):
    import datasets

    rows = freeze_pairs(random_clips(2), 0).rows
    write_pairs(tmp_path / "p.parquet", rows)
    table = datasets.Dataset.from_parquet(str(tmp_path / "p.parquet"), cache_dir=str(tmp_path / "cache"))
    assert table.to_list() == [vars(row) for row in rows]


def test_pairs_that_cannot_be_read(tmp_path):
    with pytest.raises(ShardError, match="there are no frozen pairs"):
        read_pairs(tmp_path / "validation.parquet")
    (tmp_path / "validation.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ShardError, match="cannot be read"):
        read_pairs(tmp_path / "validation.parquet")
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "validation.parquet")
    with pytest.raises(ShardError, match=r"has the columns \['a'\]"):
        read_pairs(tmp_path / "validation.parquet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "out")


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_evaluation_batches_are_the_frozen_windows_in_their_order(folder, batch_size):
    clips = {clip.key: clip for clip in ClipReader(folder, "validation")}
    rows = list(read_pairs(folder / "pairs" / "validation.parquet"))
    batches = list(evaluation_batches(folder, "validation", batch_size))
    assert sum(len(batch["label"]) for batch in batches) == len(rows) == 32
    for number, row in enumerate(rows):
        batch, place = batches[number // batch_size], number % batch_size
        lips_window = clips[row.lips_key].lips[row.lips_start_frame : row.lips_start_frame + 5]
        np.testing.assert_array_equal(batch["lips"][place], lips_window)
        speech = clips[row.audio_key].spectrogram[5 * row.audio_start_frame : 5 * row.audio_start_frame + 25]
        np.testing.assert_array_equal(batch["spectrogram"][place], speech)
        assert KINDS[batch["kind"][place]] == row.kind and batch["label"][place] == row.label
        assert batch["offset"][place] == (NO_OFFSET if row.offset_frames is None else row.offset_frames)
        assert batch["keys"][place] == (row.lips_key, row.audio_key)


def test_evaluation_batches_have_the_layout_of_training_batches(folder):
    from speechlip.shards.pairs.loader import pair_loader

    training, evaluation = (
        next(iter(pair_loader(folder, "train", batch_size=4))),
        next(evaluation_batches(folder, "validation", 4)),
    )
    assert training.keys() == evaluation.keys()
    for name in training.keys() - {"keys"}:
        assert (training[name].shape, training[name].dtype) == (
            evaluation[name].shape,
            evaluation[name].dtype,
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [({"lips_key": "nobody"}, "no clip 'nobody'"), ({"audio_start_frame": 900}, "reach beyond"), ({}, None)],
)
def test_pairs_of_another_dataset_are_refused(folder, tmp_path, change, message):
    own = shutil.copytree(folder, tmp_path / "own")
    first, *rest = read_pairs(own / "pairs" / "validation.parquet")
    write_pairs(own / "pairs" / "validation.parquet", [FrozenPair(**(vars(first) | change)), *rest])
    if message is None:
        assert list(evaluation_batches(own, "validation"))
    else:
        with pytest.raises(ShardError, match=message):
            list(evaluation_batches(own, "validation"))


def test_evaluation_needs_a_folder_with_pairs(folder):
    with pytest.raises(ShardError, match="there are no frozen pairs"):
        next(evaluation_batches(folder, "train"))
    with pytest.raises(OptionError, match="batch_size"):
        next(evaluation_batches(folder, "validation", 0))
    with pytest.raises(ShardError):
        next(evaluation_batches(Path("nowhere"), "validation"))
