"""A folder of good and broken videos, with names that break scripts, made from synthetic talking heads."""

from fractions import Fraction

import av
import numpy as np

RATE = 16000
ODD_NAMES = (
    "two words.mp4",
    'it\'s "quoted".mp4',
    "new\nline.mp4",
    "line\u2028separator\u0085.mp4",
    "ünïcödé 日本語.mp4",
    "dots.in.name.v1.mp4",
    "-dash.mp4",
    "$(touch x).mp4",
)


def read_clip(path):
    """(frames (N, H, W, 3) uint8 RGB, audio (M,) int16 at 16 kHz) of a whole file."""
    with av.open(str(path)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        blocks = [
            block.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for block in resampler.resample(frame)
        ]
    return frames, np.concatenate(blocks)


def write_clip(path, frames, audio, fps=25, container_format=None):
    """Write an H.264 + AAC file; either of frames and audio may be None."""
    with av.open(str(path), "w", format=container_format) as out:
        video = speech = None
        if frames is not None:
            video = out.add_stream(
                "libx264", rate=fps, options={"crf": "18", "g": "25", "threads": "1", "preset": "ultrafast"}
            )
            video.width, video.height, video.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        if audio is not None:
            speech = out.add_stream("aac", rate=RATE, layout="mono")
        if video is not None:
            for index, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, fps)
                out.mux(video.encode(frame))
            out.mux(video.encode())
        if speech is not None:
            for start in range(0, len(audio), 1024):
                block = av.AudioFrame.from_ndarray(
                    audio[None, start : start + 1024], format="s16", layout="mono"
                )
                block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
                out.mux(speech.encode(block))
            out.mux(speech.encode())
    return path


def fill(root, talking):
    """Make and fill the folder ``root``."""
    root.mkdir()
    clips = sorted(talking.rglob("*.mp4"))
    (anna, anna_audio), (ben, ben_audio) = (read_clip(clip) for clip in clips[:2])
    ben = ben[:, : anna.shape[1], : anna.shape[2]]
    room = np.repeat(
        np.full_like(anna[:1], 90)
        + (np.indices(anna.shape[1:3]).sum(0) % 40)[None, :, :, None].astype(np.uint8),
        40,
        axis=0,
    )
    noise = np.random.default_rng(0).integers(-3000, 3000, 40 * 640).astype(np.int16)

    write_clip(root / "good.mp4", anna, anna_audio)
    (root / "empty.mp4").write_bytes(b"")
    (root / "truncated.mp4").write_bytes((root / "good.mp4").read_bytes()[:60000])
    (root / "text.mp4").write_text("this is no video\n" * 100)
    write_clip(root / "audio_only.mp4", None, anna_audio)
    write_clip(root / "video_only.mp4", anna[:30], None)
    write_clip(root / "silent.mp4", anna[:50], np.zeros(2 * RATE, np.int16))
    write_clip(
        root / "short.mp4", anna[:5], anna_audio[RATE : RATE + RATE // 5]
    )  # not the silence that she begins with
    write_clip(root / "one_frame.mp4", anna[:1], anna_audio[: RATE // 25])
    write_clip(root / "no_face.mp4", room, noise)
    away = np.concatenate([anna[:35], room, anna[:35]])
    write_clip(root / "leaves_and_comes_back.mp4", away, np.resize(anna_audio, len(away) * 640))
    both = np.concatenate([anna[:55], ben[:55]], axis=2)
    write_clip(root / "two_faces.mp4", both, anna_audio[: 55 * 640])
    cut = np.concatenate([anna[:30], ben[:40]])
    write_clip(root / "cut.mp4", cut, np.concatenate([anna_audio[: 30 * 640], ben_audio[: 40 * 640]]))
    write_clip(root / "short_audio.mp4", anna[:60], anna_audio[: int(1.6 * RATE)])

    damaged = bytearray(write_clip(root / "damaged.mkv", anna[:75], anna_audio[: 75 * 640]).read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 3000] = bytes(3000)
    (root / "damaged.mkv").write_bytes(damaged)

    small = anna[:30], anna_audio[: 30 * 640]
    for name in ODD_NAMES:
        write_clip(root / "names.mp4", *small).rename(root / name)
    for folder in ("a", "b"):
        (root / folder).mkdir()
        write_clip(root / folder / "same.mp4", *small)
    (root / "loop").mkdir()
    (root / "loop" / "again").symlink_to("..")
    (root / "gone.mp4").symlink_to(root / "nothing.mp4")
    (root / "a_folder.mp4").mkdir()
