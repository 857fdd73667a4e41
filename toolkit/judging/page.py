"""``judge.html``: metrics by harms, a small curve in each cell; one file that asks nothing of a network."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from speechlip.files.shareable import command_without_folders, folders_of, without_folders_anywhere
from speechlip.files.writing import write_text
from speechlip.judging.records import Judgement
from speechlip.webpage.filling import filled

TEMPLATE = Path(__file__).with_name("judge.html")
SCRIPT = TEMPLATE.with_suffix(".js")


def write_page(judgement: Judgement, path: Path) -> None:
    """Write the page. Raises WriteError where it cannot be written."""
    write_text(path, page(judgement))


def page(judgement: Judgement) -> str:
    """The page as text. It names files and no folder of this machine, so that it can be sent."""
    return filled(TEMPLATE, page_data(judgement), SCRIPT)


def page_data(judgement: Judgement) -> dict[str, Any]:
    """What the page shows."""
    content = judgement.as_dict()
    kept = (
        "speechlip",
        "sync_model",
        "models",
        "clips",
        "refused",
        "missing_metrics",
        "harms",
        "versions",
        "foreign",
    )
    options = {name: content["options"][name] for name in ("seconds", "side_px", "detector")}
    data = {
        **{name: content[name] for name in kept},
        "options": options,
        "command": command_without_folders(judgement.command),
        "metrics": [asdict(judged) for judged in judgement.metrics],
    }
    return without_folders_anywhere(data, folders_of([Path.cwd() / "here", Path.home() / "here"]))
