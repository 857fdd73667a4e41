"""Sync as a stage of preparation: real films, a sync model that works without training, verdicts in the
ledger.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from envelope_model import EnvelopeModel

from speechlip.errors import OptionError
from speechlip.media.probe import probe
from speechlip.preparing.cut.passes import cut_clips, observe
from speechlip.preparing.cut.spans import choose_spans
from speechlip.preparing.options import PrepOptions
from speechlip.records import Source
from speechlip.scoring.sync import sync_filter
from speechlip.scoring.sync.sync_filter import Condition, SyncFilter, parse_filter

DELAY = 4


@pytest.fixture(scope="module")
def early(head, tmp_path_factory):
    """A drawn film whose audio is four frames early."""
    film = head.write(tmp_path_factory.mktemp("early") / "film.mp4", audio=head.early(DELAY))
    return Source(film, film.name, "s", landmarks_path=film.with_name("film.landmarks.npz"))


@pytest.fixture
def envelope(monkeypatch):
    monkeypatch.setattr(sync_filter, "open_model", lambda chosen: EnvelopeModel())


def judged(source, conditions, correct):
    options = PrepOptions(detector="sidecar")
    info = probe(source.path)
    seen = observe(source, info, options, lambda name, seconds: None)
    verdicts = SyncFilter(parse_filter(conditions), correct)(source, info, seen.tracks, seen.n_frames)
    return info, options, replace(seen, verdicts=verdicts)


def test_conditions_are_read_and_hold_by_hand():
    conf, offset = parse_filter("conf>=3,abs(offset)<6")
    assert (conf, offset) == (Condition("conf", ">=", 3.0), Condition("abs(offset)", "<", 6.0))
    assert conf.holds(3.0, 9.0, 0) and not conf.holds(2.9, 9.0, 0)
    assert offset.holds(0.0, 0.0, -5) and not offset.holds(0.0, 0.0, -6)
    with pytest.raises(OptionError, match="cannot read the condition 'confidence=3'"):
        parse_filter("confidence=3")


def test_the_offset_is_measured_and_a_track_out_of_bounds_is_refused(early, envelope):
    _, _, seen = judged(early, "abs(offset)<=2", correct=True)
    assert [(verdict.offset_frames, verdict.refusal, verdict.delay_frames) for verdict in seen.verdicts] == [
        (DELAY, "out of sync", 0)
    ]
    spans, lost = choose_spans(seen, 1, 10)
    assert spans == () and lost == {"out of sync": seen.n_frames}


def test_correcting_moves_the_sound_and_the_frames_without_any_are_counted(early, envelope):
    info, options, seen = judged(early, "abs(offset)<=6", correct=True)
    spans, lost = choose_spans(seen, 1, 10)
    assert lost == {"no audio": DELAY}
    moved = next(cut_clips(early, info, seen, spans, (), options, lambda name, seconds: None))
    asis = replace(seen, verdicts=())
    spans, _ = choose_spans(asis, 1, 10)
    plain = next(cut_clips(early, info, asis, spans, (), options, lambda name, seconds: None))
    assert (moved.delay_frames, moved.start_frame) == (DELAY, DELAY)
    shared = len(moved.audio) - 640
    np.testing.assert_allclose(moved.audio[:shared].astype(int), plain.audio[:shared], atol=2)
    np.testing.assert_array_equal(moved.lips[0], plain.lips[DELAY])


def test_options_that_do_not_go_together_and_missing_weights_are_said(talking, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from speechlip.commands.cli import prep_shards

    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "empty"))
    run = CliRunner().invoke
    common = [str(talking), "-o", str(tmp_path / "out"), "--detector", "sidecar"]
    assert (
        run(prep_shards, [*common, "--sync-correct"]).exit_code,
        run(prep_shards, [*common, "--sync-filter", "conf>=3"]).exit_code,
    ) == (
        1,
        1,
    )
    assert "go with --sync-filter" in run(prep_shards, [*common, "--sync-correct"]).output
    assert "syncnet_v2.model is not in" in run(prep_shards, [*common, "--sync-filter", "conf>=3"]).output


def test_the_verdict_stands_in_the_ledger(talking, random_weights, tmp_path):
    from click.testing import CliRunner

    from speechlip.commands.cli import prep_shards

    arguments = [
        str(talking),
        "-o",
        str(tmp_path / "out"),
        "--detector",
        "sidecar",
        "--limit",
        "1",
        "--workers",
        "1",
    ]
    arguments += [
        "--sync-filter",
        "conf>=-100",
        "--syncnet-weights",
        str(random_weights),
        "--allow-unknown-weights",
    ]
    done = CliRunner().invoke(prep_shards, arguments)
    assert done.exit_code == 0, done.output
    row = json.loads(Path(tmp_path, "out", "ledger.jsonl").read_text().splitlines()[0])
    assert row["sync"][0]["refusal"] == "" and row["sync"][0]["confidence"] is not None
    assert (
        row["sync"][0]["offset_verdict"].startswith("undecided: ") and row["sync"][0]["delay_frames"] == 0
    ), "random weights"
    manifest = json.loads(Path(tmp_path, "out", "manifest.json").read_text())
    assert (
        manifest["options"]["sync_model"].startswith("SyncNet ")
        and "unknown weights" in manifest["options"]["sync_model"]
    )
