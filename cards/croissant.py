"""Croissant metadata (mlcommons.org/croissant, 1.0) of a prepared folder: every file with its SHA-256, the
columns of ledger and table of clips, and images and audio by the sample's key.

Like the card it is made from manifest and ledger. No date is in it: the same preparation gives the same
bytes.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from speechlip.cards.features import member_words
from speechlip.files.stamps import sha256_of
from speechlip.files.writing import write_text
from speechlip.format import CLIPS, CROISSANT, LEDGER, pairs_file, shard_file
from speechlip.licences import hub_id
from speechlip.manifest import About, Funnel, Manifest
from speechlip.shards.clips.columns import all_columns
from speechlip.wording import counted

LEDGER_TYPES = dict.fromkeys(
    ("source", "speaker", "split", "status", "licence", "stage", "reason", "detail", "sha256"), "sc:Text"
)
LEDGER_TYPES |= dict.fromkeys(("clips", "bytes", "faces_max"), "sc:Integer")
LEDGER_TYPES |= dict.fromkeys(
    (
        *("seconds", "seconds_kept", "clip_seconds", "faces_median", "several_faces_seconds"),
        *("no_speech_seconds", "small_face_px"),
    ),
    "sc:Float",
)
COLUMN_TYPES = {str: "sc:Text", int: "sc:Integer", float: "sc:Float", bool: "sc:Boolean"}
MEMBER_FORMATS = {
    "flac": "audio/flac",
    "json": "application/json",
    "jpg": "image/jpeg",
    "png": "image/png",
    "npy": "application/x-npy",
}
CREATIVE_COMMONS = "https://creativecommons.org/"
Part = TypeVar("Part")
TERMS = (
    "citeAs column conformsTo data dataType equivalentProperty examples extract field fileProperty "
    "fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator "
    "source subField transform"
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in TERMS.split()},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
"""The context of the standard, which its readers expect in full."""


def write_croissant(folder: Path, manifest: Manifest, stated: Iterable[str]) -> Path:
    """Write ``croissant.json`` beside the ledger that is there; returns its path.

    stated: licences of the clips.
    """
    path = folder / CROISSANT
    content = croissant(manifest, stated, sha256_of(folder / LEDGER), (folder / LEDGER).stat().st_size)
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return path


def croissant(
    manifest: Manifest, stated: Iterable[str], ledger_sha256: str, ledger_bytes: int
) -> dict[str, Any]:
    """The metadata as JSON-LD. stated: licences of the clips. ledger_sha256, ledger_bytes: of
    ``ledger.jsonl``.
    """
    about, funnel = needed(manifest.about, "about"), needed(manifest.funnel, "funnel")
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": " ".join(needed(about.title, "title").split()),
        "description": described(about, funnel, manifest.speechlip),
        "license": [licence_address(name) for name in stated] or ["unknown"],
        "keywords": ["lip-sync", "talking-head", "audio-visual", "speech", "webdataset", "speechlip"],
        "version": "1.0.0",
        "rai:dataCollectionMissingData": missing(funnel),
        "rai:dataPreprocessingProtocol": [f"{name}: {value}" for name, value in manifest.options.items()],
        "rai:personalSensitiveInformation": [
            "Faces and voices",
            "Names of speakers and files, as the source has them",
        ],
        "distribution": [
            ledger_file(ledger_sha256, ledger_bytes),
            *clips_files(manifest),
            *pair_files(manifest),
            *shard_files(manifest),
            *file_sets(manifest),
        ],
        "recordSet": [splits(manifest), videos(), *clips(manifest), *media(manifest)]
        if manifest.shards
        else [],
    }
    known = {
        "url": about.homepage,
        "citeAs": about.citation,
        "inLanguage": about.language,
    }
    return content | {name: value for name, value in known.items() if value}


def needed(part: Part | None, name: str) -> Part:
    """A part of the manifest that the card needs. Raises KeyError where it is missing or garbled."""
    if part is None:
        raise KeyError(name)
    return part


def described(about: About, funnel: Funnel, version: str) -> str:
    clips, videos = counted(funnel.clips, "clip"), counted(funnel.sources_kept, "video")
    return (
        f"{clips} ({funnel.clip_seconds} s) of talking faces as aligned lip crops and spectrograms, "
        f"25 frames a second and 16 kHz, made by speechlip {version} of {videos}. {about.access}"
    ).strip()


def missing(funnel: Funnel) -> str:
    lost = ", ".join(f"{reason} {lost_s} s" for reason, lost_s in funnel.dropped.items())
    came = f"{funnel.seconds} s came, {funnel.seconds_kept} s were kept{f'; lost: {lost}' if lost else ''}"
    return f"{came}. {LEDGER} says it of every video."


def licence_address(licence: str) -> str:
    """Where a Creative Commons licence can be read, else what it is called.

    >>> licence_address("CC-BY-NC-4.0"), licence_address("ask Ada")
    ('https://creativecommons.org/licenses/by-nc/4.0/', 'ask Ada')
    >>> licence_address("CC0-1.0")
    'https://creativecommons.org/publicdomain/zero/1.0/'
    """
    name = hub_id(licence) or ""
    if name == "cc0-1.0":
        return f"{CREATIVE_COMMONS}publicdomain/zero/1.0/"
    if name.startswith("cc-by"):
        kind, _, release = name.removeprefix("cc-").rpartition("-")
        return f"{CREATIVE_COMMONS}licenses/{kind}/{release}/"
    return licence


def file_object(name: str, sha256: str, kind: str, n_bytes: int | None = None) -> dict[str, Any]:
    """A Croissant FileObject. kind: its media type, such as ``application/x-tar``."""
    size = {} if n_bytes is None else {"contentSize": f"{n_bytes} B"}
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": kind,
        "sha256": sha256,
        **size,
    }


def ledger_file(sha256: str, n_bytes: int) -> dict[str, Any]:
    return file_object(LEDGER, sha256, "application/jsonlines", n_bytes) | {
        "description": "What became of every video."
    }


def clips_files(manifest: Manifest) -> Iterator[dict[str, Any]]:
    if file := manifest.clips:
        yield file_object(CLIPS, file.sha256, "application/x-parquet", file.bytes) | {
            "description": "One row a clip: what its sample says of it, its split, and where it lies."
        }


def pair_files(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for split, file in manifest.pairs.items():
        yield file_object(pairs_file(split), file.sha256, "application/x-parquet") | {
            "description": "The frozen evaluation pairs."
        }


def shard_files(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for shard in manifest.shards:
        yield file_object(shard_file(shard.name), shard.sha256, "application/x-tar", shard.bytes)


def file_sets(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """The members of all samples, one set for each kind of member."""
    archives = [{"@id": shard_file(shard.name)} for shard in manifest.shards]
    for member in manifest.fields if archives else ():
        kind = MEMBER_FORMATS[member.rpartition(".")[2]]
        excluded = {"excludes": "*.*.json"} if member == "json" else {}
        words = {
            "name": member,
            "description": member_words(manifest.crop)[member],
            "containedIn": archives,
            "encodingFormat": kind,
        }
        yield {"@type": "cr:FileSet", "@id": member, **words, "includes": f"*.{member}", **excluded}


def field(record_set: str, name: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "dataType": kind,
        "source": source,
    }


def splits(manifest: Manifest) -> dict[str, Any]:
    """The record set that names the splits, to which the clips refer."""
    rows = [{"splits/name": name} for name in manifest.splits]
    name = {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"}
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [name],
        "data": rows,
    }


def videos() -> dict[str, Any]:
    """What the ledger says of every video."""
    fields = [
        field("videos", name, kind, {"fileObject": {"@id": LEDGER}, "extract": {"column": name}})
        for name, kind in LEDGER_TYPES.items()
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "videos",
        "name": "videos",
        "key": {"@id": "videos/source"},
        "field": fields,
    }


def clips(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """What the samples say of every clip."""
    if manifest.clips is None:
        return
    fields = [
        field(
            "clips",
            column.name,
            COLUMN_TYPES[column.kind],
            {"fileObject": {"@id": CLIPS}, "extract": {"column": column.name}},
        )
        | ({"description": column.meaning} if column.meaning else {})
        for column in all_columns(manifest.columns)
    ]
    yield {
        "@type": "cr:RecordSet",
        "@id": "clips",
        "name": "clips",
        "key": {"@id": "clips/key"},
        "field": fields,
    }


def media(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Images and audio of every sample, by its key."""
    for member, name, kind in (
        ("lips.jpg", "lips", "sc:ImageObject"),
        ("lips.png", "lips", "sc:ImageObject"),
        ("audio.flac", "audio", "sc:AudioObject"),
    ):
        if member in manifest.fields:
            files = {"fileSet": {"@id": member}}
            key = {"extract": {"fileProperty": "filename"}, "transform": {"regex": r"^([^.]+)\."}}
            fields = [
                field(name, "key", "sc:Text", files | key),
                field(name, "content", kind, files | {"extract": {"fileProperty": "content"}}),
            ]
            yield {
                "@type": "cr:RecordSet",
                "@id": name,
                "name": name,
                "key": {"@id": f"{name}/key"},
                "field": fields,
            }
