"""Clips without speech are kept and marked, or dropped by ``--speech``; pairs are of where one speaks."""

import json
import tarfile

import numpy as np
import pytest

import speechlip
from preparing import prep
from speechlip.errors import OptionError
from speechlip.preparing.cut.spans import Observation, Span, choose_spans
from speechlip.preparing.options import PrepOptions
from speechlip.records import FaceTrack
from speechlip.shards.checks.verify import verify
from speechlip.shards.pairs.frozen import read_pairs
from zoo import read_clip, write_clip

N_FRAMES = 60
SYLLABLE_HZ = 5.5


def sung(n_samples):
    """A long vowel with vibrato."""
    time_s = np.arange(n_samples) / 16000
    phase = 2 * np.pi * 330 * time_s + 2 * np.sin(2 * np.pi * SYLLABLE_HZ * time_s)
    return (6000 * sum(np.sin(k * phase) / k**1.5 for k in range(1, 9))).astype(np.int16)


@pytest.fixture(scope="module")
def videos(talking, tmp_path_factory):
    """Four people of one picture: two speak, one sings, one speaks for a second and is silent then."""
    folder = tmp_path_factory.mktemp("heard")
    path = sorted(talking.rglob("*.mp4"))[0]
    frames, audio = read_clip(path)
    with np.load(path.with_name(f"{path.stem}.landmarks.npz")) as sidecar:
        landmarks = sidecar["landmarks"][:N_FRAMES]
    spoken = audio[: 640 * N_FRAMES]
    noise = np.random.default_rng(0).normal(0, 300, len(spoken)).astype(np.int16)
    brief = np.concatenate([spoken[: 640 * 25], noise[640 * 25 :]])
    for name, heard in (("ann", spoken), ("ben", spoken[::-1]), ("cy", sung(len(spoken))), ("di", brief)):
        write_clip(folder / f"{name}.mp4", frames[:N_FRAMES], np.ascontiguousarray(heard))
        np.savez(folder / f"{name}.landmarks.npz", landmarks=landmarks, time_s=np.arange(N_FRAMES) / 25)
    return folder


def metas(folder):
    """Source → what its one sample says of itself."""
    said = {}
    for shard in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    meta = json.loads(tar.extractfile(member).read())
                    said[meta["source"]] = meta
    return said


def ledger(folder):
    rows = map(json.loads, (folder / "ledger.jsonl").read_text().splitlines())
    return {row["source"]: row for row in rows}


ASKED = ("--detector", "sidecar", "--workers", 1, "--split", "test=1")


@pytest.fixture(scope="module")
def kept(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("kept") / "out"
    return out, prep(videos, "-o", out, *ASKED)


def test_all_are_kept_and_marked(kept):
    out, done = kept
    said = metas(out)
    assert done.exit_code == 0 and len(said) == 4
    assert (said["cy.mp4"]["speech_share"], said["cy.mp4"]["speech"]) == (0.0, [])
    assert said["ann.mp4"]["speech_share"] > 0.5 > said["di.mp4"]["speech_share"] > 0.1
    for meta in said.values():
        spoken_s = sum(end_s - start_s for start_s, end_s in meta["speech"])
        assert meta["speech_share"] == pytest.approx(spoken_s / 2.4, abs=1e-4)
    assert verify(out).ok


def test_the_funnel_and_one_line_say_how_much_and_how_to_drop_it(kept):
    out, done = kept
    rows, said = ledger(out), metas(out)
    for source, row in rows.items():
        assert row["speech_shares"] == [said[source]["speech_share"]]
        assert row["no_speech_seconds"] == pytest.approx(2.4 * (1 - said[source]["speech_share"]), abs=0.01)
    total_s = json.loads((out / "manifest.json").read_text())["funnel"]["no_speech_seconds"]
    assert total_s == pytest.approx(sum(row["no_speech_seconds"] for row in rows.values()), abs=0.01)
    assert f"    of which without speech{'':<19}      0:0{total_s:.1f}" in done.stdout
    wordless = sum(meta["speech_share"] < 0.5 for meta in said.values())
    assert (
        f"nobody speaks in 0:0{total_s:.1f} of 0:09.6 kept; {wordless} of 4 clips are mostly without speech "
        "(singing is not heard as speech): --speech 'share>=0.5' drops them\n"
    ) in done.stderr
    assert "of which without speech" in (out / "README.md").read_text()


def test_what_is_asked_for_drops_them_into_the_ledger(videos, kept, tmp_path):
    done = prep(videos, "-o", tmp_path / "out", *ASKED, "--speech", "share>=0.5")
    rows, said = ledger(tmp_path / "out"), metas(kept[0])
    dropped = {source for source, meta in said.items() if meta["speech_share"] < 0.5}
    assert {"cy.mp4", "di.mp4"} <= dropped and done.exit_code == 0
    for source, row in rows.items():
        assert row["dropped"] == ({"no speech": 2.4} if source in dropped else {})
    assert rows["cy.mp4"]["detail"] == "no clip could be cut: no speech 2.40 s"
    assert "mostly without speech" not in done.stderr and verify(tmp_path / "out").ok
    again = prep(videos, "-o", tmp_path / "out", *ASKED)
    assert again.exit_code == 1 and "speech was 'share>=0.5', is now ''" in again.stderr


def test_nothing_is_left_where_nobody_speaks(videos, tmp_path):
    done = prep(videos / "cy.mp4", "-o", tmp_path / "out", *ASKED, "--speech", "share>=0.1")
    assert done.exit_code == 2 and "clips: no speech" in done.stderr


@pytest.mark.parametrize("text", ["speech", "share>0.5", "__import__('os')"])
def test_another_condition_is_refused(videos, tmp_path, text):
    done = prep(videos, "-o", tmp_path / "out", *ASKED, "--speech", text)
    assert done.exit_code == 1 and "write it as 'share>=0.5'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_frozen_pairs_are_drawn_where_somebody_speaks(videos, kept, tmp_path):
    spoken = {meta["key"]: meta["speech"] for meta in metas(kept[0]).values()}
    rows = read_pairs(kept[0] / "pairs" / "test.parquet")
    windows = [(row.lips_key, row.lips_start_frame) for row in rows]
    windows += [(row.audio_key, row.audio_start_frame) for row in rows]
    assert rows and all(frames_of(spoken[key], start) >= 3 for key, start in windows)
    pairs = json.loads((kept[0] / "manifest.json").read_text())["pairs"]["test"]
    assert (pairs["drawing"], pairs["least_speech"]) == (3, 0.5)
    prep(videos, "-o", tmp_path / "any", *ASKED, "--pairs", "any")
    anywhere = read_pairs(tmp_path / "any" / "pairs" / "test.parquet")
    assert min(frames_of(spoken[row.lips_key], row.lips_start_frame) for row in anywhere) == 0
    manifest = json.loads((tmp_path / "any" / "manifest.json").read_text())
    assert "least_speech" not in manifest["pairs"]["test"] and manifest["options"]["pairs"] == "any"
    assert verify(tmp_path / "any").ok


def frames_of(spans, start):
    """Frames of a window of five with speech, one by one."""
    middles = [(frame + 0.5) / 25 for frame in range(start, start + 5)]
    return sum(start_s < middle < end_s for middle in middles for start_s, end_s in spans)


def test_a_condition_finds_them_and_an_edit_keeps_the_count(kept, tmp_path):
    talk = speechlip.clips(kept[0], "speech_share >= 0.5")
    assert 1 <= len(talk) < 4
    edited = speechlip.select_clips(kept[0], tmp_path / "out", "speech_share >= 0.5")
    rows = ledger(tmp_path / "out")
    assert all(row["no_speech_seconds"] <= 1.2 for row in rows.values())
    assert rows["cy.mp4"]["speech_shares"] == [] and rows["cy.mp4"]["no_speech_seconds"] == 0
    assert verify(tmp_path / "out").ok, edited


def test_a_moved_sound_brings_its_speech_along():
    """By hand: speech in frames 10 to 19, moved three frames later, over a track of frames 5 to 44."""
    track = FaceTrack(5, np.zeros((40, 4), np.float32), np.ones(40, np.float32), np.zeros(40, bool))
    speech = np.zeros(50, bool)
    speech[10:20] = True
    verdict = speechlip.records.SyncVerdict(delay_frames=3)
    seen = Observation(
        *(np.ones(50, bool), np.ones(50, bool), np.full(50, 900, np.int32)),
        *((track,), (), (np.ones(40, bool),), None, (verdict,)),
        speech=speech,
    )
    assert np.flatnonzero(seen.speech_of(Span(0, 5, 45))).tolist() == list(range(8, 18))
    spans, lost = choose_spans(seen, 1, 10, 0.25)
    assert spans == (Span(0, 5, 45),) and "no speech" not in lost
    assert choose_spans(seen, 1, 10, 0.26)[1]["no speech"] == 40


def test_options_are_checked():
    assert (PrepOptions().least_speech, PrepOptions(speech="share>=0.5").least_speech) == (0.0, 0.5)
    with pytest.raises(OptionError, match="no --pairs 'loud'; there are: speech, any"):
        PrepOptions(pairs="loud")


def test_own_clips_are_listened_to_unless_they_say(videos, tmp_path):
    frames, audio = read_clip(videos / "ann.mp4")
    audio = audio[: 640 * 50]
    source = speechlip.Source(videos / "ann.mp4", "ann.mp4", "ann", split="test")
    lips = np.zeros((50, 96, 96, 3), np.uint8)
    clip = speechlip.Clip(source, 0, 0, lips, audio, None, None, 1.0, 80.0, 0)
    with speechlip.ShardWriter(tmp_path / "out") as writer:
        writer.write(clip)
        writer.write(speechlip.Clip(**vars(clip) | {"track": 1, "speech": np.ones(50, bool)}))
        with pytest.raises(OptionError, match=r"speech is \(3,\) bool, wanted \(50,\) bool"):
            writer.write(speechlip.Clip(**vars(clip) | {"track": 2, "speech": np.ones(3, bool)}))
    shares = [row["speech_share"] for row in speechlip.clips(tmp_path / "out").rows]
    assert 0.4 < shares[0] < 1 and shares[1] == 1 and len(frames) == N_FRAMES
    assert writer.prepared.funnel.no_speech_seconds == 0.0


def test_real_singing_is_kept_and_marked(real_clips, videos, tmp_path):
    """The sound of a clip whose mouth sings, under the synthetic face."""
    audio = read_clip(real_clips / "liveportrait_d9.mp4")[1][: 640 * N_FRAMES]
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "ann.mp4", read_clip(videos / "ann.mp4")[0], audio)
    (tmp_path / "in" / "ann.landmarks.npz").write_bytes((videos / "ann.landmarks.npz").read_bytes())
    done = prep(tmp_path / "in", "-o", tmp_path / "out", *ASKED)
    assert done.exit_code == 0 and metas(tmp_path / "out")["ann.mp4"]["speech_share"] == 0.0
    assert "1 of 1 clip is mostly without speech" in done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (
        manifest["pairs"]["test"]["rows"] == 0 and "--pairs any" in manifest["pairs"]["test"]["off"]["shift"]
    )
