"""Prepared folders made to lead a reader astray: each takes a sound folder and changes it in place."""

import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import tarfile

import numpy as np
import tiny_dataset

OUTSIDE = "outside"
"""What a reader that is led astray writes, reads or runs."""


class Runs:
    """A pickle that makes a file where it is loaded."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def shard(folder):
    """The first of the train split."""
    return min((folder / "data").glob("train-*"))


def settle(folder):
    """Make size and hash in the manifest those of the shard."""
    data = shard(folder).read_bytes()
    row = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    tiny_dataset.edit_manifest(
        folder,
        lambda manifest: next(
            each for each in manifest["shards"] if each["name"] == shard(folder).name
        ).update(row),
    )


def with_member(name, make):
    """Another content of one member of the first sample."""

    def change(folder):
        def put(samples):
            first = next(iter(samples))
            samples[first][name] = make(samples[first].get(name, b""), folder)

        tiny_dataset.rewrite(folder, shard(folder).name, put)

    return change


def said_in_json(**fields):
    return with_member("json", lambda data, folder: json.dumps({**json.loads(data), **fields}).encode())


def of_array(make):
    def changed(data, folder):
        array = np.load(io.BytesIO(data)).copy()
        return tiny_dataset.npy(make(array))

    return changed


def pickled(data, folder):
    """An array of objects, whose pickle runs something."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|O", "fortran_order": False, "shape": (len(np.load(io.BytesIO(data))),)}
    )
    return file.getvalue() + pickle.dumps(Runs(folder.parent / OUTSIDE))


def of_key(key):
    def change(folder):
        def rename(samples):
            first = next(iter(samples))
            members = samples.pop(first)
            meta = {**json.loads(members["json"]), "key": key}
            return {key: {**members, "json": json.dumps(meta).encode()}, **samples}

        tiny_dataset.rewrite(folder, shard(folder).name, rename)

    return change


def of_link(kind, target):
    """The audio of the first sample is a link in the tar."""

    def change(folder):
        place = folder.parent / "secret.flac"
        place.write_bytes(tiny_dataset.flac(np.zeros(640 * 20, np.int16)))
        with tarfile.open(shard(folder)) as tar:
            members = [(info, tar.extractfile(info).read()) for info in tar]
        with tarfile.open(shard(folder), "w", format=tarfile.USTAR_FORMAT) as tar:
            for number, (info, data) in enumerate(members):
                if number == 0:
                    info.type, info.linkname, info.size = kind, target or str(place)[:99], 0
                tar.addfile(info, io.BytesIO(data))
        settle(folder)

    return change


def of_bytes(make):
    def change(folder):
        shard(folder).write_bytes(make(shard(folder).read_bytes()))
        settle(folder)

    return change


def of_manifest(edit):
    return lambda folder: tiny_dataset.edit_manifest(folder, edit)


def of_ledger(**fields):
    def change(folder):
        rows = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
        tiny_dataset.write_ledger(folder, [rows[0] | fields, *rows[1:]])
        tiny_dataset.edit_manifest(folder, lambda manifest: None)

    return change


def flipped_bit(folder):
    data = bytearray(shard(folder).read_bytes())
    data[len(data) // 2] ^= 16
    shard(folder).write_bytes(data)


def half_copied(folder):
    """As scp leaves a folder: what comes later in the alphabet is not there, the last file is cut."""
    os.truncate(folder / "ledger.jsonl", 200)
    for name in ("manifest.json", "README.md", "pairs"):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def half_copied_shards(folder):
    """The manifest first, as some tools copy; of the shards one is cut and one missing."""
    os.truncate(shard(folder), 5000)
    for path in (folder / "data").glob("validation-*"):
        path.unlink()


HUGE_NPY = b"{'descr': '<f2', 'fortran_order': False, 'shape': (100, 214748364)}"
FOLDERS = {
    "path: shard outside": of_manifest(lambda m: m["shards"][0].update(name=f"../../{OUTSIDE}.tar")),
    "path: split": of_manifest(lambda m: m["shards"][0].update(split=f"../../{OUTSIDE}")),
    "path: key upwards": of_key(f"../../{OUTSIDE}"),
    "path: key from the root": of_key(f"/tmp/{OUTSIDE}"),
    "path: source upwards": said_in_json(source=f"../../../{OUTSIDE}.mp4"),
    "path: speaker upwards": said_in_json(speaker=f"../../../{OUTSIDE}"),
    "path: source of the ledger": of_ledger(source=f"../../../{OUTSIDE}.mp4"),
    "path: markup": said_in_json(speaker="</script><img src=x onerror=alert(1)>", source="\x1b[2J.mp4"),
    "link: symbolic, outside": of_link(tarfile.SYMTYPE, ""),
    "link: hard, outside": of_link(tarfile.LNKTYPE, ""),
    "link: device": of_link(tarfile.CHRTYPE, "x"),
    "bomb: gzip": of_bytes(lambda data: gzip.compress(bytes(10**7))),
    "bomb: npy of 40 GiB": with_member(
        "stft.npy", lambda data, folder: b"\x93NUMPY\x01\x00" + len(HUGE_NPY).to_bytes(2, "little") + HUGE_NPY
    ),
    "bomb: png of 4 GiB": with_member(
        "lips.jpg",
        lambda data, folder: (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0" + bytes(9)
        ),
    ),
    "bomb: json without an end": with_member("json", lambda data, folder: b"[" * 10**6),
    "pickle: array of objects": with_member("stft.npy", pickled),
    "pickle: landmarks": with_member("landmarks.npy", pickled),
    "NaN: spectrogram": with_member("stft.npy", of_array(lambda array: np.full_like(array, np.nan))),
    "NaN: landmarks": with_member("landmarks.npy", of_array(lambda array: np.full_like(array, np.nan))),
    "NaN: start": said_in_json(start_s=float("nan")),
    "NaN: face score": said_in_json(face_score=float("nan"), quality=float("inf")),
    "NaN: seconds of the manifest": of_manifest(lambda m: m["splits"]["train"].update(seconds=float("nan"))),
    "NaN: seconds of the ledger": of_ledger(seconds=float("nan")),
    "one bit": flipped_bit,
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "half copied": half_copied,
    "half copied, shards last": half_copied_shards,
}
