"""``speechlip recipes``: every recipe with what it declares, in columns."""

from click.testing import CliRunner

from speechlip import recipes
from speechlip.commands.cli import speechlip


def listed(columns: int, monkeypatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = CliRunner().invoke(speechlip, ["recipes"])
    assert done.exit_code == 0, done.output
    return done.output


def test_every_recipe_is_listed_with_its_declarations(monkeypatch):
    shown = listed(4000, monkeypatch)
    rows = {
        line.split()[0]: " ".join(line.split()) for line in shown.splitlines() if not line.startswith(" ")
    }
    assert set(rows) == {"recipe", *recipes.names()}
    assert {"folder", "grid", "hdtf", "hf", "lrs3", "synthetic", "voxceleb2"} <= set(rows)
    for name in recipes.names():
        recipe = recipes.get(name)
        assert recipe.LICENCE in rows[name] and recipe.ACCESS in rows[name] and recipe.HOMEPAGE in rows[name]
    assert "train, test" in rows["lrs3"] and "none" in rows["grid"]


def test_a_narrow_terminal_wraps_and_loses_nothing(monkeypatch):
    shown = listed(110, monkeypatch)
    assert all(
        len(line) <= 110 or line.split()[-1].startswith("https://") for line in shown.splitlines()
    )  # addresses stay whole
    assert len(shown.splitlines()) > 2 * len(recipes.names())
    for name in recipes.names():
        assert set(recipes.get(name).ACCESS.split()) <= set(shown.split())


def test_a_recipe_that_cannot_be_imported_does_not_hide_the_others(monkeypatch, tmp_path):
    info = tmp_path / "birdsong-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: birdsong\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[speechlip.recipes]\nbroken = no_such_module_here\n")
    monkeypatch.syspath_prepend(tmp_path)
    shown = " ".join(listed(110, monkeypatch).split())
    assert "broken recipe 'broken' cannot be imported" in shown and "voxceleb2" in shown
