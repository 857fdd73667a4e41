"""One video: its audio → features → z-scored on its frames → the renderers' files, and last the JSON."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, floor

import numpy as np

from speechlip.encoders.features.protocol import FRAME_MS, FeatureClock, per_frame
from speechlip.errors import SourceRefused
from speechlip.exporting.facts import AVE_NOTE, forget, own_name, write_facts
from speechlip.exporting.layouts import DEEPSPEECH, OWN, choose_layouts, write_npy
from speechlip.exporting.records import Exporter, ExportPlan, Task
from speechlip.exporting.scale import measure
from speechlip.files.writing import make_folder, write_text
from speechlip.media.whole_audio import Audio

PART_FRAMES = 2048  # of HuBERT-large's 2 × 1024 numbers a frame, 16 MB
AVE_LINE = "aud_features = np.load(os.path.join(self.root_path, 'aud_ave.npy'))"
AVE_PATCH = (
    "SyncTalk computes the features of --asr_model ave itself. To let it load aud_ave.npy from the data "
    "folder instead, once, in its repository:\n\n"
    f'  sed -i "s/# {AVE_LINE}/{AVE_LINE}/" nerf_triplane/provider.py\n\n'
    "This takes the # from a line that is there, below the computation, which still wants aud.wav and the "
    "checkpoint of its own encoder. It holds for\ntraining and testing without --aud.\n"
)


def export_video(task: Task, audio: Audio, exporter: Exporter, plan: ExportPlan) -> int:
    """Write the files of one video with this audio; returns T, the number of its frames.

    What an earlier export left is removed first. In memory are the audio (1.9 MB a minute) and the features
    (4 T' D bytes; a minute of 512-vectors at 25 Hz is 3 MB, of HuBERT-large 12 MB); everything after that
    goes by in parts. Raises SourceRefused for a video that cannot be exported, and WriteError.
    """
    encoder = exporter.encoder
    features = encoder.encode_waveform(audio.samples)
    layouts, left_out = choose_layouts(plan.renderers, exporter.steps, encoder.dim)
    train_frames = floor(audio.frames * plan.train_share)
    want_axes = DEEPSPEECH in layouts.values()
    scale = plan.scale or measure(frame_parts(features, encoder.clock, train_frames), want_axes)
    layouts = {own_name(exporter.label): OWN} | layouts
    shapes = {
        name: (audio.frames, *layout.shape(exporter.steps, encoder.dim)) for name, layout in layouts.items()
    }
    make_folder(task.folder)
    forget(task.folder, exporter.label)
    for name, layout in layouts.items():
        z_scored = (scale.z_scored(part) for part in frame_parts(features, encoder.clock, audio.frames))
        write_npy(task.folder / name, shapes[name], layout.lay_out(z_scored, scale))
    if "aud_ave.npy" in layouts:
        write_text(task.folder / AVE_NOTE, AVE_PATCH)
    write_facts(task, exporter, plan, scale, shapes, left_out, audio.notes)
    return audio.frames


def frame_parts(features: np.ndarray, clock: FeatureClock, frames: int) -> Iterator[np.ndarray]:
    """(T', D) features at ``clock`` on frames 0 … frames − 1, in parts of (n, W, D).

    It is ``per_frame``, without holding all of it twice. Raises SourceRefused (stage ``features``): not
    finite.
    """
    for first in range(0, frames, PART_FRAMES):
        count = min(PART_FRAMES, frames - first)
        low = max(0, min(floor(feature_at(first, clock)), len(features) - 1))
        high = max(low, ceil(feature_at(first + count, clock))) + 1
        here = replace(clock, centre_ms=clock.centre_ms + low * 1000 / clock.rate_hz - first * FRAME_MS)
        part = per_frame(features[low:high], here, count)
        if not np.isfinite(part).all():
            raise SourceRefused(
                "features", "not finite", "the encoder gives NaN or infinite numbers for this sound"
            )
        yield part.reshape(count, -1, features.shape[1])


def feature_at(frame: int, clock: FeatureClock) -> float:
    """Which feature, counted in fractions, is where a frame begins.

    >>> feature_at(2, FeatureClock(rate_hz=50, centre_ms=10, past_ms=10, future_ms=10))
    3.5
    """
    return (frame * FRAME_MS - clock.centre_ms) * clock.rate_hz / 1000
