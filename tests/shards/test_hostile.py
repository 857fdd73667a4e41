"""Shards and manifests made to break a reader: verify-shards says so in a line and goes on, readers refuse in
a line, and memory stays small.
"""

import bz2
import gzip
import json
import lzma
import resource
import shutil
import tarfile

import numpy as np
import pytest
import tiny_dataset
from click.testing import CliRunner

from speechlip.commands.cli import inspect_shards, verify_shards
from speechlip.errors import ShardError
from speechlip.shards.checks.verify import verify
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.lookup import ClipLookup
from speechlip.shards.read.decode import decode_array, decode_audio
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shard import read_shard
from speechlip.shards.read.shardset import read_manifest

SHARD = "validation-00000-of-00001.tar"
FIELDS = ("lips", "spectrogram", "audio", "phones", "landmarks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    splits = {"validation": {"anna": (20, 16), "ben": (17,)}}
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("tiny") / "out", splits, shards=1, landmarks=True, phones=True
    )


@pytest.fixture
def own(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def npy_header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def with_json(**fields):
    return lambda data: json.dumps({**json.loads(data), **fields}).encode()


def flac_that_claims(n_samples):
    """A FLAC file whose header (STREAMINFO, the 36 bits from bit 108 on) says another length."""
    data = bytearray(tiny_dataset.flac(np.zeros(640, np.int16)))
    bits = int.from_bytes(data[18:26], "big") >> 36 << 36 | n_samples
    data[18:26] = bits.to_bytes(8, "big")
    return bytes(data)


MEMBERS = {
    "npy header without an end": ("stft.npy", npy_header("{'descr': '<f2', 'shape': (100, (")),
    "npy header of no literal": ("stft.npy", npy_header("f" + "(" * 300)),
    "npy of 40 GiB": (
        "stft.npy",
        npy_header("{'descr': '<f2', 'fortran_order': False, 'shape': (100, 214748364)}"),
    ),
    "npy of more than there is": (
        "stft.npy",
        npy_header(f"{{'descr': '<f2', 'fortran_order': False, 'shape': (100, {10**30})}}"),
    ),
    "npy of objects": ("stft.npy", tiny_dataset.npy(np.array([{}] * 100, object))),
    "npy of version 9": ("stft.npy", b"\x93NUMPY\x09\x00" + bytes(100)),
    "landmarks of text": ("landmarks.npy", tiny_dataset.npy(np.full((20, 20, 2), "x"))),
    "json that is a list": ("json", b"[1]"),
    "json that is a number": ("json", b"7"),
    "json without an end to its brackets": ("json", b"[" * 100_000),
    "json with a number of 9000 digits": ("json", b'{"n_frames": ' + b"9" * 9000 + b"}"),
    "json that is no text": ("json", b"\xff\xfe\x00"),
    "a clip of no frames": ("json", with_json(n_frames=0)),
    "a clip of 10^300 frames": ("json", with_json(n_frames=10**300)),
    "frames as text": ("json", with_json(n_frames="20")),
    "true frames": ("json", with_json(n_frames=True)),
    "a start at infinity": ("json", with_json(start_s=float("inf"))),
    "a start that is no number": ("json", with_json(start_s=float("nan"))),
    "a start at 10^308": ("json", with_json(start_s=1e308)),
    "no start": ("json", with_json(start_s=None)),
    "phones that are a number": ("phones.json", b"3"),
    "phones of text": ("phones.json", b'[{"start_s": "a", "end_s": [], "phone": "M"}]'),
    "nested phones": ("phones.json", b"[" * 100_000),
    "flac of 64 GiB": ("audio.flac", flac_that_claims(2**35)),
    "flac that is none": ("audio.flac", b"fLaC" + bytes(60)),
    "png of 4 GiB": (
        "lips.jpg",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0" + bytes(9),
    ),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_hostile_member_is_a_line_and_the_rest_is_read(own, kind):
    member, data = MEMBERS[kind]

    def change(samples):
        samples["anna-0"][member] = data(samples["anna-0"][member]) if callable(data) else data

    tiny_dataset.rewrite(own, SHARD, change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = verify(own)
    assert report.clips == 3 and any("anna-0" in problem for problem in report.problems), report.problems
    assert not any("cannot be checked further" in problem for problem in report.problems), report.problems
    if kind != "phones of text":  # a reader hands them on as they are
        with pytest.raises(ShardError, match="anna-0"):
            list(ClipReader(own, "validation", fields=FIELDS))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_what_a_header_claims_is_not_allocated():
    with pytest.raises(ValueError, match="are 42949672800 bytes, it has 0"):
        decode_array(npy_header("{'descr': '<f2', 'fortran_order': False, 'shape': (100, 214748364)}"), 100)
    with pytest.raises(ValueError, match=r"it has 16000 Hz and the shape \(34359738368, 1\)"):
        decode_audio(flac_that_claims(2**35), 640)
    assert len(decode_audio(flac_that_claims(640), 640)) == 640


def sparse_tar():
    info = tarfile.TarInfo("anna-0.json")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:398] = b"%011o " % 0  # the one piece: no byte at 0
    header[398:410] = b"%011o " % 0
    header[483:495] = b"%011o " % (2**32)  # the size when it is unfolded
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def tar_that_claims(size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo("anna-0.json")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def pax_sparse_tar():
    info = tarfile.TarInfo("anna-0.json")
    info.pax_headers = {"GNU.sparse.size": str(2**40), "GNU.sparse.map": "0,0"}
    return info.tobuf(tarfile.PAX_FORMAT) + bytes(1024)


TARS = {
    "gzip": (gzip.compress, "compressed with gzip"),
    "bzip2": (bz2.compress, "compressed with bzip2"),
    "xz": (lzma.compress, "compressed with xz"),
    "sparse": (lambda data: sparse_tar(), "is sparse"),
    "sparse by an extended header": (lambda data: pax_sparse_tar(), "is sparse"),
    "a member of 2 TiB": (lambda data: tar_that_claims(2**41), "claims 2199023255552 bytes"),
    "a negative member": (lambda data: tar_that_claims(-512), "cannot be read"),
    "an extended header of 2 GiB": (
        lambda data: tar_that_claims(2**31, tarfile.XHDTYPE),
        "claims 2147483648 bytes",
    ),
    "a name of 2 GiB": (
        lambda data: tar_that_claims(2**31, tarfile.GNUTYPE_LONGNAME),
        "claims 2147483648 bytes",
    ),
    "nothing": (lambda data: b"", ""),
    "zeros": (lambda data: bytes(10240), ""),
    "another file": (lambda data: b"no tar at all " * 100, "cannot be read"),
}


@pytest.mark.parametrize("kind", TARS)
def test_a_hostile_shard_is_a_line(own, tmp_path, kind):
    make, said = TARS[kind]
    path = own / "data" / SHARD
    data = make(path.read_bytes())
    path.write_bytes(data)
    tiny_dataset.edit_manifest(own, lambda manifest: manifest["shards"][0].update(bytes=len(data)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = verify(own)
    assert not report.ok and any(said in problem and "\n" not in problem for problem in report.problems), (
        report.problems
    )
    for reading in (
        lambda: list(ClipReader(own, "validation")),
        lambda: next(iter(pair_loader(own, "validation", batch_size=2))),
        lambda: list(read_shard(str(path), wanted_clips=3)),
        lambda: (
            ClipLookup(own, "validation").raw("anna-0")
            if said
            else list(read_shard(str(path), wanted_clips=3))
        ),
    ):
        with pytest.raises(ShardError, match=None if said in ("", "is sparse") else said):
            reading()
    done = CliRunner().invoke(inspect_shards, [str(own), "-o", str(tmp_path / "page"), "--quiet"])
    assert (
        done.exit_code == 1
        and isinstance(done.exception, SystemExit)
        and done.output.count("\n") == 1
        and done.output.startswith("error: ")
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_shard_longer_than_its_manifest_is_not_read_to_its_end(own):
    """As one elsewhere may have no end."""
    seen = []
    with pytest.raises(ShardError, match=r"holds more than 2 clips, manifest\.json says 2"):
        seen.extend(read_shard(str(own / "data" / SHARD), wanted_clips=2))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda manifest: manifest["shards"][0].update(name="../../data/x.tar"),
            "'../../data/x.tar' is no plain name",
        ),
        (lambda manifest: manifest["shards"][0].update(name="/etc/passwd"), "'/etc/passwd' is no plain name"),
        (lambda manifest: manifest["shards"][0].update(split="../x"), "'../x' is no plain name"),
        (
            lambda manifest: manifest["pairs"].update({"../x": manifest["pairs"]["validation"]}),
            "'../x' is no plain name",
        ),
        (
            lambda manifest: manifest["shards"][0].update(name="a\x1b[2J.tar"),
            r"'a\x1b[2J.tar' is no plain name",
        ),
        (lambda manifest: manifest["shards"][0].update(clips=-1), "clips is -1, wanted a whole number"),
        (
            lambda manifest: manifest["shards"][0].update(bytes="many"),
            "bytes is 'many', wanted a whole number",
        ),
        (lambda manifest: manifest["shards"][0].update(clips=True), "clips is True"),
        (lambda manifest: manifest["shards"].append(7), "a shard is 7, wanted name, split"),
        (lambda manifest: manifest.update(shards={}), "shards is {}, wanted a list"),
        (lambda manifest: manifest.update(splits=[]), "splits is [], wanted an object"),
        (lambda manifest: manifest["splits"].clear(), "split 'validation' has shards and no totals"),
        (lambda manifest: manifest.update(fields=[1]), "fields are [1]"),
        (lambda manifest: manifest.update(funnel=3), "funnel is 3"),
        (lambda manifest: manifest["options"].update(seed="x"), "seed among options is 'x'"),
        (lambda manifest: manifest["splits"]["validation"].update(seconds=float("nan")), "NaN is no number"),
        (lambda manifest: manifest.update(licences=["MIT"]), "licences is ['MIT']"),
        (lambda manifest: manifest["pairs"].update(validation=None), "is None, wanted sha256, rows"),
    ],
)
def test_a_hostile_manifest_is_a_line_everywhere(own, tmp_path, change, said):
    tiny_dataset.edit_manifest(own, change)
    with pytest.raises(ShardError) as refusal:
        read_manifest(own)
    assert said in str(refusal.value) and str(refusal.value).isprintable()
    for arguments in ([verify_shards, str(own)], [inspect_shards, str(own), "-o", str(tmp_path / "page")]):
        done = CliRunner().invoke(arguments[0], [*arguments[1:], "--quiet"])
        assert (
            done.exit_code == 1
            and isinstance(done.exception, SystemExit)
            and said in done.output
            and done.output.isascii()
        )


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"format": 1}', "[]", "3", "", '{"format": 1, "shards": NaN}', "\x00"]
)
def test_a_manifest_of_another_form_is_a_line(own, text):
    (own / "manifest.json").write_text(text)
    report = verify(own)
    assert len(report.problems) == 1 and "\n" not in report.problems[0]
    with pytest.raises(ShardError):
        ClipReader(own, "validation")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "\n",
        "7\n",
        "[]\n",
        '{"source": []}\n',
        "\n",
        '{"source": "a", "clips": 1e999}\n',
        "\udcff".encode("utf-8", "surrogateescape"),
    ],
)
def test_a_ledger_of_another_form_is_a_line(own, tmp_path, text):
    (own / "ledger.jsonl").write_bytes(text if isinstance(text, bytes) else text.encode())
    report = verify(own)
    assert not report.ok and report.clips == 3 and not any("\n" in problem for problem in report.problems)
    done = CliRunner().invoke(inspect_shards, [str(own), "-o", str(tmp_path / "page"), "--quiet"])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit) and done.output.count("\n") == 1


def test_a_ledger_with_a_length_that_is_no_number_is_a_line(own):
    rows = [json.loads(line) for line in (own / "ledger.jsonl").read_text().splitlines()]
    tiny_dataset.write_ledger(own, [rows[0] | {"seconds": float("nan")}, *rows[1:]])
    tiny_dataset.edit_manifest(own, lambda manifest: None)
    assert any(
        "ledger.jsonl cannot be read (a length in seconds is no number)" in problem
        for problem in verify(own).problems
    )


def test_names_do_nothing_to_the_terminal(own):
    """A key and a source that would clear the screen, and end a line."""

    def change(samples):
        members = samples.pop("anna-0")
        samples["anna\x1b[2J\r0"] = members | {
            "json": with_json(source="\x1b]0;owned\x07", licence=7)(members["json"])
        }
        return samples

    tiny_dataset.rewrite(own, SHARD, change)
    done = CliRunner().invoke(verify_shards, [str(own), "--quiet"])
    assert done.exit_code == 1 and r"anna\x1b[2J\r0" in done.output
    assert all(line.isprintable() for line in done.output.split("\n"))


def parquet(own, **columns):
    import pyarrow
    import pyarrow.parquet

    path = own / "pairs" / "validation.parquet"
    rows = pyarrow.parquet.ParquetFile(path).read().to_pylist()
    names = list(rows[0])
    values = {name: [row[name] for row in rows] for name in names} | {
        name: [value] * len(rows) for name, value in columns.items()
    }
    pyarrow.parquet.write_table(pyarrow.table({name: values[name] for name in names}), path)


@pytest.mark.parametrize(
    "columns",
    [
        {"label": "one"},
        {"label": None},
        {"window": 0},
        {"window": -5},
        {"kind": "other"},
        {"lips_key": None},
        {"label": 2},
        {"window": [1, 2]},
    ],
    ids=str,
)
def test_hostile_frozen_pairs_are_a_line(own, columns):
    parquet(own, **columns)
    report = verify(own)
    assert any("validation.parquet" in problem for problem in report.problems)
    assert not any("cannot be checked further" in problem for problem in report.problems), report.problems
    with pytest.raises(ShardError, match=r"validation\.parquet"):
        from speechlip.shards.pairs.frozen import read_pairs

        read_pairs(own / "pairs" / "validation.parquet")


def test_pairs_of_endless_rows_are_not_read(own):
    import pyarrow
    import pyarrow.parquet

    path = own / "pairs" / "validation.parquet"
    n = 2_000_000
    one = {
        "lips_key": "a",
        "lips_start_frame": 1,
        "audio_key": "a",
        "audio_start_frame": 1,
        "window": 5,
        "kind": "positive",
        "label": 1,
    }
    table = {name: pyarrow.array([value] * n).dictionary_encode() for name, value in one.items()} | {
        "offset_frames": pyarrow.array([0] * n)
    }
    pyarrow.parquet.write_table(pyarrow.table(table), path, compression="zstd")
    assert path.stat().st_size < 100_000
    assert any(f"has {n} rows, at most 1000000 are read" in problem for problem in verify(own).problems)


def test_a_folder_that_stands_in_for_no_place(own):
    for text in ("{", "[]", '{"url": 3}', '{"url": "file:///etc"}'):
        (own / "remote.json").write_text(text)
        assert any("remote.json" in problem for problem in verify(own).problems)
        with pytest.raises(ShardError, match=r"remote\.json"):
            ClipReader(own, "validation")
