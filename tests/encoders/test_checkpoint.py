"""``checkpoint.json`` as a typed document: read and written back byte for byte, and refused by the field."""

import json

import pytest

from speechlip.encoders.checkpoint import CheckpointFacts, TrainShards, open_checkpoint
from speechlip.errors import ModelError

WRITTEN = """{
 "format": 1,
 "speechlip": "0.1.0",
 "torch": "2.9.0+cpu",
 "step": 7,
 "options": {
  "encoder": "mel-cnn",
  "lip_input": "mouth",
  "feature": "logmag",
  "pool": "",
  "steps": 7
 },
 "unlike_paper": {
  "steps": "7, begun as a run of 4"
 },
 "ends": [
  4
 ],
 "rectified": false,
 "sha256": "ab12",
 "shards": {
  "manifest_sha256": "cd34",
  "digest": "ef56"
 },
 "crop": "lips",
 "data": {
  "title": "caf\\u00e9",
  "clips": 3,
  "seconds": 4.6
 }
}
"""
"""As the first release wrote it."""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "step-00000007").mkdir()
    (tmp_path / "step-00000007" / "checkpoint.json").write_text(WRITTEN)
    return tmp_path / "step-00000007" / "checkpoint.json"


def edit(path, **changed):
    path.write_text(json.dumps(json.loads(WRITTEN) | changed))


def test_it_is_written_back_byte_for_byte(path):
    facts = CheckpointFacts.load(path)
    assert facts.dump() == WRITTEN
    assert (facts.step, facts.ends, facts.shards) == (7, (4,), TrainShards("cd34", "ef56"))
    stated = {"encoder": "mel-cnn", "lip_input": "mouth", "feature": "logmag", "pool": ""}
    assert facts.network == stated | {"size": "", "alignment": ""}


def test_what_earlier_releases_left_out_is_empty(path):
    content = {
        name: value
        for name, value in json.loads(WRITTEN).items()
        if name not in ("unlike_paper", "ends", "speechlip", "torch")
    }
    path.write_text(json.dumps(content | {"shards": {}}))
    facts = CheckpointFacts.load(path)
    assert (facts.unlike_paper, facts.ends, facts.speechlip, facts.shards) == ({}, (), "", TrainShards())


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"ends": 4}, "ends"),
        ({"unlike_paper": ["steps"]}, "unlike_paper"),
        ({"shards": {"digest": 5}}, r"shards\.digest"),
        ({"step": True}, "step"),
        ({"rectified": None, "data": []}, "data, rectified"),
    ],
)
def test_what_is_garbled_is_named(path, changed, named):
    edit(path, **changed)
    with pytest.raises(ModelError, match=rf"checkpoint\.json lacks or garbles {named}; restore it"):
        CheckpointFacts.load(path)


def test_the_last_whole_checkpoint_of_a_run_is_opened(path):
    run = path.parents[1]
    (run / "step-00000009.part").mkdir()
    (run / "step-00000009.part" / "checkpoint.json").write_text(WRITTEN)
    (run / "step-00000008").mkdir()
    assert open_checkpoint(run).folder == path.parent
