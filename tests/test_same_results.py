"""Shards and scores are what they were when ``same_results.json`` was recorded.

On the same CPU with the same libraries, files are the same byte for byte. Elsewhere (another AVX, another
x264) whole numbers and text are the same, and measured numbers differ by no more than ``WITHIN`` allows.
Where results are meant to change, record anew and look at the difference:

    RECORD_RESULTS=1 pytest tests/test_same_results.py && git diff tests/same_results.json
"""

import csv
import hashlib
import io
import json
import os
import platform
import re
import tarfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import soundfile
import torch
from click.testing import CliRunner
from PIL import Image

from speechlip.commands.cli import prep_shards, score_sync
from speechlip.describing.talkvid import THRESHOLDS as TALKVID
from zoo import read_clip, write_clip

pytestmark = pytest.mark.early

RECORD = Path(__file__).with_name("same_results.json")
RECORDED = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}

LIBRARIES = (
    *("av", "ai-edge-litert", "espeakng-loader", "numpy", "opencv-python-headless", "pillow"),
    *("pyarrow", "scikit-image", "scipy", "soundfile", "torch", "torchaudio"),
)
REAL = ("videoretalking_1.mp4", "videoretalking_3.mp4", "hdtf_1.mp4")

OF_THE_FILE = {"sha256", "source_sha256", "bytes", "declared"}
"""Fields of samples and ledger that hold for one file: another encoder of the corpus changes them."""
UNDECIDED = {"offset_frames", "offset_ms", "offset_verdict"}
"""Columns that random weights leave to the last bit."""
WITHIN = {
    "lips.jpg": 1.0,  # grey levels, 0–255
    "landmarks.npy": 0.5,  # px
    "stft.npy": 0.02,
    "audio.flac": 5e-4,  # full scale is 1
    "face_score": 0.02,
    "face_width_px": 1.0,
    "face_widths_px": 1.0,
    "face_width_share": 0.005,
    "mouth_inside_share": 0.02,
    **{f"{angle}{part}_deg": 1.0 for angle in ("yaw", "pitch", "roll") for part in ("", "_min", "_max")},
    **dict.fromkeys(TALKVID, 2.0),
    "head_movement_per_s": 0.02,
    "sharpness": 5.0,
    "brightness": 1.0,
    "lmd": 0.02,
    "lmd_iod": 5e-4,
    "psnr": 0.05,
    "ssim": 2e-3,
    "cpbd": 0.01,
    **dict.fromkeys(("lse_c", "lse_d", "lse_c_unpadded", "lse_d_unpadded"), 0.1),
    **dict.fromkeys(("lse_ci_low", "lse_ci_high"), 0.5),
}
"""Largest difference from the record on another machine, of a field or of a member's levels; else none."""


def installed(library):
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def machine():
    """What the last bits of a result depend on: the libraries, and the CPU they choose their routines by."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else [f"model {platform.processor()}"]
    facts = sorted({line for line in lines if line.startswith(("vendor_id", "cpu family", "model", "flags"))})
    cpu = f"{torch.backends.cpu.get_cpu_capability()} {digest(repr(facts).encode())[:16]}"
    versions = {library: installed(library) for library in LIBRARIES}
    return {"cpu": cpu, "libc": " ".join(platform.libc_ver()), **versions}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def hold(name, files, values):
    """``files`` (name → bytes) and ``values`` (nested lists and dicts) are those recorded under ``name``."""
    hashes = {file: digest(content) for file, content in files.items()}
    now = {"machine": machine(), "files": hashes, "values": values}
    if os.environ.get("RECORD_RESULTS"):
        RECORDED[name] = now
        text = json.dumps(RECORDED, indent=1, sort_keys=True, ensure_ascii=False)
        RECORD.write_text(re.sub(r"\[[^][{}]+\]", on_one_line, text) + "\n", encoding="utf-8")
    then = RECORDED[name]
    assert sorted(now["files"]) == sorted(then["files"])
    assert differences(values, then["values"]) == []
    if now["machine"] == then["machine"]:
        assert now["files"] == then["files"], "the values lie within tolerance, the bytes are not the same"


def on_one_line(numbers):
    return " ".join(numbers[0].split())


def differences(now, then, path="", within=0.0):
    """A line for every place where two nested values differ by more than ``WITHIN`` allows."""
    if isinstance(now, dict) and isinstance(then, dict) and now.keys() == then.keys():
        parts = [(f"{path}/{key}", now[key], then[key], WITHIN.get(key, within)) for key in now]
    elif isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        parts = [(f"{path}[{place}]", now[place], then[place], within) for place in range(len(now))]
    else:
        close = isinstance(now, float) and isinstance(then, float) and abs(now - then) <= within
        return [] if close or now == then else [f"{path}: {now!r}, recorded {then!r}"]
    return [line for place, one, other, most in parts for line in differences(one, other, place, most)]


@pytest.mark.parametrize(
    ("then", "lines"),
    [
        ({"psnr": 30.04, "frames": [1, 2]}, []),
        ({"psnr": 30.06, "frames": [1, 2]}, ["/psnr: 30.0, recorded 30.06"]),
        ({"psnr": 30.0, "frames": [1, 3]}, ["/frames[1]: 2, recorded 3"]),
        ({"psnr": 30.0}, [": {'psnr': 30.0, 'frames': [1, 2]}, recorded {'psnr': 30.0}"]),
    ],
)
def test_a_difference_is_seen(then, lines):
    assert differences({"psnr": 30.0, "frames": [1, 2]}, then) == lines


def shards_hold(name, out):
    paths = sorted([*out.glob("data/*.tar"), *out.glob("pairs/*.parquet"), out / "ledger.jsonl"])
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}
    ledger = [json.loads(line) for line in files["ledger.jsonl"].decode().split("\n") if line]
    values = {
        "samples": {file: members(content) for file, content in files.items() if file.endswith(".tar")},
        "pairs": {path.name: pairs_digest(path) for path in out.glob("pairs/*.parquet")},
        "ledger": [without(OF_THE_FILE, row) for row in ledger],
    }
    hold(name, files, values)


def pairs_digest(path):
    return digest(json.dumps(pyarrow.parquet.read_table(path).to_pylist()).encode())


def without(fields, row):
    return {field: value for field, value in row.items() if field not in fields}


def members(shard):
    """Key → member → what it says, in the order of the shard."""
    said = {}
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        for member in tar:
            key, _, kind = member.name.partition(".")
            said.setdefault(key, {})[kind] = summary(kind, tar.extractfile(member).read())
    return said


def summary(kind, content):
    """Fields of a sample; the hash of its phones; shape, type and levels of an array."""
    if kind == "json":
        return without(OF_THE_FILE, json.loads(content))
    if kind == "phones.json":
        return digest(content)
    array = array_of(kind, content)
    return {"shape": list(array.shape), "type": str(array.dtype), kind: levels(array)}


def array_of(kind, content):
    """Time comes first: (T, 96, 96, 3) lips, (N, 1) loudness of the audio, and the rest as it is stored."""
    if kind.startswith("lips"):
        strip = np.asarray(Image.open(io.BytesIO(content)))
        return strip.reshape(-1, strip.shape[1], *strip.shape[1:])
    if kind == "audio.flac":
        return np.abs(soundfile.read(io.BytesIO(content))[0])[:, None]
    return np.load(io.BytesIO(content))


def levels(array):
    """Mean and spread of each sixth of the time, of the halves of the second axis apart."""
    sixths = np.array_split(array.astype(np.float64), 6)
    halves = [half for sixth in sixths for half in np.array_split(sixth, 2, axis=1) if half.size]
    return [float(level.round(5)) for half in halves for level in (half.mean(), half.std())]


@pytest.fixture
def corpus(request):
    """The synthetic corpus, where it speaks as recorded: another espeak-ng is faster or slower."""
    pytest.importorskip("espeakng_loader", reason="the synthetic corpus needs the extra [synthetic]")
    here = installed("espeakng-loader")
    recorded = RECORDED["synthetic"]["machine"]["espeakng-loader"] if "synthetic" in RECORDED else here
    if here != recorded and not os.environ.get("RECORD_RESULTS"):
        pytest.skip(f"recorded with espeakng-loader {recorded}; {here}, which is installed, speaks otherwise")
    return request.getfixturevalue("talking")


def command(program, *arguments):
    """Its exit code; it runs in this process."""
    asked = [str(argument) for argument in (*arguments, "--workers", 1, "--quiet")]
    return CliRunner().invoke(program, asked, catch_exceptions=False).exit_code


def test_shards_of_the_synthetic_corpus(corpus, tmp_path):
    asked = ("--recipe", "synthetic", "--detector", "sidecar")
    assert command(prep_shards, corpus, "-o", tmp_path / "out", *asked) == 0
    shards_hold("synthetic", tmp_path / "out")


def test_shards_of_real_clips(real_clips, face_model, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for clip in REAL:
        (videos / clip).symlink_to(real_clips / clip)
    assert command(prep_shards, videos, "-o", tmp_path / "out", "--detector", "landmarker") == 0
    shards_hold("real", tmp_path / "out")


@pytest.fixture
def renders(corpus, tmp_path):
    """Two renders, paler, with landmarks 40 ms late and audio 80 ms early; references in ``gt`` beside."""
    clip = sorted(corpus.rglob("*.mp4"))[1]
    frames, audio = read_clip(clip)
    with np.load(clip.with_name(f"{clip.stem}.landmarks.npz")) as sidecar:
        landmarks = sidecar["landmarks"]
    for name, length in (("long", 110), ("short", 55)):
        order = np.arange(length) % min(len(frames), len(landmarks), len(audio) // 640)
        seen, heard = frames[order], audio[: len(audio) // 640 * 640].reshape(-1, 640)[order].ravel()
        write(tmp_path / "gt" / f"{name}.mp4", seen, heard, landmarks[order])
        late, early = np.roll(landmarks[order], 1, axis=0), np.roll(heard, -2 * 640)
        write(tmp_path / "renders" / f"{name}.mp4", seen // 2 + 60, early, late)
    return tmp_path / "renders"


def write(path, frames, audio, landmarks):
    path.parent.mkdir(exist_ok=True)
    write_clip(path, frames, audio)
    np.savez(path.with_suffix(".landmarks.npz"), landmarks=landmarks, time_s=np.arange(len(landmarks)) / 25)


@pytest.fixture
def lively_weights(random_weights, tmp_path):
    """Random weights of He's spread (2 / inputs)^½: with 0.02, all features are nearly the same."""
    state = torch.load(random_weights, weights_only=True)
    scaled = {name: lively(values) if name.endswith("weight") else values for name, values in state.items()}
    torch.save(scaled, tmp_path / "lively.model", _use_new_zipfile_serialization=False)
    return tmp_path / "lively.model"


def lively(weight):
    """The scale that a channel is multiplied by becomes ½, so that distances are tens, not thousands."""
    return weight / 0.02 * (2 / weight[0].numel()) ** 0.5 if weight.ndim > 1 else torch.full_like(weight, 0.5)


@pytest.mark.parametrize(("protocol", "region"), [("direct", "full"), ("wav2lip", "face")])
def test_scores(renders, lively_weights, tmp_path, protocol, region):
    asked = ("--protocol", protocol, "--region", region, "--metrics", "lse,lmd,psnr,ssim,cpbd")
    weights = ("--syncnet-weights", lively_weights, "--allow-unknown-weights")
    out, given = tmp_path / "out", ("--reference", renders.with_name("gt"), "--detector", "sidecar", *weights)
    code = command(score_sync, renders, "-o", out, *given, *asked, "--device", "cpu")
    table = re.sub(rb"unknown weights [0-9a-f]+", b"unknown weights", (out / "scores.csv").read_bytes())
    columns, *rows = csv.reader(table.decode().splitlines())
    cells = [dict(zip(columns, map(number, row), strict=True)) for row in rows]
    values = {"exit code": code, "columns": columns, "rows": [without(UNDECIDED, row) for row in cells]}
    hold(f"scores {protocol}", {"scores.csv": table}, values)


def number(text):
    """Text of a cell as int or float, where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
