"""The mesh mapping: known turns of a head, an ellipsoid seen by rays, real clips there and back."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from speechlip.faces.landmarks import MESH_TO_68, mean_face
from speechlip.progress import SILENT
from speechlip.rendering.canonical import canonical_face, smooth_affines
from speechlip.rendering.kept_arrays import KeptArrays
from speechlip.rendering.mappings import open_mesh
from speechlip.rendering.mappings.canonical_mesh import angles, canonical_mesh
from speechlip.rendering.mappings.depth import completed, mesh_depth, pixel_middles
from speechlip.rendering.mappings.mesh import MeshMapping, seen_at, seen_from
from speechlip.rendering.mappings.similarity import SimilarityMapping
from speechlip.rendering.material import mapping_of
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import find_person

AXES = np.array([8.0, 11.0, 7.0])
"""Half axes of a head, cm."""


def turned(yaw=0.0, pitch=0.0, roll=0.0):
    """Degrees → (3, 3): about y, then x, then z."""
    a, b, c = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def head():
    """(478, 3) cm on the front of an ellipsoid, the 68 points where the mean face has them."""
    rng = np.random.default_rng(0)
    flat = rng.uniform(-0.65, 0.65, (478, 2)) * AXES[:2]
    flat[MESH_TO_68] = mean_face() * 0.85
    return np.column_stack([flat, -AXES[2] * np.sqrt(1 - ((flat / AXES[:2]) ** 2).sum(axis=1))])


@pytest.fixture(scope="module")
def turns():
    time = np.arange(60) / 60 * 2 * np.pi
    return np.array([turned(15 * np.sin(at), 8 * np.cos(at), 5 * np.sin(2 * at)) for at in time])


@pytest.fixture(scope="module")
def meshes(turns):
    """A head that turns, nears and shifts: (60, 478, 3) px."""
    size = 10 + np.cos(np.arange(60) / 9)[:, None, None]
    place = np.stack([160 + np.arange(60.0), 120 - np.arange(60) / 2, np.zeros(60)], axis=1)
    return size * (head() @ turns.transpose(0, 2, 1)) + place[:, None]


def test_known_turns_are_recovered(meshes, turns):
    cameras = canonical_mesh(meshes).cameras(meshes)
    rows = cameras[:, :, :3] / np.linalg.norm(cameras[:, :, :3], axis=2, keepdims=True)
    read = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)
    between = read @ read[0].T @ (turns @ turns[0].T).transpose(0, 2, 1)  # the canonical turn cancels
    off = np.degrees(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert off.max() < 0.01
    size = np.linalg.norm(cameras[:, 0, :3], axis=1)
    wanted = 10 + np.cos(np.arange(60) / 9)
    assert np.allclose(size / size[0], wanted / wanted[0])


def test_a_profile_turn_is_out_of_reach_of_the_similarity_alone(meshes):
    """From 55° aside a similarity takes the narrow face for a small one, and misses the mouth."""
    aside = 10 * head() @ turned(55).T + [160, 120, 0]
    both = np.concatenate([meshes, np.tile(aside, (20, 1, 1))])
    canonical = canonical_mesh(meshes)
    exact = canonical.points[MESH_TO_68[48:68], :2].mean(axis=0)
    mouth = both[-5, MESH_TO_68[48:68], :2].mean(axis=0)
    camera = canonical.cameras(both)[-5]
    corners = canonical.points[MESH_TO_68[48:68]].mean(axis=0)
    assert np.abs(camera[:, :3] @ corners + camera[:, 3] - mouth).max() < 0.5
    flat = both[:, MESH_TO_68, :2].astype(np.float32)
    affine = smooth_affines(flat, canonical_face(flat[:60]), np.zeros(80, int))[-5]
    assert np.abs(affine[:, :2] @ mouth + affine[:, 2] - exact).max() > 10


@pytest.mark.parametrize(
    ("turn", "wanted"), [((-9, 0, 0), (9, 0, 0)), ((0, 6, 0), (0, -6, 0)), ((0, 0, 4), (0, 0, 4))]
)
def test_angles_have_the_signs_of_those_from_68_points(turn, wanted):
    """Yaw > 0: the nose goes to the image's right; pitch > 0: up; roll > 0: clockwise."""
    straight = canonical_mesh(np.array([head() * 10]))
    seen = head() @ turned(*turn).T * 10
    assert np.allclose(angles(straight.cameras(seen[None]))[0], wanted, atol=0.05)
    tip = seen[4] / 10 - head()[4]
    assert (wanted[0] > 0) == (tip[0] > 0.1) and (wanted[1] < 0) == (tip[1] > 0.1)


def test_the_canonical_crop_is_1_9_mouths_wide_and_upright(meshes):
    canonical = canonical_mesh(meshes)
    left, right = canonical.points[[61, 291]]
    middle = canonical.points[MESH_TO_68[48:68], :2].mean(axis=0)
    assert np.abs(middle - 48).max() < 1 and abs((right - left)[0] - 96 / 1.9) < 1.5
    assert abs(left[2] + right[2]) < 1e-6  # depth is 0 at the corners of the mouth


def pattern(x, y):
    """Smooth colours of the canonical crop, 0 … 255."""
    return np.stack([128 + 60 * np.sin(x / 9 + c) * np.cos(y / 7 - c) for c in range(3)], axis=-1)


RADII = np.array([100.0, 90.0, 80.0])


def sphere_depth(middles):
    """Depth of an ellipsoid around the crop's middle, 0 at its front."""
    x, y = np.moveaxis(middles - 48, -1, 0)
    return RADII[2] * (1 - np.sqrt(1 - (x / RADII[0]) ** 2 - (y / RADII[1]) ** 2))


def seen_by_rays(turn, scale, place, size):
    """The ellipsoid's picture, each pixel by its own ray: no depth map and no iteration."""
    height, width = size
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    start = np.stack([(x - place[0]) / scale, (y - place[1]) / scale, np.full(x.shape, -1000.0)], -1) @ turn
    ray = turn[2]
    middle = np.array([0, 0, RADII[2]])
    a = ((ray / RADII) ** 2).sum()
    b = ((start - middle) * ray / RADII**2).sum(-1)
    c = (((start - middle) / RADII) ** 2).sum(-1) - 1
    root = np.sqrt(np.maximum(b**2 - a * c, 0))
    hit = start + ray * ((-b - root) / a)[..., None]
    return np.rint(pattern(hit[..., 0] + 48, hit[..., 1] + 48)).astype(np.uint8)


@pytest.mark.parametrize("yaw", [0, 8, -15])
def test_a_turned_head_has_the_same_canonical_crop(yaw):
    """What a similarity cannot: at 15° it leaves levels where the mesh leaves a fraction."""
    turn, scale, place = turned(yaw, 4, 3), 1.5, np.array([150.0, 140.0])
    image = seen_by_rays(turn, scale, place, (280, 300))
    camera = np.column_stack([scale * turn[:2], place - scale * turn[:2, :2] @ (48, 48)])
    depth = sphere_depth(pixel_middles())
    mapping = MeshMapping(depth, camera[None])
    middles = pixel_middles()
    wanted = pattern(middles[..., 0], middles[..., 1])
    crop = mapping.cut(image, 0)
    assert np.abs(crop - wanted).mean() < 1.5
    back = mapping.paste(image, crop, 0)
    assert np.abs(back.astype(int) - image).mean() < 0.5
    found, residual = seen_from(camera, depth, seen_at(camera, depth))
    assert residual.max() < 0.05 and np.abs(found - middles).max() < 0.2
    if yaw == -15:
        affine = cv2.invertAffineTransform(camera[:, [0, 1, 3]])
        affine[:, :2] = cv2.invertAffineTransform(np.column_stack([scale * turned(0, 0, 3)[:2, :2], [0, 0]]))[
            :, :2
        ]
        affine[:, 2] = 48 - affine[:, :2] @ place
        flat = SimilarityMapping(affine[None]).cut(image, 0)
        assert np.abs(flat - wanted).mean() > 4 * np.abs(crop - wanted).mean()


def test_a_head_that_folds_over_itself_keeps_its_frame():
    depth = np.where(np.arange(96)[None] > 48, 60.0, 0.0) + np.zeros((96, 96))
    turn = turned(40)
    camera = np.column_stack([turn[:2], [60, 60]])
    image = np.full((220, 260, 3), 90, np.uint8)
    pasted = MeshMapping(depth, camera[None]).paste(image, np.full((96, 96, 3), 250, np.uint8), 0)
    share = (pasted[..., 0] > 90).sum() / (96 * 96 * np.cos(np.radians(40)))
    assert 0.2 < share < 1.2


def test_depth_is_completed_where_the_mesh_ends(monkeypatch):
    """Frames of an ellipsoid of which the mesh knows the left part only; the rest goes on flat."""
    true = sphere_depth(pixel_middles())
    known = np.zeros((96, 96), bool)
    known[:, :64] = True
    start = np.where(known, true, true[:, 63:64])
    images, cameras = [], []
    for yaw in range(-20, 21, 10):
        turn = turned(yaw)
        images.append(seen_by_rays(turn, 1.0, np.array([72.0, 72.0]), (144, 144)))
        cameras.append(np.column_stack([turn[:2], (72, 72) - turn[:2, :2] @ (48, 48)]))
    done = completed(start, known, np.array(images), np.array(cameras))
    before, after = (np.abs(depth - true)[:, 66:92].mean() for depth in (start, done))
    assert after < 0.6 * before and np.abs(done - true)[:, :58].mean() < 0.5
    monkeypatch.setattr("speechlip.rendering.mappings.depth.STEPS", 5)
    one, other = (completed(start, known, np.array(images), np.array(cameras)) for _ in range(2))
    assert np.array_equal(one, other)


def test_mesh_depth_is_that_of_its_points():
    points = np.column_stack([np.random.default_rng(1).uniform(10, 96, (478, 2)), np.zeros(478)])
    points[:, 2] = 0.3 * points[:, 0] - 0.1 * points[:, 1]
    depth, known = mesh_depth(points)
    middles = pixel_middles()
    inside = np.s_[20:80, 30:80]
    wanted = 0.3 * middles[..., 0] - 0.1 * middles[..., 1]
    assert np.abs(depth - wanted)[inside].max() < 0.1 and not known[:, :8].any() and np.isfinite(depth).all()


def test_a_track_without_a_mesh_is_mapped_by_its_similarities(meshes):
    affines = np.tile([[0.5, 0.1, 3.0], [-0.1, 0.5, 7]], (60, 1, 1))
    unseen = meshes.copy()
    unseen[30:] = np.nan
    unseen[10:12] = np.nan
    tracks = np.repeat([0, 1, -1], [30, 20, 10])
    cameras = open_mesh.cameras_of(canonical_mesh(meshes), unseen, tracks, affines)
    assert np.isfinite(cameras[:50]).all() and np.isnan(cameras[50:]).all()
    assert (
        np.allclose(affines[40, :, :2] @ cameras[40, :, [0, 1]].T, np.eye(2)) and not cameras[40, :, 2].any()
    )


def test_a_kept_mesh_is_not_read_from_the_video_again(tmp_path, monkeypatch):
    said, mapping = [], MeshMapping(np.arange(96.0 * 96).reshape(96, 96), np.arange(40.0).reshape(5, 2, 4))
    read = "speechlip.rendering.material.mesh_mapping"
    monkeypatch.setattr(read, lambda *given: said.append("read") or mapping)
    progress = SimpleNamespace(say=said.append)
    for _ in range(2):
        kept = KeptArrays(tmp_path / "mesh.npz", "faces")
        again = mapping_of([None] * 5, np.arange(5), None, RenderOptions(mapping="mesh"), progress, kept)
    assert said.count("read") == 1 and len(said) == 3 and said[1] == said[2]
    assert np.array_equal(again.depth, mapping.depth) and np.array_equal(again.cameras, mapping.cameras)


@pytest.mark.parametrize("change", ["another source", "damaged", "cut short", "gone"])
def test_arrays_are_kept_until_anything_changes(tmp_path, change):
    kept = KeptArrays(tmp_path / "mesh.npz", "faces")
    kept.write(depth=np.arange(9216.0), cameras=np.ones(3))
    assert np.array_equal(kept.read()["depth"], np.arange(9216.0))
    content = kept.file.read_bytes()
    if change == "damaged":
        kept.file.write_bytes(content[:1000] + bytes(300) + content[1300:])
    elif change == "cut short":
        kept.file.write_bytes(content[:-100])
    elif change == "gone":
        kept.file.unlink()
    assert not KeptArrays(kept.file, "others" if change == "another source" else "faces").read()


@pytest.mark.slow
@pytest.mark.parametrize("clip", ["hdtf_1", "latentsync_demo1", "liveportrait_d6", "liveportrait_s18"])
def test_real_heads_stand_stiller_and_come_back(clip, real_clips, face_model, monkeypatch):
    """Beside the similarity: crops vary less over time, and there and back loses no more."""
    monkeypatch.setattr("speechlip.rendering.person.LEAST_S", 1)
    path = real_clips / f"{clip}.mp4"
    person = find_person(path, RenderOptions(detector="landmarker"), "landmarker", SILENT)
    train = np.flatnonzero(person.seen)
    affines = smooth_affines(person.landmarks, canonical_face(person.landmarks[train]), person.tracks)
    mappings = SimilarityMapping(affines), open_mesh.mesh_mapping(person, train, affines, SILENT)
    crops, lost = ([], []), ([], [])
    for number, image in person.frames():
        if person.tracks[number] < 0 or number % 3:
            continue
        inner = cv2.transform(np.array([[[20.0, 20], [76, 76]]]), cv2.invertAffineTransform(affines[number]))
        (x0, y0), (x1, y1) = np.sort(inner[0], axis=0).round().astype(int).clip(0)
        for mapping, cut, psnr in zip(mappings, crops, lost, strict=True):
            cut.append(mapping.cut(image, number))
            back = mapping.paste(image, cut[-1], number)
            apart = (back[y0:y1, x0:x1].astype(float) - image[y0:y1, x0:x1]) ** 2
            psnr.append(10 * np.log10(255**2 / apart.mean()))
    flat, mesh = (np.std(np.array(cut, np.float32), axis=0).mean() for cut in crops)
    assert mesh < flat
    assert np.mean(lost[1]) > np.mean(lost[0]) - 0.3 and np.min(lost[1]) > 28
