"""Videos and shards in an emulator of Google's object store on this machine."""

import shutil

import pytest
from test_object_stores import OPTIONS, contents, stored

from preparing import prep_process

gcsfs = pytest.importorskip("gcsfs.core", reason="gcsfs is not installed: pip install -e '.[gs]' brings it")
emulator = pytest.importorskip(
    "gcp_storage_emulator.server", reason="gcp-storage-emulator is not installed: `make faults` installs it"
)
pytestmark = pytest.mark.faults


@pytest.fixture
def bucket(monkeypatch):
    """The file system and the name of a bucket; in the environment the place of the emulator."""
    server = emulator.create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    port = server._api._httpd.server_address[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    # else credentials are asked for where Google's machines have them
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    # read when gcsfs is imported: its gRPC client knows no emulator, so here core's file system is taken
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    fs = gcsfs.GCSFileSystem(token="anon", use_listings_cache=False, skip_instance_cache=True)
    fs.mkdir("talks")
    yield fs, "talks"
    server.stop()


def test_videos_and_shards_are_those_of_folders(bucket, talking, tmp_path):
    fs, name = bucket
    for speaker in sorted(path for path in talking.iterdir() if path.is_dir())[:2]:
        shutil.copytree(speaker, tmp_path / "videos" / speaker.name)
    fs.put(f"{tmp_path}/videos/", f"{name}/videos/", recursive=True)
    assert prep_process(tmp_path / "videos", "-o", tmp_path / "out", *OPTIONS).returncode == 0
    command = (f"gs://{name}/videos", "-o", f"gs://{name}/shards", "--work", tmp_path / "work", *OPTIONS)
    done = prep_process(*command)
    assert done.returncode == 0, done.stderr
    assert stored(fs, f"{name}/shards") == contents(tmp_path / "out")
    again = prep_process(*command)
    assert again.returncode == 0 and "= kept" in again.stdout, again.stderr
    done = prep_process(f"gs://{name}/nothing", "-o", tmp_path / "none", *command[3:])
    assert done.returncode == 1 and f"there is nothing at gs://{name}/nothing" in done.stderr
