"""Ambiguity of phones in one encoder's features, from the shards' aligned phones."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.benchmarking.columns import AMBIGUITY_COLUMNS
from speechlip.benchmarking.records import TOKENS_FOLDER, ShardsFacts
from speechlip.benchmarking.row_records import Ambiguity, Score
from speechlip.files.writing import whole_file
from speechlip.metrics.declared import NotScored
from speechlip.metrics.phones.ambiguity import ambiguity
from speechlip.metrics.phones.anchors import lip_anchor, mel_anchor
from speechlip.metrics.phones.spaces import token_space
from speechlip.metrics.phones.tokens import Tokens, choose_tokens, token_features
from speechlip.phones import RECOGNISED as RECOGNISED_SOURCE
from speechlip.records import Phone
from speechlip.shards.read.decode import ClipSample
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import read_manifest

MAP_DIMENSIONS = 50
NO_PHONES = "these shards carry no phones; put TextGrids beside the videos and prepare them again"
RECOGNISED = (
    "phones of these clips were recognised without a transcript, and many are wrong; "
    "align transcripts (speechlip align) and prepare them again, or take them as they are "
    "(--recognised-phones)"
)
RECOGNISED_TAKEN = (
    "VA, AR and their kin are of phones that were recognised without a transcript ({share:.0%} of them), "
    "many of them wrong: they say less than those of aligned phones, and compare with no other benchmark"
)
NOT_THERE = {
    "ar_star": "AR* needs landmarks, and a mel spectrum that is less ambiguous than the lips",
    "ar": "visemes do not lie apart in these features",
    "control_contrast": "M, N and NG are not all there, or visemes do not lie apart",
}


@dataclass(frozen=True)
class AnchorRatios:
    """AR of the lips and of a mel spectrum, between which AR* is measured; None where one is missing."""

    lips: float | None = None
    mel: float | None = None

    def ends(self) -> tuple[float, float] | None:
        return None if self.lips is None or self.mel is None else (self.lips, self.mel)


def anchor_ratios(shards: Path, facts: ShardsFacts, take_recognised: bool = False) -> AnchorRatios:
    """Both from the clips of the evaluated split, where it has phones and landmarks.

    take_recognised: also of phones that were recognised without a transcript.
    """
    if not has_phones(shards) or not facts.landmarks:
        return AnchorRatios()
    fields = ("phones", "landmarks", "audio")
    made = read_clips(shards, facts.split, fields, anchors_of)
    clips = sorted(made, key=lambda clip: clip[0])
    if recognised_share(clips) and not take_recognised:
        return AnchorRatios()
    try:
        tokens = choose_tokens(
            [phones for _, phones, _, _ in clips], [n_frames for _, _, n_frames, _ in clips]
        )
        sides = ([both[side] for *_, both in clips] for side in (0, 1))
        lips, mel = (ambiguity(tokens, token_features(tokens, side)).ar.value for side in sides)
    except NotScored:
        return AnchorRatios()
    return AnchorRatios(*(None if np.isnan(value) else value for value in (lips, mel)))


def anchors_of(clip: Any) -> tuple[np.ndarray, np.ndarray]:
    """Lips and mel spectrum of a clip read with its landmarks and its audio."""
    return lip_anchor(clip.landmarks), mel_anchor(clip.audio)


def ambiguity_of(
    frames: Callable[[str], Any],
    shards: Path,
    split: str,
    anchors: AnchorRatios,
    resamples: int,
    out: Path | None,
    key: str,
    take_recognised: bool = False,
) -> Ambiguity:
    """Ambiguity of an encoder's per-frame features; ``frames(key)`` are a clip's, (T, D).

    take_recognised: also of phones that were recognised without a transcript.

    Leaves the tokens for the map in ``OUT/tokens``; out: None leaves none.
    """
    if not has_phones(shards):
        return Ambiguity(reason=NO_PHONES)
    clips = sorted(read_clips(shards, split, ("phones",), lambda clip: None), key=lambda clip: clip[0])
    if recognised_share(clips) and not take_recognised:
        return Ambiguity(reason=RECOGNISED)
    try:
        tokens = choose_tokens(
            [phones for _, phones, _, _ in clips], [n_frames for _, _, n_frames, _ in clips]
        )
        features = token_features(tokens, [frames(key) for key, *_ in clips])
        measured = ambiguity(tokens, features, anchors=anchors.ends(), resamples=resamples)
    except NotScored as error:
        return Ambiguity(reason=str(error))
    estimates = {name: getattr(measured, name) for name in AMBIGUITY_COLUMNS}
    return Ambiguity(
        scores={name: score_of(name, one.value, one.ci_low, one.ci_high) for name, one in estimates.items()},
        tokens=measured.tokens,
        phones=len(measured.phones),
        viseme_map=measured.viseme_map,
        pairs=finite(measured.pairs),
        contrast=finite(measured.contrast),
        matrix_phones=measured.matrix_phones,
        matrix=tuple(tuple(map(finite_or_none, row)) for row in measured.matrix.tolist()),
        tokens_file=write_tokens(out, key, tokens, features) if out else "",
    )


def has_phones(shards: Path) -> bool:
    return "phones.json" in read_manifest(shards).fields


def recognised_share(clips: Iterable[tuple[str, tuple[Phone, ...], int, Any]]) -> float:
    """Share of phones that were recognised without a transcript: such labels are no truth to measure by."""
    sources = [phone.source for _, phones, _, _ in clips for phone in phones]
    return sources.count(RECOGNISED_SOURCE) / len(sources) if sources else 0.0


def phones_notes(shards: Path, split: str, take_recognised: bool) -> list[str]:
    """What a reader has to know of the phones that ambiguity is measured by."""
    if not take_recognised or not has_phones(shards):
        return []
    share = recognised_share(read_clips(shards, split, ("phones",), lambda clip: None))
    return [RECOGNISED_TAKEN.format(share=share)] if share else []


def read_clips(
    shards: Path, split: str, fields: tuple[str, ...], make: Callable[[ClipSample], Any]
) -> Iterator[tuple[str, tuple[Phone, ...], int, Any]]:
    """(key, phones, frames, what ``make`` gives) of every clip."""
    for clip in ClipReader(shards, split, fields=fields, shuffle_clips=0, rank=0, world_size=1):
        phones = tuple(Phone(**phone) for phone in clip.phones or ())
        yield clip.key, phones, clip.meta.n_frames, make(clip)


def score_of(name: str, value: float, low: float, high: float) -> Score:
    if np.isnan(value):
        return Score(None, reason=NOT_THERE.get(name, "cannot be computed from these tokens"))
    return Score(value, finite_or_none(low), finite_or_none(high), value, value)


def finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if np.isfinite(value)}


def finite_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def write_tokens(out: Path, key: str, tokens: Tokens, features: np.ndarray) -> str:
    """The tokens in up to 50 dimensions, for the map; returns the file's place beside benchmark.json."""
    place = Path(TOKENS_FOLDER) / f"{key}.npz"
    (out / TOKENS_FOLDER).mkdir(exist_ok=True)
    with whole_file(out / place) as file:
        np.savez(
            file,
            points=token_space(features, MAP_DIMENSIONS).astype(np.float32),
            phones=tokens.phone.astype("U4"),
        )
    return place.as_posix()
