"""Videos and shards on an S3 server of this machine, moto's, which is slow, says 503 and cuts connections."""

import hashlib
import os
import shutil

import pytest
from s3_proxy import KEY, SECRET, FaultyProxy

from preparing import BIN, prep_process
from speechlip.preparing.ends.spool import FETCHED

pytestmark = pytest.mark.faults
OPTIONS = ("--detector", "sidecar", "--max-clip", "2s", "--workers", 2)


@pytest.fixture(scope="module")
def mixed(bad_and_good, talking, tmp_path_factory):
    """Bad videos and good ones, as a store can hold them: no links; moto takes no name with a line break."""
    folder = tmp_path_factory.mktemp("mixed") / "videos"
    for root, place in ((bad_and_good, "bad"), (talking, "good")):
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.name.isprintable():
                copy = folder / place / path.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
    return folder


@pytest.fixture(scope="module")
def local(mixed, tmp_path_factory):
    """What a folder of them gives."""
    out = tmp_path_factory.mktemp("local") / "shards"
    done = prep_process(mixed, "-o", out, *OPTIONS)
    assert done.returncode == 0, done.stderr
    return contents(out)


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def stored(fs, folder):
    return {path.removeprefix(f"{folder}/"): fs.cat(path) for path in fs.find(folder)}


def proxied(url):
    return {**os.environ, "AWS_ENDPOINT_URL": url}


def run(name, work, url, *options):
    ends = (f"s3://{name}/videos", "-o", f"s3://{name}/shards", "--work", work)
    return prep_process(*ends, *OPTIONS, *options, env=proxied(url))


def without_secret(done, *folders):
    texts = [done.stdout.encode(), done.stderr.encode()]
    for folder in folders:
        texts += [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return not any(secret.encode() in text for text in texts for secret in (SECRET, KEY))


def test_a_bad_server_changes_no_byte_and_the_secret_is_nowhere(bucket, moto, mixed, local, tmp_path):
    fs, name = bucket
    fs.put(f"{mixed}/", f"{name}/videos/", recursive=True)
    proxy = FaultyProxy(moto, seed=7, **{"503": 0.1, "cut": 0.1, "slow": 0.1})
    done = run(name, tmp_path / "work", proxy.url)
    assert done.returncode == 0, done.stderr
    there = stored(fs, f"{name}/shards")
    assert there == local
    assert min(proxy.met.values()) > 5, proxy.met
    assert without_secret(done, tmp_path / "work") and not any(
        SECRET.encode() in each for each in there.values()
    )
    puts = [path for method, path in proxy.requests if method == "PUT"]
    assert puts[-1].endswith("/shards/manifest.json")


def test_a_bucket_that_is_not_there_is_told_before_anything_is_prepared(bucket, talking, tmp_path):
    ends = (talking, "-o", "s3://no-such-bucket/shards", "--work", tmp_path / "work")
    done = prep_process(*ends, *OPTIONS)
    assert done.returncode == 1 and not (tmp_path / "work").exists()
    said = "s3://no-such-bucket/shards is in no bucket that is there: make the bucket, or check its name"
    assert f"error: {said}\n" in done.stderr


def test_a_ray_cluster_gives_the_same_objects_and_no_secret(bucket, moto, mixed, local, tmp_path):
    """Nodes fetch videos themselves, by credentials of their own environment; shards go through --work."""
    pytest.importorskip("ray", reason="Ray is not installed: make faults")
    fs, name = bucket
    fs.put(f"{mixed}/", f"{name}/videos/", recursive=True)
    ray = ("--engine", "ray", "--ray-address", "local")
    done = run(name, tmp_path / "work", f"http://127.0.0.1:{moto}", *ray)
    assert done.returncode == 0, done.stderr
    assert stored(fs, f"{name}/shards") == local
    assert without_secret(done, tmp_path / "work")
    assert not list((tmp_path / "work" / FETCHED).iterdir()), (
        "videos are on this disk only while they are read"
    )


@pytest.mark.parametrize("object_name", ["data/train-0000", "manifest.json"])
def test_a_half_upload_is_not_finished_and_is_gone_on_with(bucket, moto, talking, tmp_path, object_name):
    fs, name = bucket
    proxy = FaultyProxy(moto)
    proxy.stop_before = f"shards/{object_name}"
    out = f"s3://{name}/shards"
    command = (talking, "-o", out, "--work", tmp_path / "work", *OPTIONS)
    done = prep_process(*command, env=proxied(proxy.url))
    assert (
        done.returncode == 1
        and "failed 6 times" in done.stderr
        and "run the same command again" in done.stderr
    )
    assert done.stderr.strip().splitlines()[-1].startswith("error: ") and "Traceback" not in done.stderr
    assert without_secret(done, tmp_path / "work")
    assert "manifest.json" not in stored(fs, f"{name}/shards")
    verified = prep_process(*command, env=proxied(f"http://127.0.0.1:{moto}"))
    assert verified.returncode == 0, verified.stderr
    work = tmp_path / "work" / "shards"
    here = {
        path.relative_to(work).as_posix(): path.read_bytes() for path in work.rglob("*") if path.is_file()
    }
    assert stored(fs, f"{name}/shards") == here and "manifest.json" in here


def test_a_shard_of_many_parts_arrives_whole(bucket, moto, tmp_path, monkeypatch):
    """Over 100 MB s3fs sends parts, each of which may be cut."""
    from speechlip.remote import patience, stores

    _, name = bucket
    proxy = FaultyProxy(moto, seed=3, cut=0.2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    monkeypatch.setattr(patience, "_pause", lambda pause_s: None)
    path = tmp_path / "a.tar"
    path.write_bytes(os.urandom(1 << 20) * 120)
    store = stores.store_at(f"s3://{name}/shards")
    store.put(path, "data/a.tar")
    assert store.sha256("data/a.tar", 120 << 20) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert proxy.met["cut"] > 0
    assert any(method == "POST" for method, _ in proxy.requests), "in parts"


def test_wrong_names_and_credentials_end_in_one_sentence(bucket, moto, talking, tmp_path, monkeypatch):
    _, name = bucket
    work = ("--work", tmp_path / "work", *OPTIONS)
    done = prep_process(f"s3://{name}/nothing", "-o", tmp_path / "out", *work)
    assert done.returncode == 1 and f"there is nothing at s3://{name}/nothing" in done.stderr
    for secret in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(secret)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    done = prep_process(f"s3://{name}/videos", "-o", tmp_path / "out", *work)
    assert done.returncode == 1 and "AWS_ACCESS_KEY_ID" in done.stderr and done.stderr.count("\n") == 1


def test_an_upload_that_is_killed_is_gone_on_with(bucket, moto, talking, tmp_path):
    """The process group dies by kill -9 while a slow server takes the shards."""
    import signal
    import subprocess
    import time

    fs, name = bucket
    proxy = FaultyProxy(moto, slow=1.0)
    command = [BIN / "prep-shards", talking, "-o", f"s3://{name}/shards", "--work", tmp_path / "work"]
    command += [str(option) for option in OPTIONS]
    process = subprocess.Popen(command, env=proxied(proxy.url), start_new_session=True)
    until_s = time.monotonic() + 120
    while not any(method == "PUT" and ".tar" in path for method, path in proxy.requests):
        assert time.monotonic() < until_s and process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "manifest.json" not in stored(fs, f"{name}/shards")
    done = prep_process(*command[1:], env=proxied(f"http://127.0.0.1:{moto}"))
    assert done.returncode == 0, done.stderr
    work = tmp_path / "work" / "shards"
    here = {
        path.relative_to(work).as_posix(): path.read_bytes() for path in work.rglob("*") if path.is_file()
    }
    assert stored(fs, f"{name}/shards") == here
