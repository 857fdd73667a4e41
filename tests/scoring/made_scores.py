"""A scoring run that never happened, in the shape of ``scores.json``: real curves of made features, frames of
nothing, hostile names.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from PIL import Image

from speechlip.metrics.statistics.aggregate import aggregate
from speechlip.metrics.sync.lse import sync_score
from speechlip.metrics.table import families
from speechlip.scoring.columns import asked_columns
from speechlip.scoring.protocols import get
from speechlip.scoring.records import ClipDetail, ScoreRow, TrackCurves

HOSTILE = (
    "</script><script>document.title='taken'</script>.mp4",
    "<img src=x onerror=\"document.title='taken'\">.mp4",
    "quote\" and 'apostrophe' & ampersand.mp4",
    "日本語 ünï😀 \u202egnp.mp4",
    "{{data}} ${1+1} `tick`\\u003c.mp4",
)
COLUMNS = asked_columns(families())


def made_scores(names: Sequence[str] = HOSTILE, frames: int = 120) -> dict:
    """One scored clip per name, one without its audio, one that is no video, and one of two tracks."""
    draw = np.random.default_rng(7)
    made = [_scored(name, number, frames, draw) for number, name in enumerate(names)]
    made += [
        _partial("no sound.mp4", frames, draw),
        _failed("broken.mp4"),
        _two_tracks("two faces.mp4", frames, draw),
    ]
    rows = [row for clip_rows, _ in made for row in clip_rows]
    last = [clip_rows[-1] for clip_rows, _ in made]
    return {
        "format": 1,
        "speechlip": "0.1.0",
        "command": "score-sync 'renders <of> today/' --reference gt/ -o scores/",
        "options": {},
        "protocol": get("direct").as_dict(),
        "sync_model": {
            "name": "syncnet_v2",
            "sha256": "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
            "official": True,
        },
        "models": {"syncnet_v2.model": "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442"},
        "versions": {"python": "3.11", "torch": "2.14", "av": "18.0"},
        "metrics": COLUMNS,
        "rows": [row.cells() for row in rows],
        "aggregates": {
            column: _plain(aggregate([getattr(row, column) for row in last])) for column in COLUMNS
        },
        "missing": {"lse": {"no sound": 1, "not a video file": 1}, "psnr": {"not a video file": 1}},
        "unused_references": [],
        "clips": [asdict(detail) for _, detail in made],
    }


def _plain(found) -> dict:
    return {name: None if value != value else value for name, value in asdict(found).items()}


def _features(draw, frames: int, offset: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    speech = draw.normal(size=(frames + 40, 64))
    speech[1:] = 0.7 * speech[:-1] + speech[1:]
    lips = speech[20 : 20 + frames]
    return lips, speech[20 + offset : 20 + offset + frames] + noise * draw.normal(size=lips.shape)


def _sync(draw, track: str, start: int, frames: int, offset: int, noise: float) -> tuple[dict, TrackCurves]:
    score = sync_score(*_features(draw, frames - 5, offset, noise), resamples=100)
    values = {
        "lse_c": score.lse_c,
        "lse_d": score.lse_d,
        "offset_frames": score.offset_frames,
        "offset_ms": 40.0 * score.offset_frames,
        "lse_c_unpadded": score.lse_c_unpadded,
        "lse_d_unpadded": score.lse_d_unpadded,
        "lse_ci_low": score.ci_low,
        "lse_ci_high": score.ci_high,
        "windows": score.windows,
    }
    curves = TrackCurves(
        track, start, frames, tuple(score.curve), tuple(score.curve_unpadded), tuple(score.confidence)
    )
    return values, curves


def _images(draw, quality: float) -> dict:
    return {
        "lmd": 2.4 + 2 * quality + 0.1 * draw.normal(),
        "lmd_iod": 0.021 + 0.02 * quality,
        "psnr": 34 - 5 * quality + draw.normal(),
        "ssim": 0.98 - 0.06 * quality,
        "lpips": 0.03 + 0.05 * quality,
        "cpbd": 0.2 - 0.1 * quality,
        "frames_compared": 118,
    }


def _detail(name: str, frames: int, draw, **more) -> ClipDetail:
    lmd = np.abs(2.5 + np.cumsum(0.2 * draw.normal(size=frames)))
    per_frame = tuple(None if 40 <= index < 44 else float(value) for index, value in enumerate(lmd))
    shown = tuple(range(5, frames, frames // 10))[:10]
    strips = {
        "strip_frames": shown,
        "strip_render": _strip(len(shown), 0.9),
        "strip_reference": _strip(len(shown), 1.0),
    }
    return ClipDetail(
        **{
            "clip": name,
            "render": f"renders/{name}",
            "reference": f"gt/{name}",
            "driving_audio": None,
            "frames": frames,
            "sound": "own",
        }
        | {"codec_delay_ms": 0.0, "lmd_per_frame": per_frame, "notes": ("frame rate 30 → 25",)}
        | strips
        | more
    )


def _strip(mouths: int, light: float) -> str:
    """Mouths that open and close: an ellipse on skin."""
    y, x = np.mgrid[-48:48, -48:48]
    skin = np.array([214, 168, 142]) * light * (1 - 0.002 * np.abs(x))[..., None]
    parts = []
    for place in range(mouths):
        gap = 5 + 9 * abs(np.sin(1.3 * place))
        lips = (x / 34) ** 2 + (y / (gap + 7)) ** 2 < 1
        inside = (x / 26) ** 2 + (y / gap) ** 2 < 1
        picture = np.where(inside[..., None], [70, 24, 28], np.where(lips[..., None], [176, 84, 88], skin))
        parts.append(picture.astype(np.uint8))
    Image.fromarray(np.concatenate(parts, axis=1)).save(buffer := io.BytesIO(), "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()


def _row(name: str, track: str, values: dict, status: str = "scored", reason: str = "") -> ScoreRow:
    own = {"clip": name, "track": track, "status": status, "reason": reason, "protocol": "direct"}
    return ScoreRow.of(own | values)


def _scored(name: str, number: int, frames: int, draw) -> tuple[list[ScoreRow], ClipDetail]:
    values, curves = _sync(draw, "0", 0, frames, (0, 2, -3, 1, 7)[number % 5], 0.4 + 0.35 * (number * 3 % 7))
    row = _row(name, "0", values | _images(draw, number * 5 % 8 / 8))
    return [row], _detail(name, frames, draw, tracks=(curves,))


def _partial(name: str, frames: int, draw) -> tuple[list[ScoreRow], ClipDetail]:
    row = _row(name, "0", _images(draw, 0.5), "partial", "lse: no sound")
    return [row], _detail(name, frames, draw, sound="none", codec_delay_ms=None)


def _failed(name: str) -> tuple[list[ScoreRow], ClipDetail]:
    reason = "; ".join(
        f"{family}: not a video file" for family in ("lse", "lmd", "psnr", "ssim", "lpips", "cpbd")
    )
    detail = ClipDetail(
        name,
        f"renders/{name}",
        None,
        None,
        0,
        "none",
        None,
        notes=("not a video file: no known container format",),
    )
    return [ScoreRow(name, "", "failed", reason, protocol="direct")], detail


def _two_tracks(name: str, frames: int, draw) -> tuple[list[ScoreRow], ClipDetail]:
    (one, first), (two, second) = (
        _sync(draw, "0", 0, frames // 2, 1, 0.6),
        _sync(draw, "1", frames // 2, frames // 2, 1, 1.2),
    )
    mean = {column: (one[column] + two[column]) / 2 for column in one} | {
        "offset_frames": 1,
        "windows": one["windows"] + two["windows"],
    }
    rows = [
        _row(name, "0", one),
        _row(name, "1", two),
        _row(name, "mean", mean | _images(draw, 0.2)),
    ]
    return rows, _detail(name, frames, draw, tracks=(first, second))
