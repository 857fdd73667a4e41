"""The plan: speaker-disjoint splits with the given shares; units depend on sources and options alone."""

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from speechlip.errors import OptionError, SourceRefused
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.deal import assign_splits
from speechlip.preparing.plan.make_plan import limited, make_plan
from speechlip.preparing.plan.planned_source import PlannedSource, silence_detail
from speechlip.preparing.plan.units import Plan, bytes_per_second, make_units
from speechlip.preparing.plan.written import dump_plan, load_plan
from speechlip.records import Source

DOCS = Path(__file__).parents[2] / "docs"


def planned(name, speaker, seconds=60.0, split=None):
    return PlannedSource(Source(Path(f"/videos/{name}"), name, speaker, split=split), 1000, 5, seconds)


def corpus(speakers, videos_each=3):
    return [
        planned(f"s{speaker:03d}/{video}.mp4", f"s{speaker:03d}", 20 + speaker % 7)
        for speaker in range(speakers)
        for video in range(videos_each)
    ]


def test_shares_come_out_and_speakers_stay_together():
    entries = corpus(100)
    split_of = assign_splits(entries, PrepOptions())
    seconds = defaultdict(float)
    for entry in entries:
        seconds[split_of[entry.source.speaker]] += entry.seconds
    total = sum(seconds.values())
    assert seconds["train"] / total == pytest.approx(0.9, abs=0.02)
    assert seconds["validation"] / total == pytest.approx(0.05, abs=0.02)


def test_the_seed_draws_and_the_order_of_sources_does_not():
    entries = corpus(40)
    first = assign_splits(entries, PrepOptions(seed=1))
    assert assign_splits(entries[::-1], PrepOptions(seed=1)) == first
    assert assign_splits(entries, PrepOptions(seed=2)) != first


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [(1, {"train"}), (2, {"train", "validation"}), (3, {"train", "validation", "test"})],
)
def test_every_split_gets_a_speaker_as_soon_as_there_are_enough(speakers, expected):
    assert set(assign_splits(corpus(speakers), PrepOptions()).values()) == expected


@pytest.mark.parametrize(
    ("seconds", "tracks", "says"),
    [
        (9.0, 1, "no sample of it is above −60 dBFS"),
        (0.04, 1, "no sample of it in its 0.04 s of images is above −60 dBFS"),
        (9.0, 4, "no sample of its 4 audio tracks is above −60 dBFS"),
    ],
)
def test_silence_says_what_was_listened_to(seconds, tracks, says):
    assert silence_detail(SimpleNamespace(video_duration_s=seconds, audio_tracks=tracks)) == says


@pytest.mark.parametrize("seed", range(8))
def test_only_what_can_be_read_is_dealt(monkeypatch, seed):
    """Two good files and six that give nothing: train is never empty, whatever the seed."""

    def probe(path, need_audio=True, max_picture_px=0):
        if path.stem == "mute" and need_audio:
            raise SourceRefused("probe", "no audio stream", "pictures only")
        if path.stem.startswith("bad"):
            raise SourceRefused("probe", "empty file", "0 bytes")
        return SimpleNamespace(video_duration_s=11.7, audio_tracks=1)

    monkeypatch.setattr("speechlip.preparing.plan.planned_source.probe", probe)
    monkeypatch.setattr(
        "speechlip.preparing.plan.planned_source.video_length_s",
        lambda path: probe(path, need_audio=False).video_duration_s,
    )
    monkeypatch.setattr(
        "speechlip.preparing.plan.planned_source.is_silent", lambda path, info: path.stem == "silent"
    )
    names = ["good1", "good2", "silent", "mute", *(f"bad{place}" for place in range(5))]
    sources = [Source(Path(f"/videos/{name}.mp4"), f"{name}.mp4", name) for name in names]
    plan = make_plan(sources, PrepOptions(seed=seed))
    assert {unit.split for unit in plan.units} == {"train", "validation"}
    assert {entry.source.speaker for unit in plan.units for entry in unit.sources} == {"good1", "good2"}
    assert {split for split, _ in plan.refused} == {""}
    assert {entry.source.speaker: (entry.seconds, entry.refusal[1]) for _, entry in plan.refused} == {
        "mute": (11.7, "no audio stream"),
        "silent": (11.7, "silent audio"),
        **{f"bad{place}": (0, "empty file") for place in range(5)},
    }
    assert load_plan(dump_plan(plan, PrepOptions()))[0] == plan
    assert len(plan.sources) == len(sources)


def test_what_is_said_of_one_source_is_asked_of_all():
    first, second = (
        Source(Path("a"), "a", "a", more={"mood": "glad"}),
        Source(Path("b"), "b", "b", more={"age": "4"}),
    )
    assert [source.more for source in limited([first, second], PrepOptions())] == [
        {"age": "", "mood": "glad"},
        {"age": "4", "mood": ""},
    ]
    with pytest.raises(
        OptionError, match="a column is called 'n_frames', as a field that every sample has of its own"
    ):
        limited([replace(first, more={"n_frames": "1"})], PrepOptions())


def test_official_splits_win_and_a_speaker_in_two_is_an_error():
    entries = [planned("a.mp4", "a", split="test"), planned("b.mp4", "b", split="dev"), *corpus(5)]
    split_of = assign_splits(entries, PrepOptions())
    assert (split_of["a"], split_of["b"]) == ("test", "dev")
    with pytest.raises(OptionError, match="speaker 'a' is declared in the splits 'test' and 'train'"):
        assign_splits([*entries, planned("c.mp4", "a", split="train")], PrepOptions())


def test_units_keep_every_source_once_in_order_and_near_the_target():
    entries = corpus(50)
    units = make_units("train", entries, PrepOptions(shard_bytes=100_000_000))
    assert [entry for unit in units for entry in unit.sources] == entries
    sizes = [sum(entry.seconds for entry in unit.sources) for unit in units]
    assert max(sizes) * bytes_per_second(PrepOptions()) < 130_000_000
    assert [unit.name for unit in units[:2]] == ["train-00000", "train-00001"]


def test_a_small_corpus_still_makes_shards_enough_to_share():
    assert len(make_units("train", corpus(5, 2), PrepOptions())) == 8
    assert len(make_units("train", corpus(1, 2), PrepOptions())) == 2


def test_docs_say_how_many_units_ten_hours_are():
    (said,) = re.findall(r"\| units, shards .*?\| (\d+) \|", (DOCS / "scale.md").read_text())
    options, six_s = PrepOptions(), planned("a.mp4", "a", 6.0)
    units = [
        make_units(split, [six_s] * round(6000 * share), options) for split, share in options.split.items()
    ]
    assert sum(map(len, units)) == int(said)


def test_a_plan_survives_being_written_down():
    plan = Plan(tuple(make_units("train", corpus(3), PrepOptions())), with_phones=False)
    loaded, options = load_plan(dump_plan(plan, PrepOptions()))
    assert loaded == plan
    assert options == PrepOptions().as_dict()


def test_names_must_be_unique_and_limit_takes_the_first():
    sources = [entry.source for entry in corpus(4)]
    assert limited(sources, PrepOptions(limit=2)) == sources[:2]
    with pytest.raises(OptionError, match=r"two sources named 's000/0.mp4'"):
        limited([*sources, sources[0]], PrepOptions())


def test_sources_whose_keys_would_be_the_same_get_longer_ones():
    """s2054/1.mp4 and s54124/1.mp4 share a stem and the first 32 bits of their SHA-256."""
    names = ["s2054/1.mp4", "s54124/1.mp4", "s3/1.mp4"]
    sources = [Source(Path("/videos") / name, name, name) for name in names]
    digits = {entry.source.name: entry.key_digits for entry in make_plan(sources, PrepOptions()).sources}
    assert digits == dict(zip(names, (16, 16, 8), strict=True))
    assert [entry.key_digits for entry in make_plan(sources[1:], PrepOptions()).sources] == [8, 8]
    plan = make_plan(sources, PrepOptions())
    assert load_plan(dump_plan(plan, PrepOptions()))[0] == plan
