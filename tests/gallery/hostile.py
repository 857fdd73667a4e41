"""Shards whose names and texts would like to be markup."""

import json
from pathlib import Path

from tiny_dataset import rewrite, write_dataset

SPEAKERS = {
    "anna": (50, 40),
    '<script>alert("a")</script>': (30,),
    "\u202egnp.4pm": (26,),
    "ليلى & <b>ö</b>": (60,),
}
VALIDATION = {"dora": (40, 33), "'\"><img src=x onerror=alert(1)>": (38,)}
TRANSCRIPT = "</script><script>document.title = 'owned'</script> {{data}} {{clips}} “hi”"


def hostile_shards(folder: Path) -> Path:
    """6 + 3 clips with phones and landmarks; every detector and transcript is hostile, every face has a
    width.
    """
    named = {
        name: dict(zip([f"s{number}" for number in range(9)], speakers.values(), strict=False))
        for name, speakers in SPLITS.items()
    }
    write_dataset(
        folder,
        {split: {f"{split}-{key}": lengths for key, lengths in own.items()} for split, own in named.items()},
        **MEMBERS,
    )
    real = {
        f"{split}-s{number}": name
        for split, speakers in SPLITS.items()
        for number, name in enumerate(speakers)
    }
    for path in sorted((folder / "data").glob("*.tar")):
        rewrite(
            folder,
            path.name,
            lambda samples: {key: renamed(members, real) for key, members in samples.items()},
        )
    rows = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    lines = [json.dumps(row | {"speaker": real[row["speaker"]]}) + "\n" for row in rows]
    (folder / "ledger.jsonl").write_text("".join(lines))
    return folder


SPLITS = {"train": SPEAKERS, "validation": VALIDATION}
MEMBERS = {"lips_format": "png", "landmarks": True, "phones": True}


def renamed(members: dict[str, bytes], real: dict[str, str]) -> dict[str, bytes]:
    meta = json.loads(members["json"])
    changed = {
        "speaker": real[meta["speaker"]],
        "transcript": TRANSCRIPT,
        "detector": "<i>x</i>",
        "face_width_px": 120.0,
        "odd": {"<i>": [None, 1.5]},
    }
    phones = [
        {"start_s": 0.0, "end_s": 0.08, "phone": "<u>AH</u>"},
        {"start_s": 0.08, "end_s": 0.2, "phone": "M"},
    ]
    return members | {"json": json.dumps(meta | changed).encode(), "phones.json": json.dumps(phones).encode()}
