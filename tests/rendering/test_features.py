"""Features of a person's frames: computed, exported, or by another program; and of the wrong video."""

import json
import shutil

import numpy as np
import pytest
import small_person

from speechlip.errors import OptionError, ShardError
from speechlip.exporting.opening import open_exporter
from speechlip.exporting.records import ExportPlan, Task
from speechlip.exporting.video import export_video
from speechlip.media.whole_audio import Audio
from speechlip.rendering.features import Encoded, Recording, frame_features
from speechlip.rendering.render import refuse_unknown
from speechlip.rendering.stored import stored_source

FRAMES, START = 200, 10
AUDIO = small_person.audio_of(small_person.loudness(FRAMES + START))


@pytest.fixture
def may(tmp_path):
    return Recording(tmp_path / "may.mp4", START, FRAMES + START, AUDIO[START * 640 :])


@pytest.fixture
def encoded():
    return Encoded(open_exporter("small_person:loud", "loud", "cpu", False))


@pytest.fixture
def exported(may, encoded, tmp_path):
    """The folder of an export of the whole video."""
    may.path.touch()
    task = Task("may.mp4", may.path, tmp_path / "features" / "may")
    export_video(task, Audio(AUDIO, ()), encoded.exporter, ExportPlan(("sync-talk",)))
    return tmp_path / "features"


def test_exported_features_are_those_of_the_encoder(may, encoded, exported):
    computed, stored = (
        frame_features(source, [may], 150) for source in (encoded, stored_source(f"features:{exported}"))
    )
    assert stored.shape == (FRAMES, 8) and np.allclose(computed, stored, atol=1e-4)
    assert np.allclose(stored[:150].mean(axis=0), 0, atol=1e-4)


def test_features_of_another_video_are_refused(may, exported):
    june = Recording(may.path.with_name("june.mp4"), 0, may.whole, AUDIO)
    with pytest.raises(OptionError, match=r"holds features of may\.mp4, and those of june\.mp4 are wanted"):
        stored_source(f"features:{exported}").steps(june)


@pytest.mark.parametrize(("whole", "said"), [(220, "end early, or are of another"), (209, "are of another")])
def test_features_of_another_length_are_refused(may, exported, whole, said):
    other = Recording(may.path, 0, whole, np.resize(AUDIO, whole * 640))
    with pytest.raises(OptionError, match=rf"has 210 frames \(8\.40 s\), may\.mp4 has {whole} .*{said}"):
        stored_source(f"features:{exported}").steps(other)


def test_features_of_the_same_video_twice_are_refused(may, exported):
    facts = exported / "may" / "aud_loud.json"
    (exported / "may" / "aud_other.json").write_text(facts.read_text())
    with pytest.raises(OptionError, match=r"holds features of may\.mp4 twice; give the folder"):
        stored_source(f"features:{exported}").steps(may)


def test_a_row_does_not_depend_on_features_of_other_videos(may, exported):
    source = f"features:{exported}"
    before = stored_source(source).described({"may.mp4"})
    assert len(before["exported"]) == 2
    shutil.copytree(exported / "may", exported / "june")
    facts = exported / "june" / "aud_loud.json"
    facts.write_text(facts.read_text().replace("may.mp4", "june.mp4"))
    assert stored_source(source).described({"may.mp4"}) == before
    (exported / "may" / "aud_loud.npy").touch()
    assert stored_source(source).described({"may.mp4"}) != before
    assert len(stored_source(source).described({"may.mp4", "june.mp4"})["exported"]) == 4


def test_features_of_another_program_are_read_by_their_clock(may, tmp_path):
    rows = np.random.default_rng(0).normal(size=((FRAMES + START) * 2, 3)).astype(np.float32)
    (tmp_path / "features.json").write_text(json.dumps({"rate_hz": 50, "centre_ms": 10}))
    np.save(tmp_path / "may.npy", rows)
    np.save(tmp_path / "june.npy", rows)
    described = stored_source(f"features:{tmp_path}").described({"may.mp4"})
    assert [name for name, *_ in described["stored"]] == [str(tmp_path / "may.npy")]
    steps = stored_source(f"features:{tmp_path}").steps(may)
    assert np.allclose(steps, rows[START * 2 :].reshape(FRAMES, 2, 3), atol=1e-5)
    np.save(tmp_path / "may.npy", rows[:300])
    with pytest.raises(ShardError, match=r"may\.npy has 5\.60 s of features at 50 Hz"):
        stored_source(f"features:{tmp_path}").steps(may)


def test_a_folder_without_features_says_what_to_do(tmp_path):
    with pytest.raises(OptionError, match="run export-features ENCODER VIDEO first"):
        stored_source(f"features:{tmp_path}")
    assert stored_source("log-mel") is None


def test_what_drives_no_lips_is_refused():
    with pytest.raises(OptionError, match="'lips' drives no lips: it is the true lips' own points"):
        refuse_unknown("lips")
    with pytest.raises(OptionError, match="'shuffled:log-mel' drives no lips: every encoder has a row -shuf"):
        refuse_unknown("shuffled:log-mel")
