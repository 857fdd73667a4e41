"""A tiny prepared folder, written with tarfile, Pillow, soundfile and torchaudio alone, so that it does not
share a bug with the writer.

Every frame of lips and every sample of speech is drawn for its clip, so that a test can tell where a window
came from.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from PIL import Image

from speechlip.shards.pairs.freeze import freeze_pairs
from speechlip.shards.pairs.frozen import write_pairs
from speechlip.shards.pairs.rules import PairClip

Speakers = Mapping[str, Sequence[int]]
DEFAULT_SPLITS: dict[str, Speakers] = {
    "train": {"anna": (50, 40, 30), "ben": (45, 35, 26), "chen": (30, 28, 60)},
    "validation": {"dora": (40, 33), "emil": (38, 47)},
}
"""split → speaker → lengths of that speaker's clips in frames."""
LICENCE = "CC-BY-4.0"


def write_dataset(
    folder: Path,
    splits: Mapping[str, Speakers] = DEFAULT_SPLITS,
    *,
    shards: int = 2,
    lips_format: str = "jpg",
    spectrogram: str = "stft",
    landmarks: bool = False,
    phones: bool = False,
    crop: str = "lips",
    seed: int = 0,
    sealed: bool = True,
    spoken: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> Path:
    """Write a finished folder with ``shards`` shards a split (clips dealt in turn); every speaker is one
    source of consecutive clips.

    spoken: key → frames in which somebody speaks, of every clip; None: as older releases, which did not say.
    Not ``sealed``: as an older release wrote it, without hashes of manifest and ledger and without licences.
    """
    (folder / "data").mkdir(parents=True)
    options = {
        "lips_format": lips_format,
        "spectrogram": spectrogram,
        "landmarks": landmarks,
        "phones": phones,
        "seed": seed,
        **({} if crop == "lips" else {"crop": crop}),
    }
    manifest = {
        "format": 1,
        "speechlip": "0.1.0",
        "options": options,
        "versions": {},
        "shards": [],
        "splits": {},
        "pairs": {},
    }
    ledger, fields = [], set()
    for split, speakers in splits.items():
        clips = [clip for speaker, lengths in speakers.items() for clip in clips_of(speaker, lengths)]
        if spoken is not None:
            clips = [replace(clip, spoken=tuple(spoken[clip.key])) for clip in clips]
        ledger += [ledger_row(speaker, split, lengths) for speaker, lengths in speakers.items()]
        for index in range(shards):
            samples = {clip.key: encode(clip, options) for clip in clips[index::shards]}
            fields.update(*samples.values())
            row = write_tar(folder / "data" / f"{split}-{index:05d}-of-{shards:05d}.tar", samples)
            manifest["shards"].append(
                row | {"split": split, "frames": sum(clip.n_frames for clip in clips[index::shards])}
            )
        n_frames = sum(clip.n_frames for clip in clips)
        manifest["splits"][split] = {
            "clips": len(clips),
            "frames": n_frames,
            "seconds": n_frames / 25,
            "speakers": len(speakers),
        }
        if split != "train":
            rows = freeze_pairs(clips, seed).rows
            manifest["pairs"][split] = {
                "sha256": write_pairs(folder / "pairs" / f"{split}.parquet", rows),
                "rows": len(rows),
                **({} if spoken is None else {"least_speech": 0.5}),
            }
    manifest["fields"] = sorted(fields)
    manifest["funnel"] = {"sources": len(ledger), "clips": sum(row["clips"] for row in ledger)}
    if spoken is not None:
        manifest["funnel"]["no_speech_seconds"] = 0.0
    write_ledger(folder, ledger)
    if sealed:
        n_clips = manifest["funnel"]["clips"]
        manifest |= {"licences": {LICENCE: {"sources": len(ledger), "clips": n_clips}}, "digest": ""}
    write_manifest(folder, manifest)
    return folder


def clips_of(speaker: str, lengths: Sequence[int]) -> list[PairClip]:
    starts = np.cumsum([0, *lengths]).tolist()
    return [
        PairClip(f"{speaker}-{number}", speaker, sha256(speaker), start, n_frames)
        for number, (start, n_frames) in enumerate(zip(starts, lengths, strict=False))
    ]


def ledger_row(speaker: str, split: str, lengths: Sequence[int]) -> dict:
    kept_s = sum(lengths) / 25
    row = {
        "source": f"{speaker}.mp4",
        "speaker": speaker,
        "split": split,
        "status": "kept",
        "clips": len(lengths),
        "sha256": sha256(speaker),
    }
    row |= {
        "seconds": kept_s + 1,
        "seconds_kept": kept_s,
        "dropped": {"no face": 1.0},
        "stage": "",
        "reason": "",
        "detail": "",
    }
    return row | {
        "clip_seconds": kept_s,
        "interpolated_seconds": 0.0,
        "bytes": 1000,
        "corrected": [],
        "damage": {},
    }


def encode(clip: PairClip, options: Mapping) -> dict[str, bytes]:
    rng = np.random.default_rng(int(sha256(clip.key)[:8], 16))
    audio = (rng.normal(0, 3000, 640 * clip.n_frames)).astype(np.int16)
    members = {
        "audio.flac": flac(audio),
        "json": json.dumps(meta_of(clip) | {"crop": options.get("crop", "lips")}).encode(),
        f"lips.{options['lips_format']}": strip(
            draw_lips(rng, clip.n_frames, 256 if options.get("crop") == "face-256" else 96),
            options["lips_format"],
        ),
        f"{options['spectrogram']}.npy": npy(spectrogram_of(audio, options["spectrogram"])),
    }
    if options["landmarks"]:
        members["landmarks.npy"] = npy(rng.uniform(0, 96, (clip.n_frames, 20, 2)).astype(np.float32))
    if options["phones"]:
        members["phones.json"] = json.dumps(
            [{"start_s": 0.0, "end_s": 0.08, "phone": "AH"}, {"start_s": 0.08, "end_s": 0.2, "phone": "M"}]
        ).encode()
    return members


def meta_of(clip: PairClip) -> dict:
    return {
        "key": clip.key,
        "source": f"{clip.speaker}.mp4",
        "speaker": clip.speaker,
        "start_s": clip.start_frame / 25,
        "n_frames": clip.n_frames,
        "fps": 25,
        "detector": "drawn",
        "crop": "lips",
        "source_sha256": clip.recording,
        "face_score": 1.0,
        "licence": LICENCE,
        "corrected": [],
        "transcript": "",
        "track": 0,
        "interpolated_frames": 0,
    } | said_of_speech(clip)


def said_of_speech(clip: PairClip) -> dict:
    if clip.spoken is None:
        return {}
    spoken = sum(stop - start for start, stop in clip.spoken)
    spans = [[start / 25, stop / 25] for start, stop in clip.spoken]
    return {"speech": spans, "speech_share": spoken / clip.n_frames}


def draw_lips(rng: np.random.Generator, n_frames: int, size: int = 96) -> np.ndarray:
    """(T, size, size, 3) uint8: a smooth texture that no two frames share."""
    coarse = rng.integers(0, 256, (n_frames, 4, 4, 3), np.uint8)
    return coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2)


def strip(lips: np.ndarray, lips_format: str) -> bytes:
    buffer = io.BytesIO()
    size = lips.shape[1]
    image = Image.fromarray(lips.reshape(-1, size, 3))
    image.save(buffer, "PNG", compress_level=1) if lips_format == "png" else image.save(
        buffer, "JPEG", quality=95, subsampling=0, restart_marker_rows=size // 8
    )
    return buffer.getvalue()


def flac(audio: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, 16000, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def spectrogram_of(audio: np.ndarray, kind: str) -> np.ndarray:
    spectrum = {"n_fft": 512, "win_length": 512, "hop_length": 128, "power": 1}
    if kind == "stft":
        transform = torchaudio.transforms.Spectrogram(**spectrum)
    else:
        transform = torchaudio.transforms.MelSpectrogram(
            16000, n_mels=80, f_min=0, f_max=8000, mel_scale="slaney", **spectrum
        )
    return (
        transform(torch.from_numpy(audio / np.float32(32768)))[:, : len(audio) // 128]
        .T.numpy()
        .astype(np.float16)
    )


def write_tar(path: Path, samples: Mapping[str, Mapping[str, bytes]]) -> dict:
    """Write samples as given, without clock or user; returns the manifest's row of the shard, less split and
    frames.
    """
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for key, members in samples.items():
            for name, data in sorted(members.items()):
                info = tarfile.TarInfo(f"{key}.{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    data = path.read_bytes()
    return {
        "name": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "clips": len(samples),
    }


def read_tar(path: Path) -> dict[str, dict[str, bytes]]:
    """key → member → bytes, by tarfile alone."""
    samples: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as tar:
        for info in tar:
            key, _, name = info.name.partition(".")
            samples.setdefault(key, {})[name] = tar.extractfile(info).read()
    return samples


def rewrite(folder: Path, shard: str, change) -> None:
    """Change the samples of one shard in place and keep the manifest's hash, size and clip count true."""
    samples = read_tar(folder / "data" / shard)
    changed = change(samples)
    row = write_tar(folder / "data" / shard, samples if changed is None else changed)
    edit_manifest(
        folder, lambda manifest: next(old for old in manifest["shards"] if old["name"] == shard).update(row)
    )


def edit_manifest(folder: Path, change) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    write_manifest(folder, manifest)


def write_manifest(folder: Path, manifest: dict) -> None:
    """As it is, but a sealed one with its hashes true again."""
    if "digest" in manifest:
        data = (folder / "ledger.jsonl").read_bytes()
        manifest["ledger"] = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "rows": data.count(b"\n"),
        }
        del manifest["digest"]
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
        manifest["digest"] = sha256(text)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_ledger(folder: Path, rows: Sequence[Mapping]) -> None:
    (folder / "ledger.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def relicense(folder: Path, licences: Mapping[str, str]) -> None:
    """Speakers → their licence from now on: in samples, ledger and manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())

    def change(samples):
        for members in samples.values():
            meta = json.loads(members["json"])
            members["json"] = json.dumps(
                meta | {"licence": licences.get(meta["speaker"], meta["licence"])}
            ).encode()

    for row in manifest["shards"]:
        rewrite(folder, row["name"], change)
    ledger = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    ledger = [row | {"licence": licences.get(row["speaker"], row.get("licence", LICENCE))} for row in ledger]
    write_ledger(folder, ledger)
    counted: dict[str, dict[str, int]] = {}
    for row in ledger:
        entry = counted.setdefault(row["licence"], {"sources": 0, "clips": 0})
        entry["sources"] += 1
        entry["clips"] += row["clips"]
    edit_manifest(folder, lambda manifest: manifest.update(licences=counted))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
