"""The independent reader of shards, ``../shared/checks/check_shards.py``: no code of speechlip's in it."""

import contextlib
import io
import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "shared" / "checks" / "check_shards.py"


def check_shards(*arguments):
    """(0 or 1, what it said). It runs in this process, which has torch imported."""
    if not SCRIPT.exists():
        pytest.skip("the independent reader (../shared/checks) is not here")
    said = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        pytest.raises(SystemExit) as ended,
    ):
        patch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
        patch.setattr(
            Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS
        )  # which the script lifts: put back afterwards
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return int(bool(ended.value.code)), said.getvalue()
