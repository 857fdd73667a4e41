"""Model files: the right one, or a sentence that says what to do."""

import hashlib
import http.server
import os
import pwd
import threading
from dataclasses import replace

import pytest
from click.testing import CliRunner

from speechlip import assets
from speechlip.commands.cli import speechlip
from speechlip.errors import ModelError, OptionError
from speechlip.faces.detectors.opening import choose_detector

CONTENT = b"not a network, but it has a hash"
NOWHERE = "http://127.0.0.1:9/model.bin"  # the discard port: refuses at once


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("SPEECHLIP_HOME", str(folder))
    return folder


@pytest.fixture
def model(tmp_path, home, monkeypatch):
    """An asset whose publisher is a file of this test."""
    published = tmp_path / "published.bin"
    published.write_bytes(CONTENT)
    asset = assets.Asset(
        "tiny", "tiny.bin", published.as_uri(), len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "MIT"
    )
    monkeypatch.setitem(assets.ASSETS, "tiny", asset)
    return asset


def test_cache_folder_is_the_named_one_or_in_home(monkeypatch, tmp_path):
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path))
    assert assets.cache_folder() == tmp_path
    monkeypatch.delenv("SPEECHLIP_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert assets.cache_folder() == tmp_path / "me" / ".cache" / "speechlip"


def test_without_a_home_nothing_is_there_and_the_variable_is_named(monkeypatch):
    """As in a container whose user has no entry in the list of users."""

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("SPEECHLIP_HOME", raising=False)
    assert not assets.available("face_landmarker")
    for use in (assets.path, assets.fetch):
        with pytest.raises(
            ModelError, match=r"no home folder is known \(HOME is not set\): set SPEECHLIP_HOME to a folder"
        ):
            use("face_landmarker")
    name, why = choose_detector("auto")
    assert name == "cascade" and "SPEECHLIP_HOME" in why


def test_fetch_downloads_checks_and_keeps(model, home, caplog):
    assert not assets.available("tiny")
    file = assets.fetch("tiny")
    assert caplog.messages == [f"fetching tiny.bin (0.0 MB) from {model.url}"]
    assert file == home / "tiny.bin" and file.read_bytes() == CONTENT
    assert assets.available("tiny") and assets.path("tiny") == file
    assert [entry.name for entry in home.iterdir()] == ["tiny.bin"]


def test_fetch_does_not_download_twice(model, home, monkeypatch):
    assets.fetch("tiny")
    monkeypatch.setitem(assets.ASSETS, "tiny", replace(model, url=NOWHERE))
    assert assets.fetch("tiny") == home / "tiny.bin"


def test_missing_file_names_command_file_address_and_folder(model, home):
    with pytest.raises(ModelError) as error:
        assets.path("tiny")
    for needed in ("speechlip models fetch tiny", "tiny.bin", model.url, str(home)):
        assert needed in str(error.value)


def test_offline_names_the_file_to_place_and_where(model, home, monkeypatch):
    monkeypatch.setitem(assets.ASSETS, "tiny", replace(model, url=NOWHERE))
    with pytest.raises(ModelError) as error:
        assets.fetch("tiny")
    for needed in ("could not be fetched", "tiny.bin", NOWHERE, str(home)):
        assert needed in str(error.value)
    assert not list(home.iterdir())


def test_another_file_is_refused_with_both_hashes_and_nothing_is_left(model, home, monkeypatch):
    wanted = hashlib.sha256(b"another").hexdigest()
    monkeypatch.setitem(assets.ASSETS, "tiny", replace(model, sha256=wanted))
    with pytest.raises(ModelError) as error:
        assets.fetch("tiny")
    assert wanted in str(error.value) and model.sha256 in str(error.value)
    assert not list(home.iterdir())


def test_a_file_placed_by_hand_is_checked_too_and_again_when_it_changes(model, home):
    home.mkdir()
    file = home / "tiny.bin"
    file.write_bytes(CONTENT)
    assert assets.path("tiny") == file
    file.write_bytes(CONTENT + b"!")
    with pytest.raises(ModelError, match="wanted"):
        assets.path("tiny")


def test_the_hash_is_computed_once(model, home):
    assets.fetch("tiny")
    before = assets._sha256.cache_info().misses
    for _ in range(5):
        assets.path("tiny")
    assert assets._sha256.cache_info().misses == before


def test_unknown_name_lists_the_known():
    with pytest.raises(OptionError, match="no model 'face'; there are: face_landmarker, fan, s3fd"):
        assets.path("face")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("mediapipe", ["face_landmarker"]),
        ("face-landmarker.task", ["face_landmarker"]),
        ("face-alignment", ["s3fd", "fan"]),
    ],
)
def test_a_file_is_fetched_by_what_uses_it_too(monkeypatch, typed, found):
    monkeypatch.setattr(assets, "fetch", lambda name: f"/models/{name}")
    done = CliRunner().invoke(speechlip, ["models", "fetch", typed])
    assert (done.exit_code, done.output.split()) == (0, [f"/models/{name}" for name in found])


def test_an_unknown_name_is_answered_with_all_that_can_be_fetched():
    done = CliRunner().invoke(speechlip, ["models", "fetch", "yolo"])
    assert done.exit_code == 1 and done.output.startswith(
        "error: no model 'yolo'; there are: face_landmarker, fan"
    )
    assert "also by what uses them: landmarker, mediapipe, face-alignment, syncnet, lpips" in done.output
    assert "(also landmarker, mediapipe)" in CliRunner().invoke(speechlip, ["models", "list"]).output


def test_the_table_is_complete_and_consistent(home):
    assert [row["name"] for row in assets.rows()] == list(assets.ASSETS)
    for asset in assets.ASSETS.values():
        assert not asset.sha256 or len(bytes.fromhex(asset.sha256)) == 32
        assert (
            asset.url.startswith("https://")
            and asset.url.endswith(asset.file_name)
            and asset.licence
            and asset.bytes > 1e6
        )
    for name in ("fan", "s3fd"):  # torch.hub's convention: the name ends in the hash's first ten digits
        assert assets.ASSETS[name].sha256[:10] in assets.ASSETS[name].file_name


def test_without_a_published_hash_the_first_one_counts(model, home, monkeypatch, tmp_path):
    monkeypatch.setitem(assets.ASSETS, "tiny", replace(model, sha256=""))
    file = assets.fetch("tiny")
    assert (home / "tiny.bin.sha256").read_text() == f"{model.sha256}  tiny.bin\n"
    file.write_bytes(CONTENT + b"!")
    with pytest.raises(ModelError) as error:
        assets.path("tiny")
    for needed in (model.sha256, hashlib.sha256(CONTENT + b"!").hexdigest(), "remove tiny.bin.sha256"):
        assert needed in str(error.value)
    file.unlink()
    (tmp_path / "published.bin").write_bytes(b"another one now")
    with pytest.raises(ModelError, match="wanted"):
        assets.fetch("tiny")
    assert {row["name"]: row["sha256"] for row in assets.rows()}["tiny"] == "of first use"


def test_a_hash_that_cannot_be_written_down_is_said(model, home, monkeypatch):
    monkeypatch.setitem(assets.ASSETS, "tiny", replace(model, sha256=""))
    home.mkdir()
    (home / "tiny.bin").write_bytes(CONTENT)
    (home / f"tiny.bin.sha256.{os.getpid()}.part").mkdir()
    with pytest.raises(ModelError, match=r"tiny.bin.sha256 cannot be written"):
        assets.path("tiny")


def test_a_download_that_ends_early_is_not_kept(home, monkeypatch):
    class Short(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Short) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/tiny.bin"
        monkeypatch.setitem(assets.ASSETS, "tiny", assets.Asset("tiny", "tiny.bin", url, 100, "", "MIT"))
        with pytest.raises(ModelError, match="could not be fetched from"):
            assets.fetch("tiny")
    assert not list(home.iterdir())


def test_the_face_model_is_the_published_one(face_model):
    assert assets.path("face_landmarker").stat().st_size == assets.ASSETS["face_landmarker"].bytes
