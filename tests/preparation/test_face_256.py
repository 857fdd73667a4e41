"""A folder of face-256 crops: made by prep-shards, read, shown, exported; refused where mouths are wanted."""

import io
import tarfile

import av
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from test_kept_regions import clips_of, same

import speechlip
from own_clips import made, write
from preparing import prep
from speechlip.commands.cli import speechlip as command
from speechlip.errors import OptionError
from speechlip.faces.crops import PRESETS
from speechlip.faces.landmarks import mean_face
from speechlip.preparing.cut.kept_regions import KEPT_BYTES, KeptRegions
from speechlip.preparing.options import PrepOptions
from speechlip.records import Face, FaceTrack

ARGUMENTS = ("--recipe", "synthetic", "--detector", "sidecar", "--crop", "face-256", "--max-clip", "2s")
SPLIT = ("--split", "train=0.5,test=0.5", "--workers", "1", "--limit", "2", "--quiet")


@pytest.fixture(scope="module")
def faces(talking, made_once):
    def make(folder):
        assert prep(talking, "-o", folder, *ARGUMENTS, *SPLIT).exit_code == 0

    return made_once("faces", make)


def run(*arguments):
    return CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=False)


def strips(folder):
    """Key → (T, 256, 256, 3), by tarfile and Pillow alone."""
    for path in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(path) as tar:
            for info in tar:
                if info.name.endswith(".lips.jpg"):
                    image = np.asarray(Image.open(io.BytesIO(tar.extractfile(info).read())))
                    yield info.name.removesuffix(".lips.jpg"), image.reshape(-1, 256, 256, 3)


def test_the_folder_is_sound_and_says_how_large_its_crops_are(faces):
    verified = run("verify-shards", faces)
    assert verified.exit_code == 0 and verified.stdout.rstrip().endswith("sound")
    card = (faces / "README.md").read_text(encoding="utf-8")
    assert "the face, 256 × 256 RGB, one frame under the other" in card
    assert all(len(lips) <= 255 for _, lips in strips(faces))


def test_small_faces_are_counted(faces, talking, tmp_path):
    """All synthetic faces are narrower than 170 px; by hand, from the clips' own column."""
    table = speechlip.clips(faces, "face_width_px < 170")
    n = len(table.chosen(["key"]))
    assert n == len(table.kept) > 0
    again = prep(talking, "-o", faces, *ARGUMENTS, *SPLIT)
    said = f"{n} of {n} clips show a face narrower than 170 px, which is enlarged to fill the crop"
    assert said in again.stderr and "--where 'face_width_px >= 170'" in again.stderr


def test_its_columns_are_of_the_mouth_and_of_the_face(faces):
    table = speechlip.clips(faces, "mouth_inside_share = 1 and face_inside_share > 0.5")
    assert len(table.chosen(["key"])) == len(table.kept)


def test_pairs_are_windows_of_faces(faces):
    crops = dict(strips(faces))
    for workers in (0, 1):
        loader = speechlip.pair_loader(faces, "train", batch_size=4, workers=workers, mix="shift:1")
        batch = next(iter(loader))
        assert batch["lips"].shape == (4, 5, 256, 256, 3)
        for lips, (key, _), start in zip(batch["lips"], batch["keys"], batch["lips_start"], strict=True):
            assert np.array_equal(lips, crops[key][start : start + 5])


def test_the_gallery_shows_them(faces, tmp_path):
    """The montage has twelve of a clip at 96 px, as it has mouths."""
    speechlip.write_gallery(faces, tmp_path / "page", montage=tmp_path / "montage.png")
    assert (tmp_path / "page" / "index.html").stat().st_size > 10_000
    assert Image.open(tmp_path / "montage.png").width == 12 * 96


def test_exported_clips_are_of_256_px(faces, tmp_path):
    done = speechlip.export_clips(faces, tmp_path / "clips", split="test")
    crops = dict(strips(faces))
    for row in done.rows:
        with av.open(str(done.folder / row.video)) as file:
            images = np.stack([image.to_ndarray(format="rgb24") for image in file.decode(video=0)])
        wanted = crops[row.about["key"]].astype(float)
        assert images.shape == wanted.shape and np.square(images - wanted).mean() < 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train-encoder", "{}", "-o", "run"), "cut by preset 'face-256'; the lip network reads rows 24–71"),
        (("score-encoder", "{}", "--encoder", "log-mel", "-o", "b"), "prepare the videos with --crop lips"),
        (("edit", "merge", "{}", "{mouths}", "-o", "m"), "crop is 'face-256' in one, 'lips' in the other"),
    ],
)
def test_what_needs_mouths_says_which_preset_to_take(
    faces, undisturbed, tmp_path, monkeypatch, arguments, said
):
    monkeypatch.chdir(tmp_path)
    done = run(*(each.format(faces, mouths=undisturbed) for each in arguments))
    assert done.exit_code == 1 and said in done.stderr and done.stderr.splitlines()[-1].startswith("error: ")


def test_a_strip_of_faces_ends_at_10_2_seconds():
    assert PrepOptions(crop="face-256").max_clip_s == 10
    with pytest.raises(OptionError, match=r"--crop face-256 holds 10\.2 s at most, --max-clip is 20s; take"):
        PrepOptions(crop="face-256", max_clip_s=20)
    assert PrepOptions(crop="face-256", max_clip_s=20, lips_format="png").max_clip_s == 20


@pytest.mark.parametrize(("crop", "seconds"), [("lips", 776), ("face-256", 109)])
def test_a_png_strip_ends_where_pillow_refuses_to_read_it(crop, seconds):
    """By Pillow's own rule: twice its MAX_IMAGE_PIXELS."""
    size = 256 if crop == "face-256" else 96
    assert 25 * seconds * size**2 <= 2 * Image.MAX_IMAGE_PIXELS < 25 * (seconds + 1) * size**2
    assert PrepOptions(crop=crop, max_clip_s=seconds, lips_format="png").max_clip_s == seconds
    with pytest.raises(OptionError, match=f"a PNG filmstrip of --crop {crop} .*; take --max-clip {seconds}s"):
        PrepOptions(crop=crop, max_clip_s=seconds + 1, lips_format="png")


def test_from_one_reading_or_two_the_faces_are_the_same(talking, monkeypatch):
    path = sorted(talking.rglob("*.mp4"))[0]
    options = PrepOptions(detector="cascade", min_clip_s=0.4, max_clip_s=1, crop="face-256")
    again, n_read = clips_of(path, options, 0, monkeypatch)
    kept, n_none = clips_of(path, options, KEPT_BYTES, monkeypatch)
    assert same(again, kept) and n_none == 0 < n_read


def test_own_clips_of_that_crop_have_256_px(tmp_path):
    lips = np.zeros((20, 256, 256, 3), np.uint8)
    written = write(tmp_path / "own", [made(n_frames=20, lips=lips)], crop="face-256")
    assert run("verify-shards", written.folder).exit_code == 0
    with pytest.raises(OptionError, match=r"lips is \(30, 96, 96, 3\) uint8, wanted \(T, 256, 256, 3\)"):
        write(tmp_path / "mouths", [made()], crop="face-256")
    long = made(n_frames=256, lips=np.zeros((256, 256, 256, 3), np.uint8))
    with pytest.raises(OptionError, match="lips has 256 frames, a JPEG filmstrip holds 255"):
        write(tmp_path / "long", [long], crop="face-256")


def test_a_face_of_one_frame_and_one_without_extent(tmp_path):
    """As a sidecar has it where there is no face; and a face in one corner of the frame."""
    kept = KeptRegions("face-256")
    image = np.zeros((240, 320, 3), np.uint8)
    nobody = Face(np.zeros(4, np.float32), 0.0, np.zeros((68, 2), np.float32))
    kept.see(0, image, [nobody], None)
    landmarks = (mean_face() * 12 + (310, 230)).astype(np.float32)
    kept.see(1, image, [Face(np.array([217, 169, 403, 343], np.float32), 1.0, landmarks)], None)
    affine = PRESETS["face-256"].affines(
        FaceTrack(1, np.zeros((1, 4)), np.ones(1), np.zeros(1, bool), landmarks[None])
    )[0]
    assert not kept.has(0, affine) and kept.has(1, affine)
    assert kept.take(1).cut(affine, 256).shape == (256, 256, 3)
