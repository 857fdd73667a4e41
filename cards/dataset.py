"""The dataset card of a prepared folder: YAML that the Hub's loader reads, and the funnel that a person reads.

The YAML always declares ``configs`` and every feature: types guessed from the first samples lose keys and turn 3.7 into 3.
"""

from collections.abc import Sequence

import yaml
from speechlip.shards.ledger import LedgerRow, clock, format_funnel

TAGS = ["webdataset", "audio", "video", "talking-head", "lip-sync", "speechlip"]
JSON_TYPES: dict[str, str | list] = {
    "corrected": ["string"],
    "crop": "string",
    "detector": "string",
    "face_score": "float64",
    "face_width_px": "float64",
    "fps": "int64",
    "interpolated_frames": "int64",
    "key": "string",
    "licence": "string",
    "n_frames": "int64",
    "source": "string",
    "source_sha256": "string",
    "speaker": "string",
    "start_s": "float64",
    "track": "int64",
    "transcript": "string",
}
MEMBER_FEATURES: dict[str, dict] = {
    "audio.flac": {"dtype": "binary"},  # declared as audio, datasets 5.2 refuses to read a sample where FFmpeg's libraries are missing
    "json": {
        "struct": [
            {"name": name, **({"list": kind[0]} if isinstance(kind, list) else {"dtype": kind})} for name, kind in JSON_TYPES.items()
        ]
    },
    "landmarks.npy": {"list": {"list": {"list": "float32"}}},
    "lips.jpg": {"dtype": "image"},
    "lips.png": {"dtype": "image"},
    "mel.npy": {"list": {"list": "float16"}},
    "phones.json": {
        "list": [{"name": "end_s", "dtype": "float64"}, {"name": "phone", "dtype": "string"}, {"name": "start_s", "dtype": "float64"}]
    },
    "stft.npy": {"list": {"list": "float16"}},
}


def dataset_card(manifest: dict, rows: Sequence[LedgerRow]) -> str:
    """The whole README.md of a prepared folder, from its manifest and ledger alone."""
    header = yaml.safe_dump(card_data(manifest, rows), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{header}---\n\n{card_text(manifest, rows)}"


def card_data(manifest: dict, rows: Sequence[LedgerRow]) -> dict:
    """The YAML part: licence, tags, where each split lies, and the type of every member."""
    splits = manifest["splits"]
    features = [{"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]
    features += [{"name": field, **MEMBER_FEATURES[field]} for field in manifest["fields"]]
    return {
        "license": "other" if manifest["about"]["licence"] != "unknown" else "unknown",
        "license_name": manifest["about"]["licence"],
        "pretty_name": manifest["about"]["title"],
        "size_categories": [size_category(manifest["funnel"]["clips"])],
        "tags": TAGS,
        "configs": [{"config_name": "default", "data_files": [{"split": name, "path": f"data/{name}-*.tar"} for name in splits]}],
        "dataset_info": {
            "features": features,
            "splits": [{"name": name, "num_examples": facts["clips"]} for name, facts in splits.items()],
        },
    }


def size_category(n_clips: int) -> str:
    """The Hub's bracket for a number of samples.

    >>> size_category(999), size_category(1000), size_category(250_000)
    ('n<1K', '1K<n<10K', '100K<n<1M')
    """
    names = ["1K", "10K", "100K", "1M", "10M"]
    for bound, name, previous in zip((10**3, 10**4, 10**5, 10**6, 10**7), names, ["", *names], strict=False):
        if n_clips < bound:
            return f"{previous}<n<{name}" if previous else f"n<{name}"
    return "n>10M"


def card_text(manifest: dict, rows: Sequence[LedgerRow]) -> str:
    options, versions = manifest["options"], manifest["versions"]
    split_lines = "\n".join(
        f"| {name} | {facts['clips']} | {facts['speakers']} | {clock(facts['seconds'])} |" for name, facts in manifest["splits"].items()
    )
    choices = "\n".join(f"| {name} | {value} |" for name, value in options.items())
    made_with = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"""# {manifest["about"]["title"]}

Clips of talking faces as aligned lip crops and STFT windows, 25 fps and 16 kHz, made by speechlip {manifest["speechlip"]}.
Video frame `i` of a clip covers samples `[640 i, 640 (i+1))` and STFT frames `[5 i, 5 (i+1))`.

Licence of the videos: {manifest["about"]["licence"]}. {manifest["about"]["access"]}

## What became of the videos

```
{format_funnel(manifest["funnel"])}
```

`ledger.jsonl` has one row per video.

## Splits

No speaker is in two splits.

| split | clips | speakers | length |
|---|---|---|---|
{split_lines}

## How it was made

| option | value |
|---|---|
{choices}

With {made_with}.
"""
