"""Scripts of benchmarks/ run: the small ones to their end, on the tiniest input; of all others the help."""

import re
import runpy
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py"))
TINY = {
    "edit_speed.py": ("--mb", 2, "--turns", 1),
    "finish.py": ("--clips", 20),
    "planning.py": ("--files", 4, "--per-speaker", 2, "--workers", 1),
    "worker_start.py": ("--workers", 1),
}
"""Script → options that end within ten seconds."""
REAL_CLIPS = """crop_page crop_steadiness described_cost head_pose image_cost judge_cost judge_table
    landmarks_agree lip_motion long_source memory mesh_mapping mouth_in_box peers prepare_stages
    rank_degraded score_stages speech sync_real syncnet_precision throughput member_sizes verify_speed
    workers"""
TRAINS = """encoder_table implicit_start pairs_and_renders pase_ablation rate_grid render_lips renderer_cost
    speech_pairs shards_by_url train_by_url train_speed
    train_synthetic"""
LONG = """alignment alignment_error doubles identity image_metrics interval_coverage loader million_sources
    phones_cost run_all score_speed self_check start syncnet_speed transcode_delay"""
HELP_ALONE = {
    **dict.fromkeys(REAL_CLIPS.split(), "wants a real clip, or what another command made of one"),
    **dict.fromkeys(TRAINS.split(), "trains or renders"),
    **dict.fromkeys(LONG.split(), "is not known to end within ten seconds, whatever its options"),
}
"""Script → why only its help is asked for."""


def ended(monkeypatch, script, *arguments):
    """The exit code of a script, run in this process."""
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    try:
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    except SystemExit as end:
        return end.code or 0
    return 0


def test_every_script_is_run_or_says_why_not():
    assert sorted([*TINY, *(f"{name}.py" for name in HELP_ALONE)]) == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_help_is_what_the_script_says_of_itself(script, monkeypatch, capsys):
    assert ended(monkeypatch, script, "--help") == 0
    first = (FOLDER / script).read_text(encoding="utf-8").partition('"""')[2].splitlines()[0]
    assert " ".join(first.split()) in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("script", TINY)
def test_a_small_run_ends_with_a_figure(script, monkeypatch, capfd):
    assert ended(monkeypatch, script, *TINY[script]) == 0
    assert re.search(r"\d", capfd.readouterr().out)
