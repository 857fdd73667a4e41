"""What ``score``, ``score_folder``, ``fix_offsets`` and ``audit`` refuse before any work, in a sentence."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

import speechlip
from speechlip import CorrectionRules, PrepOptions, ScoreOptions, Scores
from speechlip.errors import OptionError
from speechlip.metrics import table
from speechlip.scoring import networks
from speechlip.scoring.columns import row_columns
from speechlip.scoring.networks import SyncModelFacts
from speechlip.scoring.records import ClipDetail, ClipScore, ScoreRow
from speechlip.workers.cluster import RayCluster


@pytest.fixture
def render(tmp_path):
    """No video at all: whatever is refused here is refused before it is opened."""
    (path := tmp_path / "render.mp4").write_text("no video")
    return path


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"metrics": None}, "metrics is None, wanted a tuple of text"),
        ({"metrics": (1,)}, "metrics is (1,), wanted a tuple of text"),
        ({"metrics": [["psnr"]]}, "metrics is (['psnr'],), wanted a tuple of text"),
        ({"protocol": 3}, "protocol is 3, wanted text"),
        ({"region": ["full"]}, "region is ['full'], wanted text"),
        ({"max_picture_px": "40MP"}, "max_picture_px is '40MP', wanted a whole number"),
        ({"allow_unknown_weights": "no"}, "allow_unknown_weights is 'no', wanted True or False"),
        ({"precision": "half"}, "no precision 'half'; there are: fp32, bf16"),
        ({"syncnet_weights": 7}, "syncnet_weights is 7, wanted text or Path or None"),
    ],
)
def test_options_of_another_type_are_refused(given, says):
    with pytest.raises(OptionError, match=re.escape(says)):
        ScoreOptions(**given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("x",), "confidence is 'x', wanted a number or None"),
        ((None, 2.5), "least_frames is 2.5, wanted a whole number"),
    ],
)
def test_rules_of_another_type_are_refused(given, says):
    with pytest.raises(OptionError, match=re.escape(says)):
        CorrectionRules(*given)


def test_options_of_another_job_are_refused(render, tmp_path):
    out, says = tmp_path / "out", r"options is .*, wanted ScoreOptions\(\.\.\.\)"
    for options in ({"metrics": ("psnr",)}, PrepOptions()):
        with pytest.raises(OptionError, match=says):
            speechlip.score(render, options=options)
        with pytest.raises(OptionError, match=says):
            speechlip.score_folder(render, out, options=options)
        with pytest.raises(OptionError, match=says):
            speechlip.fix_offsets(render, out, options=options)
    assert not out.exists()


def test_options_at_the_place_of_a_path_are_refused(render, tmp_path):
    options = ScoreOptions(("cpbd",))
    with pytest.raises(OptionError, match=r"^reference is ScoreOptions.*, wanted a path$"):
        speechlip.score(render, options)
    with pytest.raises(OptionError, match=r"^reference is ScoreOptions.*, wanted a path$"):
        speechlip.score_folder(render, tmp_path / "out", options)
    with pytest.raises(OptionError, match=r"^out is ScoreOptions.*, wanted a path$"):
        speechlip.score_folder(render, options)
    with pytest.raises(OptionError, match=r"^out is ScoreOptions.*, wanted a path$"):
        speechlip.audit(render, options)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"workers": 0}, "workers is 0, wanted a whole number from 1 on"),
        ({"workers": 1.5}, "workers is 1.5, wanted a whole number from 1 on"),
        ({"limits": (1, 2)}, "limits is (1, 2), wanted Limits(...)"),
        ({"rules": 3.0}, "rules is 3.0, wanted CorrectionRules(...)"),
        ({"max_picture_px": "40MP"}, "max_picture_px is '40MP', wanted a whole number"),
    ],
)
def test_arguments_of_another_type_are_refused(render, tmp_path, given, says):
    jobs = [speechlip.score_folder, speechlip.fix_offsets] * ("max_picture_px" not in given)
    jobs += [speechlip.audit] * ("rules" not in given)
    for job in jobs:
        with pytest.raises(OptionError, match=re.escape(says)):
            job(render, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("argument", ["reference", "audio"])
def test_a_file_that_is_named_and_not_there_is_refused(render, argument):
    """From one clip as from a folder: it was a partial score."""
    with pytest.raises(OptionError, match=rf"^{argument}: there is no file nope.mp4; give a video, or"):
        speechlip.score(render, options=ScoreOptions(("psnr",)), **{argument: Path("nope.mp4")})


def test_no_text_is_no_reference(tmp_path, monkeypatch):
    """The metrics that are chosen, and those that are scored, see the same."""
    from speechlip.scoring.clip import score_clip

    seen = []

    def stop(options, has_reference, progress):
        seen.append(has_reference)
        raise OptionError("far enough")

    monkeypatch.setattr(score_clip, "settle", stop)
    with pytest.raises(OptionError, match="far enough"):
        speechlip.score(tmp_path / "render.mp4", "")
    assert seen == [False]


def test_a_sync_model_is_opened_once_whatever_else_is_chosen(monkeypatch):
    """Another region or protocol looks through the same network."""
    opened = []

    def open_it(weights, allow_unknown, device, precision):
        opened.append(device)
        return object()

    monkeypatch.setattr(networks, "SyncNetModel", open_it)
    networks.open_syncnet.cache_clear()
    for region in ("full", "face", "mouth"):
        networks.open_model(ScoreOptions(("lse",), region=region, device="cpu", syncnet_weights="x"))
    assert opened == ["cpu"]
    networks.open_model(ScoreOptions(("lse",), syncnet_weights="y", device="cpu"))
    assert len(opened) == 2
    networks.open_syncnet.cache_clear()


def test_every_field_of_a_row_is_a_column():
    own = {field.name for field in fields(ScoreRow)} - {"values"}
    columns = row_columns(sync_model="runs/7")
    assert own <= {*columns}
    assert own - {*row_columns()} == {"sync_model"}
    assert all(table.metric(column) for column in columns if column not in own)


def test_records_are_shown_without_their_tables():
    detail = ClipDetail("a", "a.mp4", None, None, 9, "own", None, lmd_per_frame=(1.0,) * 1000)
    row = ScoreRow("a", "0", "scored")
    assert len(repr(Scores(rows=(row,) * 500, clips=(detail,) * 500))) < 500
    assert len(repr(ClipScore((row,), detail))) < 1000


def test_bf16_is_refused_where_syncnet_computes_on_a_gpu(monkeypatch):
    monkeypatch.setattr("speechlip.workers.engines.device_name", lambda name: "cuda")
    with pytest.raises(OptionError, match="precision bf16 is for a CPU, and SyncNet computes on cuda"):
        networks.settle(ScoreOptions(("lse",), precision="bf16"), has_reference=False)


def test_networks_compute_where_the_units_of_a_cluster_do_whatever_the_driver_has(monkeypatch):
    """The driver, without a GPU here, opens the sync model to know its hash."""
    with_gpu, opened = RayCluster(gpus_per_unit=1), []
    monkeypatch.setattr("speechlip.workers.engines.device_name", lambda name: "mps")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    def model(name, device):
        opened.append(device)
        return SyncModelFacts(name, "0" * 64, official=False, is_lse=False)

    monkeypatch.setattr(networks, "open_other", model)
    options = ScoreOptions(("lse",), sync_model="runs/sync", protocol="precropped")
    devices = [
        networks.settle(options, has_reference=False, engine=engine).device
        for engine in ("local", "ray", with_gpu)
    ]
    assert devices == ["mps", "cpu", "cuda"]
    networks.find_networks(networks.settle(options, has_reference=False, engine=with_gpu))
    assert set(opened) == {"cpu"}
    with pytest.raises(OptionError, match="device 'cuda' on a Ray cluster wants a GPU for each unit"):
        networks.settle(replace(options, device="cuda"), has_reference=False, engine="ray")
