"""``speechlip models``: the model files."""

import click

from speechlip import assets
from speechlip.commands.base import Group, Named
from speechlip.commands.terminal import echo

MODEL = Named((*assets.ASSETS, *assets.ALIASES))


@click.group(cls=Group)
def models() -> None:
    """The model files: which there are, fetch one, where it lies. All are kept in SPEECHLIP_HOME."""


@models.command("list", epilog="\b\nExample:\n  speechlip models list")
def models_list() -> None:
    """Name, size, licence, address of every model file, and whether it is here."""
    for row in assets.rows():
        here = "here" if row["here"] == "yes" else "not here"
        also = f" (also {row['also']})" if row["also"] else ""
        echo(f"{row['name']:<16}{row['MB']:>6} MB  {here:<9} {row['licence']:<32} {row['url']}{also}")
    echo(f"kept in {assets.cache_folder()}")


@models.command("fetch", epilog="\b\nExample:\n  speechlip models fetch face_landmarker")
@click.argument("name", type=MODEL, metavar="NAME")
def models_fetch(name: str) -> None:
    """Download NAME, check its SHA-256, keep it.

    NAME may also be what uses the file: landmarker, mediapipe, face-alignment, syncnet, lpips.
    """
    for each in assets.named(name):
        echo(assets.fetch(each))


@models.command("path", epilog="\b\nExample:\n  speechlip models path face_landmarker")
@click.argument("name", type=MODEL, metavar="NAME")
def models_path(name: str) -> None:
    """Print where NAME lies, its SHA-256 checked."""
    for each in assets.named(name):
        echo(assets.path(each))
