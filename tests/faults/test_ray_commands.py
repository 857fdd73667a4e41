"""Units of every other command as tasks of a Ray cluster: the bytes of the local engine, deaths and all."""

import json

import numpy as np
import pytest

import speechlip
from speechlip.workers.cluster import RayCluster
from workmen import dying
from zoo import write_clip

pytestmark = pytest.mark.faults
GENTLE = {
    "words": [
        {
            "word": "the",
            "case": "success",
            "start": 0.2,
            "end": 0.7,
            "phones": [{"phone": "dh_B", "duration": 0.2}, {"phone": "ah_E", "duration": 0.3}],
        }
    ]
}
ONCE_AND_TWICE = {"anna.mp4": 1, "bob.mp4": 2}
"""How often the worker dies at which video."""


@pytest.fixture
def ray(cluster):
    return RayCluster(cluster.address)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Three short videos, with what Gentle heard in them."""
    folder = tmp_path_factory.mktemp("filmed")
    for seed, name in enumerate(("anna", "bob", "chen")):
        samples = np.random.default_rng(seed).normal(size=32000) * 3000
        write_clip(folder / f"{name}.mp4", np.zeros((50, 48, 64, 3), np.uint8), samples.astype(np.int16))
        (folder / f"{name}.json").write_text(json.dumps(GENTLE))
    return folder


def same(here, there, *names):
    """Whether all files in these folders, or of these names, have the same bytes."""
    files = {
        path.relative_to(here)
        for name in names
        for path in ((here / name).rglob("*") if (here / name).is_dir() else [here / name])
        if path.is_file()
    }
    return files and all((here / name).read_bytes() == (there / name).read_bytes() for name in files)


def test_align(ray, filmed, tmp_path, monkeypatch):
    speechlip.align(filmed, tmp_path / "here", workers=1)
    deaths = dying(monkeypatch, "speechlip.aligning.align:align_one", ONCE_AND_TWICE, tmp_path / "deaths")
    rows = speechlip.align(filmed, tmp_path / "there", engine=ray)
    assert deaths() == 3
    assert [(row.source, row.status, row.reason, row.detail) for row in rows] == [
        ("anna.mp4", "aligned", "", ""),
        ("bob.mp4", "failed", "crashed the worker", "exit code -9, twice"),
        ("chen.mp4", "aligned", "", ""),
    ]
    assert same(tmp_path / "here", tmp_path / "there", "anna.TextGrid", "chen.TextGrid")


def test_export_features(ray, filmed, tmp_path, monkeypatch):
    options = speechlip.ExportOptions(device="cpu")
    speechlip.export_features("tiny_speech:tiny", filmed, tmp_path / "here", options)
    deaths = dying(monkeypatch, "speechlip.exporting.job:export_unit", ONCE_AND_TWICE, tmp_path / "deaths")
    made = speechlip.export_features("tiny_speech:tiny", filmed, tmp_path / "there", options, engine=ray)
    assert deaths() == 3
    assert [(row.source, row.status, row.reason, row.detail) for row in made.rows] == [
        ("anna.mp4", "exported", "", ""),
        ("bob.mp4", "failed", "crashed the worker", "exit code -9"),
        ("chen.mp4", "exported", "", ""),
    ]
    assert same(tmp_path / "here", tmp_path / "there", "anna", "chen")


def test_score_encoder(ray, tmp_path, monkeypatch):
    import tiny_benchmark
    import tiny_dataset

    from speechlip.benchmarking import tasks

    splits = {"train": {"anna": (20, 20), "ben": (20, 20)}, "test": {"dora": (45, 16), "emil": (16,)}}
    shards = tiny_dataset.write_dataset(tmp_path / "shards", splits, lips_format="jpg")
    monkeypatch.setattr(tasks, "CONTROLS", {tiny_benchmark.SHUFFLED: "has to be at chance"})
    place = "speechlip.benchmarking.benchmark:make_row"
    work, times = "tiny_benchmark:tiny_row", {"log-mel": 1, "log-stft": 2}
    monkeypatch.setattr(place.replace(":", "."), tiny_benchmark.tiny_row)
    few, names = tiny_benchmark.FEW, ("log-mel", "log-stft")
    here, _ = tiny_benchmark.benchmark(shards, tmp_path / "here", *names, options=few)
    deaths = dying(monkeypatch, work, times, tmp_path / "deaths", place)
    there, watched = tiny_benchmark.benchmark(shards, tmp_path / "there", *names, options=few, engine=ray)
    assert deaths() == 3 and set(watched.rows) == {row.label for row in here.rows}
    assert [row.status for row in there.rows] == ["scored", "failed", "scored"]
    assert "its process died with exit code -9" in there.rows[1].reason
    wanted, made = (
        {row["label"]: row for row in tiny_benchmark.without_times(scored.dump())["rows"]}
        for scored in (here, there)
    )
    for label in ("log-mel", tiny_benchmark.SHUFFLED):
        assert {**made[label], "differences": None} == {**wanted[label], "differences": None}


def test_render_lips(ray, tmp_path, monkeypatch):
    import small_person

    person = small_person.write_person(tmp_path / "may.mp4")
    options = speechlip.RenderOptions(detector="sidecar", device="cpu")
    encoders = ("small_person:loud", "small_person:deaf")
    here = speechlip.render_lips(person, encoders, tmp_path / "here", options)
    times = {"small_person:loud": 1, "small_person:deaf": 2}
    deaths = dying(monkeypatch, "speechlip.rendering.run:render_unit", times, tmp_path / "deaths")
    there = speechlip.render_lips(person, encoders, tmp_path / "there", options, engine=ray)
    assert deaths() == 3
    assert {row.name: row.reason for row in there.failed} == dict.fromkeys(
        ("small_person-deaf", "small_person-deaf-shuffled"), "crashed the worker: exit code -9, twice"
    )
    rendered = [row.name for row in here.rows if "deaf" not in row.name]
    assert len(rendered) == 6 and same(tmp_path / "here", tmp_path / "there", *rendered)
