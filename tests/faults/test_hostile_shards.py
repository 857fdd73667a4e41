"""Hundreds of damaged folders: damage is found, readers raise only ShardError, and memory stays level."""

import hashlib
import io
import json
import resource
import shutil
import tarfile

import numpy as np
import pytest
import tiny_dataset

from speechlip.errors import OptionError, ShardError
from speechlip.gallery.summary import of_all, stored_metas
from speechlip.shards.checks.verify import verify
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.lookup import evaluation_batches
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import open_shards

pytestmark = pytest.mark.faults

SEED = 20261129
BITS, TARS, MEMBERS, JSONS = 80, 300, 200, 120
SPLITS = {"train": {"anna": (20, 16), "ben": (17,)}, "validation": {"dora": (25, 16), "emil": (17,)}}
SHARD = "validation-00000-of-00001.tar"
FIELDS = ("lips", "spectrogram", "audio", "phones", "landmarks")
MOST_MB = 500
VALUES = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    float("inf"),
    10**40,
    "",
    "x",
    "\x00",
    "\x1b[2J",
    [],
    [[]],
    {},
    {"a": {}},
    "../x",
    "x" * 100_000,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("tiny") / "out", SPLITS, shards=1, landmarks=True, phones=True
    )


@pytest.fixture
def own(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def readings(folder):
    """Everything that reads shards of the split, as (name, function)."""
    yield "clips", lambda: list(ClipReader(folder, "validation", fields=FIELDS))
    yield "pairs", lambda: list(pair_loader(folder, "validation", batch_size=2, windows_per_clip=2))
    yield "frozen pairs", lambda: list(evaluation_batches(folder, "validation"))
    yield "gallery", lambda: of_all(stored_metas([open_shards(folder, "validation")]))


def read_all(folder):
    """Verify and read; which readers refused. Anything but a refusal is raised."""
    report = verify(folder)
    assert all("\n" not in problem for problem in report.problems)
    refused = set()
    for name, read in readings(folder):
        try:
            read()
        except (ShardError, OptionError) as error:  # the latter where a manifest lists other members
            assert str(error)
            refused.add(name)
    return report, refused


@pytest.mark.parametrize(
    "name", ["manifest.json", "ledger.jsonl", "pairs/validation.parquet", f"data/{SHARD}"]
)
def test_no_changed_bit_goes_unseen(own, name):
    """24 of 80 in the ledger and 15 of 80 in the manifest did."""
    rng, data, unseen = np.random.default_rng(SEED), (own / name).read_bytes(), []
    for number in range(BITS):
        at, bit = int(rng.integers(len(data))), int(rng.integers(8))
        (own / name).write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
        if verify(own).ok:
            unseen.append((number, at, bit))
    print(f"{name}: {BITS} bits (seed {SEED}), {len(unseen)} unseen")
    assert not unseen


def changed_tar(data, rng):
    """A tar with one to three changes in its headers: any byte, a size, a type, a name."""
    changed = bytearray(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        headers = [member.offset for member in tar]
    for _ in range(int(rng.integers(1, 4))):
        at = headers[int(rng.integers(len(headers)))]
        kind = int(rng.integers(4))
        if kind == 0:
            changed[at + int(rng.integers(512))] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            size = int(rng.choice([0, 1, 2**20, 2**30, 8**11 - 1]))
            changed[at + 124 : at + 136] = b"%011o\0" % size if rng.random() < 0.7 else b"\x80" + b"\xff" * 11
        elif kind == 2:
            changed[at + 156] = int(rng.choice(list(b"0123456789xgLKSDMNV")))
        else:
            changed[at : at + 8] = bytes(rng.integers(0, 256, 8, np.uint8))
        checked = bytes(changed[at : at + 148]) + b" " * 8 + bytes(changed[at + 156 : at + 512])
        changed[at + 148 : at + 156] = b"%06o\0 " % sum(checked)
    return bytes(changed)


def settle(folder, path):
    """Make size and hash in the manifest those of the shard, so that only its content is left to find."""
    data = path.read_bytes()
    row = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    tiny_dataset.edit_manifest(
        folder,
        lambda manifest: next(each for each in manifest["shards"] if each["name"] == path.name).update(row),
    )


def test_changed_tar_headers(own):
    path, rng, found, refused = own / "data" / SHARD, np.random.default_rng(SEED), 0, 0
    data, before = path.read_bytes(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(TARS):
        path.write_bytes(changed_tar(data, rng))
        settle(own, path)
        report, names = read_all(own)
        found += not report.ok
        refused += bool(names)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(
        f"{TARS} changed tars (seed {SEED}): {found} found by verify-shards, "
        f"{refused} refused by a reader, memory grew by {grown_mb} MB"
    )
    assert grown_mb < MOST_MB and found > 0.8 * TARS


def test_changed_members(own):
    """Bytes of an image, an array, audio or JSON; half of them in the first 64, where headers are."""
    path, rng, found, refused = own / "data" / SHARD, np.random.default_rng(SEED), 0, 0
    samples = tiny_dataset.read_tar(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(MEMBERS):
        key = sorted(samples)[int(rng.integers(len(samples)))]
        member = sorted(samples[key])[int(rng.integers(len(samples[key])))]
        data = bytearray(samples[key][member])
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(min(64, len(data)) if rng.random() < 0.5 else len(data)))
            data[at] = int(rng.integers(256))
        if rng.random() < 0.1:
            del data[int(rng.integers(len(data))) :]
        tiny_dataset.write_tar(path, samples | {key: samples[key] | {member: bytes(data)}})
        settle(own, path)
        report, names = read_all(own)
        found += not report.ok
        refused += bool(names)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(
        f"{MEMBERS} changed members (seed {SEED}): {found} found by verify-shards, "
        f"{refused} refused by a reader, memory grew by {grown_mb} MB"
    )
    assert grown_mb < MOST_MB


def replaced(value, path, new):
    """``value`` with what lies at ``path`` exchanged."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def places(value):
    """The path of everything in a JSON value."""
    for key, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield (key,)
        yield from ((key, *rest) for rest in places(inner))


@pytest.mark.parametrize("what", ["manifest", "ledger", "sample"])
def test_changed_json(own, what):
    """One field of the manifest, a ledger row or a sample's json has another value; hashes are true again."""
    path, rng, found = own / "data" / SHARD, np.random.default_rng((SEED, len(what))), 0
    manifest, ledger = (own / "manifest.json").read_text(), (own / "ledger.jsonl").read_text()
    samples = tiny_dataset.read_tar(path)
    rows = [json.loads(line) for line in ledger.splitlines()]
    for _ in range(JSONS):
        value = {
            "manifest": json.loads(manifest),
            "ledger": rows,
            "sample": json.loads(samples["dora-0"]["json"]),
        }[what]
        where = list(places(value))
        changed = replaced(
            value, where[int(rng.integers(len(where)))], VALUES[int(rng.integers(len(VALUES)))]
        )
        if what == "ledger":
            tiny_dataset.write_ledger(own, changed)
            tiny_dataset.edit_manifest(own, lambda manifest: None)
        elif what == "sample":
            tiny_dataset.write_tar(
                path, samples | {"dora-0": samples["dora-0"] | {"json": json.dumps(changed).encode()}}
            )
            settle(own, path)
        else:
            tiny_dataset.write_manifest(own, changed)
        report, _ = read_all(own)
        found += not report.ok
        (own / "manifest.json").write_text(manifest)
        (own / "ledger.jsonl").write_text(ledger)
    print(f"{what}: {JSONS} changed fields (seed {SEED}), {found} found by verify-shards")
