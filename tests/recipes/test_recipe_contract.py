"""What every recipe keeps to, the template included; and the registry."""

import importlib
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from speechlip import recipes
from speechlip.errors import OptionError
from speechlip.records import Source

DECLARED = {"NAME": str, "TITLE": str, "LICENCE": str, "CITATION": str, "ACCESS": str, "HOMEPAGE": str}


def tree(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def hf_tables(root: Path) -> Path:
    for split in ("train", "test"):
        (root / split).mkdir()
        parquet.write_table(
            pa.table({"video": [{"bytes": split.encode(), "path": None}]}), root / split / "0000.parquet"
        )
    return root


@pytest.fixture(params=[*recipes.names(), "_template"])
def recipe(request):
    return (
        importlib.import_module("speechlip.recipes._template")
        if request.param == "_template"
        else recipes.get(request.param)
    )


@pytest.fixture
def sample(recipe, tmp_path, request):
    """A small data set of the recipe's own kind; a new recipe adds its line here."""
    samples = {
        "folder": lambda: tree(tmp_path, ["z.mp4", "anna/b.mp4", "anna/a.mov"]),
        "template": lambda: tree(tmp_path, ["train/anna/1.mp4", "test/ben/1.mp4"]),
        "synthetic": lambda: request.getfixturevalue("talking"),
        "lrs3": lambda: tree(tmp_path, ["pretrain/0af00UcTOSc/50001.mp4", "test/0Fi83BHQsMA/00002.mp4"]),
        "hdtf": lambda: tree(tmp_path, ["clips/RD_Radio1_000.mp4", "clips/WDA_BarackObama_000.mp4"]),
        "grid": lambda: tree(tmp_path, ["s1/bbaf2n.mpg", "s34/swwzza.mpg"]),
        "voxceleb2": lambda: tree(
            tmp_path, ["dev/mp4/id00012/21Uxsk56VDQ/00001.mp4", "test/mp4/id00017/01dfn2spqyE/00001.mp4"]
        ),
        "hf": lambda: hf_tables(tmp_path),
    }
    assert recipe.NAME in samples, (
        f"give tests/recipes/test_recipe_contract.py a sample for the recipe {recipe.NAME!r}"
    )
    return samples[recipe.NAME]()


def test_declares_before_it_yields(recipe):
    for name, kind in DECLARED.items():
        assert isinstance(getattr(recipe, name), kind), name
    assert recipe.__name__.rsplit(".", 1)[1].lstrip("_") == recipe.NAME
    assert recipe.TITLE and recipe.LICENCE and recipe.ACCESS and recipe.__doc__
    assert recipe.SPLITS is None or (
        isinstance(recipe.SPLITS, tuple) and all(isinstance(split, str) for split in recipe.SPLITS)
    )
    assert not recipe.CITATION or recipe.CITATION.lstrip().startswith("@")


def test_sources_are_whole_sorted_and_the_same_again(recipe, sample):
    found = list(recipe.sources(sample))
    assert found and all(isinstance(source, Source) for source in found)
    names = [source.name for source in found]
    assert names == sorted(names) and len(set(names)) == len(names)
    assert found == list(recipe.sources(sample, exclude=sample / "no such folder"))
    for source in found:
        assert source.path.exists() and source.speaker and source.licence
        assert source.path.relative_to(sample).as_posix() == source.name or recipe.NAME == "hf"
        assert source.split is None or recipe.SPLITS is None or source.split in recipe.SPLITS
        assert all(path is None or path.is_file() for path in (source.phones_path, source.landmarks_path))


def test_excludes_a_folder(recipe, sample):
    inner = next(path for path in sorted(sample.iterdir()) if path.is_dir())
    left = [source.name for source in recipe.sources(sample, exclude=inner)]
    assert left == [
        source.name for source in recipe.sources(sample) if not source.name.startswith(inner.name + "/")
    ]


def test_a_missing_root_is_refused(recipe, tmp_path):
    with pytest.raises(OptionError, match="nowhere"):
        list(recipe.sources(tmp_path / "nowhere"))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError, match=r"no recipe 'foldr'; there are: .*folder.*synthetic"):
        recipes.get("foldr")
    with pytest.raises(OptionError, match="no recipe '_template'"):
        recipes.get("_template")


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """An installed distribution with entry points in our group."""
    info = tmp_path / "birdsong-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: birdsong\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[speechlip.recipes]\nbirds = birdsong_recipe\nbroken = no_such_module_here\n"
    )
    (tmp_path / "birdsong_recipe.py").write_text(
        "NAME = TITLE = LICENCE = CITATION = ACCESS = HOMEPAGE = 'birds'\nSPLITS = sources = None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_other_packages_plug_in(plugged):
    assert {"birds", "broken", "folder"} <= set(recipes.names())
    assert recipes.get("birds").NAME == "birds"
    with pytest.raises(OptionError, match="'broken' cannot be imported from no_such_module_here"):
        recipes.get("broken")


def test_every_recipe_has_a_row_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    without = [name for name in recipes.names() if f"\n| `{name}` |" not in page]
    assert not without, f"docs/recipes.md has no row for {', '.join(without)}"
