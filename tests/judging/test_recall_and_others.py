"""The clip's own frames are looked at once, and another's audio is another speaker's."""

import csv
import json
import shutil

import numpy as np
import pytest
from scipy import stats

import speechlip
from here import in_this_process
from speechlip import JudgeOptions
from speechlip.faces.detectors.opening import open_detector
from speechlip.judging import clip, job, others
from speechlip.judging.answers import answer, benjamini_hochberg, corrected, curve
from speechlip.judging.recall import find_faces
from zoo import write_clip


@pytest.fixture(autouse=True)
def one_worker_is_this_process(monkeypatch):
    monkeypatch.setattr(job, "outcomes", in_this_process)


@pytest.mark.slow
def test_recalled_faces_give_the_scores_of_a_second_look(real_clips, tmp_path, monkeypatch):
    looked = []

    def counted(detector, source):
        looked.append(source.path.name)
        return open_detector(detector, source)

    monkeypatch.setattr(clip, "open_detector", counted)
    options = JudgeOptions(("lmd", "slcc"), ("elsewhere", "small"), seconds=1, side_px=256)
    speechlip.judge(real_clips / "hdtf_1.mp4", tmp_path / "recalled", options)
    assert looked == ["copy.mov"] * 3  # the smaller ones: of three copies the frames are the clip's own
    monkeypatch.setattr(clip, "_recalling", lambda material, same: counted)
    speechlip.judge(real_clips / "hdtf_1.mp4", tmp_path / "again", options)
    values = [(tmp_path / name / "values.csv").read_text() for name in ("recalled", "again")]
    assert len(looked) > 3 and values[0] == values[1]


def test_known_faces_end_with_the_frames():
    with find_faces(np.zeros((3, 64, 64, 3), np.uint8), "cascade").opened() as detector:
        assert detector.name == "cascade" and not detector.has_landmarks
        assert detector.detect(np.zeros((64, 64, 3), np.uint8), 3) == []


@pytest.mark.parametrize("detector", ["auto", "cascade"])
def test_harms_by_landmarks_settle_a_detector_for_metrics_without_faces(tmp_path, detector):
    """PSNR looks for no face; the frozen mouth needs one, and says that there is none, or no landmarks."""
    images = np.random.default_rng(0).integers(0, 256, (25, 64, 64, 3), np.uint8)
    write_clip(tmp_path / "noise.mp4", images, None)
    options = JudgeOptions(("psnr",), ("frozen",), seconds=1, side_px=64, detector=detector)
    made = speechlip.judge(tmp_path / "noise.mp4", tmp_path / "out", options)
    (reason,) = [value.reason for value in made.values if value.harm == "frozen"]
    assert (
        reason
        == {
            "landmarker": "no face: in none of 25 frames one is followed",
            "cascade": "no landmarks: mouths are warped by landmarks; take --detector landmarker",
        }[made.options["detector"]]
    )


@pytest.fixture
def spoken(tmp_path, monkeypatch):
    """Four clips: a and its copy b, then c and d, whom metadata.csv calls one speaker; e has no audio."""
    monkeypatch.setattr(others, "find_spec", lambda name: None)
    folder = tmp_path / "clips"
    folder.mkdir()
    random = np.random.default_rng(0)
    still = np.zeros((75, 64, 64, 3), np.uint8)
    for name in "acd":
        tones = random.uniform(200, 3000, 60).repeat(800)
        audio = (8000 * np.sin(2 * np.pi * np.cumsum(tones) / 16000)).astype(np.int16)
        write_clip(folder / f"{name}.mp4", still, audio)
    shutil.copy(folder / "a.mp4", folder / "b.mp4")
    write_clip(folder / "e.mp4", still, None)
    return folder


def test_others_are_other_speakers_by_name_and_audio(spoken):
    speakers = others.find_speakers(spoken, "cascade")
    clips = [f"{name}.mp4" for name in "abcde"]
    assert speakers.told_by == ("audio",) and speakers.silent == {"e.mp4"}
    assert speakers.others("a.mp4", clips) == ("c.mp4", "d.mp4")
    assert speakers.others("c.mp4", clips) == ("d.mp4", "a.mp4", "b.mp4")
    (spoken / "metadata.csv").write_text("file,speaker\nc.mp4,Kim\nd.mp4,Kim\n")
    speakers = others.find_speakers(spoken, "cascade")
    assert speakers.told_by == ("audio", "name") and speakers.others("c.mp4", clips) == ("a.mp4", "b.mp4")


def test_whose_audio_it_was_is_in_the_record(spoken, tmp_path):
    for name in "cde":
        (spoken / f"{name}.mp4").unlink()
    options = JudgeOptions(("slcc",), ("foreign",), seconds=2, side_px=64, detector="cascade")
    made = speechlip.judge(spoken, tmp_path / "out", options)
    assert json.loads((tmp_path / "out" / "judge.json").read_text())["foreign"] == {
        "told_by": ["audio"],
        "audio_of": {},
        "problems": [],
    }
    (reasons,) = [{value.reason for value in made.values if value.harm == "foreign"}]
    assert reasons == {"no other speaker: another speaker's clip with audio is needed; give more clips"}


def test_metadata_that_cannot_be_used_is_said_and_judging_goes_on(spoken):
    (spoken / "metadata.csv").write_text("file,speaker\nnowhere.mp4,Kim\n")
    (problem,) = others.find_speakers(spoken, "cascade").problems
    assert problem.startswith("not all that tells speakers apart could be asked: ") and "nowhere" in problem


def test_p_and_its_correction_are_scipys():
    random = np.random.default_rng(3)
    clean = {str(clip): float(value) for clip, value in enumerate(random.normal(10, 1, 8))}
    curves = []
    for by in (0.0, 0.1, 0.5, 2.0):
        harmed = {each: value + by + float(random.normal(0, 0.5)) for each, value in clean.items()}
        wanted = stats.ttest_rel([*harmed.values()], [*clean.values()]).pvalue
        assert answer(1, harmed, clean, {}, False).p == pytest.approx(wanted)
        curves.append([curve("lmd", "blur", [1], [harmed], clean, [{}], False)])
    p = [each.answers[0].p for (each,) in curves]
    told = [each.answers[0] for (each,) in corrected(curves)]
    assert [each.p_corrected for each in told] == pytest.approx(stats.false_discovery_control(p).tolist())
    assert told[-1].clear and not told[-1].by_chance
    assert benjamini_hochberg(np.zeros(0)).tolist() == []


def test_an_answer_that_is_clear_alone_may_be_chance_among_many():
    """p of 0.03 beside 19 of 0.9: 0.03 · 20 = 0.6."""
    clean = dict.fromkeys("abc", 0.0)
    one = curve("lmd", "blur", [1], [{"a": 1.0, "b": 1.5, "c": 2.0}], clean, [{}], False)
    none = curve("lmd", "blur", [1], [{"a": 1.0, "b": -1.1, "c": 0.0}], clean, [{}], False)
    told = corrected([[one, *[none] * 19]])[0][0].answers[0]
    assert told.verdict == "worse" and told.p < 0.05 < told.p_corrected and told.by_chance
    with pytest.raises(AttributeError):
        told.by_chance = False


def test_columns_of_answers_end_with_p(spoken, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "find_speakers", lambda *given: others.Speakers(("audio",)))
    options = JudgeOptions(("psnr",), ("blur",), seconds=1, side_px=64)
    speechlip.judge(spoken, tmp_path / "out", options)
    with (tmp_path / "out" / "judge.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [*rows[0]][-2:] == ["p", "p_corrected"] and float(rows[0]["p_corrected"]) >= float(rows[0]["p"])


@pytest.mark.slow
def test_lse_goes_through_with_seeded_weights(real_clips, random_weights, tmp_path):
    """The machinery alone: what such numbers say of lip sync is nothing, and the page says so."""
    options = JudgeOptions(
        ("lse",), ("late", "louder"), 2.4, 256, syncnet_weights=random_weights, allow_unknown_weights=True
    )
    made = speechlip.judge(real_clips / "hdtf_1.mp4", tmp_path / "out", options)
    assert made.sync_model["is_lse"] and not made.sync_model["official"]
    values = {(value.metric, value.harm, value.step): value.value for value in made.values}
    assert {metric for metric, *_ in values} == {"lse_c", "lse_d", "offset_frames"}
    assert all(value is not None for value in values.values())
    assert "its numbers mean nothing" in (tmp_path / "out" / "judge.html").read_text(encoding="utf-8")
