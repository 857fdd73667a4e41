"""Lips driven by other audio, heads moved as in another clip: frames, poses, rows, refusals."""

import json

import numpy as np
import pytest
import small_person
from click.testing import CliRunner

from speechlip.commands.cli import speechlip
from speechlip.errors import OptionError
from speechlip.faces.crops import transform
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.whole_audio import read_audio
from speechlip.progress import SILENT
from speechlip.recipes._muxing import mux
from speechlip.rendering.canonical import canonical_face, smooth_affines
from speechlip.rendering.compose import moved
from speechlip.rendering.drive import Drive, images_of, other_audio
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.pose import Motion, head_motion, motion_of, moves, repeated_share
from zoo import write_clip

SIDECAR = RenderOptions(detector="sidecar")


def swing(frames, size=1.0):
    """Place and turn of a head that nods, nears and leans."""
    time = np.arange(frames) / 25
    place = 64 + 60j + size * (6 * np.sin(time) + 4j * np.cos(time / 2))
    return Motion(place, size * np.exp(0.1 * np.sin(time) + 0.1j * np.cos(time)))


def affines_of(motion):
    turn = 1 / motion.turn
    shift = 48 * (1 + 1j) - turn * motion.place
    return np.stack(
        [np.stack([turn.real, -turn.imag, shift.real], -1), np.stack([turn.imag, turn.real, shift.imag], -1)],
        1,
    )


def test_motion_is_read_from_affines_and_goes_on_over_holes():
    motion = swing(100)
    affines = affines_of(motion)
    affines[40:44] = np.nan
    read = motion_of(affines)
    assert np.abs(read.place - motion.place).max() < 0.05 and np.abs(read.turn - motion.turn).max() < 0.005


def test_a_head_moves_as_the_other_one_in_units_of_its_own_size():
    """The other head is twice as large in its frame, and moves twice as many px."""
    own, other = affines_of(Motion(np.full(60, 64 + 58j), np.full(60, 0.5 + 0j))), swing(80, 2.0)
    shown = np.arange(20, 60)
    moved_by = moves(own, 20, shown, other)
    mouth = transform(moved_by, np.full((40, 1, 2), [64.0, 58.0]))[:, 0] @ [1, 1j]
    wanted = 64 + 58j + (other.place[:40] - other.place.mean()) / other.mean[1].real / 2
    assert np.abs(mouth - wanted).max() < 0.02
    size = np.hypot(moved_by[:, 0, 0], moved_by[:, 1, 0])
    assert np.allclose(size, np.abs(other.turn[:40]) / abs(other.mean[1]))


def test_a_still_head_of_the_same_place_moves_nothing():
    own = affines_of(Motion(np.full(60, 64 + 58j), np.full(60, 0.5 + 0j)))
    still = Motion(np.full(10, 3 + 4j), np.full(10, 7 + 1j))
    assert np.allclose(moves(own, 0, np.arange(60), still), [[1, 0, 0], [0, 1, 0]])


def test_a_moved_frame_repeats_its_edges():
    image = np.full((40, 60, 3), 30, np.uint8)
    image[:, 0] = 200
    right = np.array([[1.0, 0, 12], [0, 1, 0]])
    assert (moved(image, right)[:, :12] == 200).all() and (moved(image, right)[:, 15:] == 30).all()
    assert repeated_share(right[None], (60, 40)) == pytest.approx(12 / 60, abs=1 / 16)


@pytest.mark.parametrize(("size", "fps"), [((128, 128), 25), ((192, 108), 30)])
def test_head_motion_of_a_clip_of_any_size_and_rate(tmp_path, size, fps):
    loud = small_person.loudness(2 * fps)
    points = small_person.landmarks_of(loud) * (size[1] / 128) + [size[0] / 2 - size[1] / 2, 0]
    write_clip(tmp_path / "other.mp4", np.zeros((len(points), size[1], size[0], 3), np.uint8), None, fps=fps)
    small_person.write_sidecar(tmp_path / "other.mp4", points, fps)
    motion = head_motion(tmp_path / "other.mp4", SIDECAR, "sidecar", SILENT)
    tracks = np.zeros(len(points), int)
    exact = motion_of(smooth_affines(points, canonical_face(points), tracks))
    assert len(motion.place) == 50
    for read, wanted in ((motion.place[-1], exact.place[-1]), (motion.place[0], exact.place[0])):
        assert abs(read - wanted) < 1.0 * size[1] / 128


def test_a_clip_without_a_face_gives_no_head_motion(tmp_path):
    write_clip(tmp_path / "wall.mp4", np.zeros((50, 64, 64, 3), np.uint8), None)
    small_person.write_sidecar(tmp_path / "wall.mp4", np.full((50, 68, 2), np.nan))
    with pytest.raises(OptionError, match=r"wall\.mp4: head motion wants landmarks, and none were found"):
        head_motion(tmp_path / "wall.mp4", SIDECAR, "sidecar", SILENT)


def test_half_a_second_of_a_face_is_no_head_motion(tmp_path):
    small_person.write_person(tmp_path / "brief.mp4", 2, hide=range(12, 50))
    with pytest.raises(
        OptionError, match=r"brief\.mp4: the longest shot has a face in 0\.\d+ s, at least 1 s"
    ):
        head_motion(tmp_path / "brief.mp4", SIDECAR, "sidecar", SILENT)


def test_audio_that_drives_lips_is_read_or_refused(tmp_path):
    write_clip(tmp_path / "mute.mp4", np.zeros((50, 64, 64, 3), np.uint8), None)
    with pytest.raises(OptionError, match=r"mute\.mp4 cannot drive lips: .*no audio"):
        other_audio(tmp_path / "mute.mp4", SIDECAR)
    write_clip(tmp_path / "brief.mp4", np.zeros((20, 64, 64, 3), np.uint8), np.zeros(12800, np.int16))
    with pytest.raises(OptionError, match=r"brief\.mp4 has 0\.80 s of audio, at least 1 s is wanted"):
        other_audio(tmp_path / "brief.mp4", SIDECAR)


class Counted:
    """A person of ten frames, each of one grey."""

    size = (4, 2)

    def frames(self, first):
        return ((at, np.full((2, 4, 3), 10 * at, np.uint8) if at != 7 else None) for at in range(first, 10))


def test_frames_are_shown_back_and_forth(tmp_path):
    shown = np.array([6, 7, 8, 9, 9, 8, 7, 6, 6])
    greys = [int(image[0, 0, 0]) for image in images_of(Counted(), shown, tmp_path)]
    assert greys == [60, 60, 80, 90, 90, 80, 60, 60, 60]  # the 7th has no image: the one before
    assert [int(image[0, 0, 0]) for image in images_of(Counted(), shown[:3], tmp_path)] == [60, 60, 80]
    assert not [*tmp_path.iterdir()]


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """Exit code and folder of a run driven by other audio and another head."""
    folder = tmp_path_factory.mktemp("driven")
    small_person.write_person(folder / "may.mp4")
    loud = small_person.loudness(75, 9)
    with (folder / "june.mkv").open("wb") as file:
        images = small_person.images_of(small_person.landmarks_of(loud))
        mux(file, images, small_person.audio_of(loud, 9)[:, None], 16000, 25)
    small_person.write_sidecar(folder / "june.mkv", small_person.landmarks_of(loud))
    june = str(folder / "june.mkv")
    words = [
        "render-lips",
        str(folder / "may.mp4"),
        "--encoder",
        "small_person:loud",
        "--detector",
        "sidecar",
    ]
    return lambda *more: CliRunner().invoke(
        speechlip, [*words, "-o", str(folder / "out"), *(word.replace("JUNE", june) for word in more)]
    ), folder


def test_other_audio_drives_the_lips(driven, monkeypatch):
    run, folder = driven
    monkeypatch.setattr("speechlip.rendering.pose.TURN_LIMIT", -1)
    done = run("--audio", "JUNE", "--pose", "JUNE")
    assert done.exit_code == 0, done.output
    facts = json.loads((folder / "out" / "scores.json").read_text())
    names = [row["name"] for row in facts["rows"]]
    assert names == ["own-frames", "mean-crop", "small_person-loud", "small_person-loud-shuffled"]
    assert (facts["audio"], facts["pose"], facts["test_frames"]) == ("june.mkv", "june.mkv", 75)
    assert (
        "nobody knows the true lips" in facts["notes"][1] and "moved, background and all" in facts["notes"][2]
    )
    assert facts["notes"][3].startswith("the head of june.mkv turns by up to 0° and nods by up to")
    monkeypatch.setattr("speechlip.rendering.inputs.head_motion", None)
    assert run("--audio", "JUNE", "--pose", "JUNE").exit_code == 0  # nothing is watched again
    assert not {"psnr", "lmd"} & {column for row in facts["rows"] for column in row["values"]}
    video = folder / "out" / "small_person-loud" / "may.mp4"
    assert np.array_equal(read_audio(video).samples, read_audio(folder / "june.mkv").samples)
    assert sum(1 for _ in read_frames(video, probe(video))) == 75
    crops = np.load(folder / "out" / "small_person-loud" / "canonical.npy").astype(float)
    dark = crops[:, 50:80, 30:66].mean(axis=(1, 2, 3))  # an open mouth is darker
    assert np.corrcoef(dark, small_person.loudness(75, 9))[0, 1] < -0.8
    again = run("--audio", "JUNE")
    assert (
        again.exit_code == 1
        and "holds renders of may.mp4 with audio of june.mkv and the head motion of" in (again.output)
    )


def test_what_drives_has_to_be_there(driven):
    done = driven[0]("--pose", "nobody.mp4")
    assert done.exit_code == 1 and "pose: there is no file nobody.mp4" in done.output


def test_a_drive_is_as_long_as_what_it_shows():
    assert len(Drive(np.arange(5), np.zeros(3200, np.int16))) == 5
