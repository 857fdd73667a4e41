"""The synthetic corpus: the same bytes again, audio where the phones say, lips that do what is said."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from speechlip.commands.synthesize import synthesize
from speechlip.errors import OptionError, SpeechLipError, WorkerError
from speechlip.faces.detectors.opening import open_detector
from speechlip.files.locks import only_run
from speechlip.metrics.phones.visemes import SAPI, VISEME_OF, viseme
from speechlip.phones import read_phones
from speechlip.recipes import synthetic
from speechlip.recipes._synthetic import film, voice
from speechlip.recipes._synthetic.features import Gaze
from speechlip.recipes._synthetic.frame import Pose, render_frame
from speechlip.recipes._synthetic.identity import VOICES, identity
from speechlip.recipes._synthetic.motion import poses
from speechlip.recipes._synthetic.paint import Window, ellipse
from speechlip.recipes._synthetic.portrait import portrait
from speechlip.recipes._synthetic.sentences import SENTENCES
from speechlip.recipes._synthetic.sheet import table
from speechlip.recipes._synthetic.visemes import MOUTHS, mouth_track
from speechlip.recipes.synthetic import SyntheticOptions, generate, sources
from speechlip.records import Phone

pytestmark = pytest.mark.early

DOCS = Path(__file__).parents[2] / "docs"
LEFT_CORNER, RIGHT_CORNER, UPPER_INNER, LOWER_INNER = 48, 54, 62, 66


def landmarks(source) -> np.ndarray:
    return np.load(source.landmarks_path, allow_pickle=False)["landmarks"]


def opening(points: np.ndarray) -> np.ndarray:
    return points[:, LOWER_INNER, 1] - points[:, UPPER_INNER, 1]


def images(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def heard(path: Path) -> tuple[np.ndarray, int]:
    """Samples from presentation time 0 on, and their rate."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    late = round(float(frames[0].pts * frames[0].time_base) * frames[0].sample_rate)
    return np.concatenate([np.zeros(late), *[frame.to_ndarray()[0] for frame in frames]]), frames[
        0
    ].sample_rate


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two speakers, one clip each, by one worker."""
    root = tmp_path_factory.mktemp("small")
    generate(root, SyntheticOptions(identities=2, clips=1, seed=5, size=128))
    return root


def test_two_workers_and_more_clips_give_the_same_bytes(small, tmp_path):
    generate(tmp_path / "more", SyntheticOptions(identities=3, clips=2, seed=5, size=128), workers=2)
    more = files(tmp_path / "more")
    for name, data in files(small).items():
        assert name == "synthetic.json" or more[name] == data, name
    assert len(more) == 1 + 3 * 2 * 4
    assert not any(name.endswith(".part") for name in more)


def test_another_seed_is_another_corpus(small, tmp_path):
    generate(tmp_path, SyntheticOptions(identities=1, clips=1, seed=6, size=128))
    assert files(tmp_path)["speaker-000/clip-000.mp4"] != files(small)["speaker-000/clip-000.mp4"]


def test_sources_bring_phones_landmarks_and_transcript(talking):
    found = list(sources(talking))
    assert [source.speaker for source in found] == [f"speaker-{i:03d}" for i in range(4)]
    for source in found:
        assert source.transcript and source.licence == "CC0-1.0"
        n_frames = len(images(source.path))
        stored = np.load(source.landmarks_path, allow_pickle=False)
        assert stored["landmarks"].shape == (n_frames, 68, 2) and stored["landmarks"].dtype == np.float32
        np.testing.assert_allclose(stored["time_s"], np.arange(n_frames) / 25)
        phones = read_phones(source.phones_path)
        assert phones[0].start_s == 0 and phones[-1].end_s == pytest.approx(n_frames / 25)
        assert all(a.end_s == pytest.approx(b.start_s) for a, b in pairwise(phones))
        assert {phone.phone for phone in phones} <= set(VISEME_OF)


def test_an_unfinished_or_foreign_folder_is_refused(small, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(small, copy)
    (copy / "speaker-001/clip-000.mp4").unlink()
    with pytest.raises(OptionError, match="1 of 2 clips missing"):
        list(sources(copy))
    generate(copy, SyntheticOptions(identities=2, clips=1, seed=5, size=128))
    assert files(copy) == files(small)
    with pytest.raises(OptionError, match="seed: 5 there, 6 wanted"):
        generate(copy, SyntheticOptions(identities=2, clips=1, seed=6, size=128))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").touch()
    with pytest.raises(OptionError, match="not an empty folder"):
        generate(tmp_path / "mine", SyntheticOptions())
    with pytest.raises(OptionError, match="not a synthetic corpus"):
        list(sources(tmp_path / "mine"))


def test_a_finished_corpus_is_left_alone(small):
    stamps = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    assert generate(small, SyntheticOptions(identities=2, clips=1, seed=5, size=128)) > 2
    assert stamps == {path: path.stat().st_mtime_ns for path in small.rglob("*")}


@pytest.mark.parametrize(
    "wrong", [{"identities": 0}, {"size": 129}, {"fps": 1000}, {"offset_frames": 900}, {"seed": -1}]
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        SyntheticOptions(**wrong)


def test_without_espeak_the_extra_is_named(tmp_path):
    code = (
        "import sys; sys.modules['espeakng_loader'] = None\nfrom pathlib import Path\n"
        "from speechlip.recipes.synthetic import generate, SyntheticOptions\n"
        f"generate(Path({str(tmp_path / 'x')!r}), SyntheticOptions())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (
        "pip install -e '.[synthetic]' in the clone of speechlip" in done.stderr
        and not (tmp_path / "x").exists()
    )


# speech


def test_every_voice_says_every_sentence_in_known_phones():
    said = {
        phone.phone for name, _ in VOICES for phone in voice.speak(" ".join(SENTENCES), name, 170, 50).phones
    }
    assert said <= set(VISEME_OF)
    assert {VISEME_OF[phone] for phone in said} == set(SAPI)
    assert len(set(SENTENCES)) >= 40


def test_phones_of_a_known_word_and_silence_around():
    said = voice.speak("Map. Thief.", "en-us", 160, 50)
    assert [phone.phone for phone in said.phones] == ["M", "AE", "P", "SIL", "TH", "IY", "F", "SIL"]
    assert [word.phone for word in said.words] == ["Map", "Thief"]
    assert said.phones[-1].end_s == said.duration_s == len(said.samples) / said.sample_rate
    level = {
        p.phone: np.abs(said.samples[int(p.start_s * 22050) : int(p.end_s * 22050)].astype(float)).mean()
        for p in said.phones[:3]
    }
    assert level["AE"] > 3 * level["P"]  # the samples are loud where the vowel is said to be


def test_the_same_words_are_the_same_samples_a_second_later():
    first = voice.speak("Vase.", "en-us+f2", 160, 50)
    time.sleep(1.1)  # espeak-ng would seed this voice's breath with the clock's seconds
    np.testing.assert_array_equal(voice.speak("Vase.", "en-us+f2", 160, 50).samples, first.samples)


def test_an_unknown_voice_is_an_error():
    with pytest.raises(SpeechLipError, match="no voice 'nobody'"):
        voice.speak("Hello.", "nobody", 160, 50)


@pytest.mark.parametrize("offset_frames", [0, -4, 12])
def test_audio_lies_where_the_phones_say(tmp_path, offset_frames):
    generate(tmp_path, SyntheticOptions(identities=1, clips=1, seed=2, size=96, offset_frames=offset_frames))
    (source,) = sources(tmp_path)
    said = voice.speak(source.transcript, *(lambda who: (who.voice, who.rate, who.pitch))(identity(2, 0)))
    samples, rate = heard(source.path)
    spoken = np.zeros(1 << 18)
    spoken[: len(said.samples)] = said.samples
    correlation = np.fft.irfft(np.fft.rfft(samples, 1 << 18) * np.conj(np.fft.rfft(spoken)))
    start_s = np.argmax(correlation) / rate
    first = next(i for i, phone in enumerate(said.phones) if phone.phone != "SIL")
    written = next(phone for phone in read_phones(source.phones_path) if phone.phone != "SIL")
    assert abs(start_s + said.phones[first].start_s - written.start_s) < 0.0005
    lead_frames = max(film.LEAD_FRAMES, offset_frames)  # the images'; audio that is early starts before it
    assert start_s * 25 == pytest.approx(lead_frames - offset_frames, abs=0.02)


def test_an_offset_moves_the_audio_and_not_the_images(tmp_path):
    for offset_frames in (0, 4):
        generate(
            tmp_path / str(offset_frames),
            SyntheticOptions(identities=1, clips=1, size=96, offset_frames=offset_frames),
        )
    plain, early = (next(iter(sources(tmp_path / name))) for name in ("0", "4"))
    assert all((a == b).all() for a, b in zip(images(plain.path), images(early.path), strict=True))
    starts = [
        next(p.start_s for p in read_phones(source.phones_path) if p.phone != "SIL")
        for source in (plain, early)
    ]
    assert starts[0] - starts[1] == pytest.approx(4 / 25)
    assert json.loads((tmp_path / "4/synthetic.json").read_text())["options"]["offset_frames"] == 4


# lips


def test_lips_close_for_p_b_m_and_open_for_open_vowels(talking):
    closed, wide = [], []
    for source in sources(talking):
        gaps = opening(landmarks(source))
        for phone in read_phones(source.phones_path):
            frame = round((phone.start_s + phone.end_s) / 2 * 25 - 0.5)
            if viseme(phone.phone) == 21 and phone.end_s - phone.start_s > 0.05:
                closed.append(gaps[frame])
            if phone.phone in ("AA", "AE", "AO") and phone.end_s - phone.start_s > 0.08:
                wide.append(gaps[frame])
    assert len(closed) >= 4 and max(closed) < 0.6
    assert len(wide) >= 4 and min(wide) > 3


def test_mouths_do_not_lag():
    phones = (Phone(0.0, 0.4, "SIL"), Phone(0.4, 0.5, "AA"), Phone(0.5, 0.9, "SIL"))
    times_s = np.linspace(0.1, 0.8, 701)
    track = mouth_track(phones, times_s)
    np.testing.assert_allclose(track, track[::-1], atol=1e-9)
    assert times_s[track[:, 0].argmax()] == pytest.approx(0.45)


def test_t_and_d_look_alike_and_p_and_a_do_not():
    def said(phone):
        return mouth_track(
            (Phone(0, 0.1, "IY"), Phone(0.1, 0.2, phone), Phone(0.2, 0.3, "IY")), np.linspace(0, 0.3, 9)
        )

    np.testing.assert_array_equal(said("T"), said("D"))
    assert np.abs(said("P") - said("AA")).max() > 0.5


def test_landmarks_follow_the_image_when_the_head_turns():
    """A bright dot painted on the still head turns up where ``move`` says."""
    from speechlip.recipes._synthetic.frame import JAW_DROP, move

    who = identity(0, 4)
    person, mouth = portrait(who, [0, 2, 4], 256), np.array([0.8, 0, 0, 0, 0.5, 0.3])
    pose = Pose(x=3, y=-2, roll=0.06, scale=1.02, yaw=5, pitch=-2)
    plain, _ = render_frame(person, pose, mouth, Gaze())
    for spot in ([128.0, 184.0], [100.0, 140.0], [150.0, 90.0]):
        x, y = (round(v * person.window.up) for v in spot)
        kept = person.head[y - 3 : y + 3, x - 3 : x + 3].copy()
        person.head[y - 3 : y + 3, x - 3 : x + 3] = (0, 255, 0, 255)
        dotted, _ = render_frame(person, pose, mouth, Gaze())
        person.head[y - 3 : y + 3, x - 3 : x + 3] = kept
        change = np.abs(dotted.astype(float) - plain).sum(axis=2)
        rows, columns = np.mgrid[:256, :256] + 0.5
        seen = np.array([(columns * change).sum(), (rows * change).sum()]) / change.sum()
        np.testing.assert_allclose(seen, move(np.array([spot]), pose, JAW_DROP * 0.8)[0], atol=0.15)


def test_people_differ_and_do_not_depend_on_their_number():
    people = [identity(7, number) for number in range(8)]
    assert (
        len({who.hair_style for who in people})
        == len({who.voice for who in people})
        == len({who.shirt for who in people})
        == 8
    )
    assert identity(7, 3) == people[3] != identity(8, 3)


# detectors


def test_cascade_finds_the_faces(talking):
    from speechlip.faces.detectors.cascade import CascadeDetector

    for source in list(sources(talking))[:2]:
        detector = CascadeDetector(source)
        points = landmarks(source)
        found = [(detector.detect(image, i), points[i]) for i, image in enumerate(images(source.path))]
        right = [len(faces) == 1 and _inside(faces[0].box, at[28]) for faces, at in found]
        assert np.mean(right) >= 0.95, source.name


def _inside(box: np.ndarray, point: np.ndarray) -> bool:
    return bool((box[:2] < point).all() and (point < box[2:]).all())


def test_the_landmarker_finds_the_faces_and_follows_the_lips(talking, face_model):
    for source in list(sources(talking))[:2]:
        rendered = landmarks(source)
        with open_detector("landmarker", source) as detector:
            faces = [detector.detect(image, index) for index, image in enumerate(images(source.path))]
        found = np.array([bool(each) for each in faces])
        assert found.mean() >= 0.95, source.name
        seen = np.stack([each[0].landmarks for each in faces if each])
        assert np.corrcoef(opening(seen), opening(rendered)[found])[0, 1] > 0.8, source.name
        corners = [LEFT_CORNER, RIGHT_CORNER]
        assert np.abs(seen[:, corners] - rendered[found][:, corners]).mean() < 3, source.name


# words


def test_the_page_prints_the_table_that_is_used():
    page = (DOCS / "synthetic.md").read_text(encoding="utf-8")
    assert table() in page
    assert set(MOUTHS) == set(SAPI) == set(range(22))
    assert (DOCS / "synthetic.jpg").stat().st_size < 300_000


@pytest.mark.parametrize("centre", [(64, 64), (3, 120), (400, 64)], ids=["within", "at the edge", "outside"])
def test_a_soft_mask_is_the_whole_canvas_blurred(centre):
    window = Window(0, 0, 256, 256, 2.0)
    outline = ellipse(*centre, 9, 6)
    whole = cv2.GaussianBlur(window.mask(outline), (0, 0), 1.6 * window.up)
    np.testing.assert_allclose(window.mask(outline, blur=1.6), whole, atol=1e-6)
    assert (whole.max() > 0) == (centre[0] < 400)


def killed_once(task, report):
    """As ``_make_clip``, and its process is killed at the first clip once."""
    report(task[2], 0.0)
    token = task[0].parent / "token"
    if token.exists():
        token.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


def always_killed(task, report):
    report(task[2], 0.0)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_is_replaced_and_one_that_dies_twice_is_said(tmp_path, monkeypatch):
    (tmp_path / "token").touch()
    monkeypatch.setattr(synthetic, "_make_clip", killed_once)
    assert generate(tmp_path / "corpus", SyntheticOptions(identities=2, clips=1), workers=2) == 2.0
    monkeypatch.setattr(synthetic, "_make_clip", always_killed)
    with pytest.raises(
        WorkerError, match=r"draws speaker-00.* died twice \(exit code -9\).*the same command goes on"
    ):
        generate(tmp_path / "corpus", SyntheticOptions(identities=2, clips=1), workers=2)


def test_two_runs_into_one_folder_are_refused(tmp_path):
    with only_run(tmp_path / "corpus"), pytest.raises(OptionError, match="another run is writing to"):
        generate(tmp_path / "corpus", SyntheticOptions(identities=1, clips=1))


def test_a_corpus_in_place_of_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(synthesize, [str(tmp_path / "file" / "corpus")])
    assert done.exit_code == 1 and "cannot write to" in done.output and "Traceback" not in done.output


def test_a_long_clip_lasts_as_long_as_asked_and_begins_like_a_short_one():
    who = identity(4, 0)
    short, long = (film.script(who, np.random.default_rng(1), 25, 0, seconds) for seconds in (0, 200))
    assert 200 <= long.duration_s < 230 and short.duration_s < 20
    assert long.transcript.startswith(short.transcript)
    spoken = long.transcript.count(".")
    assert spoken > len(SENTENCES)  # more than all of them: some are said again


def test_a_nod_for_every_stress_of_a_long_clip():
    """Moves are of 256 strengths, and a long clip has more stressed vowels than that."""
    times = np.arange(100.0, 130.0, 0.04)
    without, with_nod = (
        poses(identity(4, 0), np.random.default_rng(2), times, (0.0,) * 256 + late) for late in ((), (115.0,))
    )
    moved = [abs(one.pitch - other.pitch) for one, other in zip(without, with_nod, strict=True)]
    assert times[int(np.argmax(moved))] == pytest.approx(115, abs=0.1) and max(moved) > 0.1
