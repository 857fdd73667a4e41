"""The map of phones and the summary picture."""

import numpy as np
import pytest
from made_benchmark import ROWS, made_benchmark
from PIL import Image

from speechlip.benchmarking.records import JSON_NAME
from speechlip.benchmarking.report import phone_map
from speechlip.benchmarking.report.chart import (
    apart_and_together,
    by_auc,
    draw_summary,
    label,
    relative_curve,
)
from speechlip.benchmarking.report.phone_map import map_of_file
from speechlip.errors import ShardError
from speechlip.metrics.declared import NotScored


@pytest.fixture(scope="module")
def tokens():
    """Forty tokens each of T, D and AA in 60 dimensions; T and D are one cloud, AA another, far away."""
    draw = np.random.default_rng(0)
    points = draw.normal(size=(120, 60)).astype(np.float32)
    points[80:, 0] += 40
    return points, np.repeat(["T", "D", "AA"], 40)


def test_clouds_stay_clouds_and_the_map_is_the_same_each_time(tokens):
    """Each token's nearest neighbours on the map belong to its own cloud; within the merged cloud /t/ and /d/
    mix.
    """
    found = phone_map.phone_map(*tokens)
    assert found == phone_map.phone_map(*tokens)
    assert (
        found.phones == ("AA", "D", "T")
        and max(*found.x, *found.y) == 1000
        and min(found.x) == min(found.y) == 0
    )
    places, phone = np.column_stack([found.x, found.y]), np.array(found.phone)
    away = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(places))
    near = phone[np.argsort(away, axis=1)[:, :5]]
    vowel = phone == 0
    assert ((near == 0) == vowel[:, None]).all()
    assert 0.3 < (near[phone == 2] == 1).mean() < 0.7


@pytest.mark.parametrize(
    "change, said",
    [
        ("same", "all tokens are the same"),
        ("few", "99 tokens, 100 are wanted"),
        ("nan", "finite"),
        ("shape", r"got \(120, 60\) and \(10,\)"),
    ],
)
def test_what_makes_no_map_says_so(tokens, change, said):
    points, phones = tokens
    if change == "few":
        points, phones = points[:99], phones[:99]
    if change == "same":
        points = np.full_like(points, 0.3)
    if change == "nan":
        points = np.where(points > 39, np.nan, points)
    if change == "shape":
        phones = phones[:10]
    with pytest.raises(NotScored, match=said):
        phone_map.phone_map(points, phones)


@pytest.mark.parametrize("content", ["no npz", "objects", "other arrays"])
def test_a_tokens_file_is_never_unpickled(tmp_path, content):
    path = tmp_path / "0.npz"
    if content == "no npz":
        path.write_bytes(b"PK\x03\x04 not really")
    if content == "objects":
        np.savez(path, points=np.zeros((200, 2)), phones=np.array([print] * 200, dtype=object))
    if content == "other arrays":
        np.savez(path, points=np.zeros((200, 2)))
    with pytest.raises(NotScored, match=r"0\.npz with the tokens cannot be read"):
        map_of_file(path)


@pytest.mark.filterwarnings("error")
def test_the_picture_is_drawn_also_where_much_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(phone_map, "_tsne", lambda points: points[:, :2])
    made = made_benchmark(tmp_path, rows=(*ROWS[2:4], ROWS[6], ROWS[8]), tokens=4)
    (tmp_path / made.rows[1].ambiguity.tokens_file).unlink()
    draw_summary(tmp_path / JSON_NAME, tmp_path / "summary.png")
    picture = np.asarray(Image.open(tmp_path / "summary.png").convert("RGB")).reshape(-1, 3)
    assert len(picture) == 2112 * 720
    for inked in ("#0f6c8c", "#b4530a"):  # /t/ and /d/ of the one map that there is
        assert (picture == [int(inked[at : at + 2], 16) for at in (1, 3, 5)]).all(axis=1).sum() > 50
    with pytest.raises(ShardError, match="cannot be read"):
        draw_summary(tmp_path / "other.json", tmp_path / "none.png")
    made_benchmark(tmp_path, rows=())
    with pytest.raises(NotScored, match="no row of this benchmark has a pair AUC"):
        draw_summary(tmp_path / JSON_NAME, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_which_rows_the_picture_shows_and_what_it_calls_them(tmp_path):
    made = made_benchmark(tmp_path, tokens=1)
    rows = by_auc(made)
    values = [row.scores["pair_auc"].value for row in rows]
    assert len(rows) == 12 and values == sorted(values, reverse=True)
    encoders = [row for row in rows if row.role == "encoder" and row.ambiguity.pairs]
    apart, together = apart_and_together(rows)
    assert apart.ambiguity.pairs["T/D"] == max(row.ambiguity.pairs["T/D"] for row in encoders)
    assert together.ambiguity.pairs["T/D"] == min(row.ambiguity.pairs["T/D"] for row in encoders)
    hostile = next(row for row in rows if "script" in row.name)
    assert label(hostile) == "features:</script><img src=x …" and "\\$" in label(
        made.rows[6].__class__("$x$", "$x$", "encoder", "head", "scored")
    )
    assert relative_curve(rows[0])[[0, 15]] == pytest.approx([1, 8.18 / 14], abs=0.03)
