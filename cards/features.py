"""What a sample holds: the type of every member for ``datasets``, and what it is in words.

Types are always declared: those guessed from the first samples lose keys and turn 3.7 into 3.
"""

from collections.abc import Iterable

from speechlip.faces.crops import crop_size
from speechlip.format import CROP_SIZE
from speechlip.shards.clips.columns import KEY, meta_columns

HUB_TYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}
JSON_TYPES: dict[str, str | dict] = {
    "corrected": {"list": "string"},
    "faces_at_once": {"list": {"list": "int64"}},
    "speech": {"list": {"list": "float64"}},
    **{column.name: HUB_TYPES[column.kind] for column in (KEY, *meta_columns())},
}


def json_features(columns: Iterable[str] = ()) -> dict:
    """The type of a sample's ``json``. columns: those of ``metadata.csv`` that are carried along as text
    (``manifest.json``: columns).
    """
    types = JSON_TYPES | dict.fromkeys(columns, "string")
    return {
        "struct": [
            {"name": name, **(kind if isinstance(kind, dict) else {"dtype": kind})}
            for name, kind in sorted(types.items())
        ]
    }


MEMBER_FEATURES: dict[str, dict] = {
    "audio.flac": {
        "dtype": "binary"
    },  # declared as audio, datasets 5.2 refuses to read a sample where FFmpeg's libraries are missing
    "json": json_features(),
    "landmarks.npy": {"list": {"list": {"list": "float32"}}},
    "lips.jpg": {"dtype": "image"},
    "lips.png": {"dtype": "image"},
    "mel.npy": {"list": {"list": "float16"}},
    "phones.json": {
        "list": [
            {"name": "end_s", "dtype": "float64"},
            {"name": "phone", "dtype": "string"},
            {"name": "score", "dtype": "float64"},
            {"name": "source", "dtype": "string"},
            {"name": "start_s", "dtype": "float64"},
        ]
    },
    "stft.npy": {"list": {"list": "float16"}},
}
MEMBER_WORDS = {
    "audio.flac": "the sound, 16 kHz mono, 640 samples a frame",
    "json": "source, speaker, where the clip begins, how large the face is, and what was corrected",
    "landmarks.npy": "20 mouth points a frame, in crop pixels",
    "mel.npy": "80 mels, five columns a frame",
    "phones.json": "aligned phones, in clip time",
    "stft.npy": "STFT magnitude, 257 bins, five columns a frame",
}


def member_words(crop: str) -> dict[str, str]:
    """Member → what it is, in a folder of this crop preset."""
    size = crop_size(crop)
    what = "the lips" if size == CROP_SIZE else "the face"
    strip = (
        f"{what}, {size} × {size} RGB, one frame under the other: "
        f"`np.asarray(image).reshape(-1, {size}, {size}, 3)`"
    )
    return MEMBER_WORDS | {"lips.jpg": strip, "lips.png": f"{strip}, without loss"}


def declared(fields: Iterable[str], columns: Iterable[str] = ()) -> list[dict]:
    """``dataset_info.features`` of samples with these members, and these columns in their ``json``."""
    named = [{"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]
    features = MEMBER_FEATURES | {"json": json_features(columns)}
    return named + [{"name": field, **features[field]} for field in fields]


def size_category(n_clips: int) -> str:
    """The Hub's bracket for a number of samples.

    >>> size_category(999), size_category(1000), size_category(250_000)
    ('n<1K', '1K<n<10K', '100K<n<1M')
    """
    names = ["1K", "10K", "100K", "1M", "10M", "100M", "1B"]
    for power, (name, previous) in enumerate(zip(names, ["", *names], strict=False), start=3):
        if n_clips < 10**power:
            return f"{previous}<n<{name}" if previous else f"n<{name}"
    return "1B<n<10B"
