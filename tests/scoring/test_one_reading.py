"""How often the files of a clip are decoded, and that a shared reading changes no number."""

import math
from collections import Counter

import numpy as np
import pytest
from envelope_model import EnvelopeModel

from speechlip.errors import SourceRefused
from speechlip.media.frames import DECODERS, Frame
from speechlip.metrics.declared import NotScored
from speechlip.metrics.image.lpips import random_lpips
from speechlip.scoring.clip import images
from speechlip.scoring.clip.images import Comparison, SharedFrames
from speechlip.scoring.clip.outcome import attempt
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.clip.strips import Strips
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask

pytestmark = pytest.mark.slow


@pytest.fixture
def decoded(monkeypatch):
    """File name → how often its images were decoded, each opening once."""
    counts, read_images = Counter(), DECODERS["pyav"]

    def counting(path, *how):
        counts[path.name] += 1
        yield from read_images(path, *how)

    monkeypatch.setitem(DECODERS, "pyav", counting)
    return counts


@pytest.fixture(scope="module")
def files(head, tmp_path_factory):
    folder = tmp_path_factory.mktemp("readings")
    head.write(folder / "render.mp4", head.frames // 2 + 60)
    head.write(folder / "gt.mp4")
    head.write(folder / "crops.mp4", frames=head.crops)
    return folder


def scored(files, metrics, protocol="direct", render="render.mp4", reference="gt.mp4", **options):
    chosen = ScoreOptions(metrics, protocol=protocol, detector="sidecar", **options)
    task = ScoreTask(render, files / render, files / reference if reference else None)
    return score_clip(task, chosen, Tools(EnvelopeModel(), {"lpips": random_lpips()}), lambda *_: None)


EVERYTHING = ("lse", "lmd", "psnr", "ssim", "cpbd")


@pytest.mark.parametrize(
    ("metrics", "protocol", "of_render", "of_reference"),
    [
        (EVERYTHING, "direct", 2, 2),
        (("lse", "cpbd"), "direct", 2, 0),
        (("lmd", "psnr"), "direct", 2, 2),
        (("psnr",), "direct", 1, 1),
        (EVERYTHING, "wav2lip", 2, 2),
    ],
)
def test_the_render_is_decoded_for_faces_and_once_more(
    files, decoded, metrics, protocol, of_render, of_reference
):
    """Under a codec path its source frames are decoded beside that; crops of a face want its track first."""
    scored(files, metrics, protocol)
    assert (decoded["render.mp4"], decoded["gt.mp4"]) == (of_render, of_reference)


def test_crops_are_decoded_once(files, decoded):
    row = scored(files, ("lse", "psnr", "cpbd"), "precropped", "crops.mp4", "crops.mp4").row
    assert decoded["crops.mp4"] == 2, "one reading each, as render and as reference"
    assert row.status == "scored" and row.psnr == 100.0 and row.windows == 150 - 24


@pytest.mark.parametrize("region", ["full", "face"])
def test_one_reading_gives_the_numbers_of_two(files, region):
    together = scored(files, EVERYTHING, region=region).row
    apart = [scored(files, (family,), region=region).row for family in EVERYTHING]
    numbers = {
        name: value for row in apart for name, value in row.cells().items() if isinstance(value, float)
    }
    assert numbers.keys() >= {"sync_confidence", "lmd", "psnr", "ssim", "cpbd"}
    assert {name: getattr(together, name) for name in numbers} == numbers


class Bright:
    """Frame ``index`` of a video of two grey pixels, as bright as its number; None: a hole."""

    def __init__(self, *levels, broken=False):
        self.levels, self.broken, self.closed = levels, broken, False
        self.frames = self._frames()

    def _frames(self):
        for index, level in enumerate(self.levels):
            yield Frame(index, None if level is None else Grey(level), None)
        if self.broken:
            raise SourceRefused("video", "damaged")

    def __iter__(self):
        return self.frames

    def close(self):
        self.closed = True


class Grey:
    def __init__(self, level):
        self.level = level

    def rgb(self):
        return np.full((8, 8, 3), self.level, np.uint8)


def psnr_of(*pairs):
    """By the formula, of two levels of grey each."""
    return np.mean([20 * math.log10(255 / abs(one - other)) for one, other in pairs])


def compared(video, others, read=0):
    """Scores of a comparison of which somebody else reads ``read`` frames first."""
    comparison = Comparison(("psnr",), None, Strips(), iter(others), {})
    frames = SharedFrames(lambda: video, comparison)
    if read:
        reading = frames.read()
        assert [next(reading).index for _ in range(read)] == [*range(read)]
        reading.close()
    scores = frames.finish(lambda count: None)
    frames.close()
    assert video.closed
    return scores


@pytest.mark.parametrize("read", [0, 1, 3])
def test_frames_that_nobody_read_are_shown_in_the_end(read):
    others = [np.full((8, 8, 3), level, np.uint8) for level in (11, 12, 13, 14)]
    scores = compared(Bright(1, None, 3, 4), others, read)
    assert scores.frames == 4 and scores.problems == {}
    assert scores.values["psnr"] == pytest.approx(psnr_of((1, 11), (1, 12), (3, 13), (4, 14)))


def test_each_pays_for_its_own_seconds(monkeypatch):
    """By a clock that only this test moves: 2 s a comparison, 5 s a frame of whoever reads."""
    now = [0.0]
    monkeypatch.setattr(images.time, "perf_counter", lambda: now[0])

    class Slow(Comparison):
        def _see(self, frame):
            now[0] += 2

    frames = SharedFrames(lambda: Bright(1, 2, 3, 4), Slow(("psnr",), None, Strips(), None, {}))
    reading = frames.read()
    for _ in range(3):
        next(reading)
        now[0] += 5
    assert (now[0], frames.shown_s) == (21, 6)
    assert frames.finish(lambda count: None).seconds == 6 + 2


def test_the_shorter_video_ends_it():
    others = [np.full((8, 8, 3), level, np.uint8) for level in (11, 12)]
    assert compared(Bright(1, 2, 3), others).frames == 2
    assert compared(Bright(1), others).frames == 1


@pytest.mark.parametrize("read", [0, 1])
def test_a_render_that_breaks_off_has_the_reason(read):
    others = [np.full((8, 8, 3), level, np.uint8) for level in (11, 12, 13, 14)]
    scores = compared(Bright(1, 2, broken=True), others, read)
    assert scores.values == {} and scores.problems["psnr"].reason == "damaged"


def test_a_reference_that_breaks_off_stops_no_reader():
    def broken():
        yield np.full((8, 8, 3), 11, np.uint8)
        raise SourceRefused("video", "damaged")

    comparison = Comparison(("psnr",), None, Strips(), broken(), {})
    frames = SharedFrames(lambda: Bright(1, 2, 3), comparison)
    assert [frame.index for frame in frames.read()] == [0, 1, 2]
    scores = frames.finish(lambda count: None)
    assert scores.values == {} and scores.problems["psnr"].reason == "damaged"


def test_a_stage_gives_its_result_or_its_reason():
    def refused():
        raise SourceRefused("video", "no decodable picture", "3 damaged packets")

    def unscored():
        raise NotScored("no face")

    assert attempt(lambda: 7).result == 7 and attempt(lambda: 7).problem is None
    assert (attempt(unscored).result, attempt(unscored).problem.reason) == (None, "no face")
    problem = attempt(refused).problem
    assert (problem.reason, problem.detail) == ("no decodable picture", "3 damaged packets")
    with pytest.raises(KeyError):
        attempt(lambda: {}["a"])
