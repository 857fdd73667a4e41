"""verify-shards on what must add up: counts, splits, ledger, frozen pairs."""

import json
import shutil
from dataclasses import asdict

import pytest
import tiny_dataset
from verifying import SHARD, SPLITS, assert_found, edited

from speechlip.shards.checks.verify import verify
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs, write_pairs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "out", SPLITS)


@pytest.fixture
def own(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def test_counts_of_the_manifest(own):
    def change(manifest):
        manifest["shards"][0]["clips"] += 1
        manifest["splits"]["train"]["frames"] += 1
        manifest["splits"]["validation"]["speakers"] = 1
        manifest["funnel"]["clips"] = 7

    tiny_dataset.edit_manifest(own, change)
    report = assert_found(
        own,
        "holds 3 clips",
        "split train has 74 frames, the manifest says 75",
        "split validation has 2 speakers",
    )
    assert "the manifest's funnel says 7 clips, there are 8" in report.problems


def test_a_speaker_in_two_splits(own):
    tiny_dataset.rewrite(
        own,
        SHARD,
        lambda samples: samples["anna-0"].update(json=edited(speaker="dora")(samples["anna-0"]["json"])),
    )
    assert_found(own, "speaker 'dora' is in the splits train, validation")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": 2}, "ledger, 'anna.mp4': 2 clips, but 3 are in the shards"),
        ({"status": "skipped"}, "status 'skipped' with 3 clips"),
        ({"split": "validation"}, "speaker, split or SHA-256 are not those of its clips"),
        ({"sha256": "0"}, "speaker, split or SHA-256 are not those of its clips"),
        ({"clip_seconds": 1.0}, "1.0 s of clips, but 1.88 s are in the shards"),
        ({"dropped": {}}, "are not the 1.88 s kept and 0 s dropped"),
        ({"source": "ben.mp4"}, "the ledger has 2 rows for 'ben.mp4'"),
        ({"source": "gone.mp4"}, "'anna.mp4' has clips but no row in the ledger"),
        ({"dropped": None}, "ledger.jsonl lacks or garbles"),
    ],
)
def test_the_ledger_must_add_up(own, change, message):
    rows = [json.loads(line) for line in (own / "ledger.jsonl").read_text().splitlines()]
    (own / "ledger.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [rows[0] | change, *rows[1:]])
    )
    assert_found(own, message)


def test_skipped_sources_are_fine_and_need_a_reason(tmp_path):
    own = tiny_dataset.write_dataset(tmp_path / "own", SPLITS, sealed=False)
    skipped = {
        "source": "z.mp4",
        "speaker": "z",
        "split": "train",
        "status": "skipped",
        "clips": 0,
        "sha256": "",
        "seconds": 0.0,
    }
    skipped |= {
        "seconds_kept": 0.0,
        "dropped": {},
        "stage": "probe",
        "reason": "no video stream",
        "detail": "",
    }
    with (own / "ledger.jsonl").open("a") as file:
        file.write(json.dumps(skipped) + "\n")
    tiny_dataset.edit_manifest(own, lambda manifest: manifest["funnel"].update(sources=5))
    assert verify(own).ok
    with (own / "ledger.jsonl").open("a") as file:
        file.write(json.dumps(skipped | {"source": "y.mp4", "reason": ""}) + "\n")
    assert_found(
        own, "ledger, 'y.mp4': skipped without a stage and a reason", "funnel says 5 sources, there are 6"
    )
    (own / "ledger.jsonl").unlink()
    assert_found(own, "ledger.jsonl cannot be read")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lips_key": "anna-0"}, "a clip that the split does not have"),
        ({"audio_start_frame": 30}, "a window that reaches beyond"),
        ({"audio_start_frame": -1}, "a window that reaches beyond"),
        ({"label": 0}, "kind, label or offset are not those of a positive pair"),
        ({"kind": "speaker"}, "kind, label or offset are not those of a positive pair"),
        ({"offset_frames": 3}, "kind, label or offset are not those of a positive pair"),
    ],
)
def test_pairs_must_be_what_they_say(own, change, message):
    path = own / "pairs" / "validation.parquet"
    rows = list(read_pairs(path))
    number = next(number for number, row in enumerate(rows) if row.kind == "positive")
    rows[number] = FrozenPair(**(asdict(rows[number]) | change))
    digest = write_pairs(path, rows)
    assert_found(own, "pairs/validation.parquet has SHA-256")
    tiny_dataset.edit_manifest(own, lambda manifest: manifest["pairs"]["validation"].update(sha256=digest))
    assert_found(own, message)


def test_a_negative_that_shares_a_frame(own):
    path = own / "pairs" / "validation.parquet"
    rows = [
        row if row.kind != "shift" else FrozenPair(**(asdict(row) | _moved(row, 4)))
        for row in read_pairs(path)
    ]
    write_pairs(path, rows)
    assert_found(own, "a negative that shares frames with its positive")


def _moved(row, frames):
    start = row.lips_start_frame + (frames if row.lips_start_frame < 8 else -frames)
    return {"audio_start_frame": start, "offset_frames": start - row.lips_start_frame}


def test_pairs_must_be_balanced_and_listed(own):
    path = own / "pairs" / "validation.parquet"
    write_pairs(path, read_pairs(path)[1:])
    assert_found(own, "has 23 pairs, 11 of them positive; wanted 24")
    tiny_dataset.edit_manifest(own, lambda manifest: manifest["pairs"]["validation"].update(rows=23))
    assert_found(own, "has 23 pairs, 11 of them positive; wanted 23, half of them positive")
    shutil.copy(path, own / "pairs" / "train.parquet")
    path.unlink()
    assert_found(own, "there are no frozen pairs", "pairs/train.parquet is not in the manifest")
