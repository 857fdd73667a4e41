"""THEval's measures by hand and by its formulas in plain loops, and its normalisation."""

import csv
import json
import tracemalloc
from itertools import combinations
from statistics import median

import numpy as np
import pytest

from speechlip.commands.cli import score_sync
from speechlip.judging.harms.material import read_material
from speechlip.metrics import NotScored
from speechlip.metrics.theval.mesh import LOWER, UPPER
from speechlip.metrics.theval.theval_brows import brow_dynamics
from speechlip.metrics.theval.theval_head import complexity, head_motion_dynamics
from speechlip.metrics.theval.theval_lips import LIPS, lip_dynamics
from speechlip.metrics.theval.theval_silence import silent_lip_stability
from speechlip.metrics.theval.theval_sync import lip_sync, volume
from speechlip.scoring.records import ScoreRow
from speechlip.scoring.theval import as_csv, measures_of
from zoo import write_clip

SIZE = np.array([640, 360])


@pytest.fixture
def mesh():
    """40 frames of any points, one of them without a face."""
    points = np.random.default_rng(0).uniform(20, 340, (40, 478, 2))
    points[7] = np.nan
    return points


def test_lip_dynamics_of_a_plain_loop(mesh):
    vectors = []
    for frame in mesh[np.isfinite(mesh[:, 0, 0])]:
        places = [(frame[i, 0] * 256 / 640, frame[i, 1] * 256 / 360) for i in LIPS]
        vectors.append([np.hypot(a[0] - b[0], a[1] - b[1]) for a, b in combinations(places, 2)])
    assert len(set(LIPS.tolist())) == 40
    assert lip_dynamics(mesh, SIZE) == pytest.approx(np.std(vectors, axis=0).mean())


def test_silent_lip_stability_of_a_plain_loop(mesh):
    speech = np.zeros(40, bool)
    speech[10:15], speech[20:30] = True, True  # silences of 10, 5 and 10 frames: the middle one is too short
    openings = []
    for index in [*range(10), *range(30, 40)]:
        x, y = mesh[index, :, 0] * 256 / 640, mesh[index, :, 1] * 256 / 360
        if np.isfinite(x).all():
            eyes = np.hypot(x[33] - x[263], y[33] - y[263])
            openings.append(np.mean([abs(y[a] - y[b]) / eyes for a, b in zip(UPPER, LOWER, strict=True)]))
    wanted = median(abs(each - np.mean(openings)) for each in openings)
    assert len(openings) == 19 and silent_lip_stability(mesh, SIZE, speech) == pytest.approx(wanted)
    with pytest.raises(NotScored, match="no silence: 0 frames with a face in silences of"):
        silent_lip_stability(mesh, SIZE, ~np.zeros(40, bool))


def test_lip_sync_is_0_where_the_mouth_is_as_open_as_it_is_loud_and_1_where_it_is_otherwise():
    """20 frames; the level of each is 0, 1, 0, 1, … thousand, with windows of 50 ms in between."""
    frames = 25
    audio = np.repeat(np.arange(20, 20 + frames) * 100, 640).astype(np.int16)
    loud = volume(audio, frames)
    mesh = np.zeros((frames, 478, 2))
    mesh[:, [362, 263], 0], mesh[:, [33, 133], 0] = 100, 0
    mesh[:, LOWER, 1] = loud[:, None] / 1000
    always = np.ones(frames, bool)
    assert lip_sync(mesh, SIZE, audio, always) == pytest.approx(0, abs=1e-6)
    steps = np.tile([0.0, 1.0], 13)[:frames]
    mesh[:, LOWER, 1] = 1 - steps[:, None]
    audio = np.tile(np.repeat([0, 10000], 800), 20)[: frames * 640].astype(np.int16)
    level = volume(audio, frames)
    wanted = np.mean(np.abs((1 - steps) - (level - level.min()) / np.ptp(level)))
    assert lip_sync(mesh, SIZE, audio, always) == pytest.approx(wanted, abs=1e-6)
    with pytest.raises(NotScored, match="no speech: in 4% of the frames, 10% are wanted"):
        lip_sync(mesh, SIZE, audio, np.arange(frames) == 3)


def test_brows_and_heads(mesh):
    still = np.repeat(mesh[:1], 5, axis=0)
    assert brow_dynamics(still) == 0.0 == complexity(np.zeros((5, 3)), np.zeros((5, 2)))
    assert complexity(np.zeros((2, 3)), np.array([[0.0, 0], [8, 6]])) == np.sqrt((16 + 9) / 2)
    assert brow_dynamics(3 * mesh) == pytest.approx(brow_dynamics(mesh))
    with pytest.raises(NotScored, match="no face: 1 frames with a face, 3 are wanted"):
        head_motion_dynamics(mesh[6:8, :68])


def test_the_normalisation_of_its_example():
    """Renders 2 and 4 beside 5 and 3: means 3 and 4, score 1 − 1 / 4."""
    rows = [
        ScoreRow("a", "0", "scored", values={"theval_lips": 2.0, "theval_lips_real": 5.0}),
        ScoreRow("b", "0", "scored", values={"theval_lips": 4.0, "theval_lips_real": 3.0}),
        ScoreRow("c", "0", "partial", values={"theval_lips": 9.0}),
        ScoreRow("d", "0", "scored", values={"theval_sync": 1.0, "theval_sync_real": 0.0}),
    ]
    lips, brows, sync, *refused, mean = measures_of(rows, ["theval_lips", "theval_brows", "theval_sync"])
    assert (lips.renders, lips.real, lips.score, lips.clips) == (3.0, 4.0, 0.75, 2)
    assert brows.reason == "no clip has it beside its real video" and sync.reason == "the real videos' is 0"
    assert {each.measure: each.reason for each in refused}["mouth quality"] == "needs weights: MUSIQ"
    assert (mean.score, mean.clips) == (0.75, 3) and mean.reason == "of 1 of 8: no final score of THEval"
    assert as_csv([lips]).splitlines()[1] == "theval_lips,3.0,4.0,0.75,2,"
    assert measures_of(rows, ["psnr"]) == ()


def test_a_folder_is_scored_beside_its_references(real_clips, face_model, tmp_path):
    material = read_material(real_clips / "hdtf_1.mp4", 1.04, 256)
    for name in ("renders", "real"):
        (tmp_path / name).mkdir()
        write_clip(tmp_path / name / "a.mp4", material.images, material.audio)
    renders, real, out = (str(tmp_path / name) for name in ("renders", "real", "out"))
    with pytest.raises(SystemExit) as ended:
        score_sync(
            [renders, "--reference", real, "-o", out, "--protocol", "theval", "--detector", "landmarker"]
        )
    assert ended.value.code == 3  # in a second there is no silence
    lines = (tmp_path / "out" / "theval.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines][:4] == [
        "measure",
        "theval_lips",
        "theval_head",
        "theval_brows",
    ]
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["options"]["protocol"] == "direct" and scores["options"]["metrics"][0] == "theval_lips"
    (row,) = csv.DictReader((tmp_path / "out" / "scores.csv").read_text().splitlines())
    assert float(row["theval_lips"]) == float(row["theval_lips_real"]) > 0
    assert all(line.split(",")[3] in ("1.0", "") for line in lines[1:])


def test_lip_dynamics_of_long_clips_take_little_memory():
    """1 min: the lips' own points and few more of their size, not every distance of every frame (60 MB)."""
    mesh = np.ones((1500, 478, 2), np.float32)
    tracemalloc.start()
    lip_dynamics(mesh, SIZE)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 10e6
