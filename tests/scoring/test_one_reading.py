"""How often the files of a clip are decoded, and that a shared reading changes no number."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from envelope_model import EnvelopeModel

from speechlip.errors import SourceRefused
from speechlip.faces.frame_parts import Margins, parts_of
from speechlip.media import audio, source_frames
from speechlip.media.frames import Frame
from speechlip.metrics.declared import NotScored
from speechlip.metrics.image.lpips import random_lpips
from speechlip.records import Face
from speechlip.scoring.clip import first_reading, images
from speechlip.scoring.clip.images import Comparison, SharedFrames
from speechlip.scoring.clip.kept_frames import Keep, KeptFrames
from speechlip.scoring.clip.outcome import attempt
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.clip.second_reading import PartialImage, first_kept
from speechlip.scoring.clip.strips import Strips
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.sync.crops224 import shown224, square
from speechlip.scoring.transcode import audio as transcode_audio
from speechlip.scoring.transcode import reading as transcode_reading
from speechlip.scoring.transcode import source as transcode_source

pytestmark = pytest.mark.early


@pytest.fixture
def decoded(monkeypatch):
    """File name → how often its images, and how often its audio, were decoded; ``transcode``: of a codec
    path."""
    counts = {"video": Counter(), "audio": Counter()}

    def count(container, stream):
        name = Path(container.name.removeprefix("file:"))
        counts[stream.type]["transcode" if name.stem == "transcode" else name.name] += 1

    def counting(decode):
        def run(container, stream, *how, **more):
            count(container, stream)
            yield from decode(container, stream, *how, **more)

        return run

    def counting_transcode(container):
        count(container, container.streams.video[0])
        yield from decode_transcode(container)

    for module in (source_frames, audio, transcode_source, transcode_audio):
        monkeypatch.setattr(module, "stamped_frames", counting(module.stamped_frames))
    decode_transcode = transcode_reading._decoded
    monkeypatch.setattr(transcode_reading, "_decoded", counting_transcode)
    return counts


@pytest.fixture(scope="module")
def files(head, tmp_path_factory):
    folder = tmp_path_factory.mktemp("readings")
    shown = head.frames[:104], head.audio[: 104 * 640], head.landmarks[:104]
    head.write(folder / "render.mp4", shown[0] // 2 + 60, *shown[1:])
    head.write(folder / "gt.mp4", *shown)
    head.write(folder / "crops.mp4", frames=head.crops)
    return folder


class Saying(EnvelopeModel):
    """Says which part of an image its crops show."""

    def crop_region(self, track):
        squares = square(track.boxes)
        return lambda frame, size: shown224(*size, *squares[frame])


def scored(files, metrics, protocol="direct", render="render.mp4", reference="gt.mp4", **options):
    model = options.pop("model", None) or Saying()
    chosen = ScoreOptions(metrics, protocol=protocol, detector="sidecar", **options)
    task = ScoreTask(render, files / render, files / reference if reference else None)
    return score_clip(task, chosen, Tools(model, {"lpips": random_lpips()}), lambda *_: None)


EVERYTHING = ("lse", "lmd", "psnr", "ssim", "cpbd")


@pytest.mark.parametrize(
    ("metrics", "protocol", "of_render", "of_reference"),
    [
        (EVERYTHING, "direct", 1, 1),
        (("lse", "cpbd"), "direct", 1, 0),
        (("lmd", "psnr"), "direct", 1, 1),
        (("psnr",), "direct", 1, 1),
        (("psnr", "cpbd"), "wav2lip", 1, 1),
        (EVERYTHING, "wav2lip", 2, 1),
    ],
)
def test_files_are_decoded_once_but_for_transcodes(
    files, decoded, metrics, protocol, of_render, of_reference
):
    """A codec path is given every source frame of the render, not 25 a second."""
    scored(files, metrics, protocol)
    assert (decoded["video"]["render.mp4"], decoded["video"]["gt.mp4"]) == (of_render, of_reference)
    assert decoded["video"]["transcode"] == (protocol == "wav2lip" and "lse" in metrics)
    heard = decoded["audio"]
    assert (heard["render.mp4"], heard["gt.mp4"]) == ("lse" in metrics, 0)


def test_a_model_that_does_not_say_what_its_crops_show_has_the_render_decoded_again(files, decoded):
    scored(files, EVERYTHING, model=EnvelopeModel())
    assert (decoded["video"]["render.mp4"], decoded["video"]["gt.mp4"]) == (2, 1)


@pytest.mark.parametrize("region", ["full", "mouth"])
def test_scores_do_not_depend_on_how_much_is_kept(files, decoded, monkeypatch, region):
    kept = scored(files, EVERYTHING, region=region)
    assert (decoded["video"]["render.mp4"], decoded["video"]["gt.mp4"]) == (1, 1)
    for most_bytes in (0, 2**20):
        monkeypatch.setattr(first_reading, "KeptFrames", lambda keep, most=most_bytes: KeptFrames(keep, most))
        decoded["video"].clear()
        less = scored(files, EVERYTHING, region=region)
        assert decoded["video"]["render.mp4"] == 2
        assert less.rows == kept.rows
        assert less.detail.strip_render == kept.detail.strip_render
        assert less.detail.tracks == kept.detail.tracks


def test_the_second_reading_ends_where_frames_were_kept():
    has_image = np.array([True, True, False, True, True])
    image = np.full((20, 20, 3), 9, np.uint8)
    kept = {index: parts_of(index, image, [np.array([2.0, 2, 12, 12])]) for index in (1, 3, 4)}
    looks = [(index, (3, 3, 9, 9)) for index in range(5)]
    assert first_kept(kept, has_image, looks) == 1
    assert first_kept(kept, has_image, looks[1:]) == 0, "frame 2 has no image and shows frame 1"
    assert first_kept(kept, has_image, [*looks, (3, (3, 3, 13, 9))]) == 4
    assert first_kept(kept, has_image, [*looks, (5, (3, 3, 9, 9))]) == 1, "the video ends before frame 5"
    assert PartialImage(kept[4]).rgb()[:, :, 0].sum() == 9 * 100


def test_the_oldest_frames_go_first_but_for_the_chosen_ones():
    face = Face(np.array([4, 4, 14, 14], np.float32), 1.0)
    keep = Keep(Margins(0.5, 0.5, 0.5), True, frozenset({0}), 1)
    frames = KeptFrames(keep, most_bytes=3 * 300)
    for index in range(9):
        frames.see(index, np.zeros((20, 20, 3), np.uint8), [face] if index < 5 else [])
    assert [*frames.frames] == [0, 3, 4, 5, 6, 7, 8]
    there = [len(parts.parts) for parts in frames.frames.values()]
    assert there == [1, 1, 1, 1, 0, 0, 0], "from the second frame without it on, the face is gone"


def test_crops_are_decoded_once(files, decoded):
    row = scored(files, ("lse", "psnr", "cpbd"), "precropped", "crops.mp4", "crops.mp4").row
    assert decoded["video"]["crops.mp4"] == 2, "one reading each, as render and as reference"
    assert decoded["audio"]["crops.mp4"] == 1
    assert row.status == "scored" and row.psnr == 100.0 and row.windows == 150 - 24


def test_whole_frames_are_shown_to_syncnet_where_it_is_given_crops(files):
    alone = scored(files, ("lse",), "precropped", "crops.mp4", "crops.mp4").row
    beside = scored(files, ("lse", "lmd"), "precropped", "crops.mp4", "crops.mp4").row
    assert (beside.sync_confidence, beside.sync_distance) == (alone.sync_confidence, alone.sync_distance)


@pytest.mark.parametrize("region", ["full", "face"])
def test_one_reading_gives_the_numbers_of_two(files, decoded, region):
    together = scored(files, EVERYTHING, region=region).row
    assert (decoded["video"]["render.mp4"], decoded["video"]["gt.mp4"]) == (1, 1)
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

    def __next__(self):
        return next(self.frames)

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
    comparison = Comparison(("psnr",), None, Strips(), True, {})
    frames = SharedFrames(lambda: video, comparison, lambda: others)
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
    scores = compared(Bright(1, None, 3, 4), Bright(11, 12, 13, 14), read)
    assert scores.frames == 4 and scores.problems == {}
    assert scores.values["psnr"] == pytest.approx(psnr_of((1, 11), (1, 12), (3, 13), (4, 14)))


def test_each_pays_for_its_own_seconds(monkeypatch):
    """By a clock that only this test moves: 2 s a comparison, 5 s a frame of whoever reads."""
    now = [0.0]
    monkeypatch.setattr(images.time, "perf_counter", lambda: now[0])

    class Slow(Comparison):
        def _see(self, frame, other):
            now[0] += 2

    frames = SharedFrames(lambda: Bright(1, 2, 3, 4), Slow(("psnr",), None, Strips(), False, {}), Bright)
    reading = frames.read()
    for _ in range(3):
        next(reading)
        now[0] += 5
    assert (now[0], frames.shown_s) == (21, 6)
    assert frames.finish(lambda count: None).seconds == 6 + 2


def test_the_shorter_video_ends_it():
    assert compared(Bright(1, 2, 3), Bright(11, 12)).frames == 2
    assert compared(Bright(1), Bright(11, 12)).frames == 1


@pytest.mark.parametrize("read", [0, 1])
def test_a_render_that_breaks_off_has_the_reason(read):
    scores = compared(Bright(1, 2, broken=True), Bright(11, 12, 13, 14), read)
    assert scores.values == {} and scores.problems["psnr"].reason == "damaged"


def test_a_reference_that_breaks_off_stops_no_reader():
    comparison = Comparison(("psnr",), None, Strips(), True, {})
    frames = SharedFrames(lambda: Bright(1, 2, 3), comparison, lambda: Bright(11, broken=True))
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
