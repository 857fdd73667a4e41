"""The table of metrics: labels of columns, files of image metrics, formulas in docs/protocols.md."""

import importlib
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from speechlip.errors import OptionError
from speechlip.metrics import image
from speechlip.metrics.declared import CLIP, FRAME_PAIR, FRAMES, NotScored
from speechlip.metrics.table import GROUPS, METRICS, families, members, metric, metrics_of

PROTOCOLS = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
# The columns of scores.csv that hold a metric: stable names.
COLUMNS = {
    "lse_c",
    "lse_d",
    "offset_frames",
    "offset_ms",
    "lse_c_unpadded",
    "lse_d_unpadded",
    "lmd",
    "lmd_iod",
    "psnr",
    "ssim",
    "lpips",
    "cpbd",
}
DOCSTRING_WORDS = ("Goal:", "Conventions:", "Source", "Function")
ON_REQUEST = [
    column.name
    for group in GROUPS
    for family in members(group)
    for column in metrics_of(family)
    if not column.of_real
]
IMAGES = [family for family in METRICS.built_in if metrics_of(family)[0].per != CLIP]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_metric_is_a_file_of_its_name(name):
    module = importlib.import_module(f"{image.__name__}.{name}")
    assert (module.METRIC.name, module.METRIC.family) == (name, name)
    missing = [word for word in DOCSTRING_WORDS if word not in module.__doc__]
    assert not missing, f"the docstring of metrics/image/{name}.py lacks {', '.join(missing)}"


@pytest.mark.parametrize("name", [name for name in IMAGES if not metric(name).network])
def test_an_image_metric_stays_within_its_limits(name):
    """Of the same image twice, of noise, and of opposite images."""
    each, random = metric(name), np.random.default_rng(1)
    noise = random.integers(0, 256, (64, 64, 3), np.uint8)
    for render, reference in ((noise, noise), (noise, 255 - noise), (np.zeros_like(noise), noise)):
        images = {FRAME_PAIR: [render, reference], FRAMES: [render, reference, render]}.get(
            each.per, [render]
        )
        value = each.compute(*images)
        assert type(value) is float and each.lowest - 1e-9 <= value <= each.highest + 1e-9


@pytest.mark.parametrize("name", sorted(COLUMNS | {*IMAGES, *ON_REQUEST}))
def test_protocols_give_the_formula_of_every_column(name):
    rows = re.findall(rf"^\|[^|]*`{name}`[^|]*\| `([\w.-]+)`", PROTOCOLS, re.MULTILINE)
    formula = metric(name).formula
    assert rows == [formula], f"docs/protocols.md needs one row with `{name}` and `{formula}`, has {rows}"
    assert PROTOCOLS.count(formula) > 1, f"docs/protocols.md gives no formula marked {formula}"


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_on_request_and_its_files_say_what_they_measure(group):
    assert not {*members(group)} & {*families()} and members("default") == families()
    for family in members(group):
        text = importlib.import_module(METRICS.built_in[family].partition(":")[0]).__doc__
        missing = [word for word in DOCSTRING_WORDS if word not in text]
        assert not missing, f"the docstring of {family} lacks {', '.join(missing)}"


def test_a_column_of_the_real_video_is_the_same_metric():
    metric_, real = metrics_of("slcc")
    assert (real.name, real.of_real, real.compute) == ("slcc_real", True, metric_.compute)
    assert (real.arrow, real.in_table, real.formula) == ("", False, metric_.formula)


def test_every_column_is_declared():
    table = {each.name: each for family in families() for each in metrics_of(family)}
    assert set(table) >= COLUMNS
    names = ("lse_c", "lse_d", "lmd", "psnr", "ssim", "lpips", "cpbd", "offset_ms")
    assert [table[name].arrow for name in names] == [*"↑↓↓↑↑↓↑", ""]
    with pytest.raises(OptionError, match="no metric 'lse'; there are: lse_c, lse_d"):
        metric("lse")


def test_a_reason_survives_the_way_from_a_worker():
    error = pickle.loads(pickle.dumps(NotScored("too short", "5 frames")))
    assert (error.reason, error.detail, str(error)) == ("too short", "5 frames", "too short: 5 frames")
