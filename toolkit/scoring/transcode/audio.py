"""The audio of a transcode: decoded at its own rate, put where one generation of ffmpeg puts it, and encoded.

The encoder gets the samples that ffmpeg's encoder gets: floating point where the decoder gives that, 16 bits
where the source has them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.codec.context import Flags2

from speechlip.errors import SourceRefused
from speechlip.media.audio import Resampler
from speechlip.media.streams.opening import audio_stream, open_local
from speechlip.media.streams.packets import stamped_frames
from speechlip.scoring.transcode.recipes import Recipe
from speechlip.scoring.transcode.rules import Generation
from speechlip.scoring.transcode.source import TranscodeSource
from speechlip.scoring.transcode.times import nearest_rate

BLOCK = 1024
AFTER_THE_PICTURES_S = 1.0
"""No evaluation reads audio later than the last frame; an encoder looks ahead by less than this."""
STARTS_TOGETHER_S = Fraction(1, 1000)
"""libswresample's min_compensation under ``-async``: audio that starts so little late or early stays."""
GAP_S = Fraction(1, 10)
"""Its min_hard_comp: a smaller gap between stamps is not filled, a smaller overlap not cut."""
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}


class TranscodeAudio:
    """The audio stream of a transcode that is being written.

    lost_s: as in ``times.AudioTimes``. Raises SourceRefused: ``no decodable audio``.
    """

    def __init__(
        self,
        out: av.container.OutputContainer,
        recipe: Recipe,
        source: TranscodeSource,
        lost_s: Fraction,
        generation: Generation,
    ) -> None:
        self.out, self.converter = out, Converter(recipe)
        self.blocks = placed(source, self.converter, lost_s, generation)
        self.first = next(self.blocks, None)
        if self.first is None:
            raise SourceRefused(
                "audio", "no decodable audio", f"{source.audio and source.audio.name} gave no sound"
            )
        stream: Any = out.add_stream(recipe.audio, rate=self.converter.rate, layout=self.converter.layout)
        stream.codec_context.format = self.converter.format
        self.stream = stream
        self.written = 0

    def write_until(self, time_s: float) -> None:
        """Encode the audio up to ``time_s`` seconds of the output, so that both streams lie side by side."""
        while (
            self.written < time_s * self.converter.rate
            and (block := next(self.blocks, None) if self.first is None else self.first) is not None
        ):
            self.first = None
            frame = av.AudioFrame.from_ndarray(
                block, format=self.converter.format, layout=self.converter.layout
            )
            frame.sample_rate, frame.pts, frame.time_base = (
                self.converter.rate,
                self.written,
                Fraction(1, self.converter.rate),
            )
            self.written += block.shape[1]
            self.out.mux(self.stream.encode(frame))

    def finish(self, video_end_s: float) -> None:
        self.write_until(video_end_s + AFTER_THE_PICTURES_S)
        self.out.mux(self.stream.encode())


class Converter:
    """Decoded frames → (channels, n) samples as the encoder takes them, settled by the first frame."""

    format, layout, rate = "", "", 0

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.resampler = Resampler()

    def settle(self, frame: av.AudioFrame) -> None:
        if not self.rate:
            self.format = encoder_format(frame.format.name, self.recipe.audio_formats)
            self.layout = encoder_layout(frame.layout.nb_channels, self.recipe.wide)
            self.rate = nearest_rate(frame.sample_rate, self.recipe.audio_rates)
            self.resampler = Resampler(self.format, self.layout, self.rate)

    def changes(self, frame: av.AudioFrame) -> bool:
        """Whether ffmpeg, too, puts a resampler between decoder and encoder."""
        same_layout = frame.layout.nb_channels == len(av.AudioLayout(self.layout).channels)
        return (frame.format.name, frame.sample_rate) != (self.format, self.rate) or not same_layout

    def convert(self, frame: av.AudioFrame | None) -> Iterator[np.ndarray]:
        """What comes out for a frame; None: what is left."""
        if frame is not None:
            frame.pts = None
        yield from (part.to_ndarray() for part in self.resampler.resample(frame) if part.samples)


def encoder_format(decoded: str, formats: Sequence[str]) -> str:
    """The encoder's sample format that ffmpeg chooses: the decoder's, else the one that loses least.

    >>> lame = ("s32p", "fltp", "s16p")
    >>> [encoder_format(name, lame) for name in ("fltp", "flt", "s16", "u8", "s32", "dbl")]
    ['fltp', 'fltp', 's16p', 's16p', 's32p', 'fltp']
    >>> encoder_format("s16", ("fltp",))
    'fltp'
    """
    if decoded in formats:
        return decoded
    planar = {"u8": "s16p"}.get(decoded.removesuffix("p"), decoded.removesuffix("p") + "p")
    return planar if planar in formats else "fltp"


def encoder_layout(channels: int, wide: bool) -> str:
    """The encoder's channels for those of the source.

    >>> encoder_layout(1, False), encoder_layout(6, False), encoder_layout(6, True)
    ('mono', 'stereo', '5.1')
    """
    return LAYOUTS.get(channels, "stereo") if wide or channels == 1 else "stereo"


def placed(
    source: TranscodeSource, converter: Converter, lost_s: Fraction, generation: Generation
) -> Iterator[np.ndarray]:
    """(channels, n ≤ 1024) samples from the transcode's start on, with the silence and the cuts of ffmpeg."""
    if source.audio is None:
        return
    with open_local(source.audio) as container:
        stream = audio_stream(container)
        if stream is None:
            return
        if source.keeps_priming:
            codec: Any = stream.codec_context
            codec.flags2 |= Flags2.skip_manual
        missing, due_s = 0, None
        for stamp, frame in stamped_frames(container, stream, Counter(), source.audio_shifts):
            converter.settle(frame)
            at_s = None if stamp is None else stamp - source.audio_zero_s
            apart_s = _apart_s(at_s, due_s, lost_s, generation.async_works or converter.changes(frame))
            due_s = (
                (due_s if due_s is not None else lost_s)
                + apart_s
                + Fraction(frame.samples, frame.sample_rate)
            )
            missing += round(apart_s * converter.rate)
            for samples in converter.convert(frame):
                while missing > 0:
                    yield np.zeros((len(samples), min(missing, BLOCK)), samples.dtype)
                    missing -= min(missing, BLOCK)
                kept = samples[:, max(0, -missing) :]
                missing = min(0, missing + samples.shape[1])
                yield from _in_blocks(kept)
        for samples in converter.convert(None):
            yield from _in_blocks(samples)


def _apart_s(at_s: Fraction | None, due_s: Fraction | None, lost_s: Fraction, async_works: bool) -> Fraction:
    """How much silence goes before a frame, in s; below 0: how much is dropped.

    at_s: when it is due.
    due_s: where the audio before it ends; None before the first.

    >>> [float(_apart_s(Fraction(at), Fraction(1), Fraction(0), True)) for at in ("1.25", "1.09", "0.75")]
    [0.25, 0.0, -0.25]
    """
    if at_s is None:
        return Fraction(0)
    if due_s is None:
        return at_s - lost_s if abs(at_s - lost_s) > STARTS_TOGETHER_S else Fraction(0)
    return at_s - due_s if async_works and abs(at_s - due_s) > GAP_S else Fraction(0)


def _in_blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, samples.shape[1], BLOCK):
        yield np.ascontiguousarray(samples[:, start : start + BLOCK])
