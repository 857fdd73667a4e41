"""An audit in words, for a terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from speechlip.media.info import SAME_START_S
from speechlip.scoring.audit.clip import Audit, ProtocolDelay
from speechlip.timing import FPS
from speechlip.wording import counted

SAME_MS = 1000 * SAME_START_S


def audit_table(audits: Sequence[Audit]) -> str:
    """Audits as text for a terminal: a block for each clip, then where the delays come from."""
    blocks = [
        "\n".join([found.clip, *(f"  {label:<12}  {words}" for label, words in _lines(found))])
        for found in audits
    ]
    whence = sorted(
        {f"{delay.protocol}: {delay.how}" for found in audits for delay in found.delays if _moves(delay)}
    )
    return "\n\n".join([*blocks, *whence])


def _lines(found: Audit) -> Iterator[tuple[str, str]]:
    yield (
        "container",
        f"{found.container}: {found.video_codec} {found.width}×{found.height}, {_audio_words(found)}",
    )
    yield "pictures", _video_words(found)
    if found.audio_codec is not None:
        yield (
            "starts",
            f"video {found.video_start_s:.3f} s, audio {found.audio_start_s:.3f} s: "
            f"{_late_words(found.audio_late_ms or 0)}",
        )
        yield "priming", _priming_words(found)
        lengths = f"video {found.video_length_s:.3f} s, audio {found.audio_length_s:.3f} s"
        yield "lengths", f"{lengths}: {_longer_words(found.lengths_apart_ms or 0)}"
        yield "audio clock", _clock_words(found)
        yield from zip(["delay added", *[""] * len(found.delays)], _delay_lines(found.delays), strict=False)
    if found.damaged_packets:
        yield "damage", f"{found.damaged_packets} packets cannot be read"


def _audio_words(found: Audit) -> str:
    if found.audio_codec is None:
        return "no sound that can be decoded"
    channels = {1: "mono", 2: "stereo"}.get(found.audio_channels or 0, f"{found.audio_channels} channels")
    return f"{found.audio_codec.removesuffix('float')} {found.audio_sample_rate_hz} Hz {channels}"


def _video_words(found: Audit) -> str:
    rate = f"{found.source_fps:.5g} fps" + (" on average, variable," if found.variable_rate else "")
    counts = f"{found.frames} frames, {found.frames_repeated} shown twice, {found.frames_dropped} never shown"
    return f"{rate} → {FPS}: {counts}" + (f", {found.frames_empty} missing" if found.frames_empty else "")


def _late_words(late_ms: float) -> str:
    if abs(late_ms) <= SAME_MS:
        return "together"
    return f"the sound begins {abs(late_ms):.2f} ms {'after' if late_ms > 0 else 'before'} the picture"


def _priming_words(found: Audit) -> str:
    if found.priming == "declared":
        return f"{found.priming_samples} samples ({found.priming_ms:.2f} ms) declared, and dropped on reading"
    if found.priming == "none":
        return "none: the codec is lossless"
    return "undeclared: an encoder's delay that the stamps do not make up for is heard"


def _longer_words(apart_ms: float) -> str:
    if abs(apart_ms) <= SAME_MS:
        return "equal"
    return f"{abs(apart_ms):.2f} ms more {'sound than picture' if apart_ms > 0 else 'picture than sound'}"


def _clock_words(found: Audit) -> str:
    drift_ms = found.clock_drift_ms or 0.0
    words = f"stamps run {abs(drift_ms):.2f} ms {'ahead of' if drift_ms > 0 else 'behind'} the samples"
    gaps = f", {counted(found.audio_gaps, 'jump')}" if found.audio_gaps else ""
    return ("stamps and samples agree" if abs(drift_ms) <= SAME_MS else words) + gaps


def _delay_lines(delays: Sequence[ProtocolDelay]) -> Iterator[str]:
    """One line for each protocol, with generations of ffmpeg that agree side by side."""
    for name, of_protocol in groupby(delays, key=lambda delay: delay.protocol):
        words: dict[str, list[str]] = {}
        for delay in of_protocol:
            words.setdefault(_delay_words(delay), []).append(delay.ffmpeg)
        alike = len(words) == 1
        yield f"{name} " + "; ".join(
            said if alike else f"{said} by ffmpeg {', '.join(generations)}"
            for said, generations in words.items()
        )


def _delay_words(delay: ProtocolDelay) -> str:
    if delay.delay_ms is None:
        return "runs away: its pictures are not 25 a second"
    if not _moves(delay):
        return "0"
    moved = f"sound {delay.sound_ms:+.2f} ms, pictures {delay.pictures_ms:+.0f} ms"
    return f"{delay.delay_ms:+.2f} ms = {delay.delay_frames:+.2f} frames ({moved})".replace("-", "−")


def _moves(delay: ProtocolDelay) -> bool:
    return bool(delay.sound_ms or delay.pictures_ms)
