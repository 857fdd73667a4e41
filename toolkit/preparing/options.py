"""What a user may choose for ``prepare``: every option that changes the bytes of the shards."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from speechlip import recipes
from speechlip.checks import check_types
from speechlip.describing.talkvid import PRESETS
from speechlip.errors import OptionError
from speechlip.faces.crops import check_preset, crop_size
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.format import LIPS_FORMATS, ClipFormat, most_frames
from speechlip.identity.asked import SAME_PERSON, check_distance, check_landmarks
from speechlip.media.frames import DECODERS
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.metrics.sync.columns import MOUTH_MODELS
from speechlip.preparing.choices import (
    DOUBLES,
    FACES,
    FILES,
    LR_ASD,
    PHONES,
    SHARD_BYTES,
    SPEAKERS,
    SPEAKING,
    SPLIT_BY,
    Shares,
    check_name,
    check_split,
    length_s,
    parse_least_share,
)
from speechlip.scoring.sync.mouth_models import SELF
from speechlip.scoring.sync.sync_filter import UNDECIDED_TRACKS, SyncFilter, parse_filter
from speechlip.scoring.sync.verdict import read_rules
from speechlip.shards.pairs.rules import PAIRS
from speechlip.spectra import SPECTROGRAM_WIDTHS
from speechlip.timing import FPS

LENGTHS = ("min_clip_s", "max_clip_s", "cut_sources_s")
NOT_RECORDED = ("syncnet_weights", "allow_unknown_weights", "brisque_model", "brisque_range")
"""Options that say where a model lies; ``sync_model`` and ``brisque`` record which one it was."""


@dataclass(frozen=True)
class PrepOptions:
    """Options of one prepared folder.

    recipe: how the videos are laid out, a name of ``speechlip recipes``.
    detector: what finds faces: auto, landmarker, mediapipe, face-alignment, cascade, sidecar, or one of
        another package.
    crop: what is cut out: lips, lower-face, auto-avsr (96 px around the mouth), or face-256 (the face).
    faces: which faces of a shot become clips: largest, all, or speaking: of several at once the one whose
        mouth follows the audio.
    spectrogram: stft (257 bins) or mel (80).
    lips_format: jpg (quality 95) or png (lossless).
    split: share of seconds by split; they add up to 1. Empty: the usual shares of ``split_by``.
    shard_bytes: largest size of a shard, as far as it can be foreseen.
    min_clip_s: shorter spans are dropped, in seconds.
    max_clip_s: longer spans are cut evenly, in seconds.
    cut_sources_s: longer videos are cut evenly into parts, each prepared on its own, in seconds; 0: none is.
    seed: of the splits and the evaluation pairs.
    decoder: what reads the images: pyav or decord.
    limit: only so many sources, the first; 0: all.
    sync_filter: which faces are kept, such as ``conf>=3,abs(offset)<=6``; empty: all, and no sync model runs.
    sync_correct: move the audio of kept faces by its offset, where that is decided.
    sync_model: a sync model other than SyncNet: phones (from landmarks, without weights), self (the same,
        learned on the other speakers of the set), or a run folder. With faces speaking and no filter it
        tells who speaks: phones, self, or lr-asd (the asset of that name).
    undecided: faces whose offset the sync model cannot decide: keep or drop; empty: the conditions decide.
    split_by: what falls into one split only: speaker, file, or time (each video is cut).
    max_picture_px: a video whose images have more pixels is refused.
    correct_confidence: least confidence of an offset that is corrected; None: what the sync model declares.
    correct_frames: least and greatest offset that is corrected, in frames.
    speech: which clips are kept, such as ``share>=0.5``: at least half of it speech; empty: all.
    quality: which clips are kept: talkvid (those that reach its thresholds); empty: all.
    pairs: which windows the frozen pairs are of: speech (half of each is) or any.
    phones: where phones come from: files beside the videos, as the recipe has them; align: what is said,
        aligned with the audio; recognise: the audio alone, with many errors.
    syncnet_weights: a file in the format of syncnet_v2.model; None: the one in the model cache.
    doubles: what becomes of a recording that is there twice: keep (nobody looks), drop, or mark (kept, in
        the split of the one it doubles, which its samples name).
    speakers: who a speaker is: by-name, as the recipe says; check: the same, and names are compared with
        faces; by-face: whose face is largest. The last two need the extra [identity].
    face_distance: distance up to which two faces are one person's.
    allow_unknown_weights: take ``syncnet_weights`` though it is not the official file.
    brisque_model: a regression of libsvm, by which the column ``brisque`` is computed; None: it is empty.
    brisque_range: the ranges of its features; None: ``allrange`` beside it.
    brisque: the names and SHA-256 of these two, which preparation fills in.

    Raises OptionError for an option that cannot be used; it lists the names there are.
    """

    recipe: str = "folder"
    detector: str = "auto"
    crop: str = "lips"
    faces: str = "largest"
    spectrogram: str = "stft"
    lips_format: str = "jpg"
    split: Shares = field(default_factory=dict, hash=False)
    shard_bytes: int = SHARD_BYTES
    min_clip_s: float = 1.0
    max_clip_s: float = 10.0
    cut_sources_s: float = 0.0
    seed: int = 0
    decoder: str = "pyav"
    limit: int = 0
    sync_filter: str = ""
    sync_correct: bool = False
    sync_model: str = ""
    undecided: str = ""
    split_by: str = "speaker"
    max_picture_px: int = MAX_PICTURE_PX
    correct_confidence: float | None = None
    correct_frames: str = "2-14"
    doubles: str = "keep"
    speech: str = ""
    quality: str = ""
    pairs: str = "speech"
    phones: str = FILES
    speakers: str = "by-name"
    face_distance: float = SAME_PERSON
    syncnet_weights: str | Path | None = None
    allow_unknown_weights: bool = False
    brisque_model: str | Path | None = None
    brisque_range: str | Path | None = None
    brisque: str = ""

    def __post_init__(self) -> None:
        check_types(self)
        check_name("recipe", self.recipe, recipes.names())
        check_name("detector", self.detector, ("auto", *DETECTORS.names()))
        check_preset(self.crop, has_landmarks=self.detector == "auto" or self._gives_landmarks())
        check_name("--faces", self.faces, FACES)
        check_name("spectrogram", self.spectrogram, SPECTROGRAM_WIDTHS)
        check_name("lips format", self.lips_format, LIPS_FORMATS)
        check_name("decoder", self.decoder, DECODERS)
        check_name("--doubles", self.doubles, DOUBLES)
        check_name("--split-by", self.split_by, SPLIT_BY)
        check_name("--speakers", self.speakers, SPEAKERS)
        self._check_faces()
        object.__setattr__(self, "split", dict(self.split or SPLIT_BY[self.split_by]))
        check_split(self.split)
        for name in LENGTHS:
            object.__setattr__(self, name, length_s(name, getattr(self, name)))
        self._check_doubles()
        self._check_lengths()
        self._check_sync()
        parse_least_share(self.speech)
        if self.quality:
            check_name("--quality", self.quality, PRESETS)
        check_name("--pairs", self.pairs, PAIRS)
        check_name("--phones", self.phones, PHONES)
        if self.brisque_range and not self.brisque_model:
            raise OptionError("--brisque-range goes with --brisque-model FILE, whose features it scales")

    @property
    def least_speech(self) -> float:
        """Share of speech that a clip must have, 0 to 1."""
        return parse_least_share(self.speech)

    def _gives_landmarks(self) -> bool:
        return self.crop != "auto-avsr" or DETECTORS.get(self.detector).has_landmarks

    def _check_faces(self) -> None:
        check_distance(self.face_distance)
        if self.speakers == "check" and self.split_by != "speaker":
            raise OptionError(
                f"--speakers check says who is in two splits, and --split-by {self.split_by} puts speakers "
                "into several on purpose; take --split-by speaker"
            )
        if self.speakers != "by-name" and self.detector != "auto":
            check_landmarks(self.detector)

    def _check_doubles(self) -> None:
        if self.doubles == "mark" and self.split_by == "time":
            raise OptionError(
                "--doubles mark keeps a double in the split of the one it doubles, and --split-by time puts "
                "every video into several; take --doubles drop"
            )

    def _check_lengths(self) -> None:
        if self.shard_bytes < 1:
            raise OptionError(f"--shard-size must be positive, not {self.shard_bytes}")
        if self.limit < 0:
            raise OptionError(f"--limit must not be negative, but is {self.limit}; 0 takes all videos")
        if self.max_picture_px < 1:
            raise OptionError(f"--max-picture must be positive, not {self.max_picture_px} pixels")
        if self.min_clip_s < 0.2:
            raise OptionError(
                f"--min-clip {self.min_clip_s:g}s is shorter than one window of 5 frames; take 0.2s or more"
            )
        if self.max_clip_s < 2 * self.min_clip_s:
            raise OptionError(
                f"--max-clip {self.max_clip_s:g}s must be at least twice --min-clip {self.min_clip_s:g}s, "
                "so that a long span can be cut evenly"
            )
        if self.cut_sources_s and self.cut_sources_s < self.max_clip_s:
            raise OptionError(
                f"--cut-sources {self.cut_sources_s:g}s is shorter than --max-clip {self.max_clip_s:g}s, "
                "and no clip goes on over the end of a part; take minutes, such as 20min, or 0 for none"
            )
        longest_s = most_frames(self.lips_format, crop_size(self.crop)) / FPS
        if self.max_clip_s > longest_s:
            name, png = ("JPEG", "--lips-format png, or ") if self.lips_format == "jpg" else ("PNG", "")
            raise OptionError(
                f"a {name} filmstrip of --crop {self.crop} holds {longest_s:g} s at most, --max-clip is "
                f"{self.max_clip_s:g}s; take {png}--max-clip {int(longest_s)}s"
            )

    def _check_sync(self) -> None:
        if self.undecided:
            check_name("--undecided", self.undecided, UNDECIDED_TRACKS)
        if self.sync_filter:
            self.open_sync_filter()
        elif self.faces == SPEAKING and self.speaking_by in (*MOUTH_MODELS, LR_ASD) and not self._filters:
            return
        elif self._filters or self.sync_model:
            raise OptionError(
                "--sync-correct, --sync-model, --undecided and --syncnet-weights go with --sync-filter, "
                "such as --sync-filter 'conf>=3'"
            )

    @property
    def _filters(self) -> bool:
        return bool(self.sync_correct or self.syncnet_weights or self.undecided)

    @property
    def learns(self) -> bool:
        """Whether the set has to teach sync model ``self`` first."""
        return self.speaking_by == SELF

    @property
    def speaking_by(self) -> str:
        """Name of the model that was asked for; a plan has its hash behind it."""
        return self.sync_model.partition(" ")[0]

    def open_sync_filter(self) -> SyncFilter | None:
        """The stage that keeps faces in sync, or None. Raises OptionError for unreadable conditions."""
        if not self.sync_filter:
            return None
        return SyncFilter(
            parse_filter(self.sync_filter),
            self.sync_correct,
            self.sync_model,
            None if self.syncnet_weights is None else Path(self.syncnet_weights),
            self.allow_unknown_weights,
            read_rules(self.correct_confidence, self.correct_frames),
            self.undecided,
        )

    def as_dict(self) -> dict:
        """The options as manifest and plan record them."""
        return {name: value for name, value in asdict(self).items() if name not in NOT_RECORDED}

    @property
    def clip_format(self) -> ClipFormat:
        return ClipFormat(self.lips_format, self.spectrogram, self.crop, self.detector)
