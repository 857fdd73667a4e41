"""What the container did to the audio: clips made with a known truth, and the numbers by hand."""

import json
import time
from dataclasses import asdict, replace
from fractions import Fraction

import av
import pytest
from flash_click import CASES, Recording, write
from score_command import run

from speechlip.errors import SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.scoring.audit import run as audit_run
from speechlip.scoring.audit.clip import audit_clip
from speechlip.scoring.audit.table import audit_table


def made(folder, recording: Recording):
    path = folder / f"clip.{recording.extension}"
    write(path, recording)
    return path


@pytest.mark.parametrize(
    "name",
    [name for name in CASES if CASES[name].rate != "25"]
    + ["B-frames in avi, which has no presentation times", "flv"],
)
def test_picture_counts_are_those_of_reading(tmp_path, name):
    path = made(tmp_path, CASES[name])
    reading = read_frames(path, probe(path))
    assert sum(1 for _ in reading) == audit_clip(path).frames
    found, stats = audit_clip(path), reading.stats
    assert (found.frames_repeated, found.frames_dropped, found.frames_empty) == (
        stats.repeated_frames,
        stats.dropped_frames + stats.unshown_frames,
        stats.empty_frames,
    )


def test_thirty_frames_become_twenty_five(tmp_path):
    found = audit_clip(made(tmp_path, Recording(rate="30", duration_s=Fraction(2))))
    assert (found.source_fps, found.frames, found.frames_repeated, found.frames_dropped) == (30, 50, 0, 10)
    found = audit_clip(made(tmp_path, Recording(rate="10", duration_s=Fraction(2))))
    assert (found.frames, found.frames_repeated, found.frames_dropped) == (50, 30, 0)


@pytest.mark.parametrize(
    "recording, priming, samples",
    [
        (Recording(), "declared", 1024),  # FFmpeg's aac: one frame
        (Recording("mkv", audio_codec="libmp3lame"), "declared", 1105),  # LAME 576 + decoder 529
        (
            Recording("webm", audio_codec="libopus", audio_rate_hz=48000),
            "declared",
            312,
        ),  # Opus' pre-skip of 6.5 ms
        (Recording("avi", audio_codec="pcm_s16le"), "none", 0),
        (Recording("mkv", audio_codec="flac"), "none", 0),
        (Recording("avi", audio_codec="libmp3lame"), "undeclared", None),
        (Recording(container_options={"use_editlist": "0"}), "undeclared", None),
        (Recording("ts"), "undeclared", None),
    ],
)
def test_priming(tmp_path, recording, priming, samples):
    found = audit_clip(made(tmp_path, recording))
    assert (found.priming, found.priming_samples) == (priming, samples)
    assert found.priming_ms == (
        None if samples is None else pytest.approx(1000 * samples / found.audio_sample_rate_hz, abs=0.001)
    )


def test_starts_and_lengths(tmp_path):
    late = Recording(
        "mov",
        audio_codec="pcm_s16le",
        audio_start_s=Fraction(3, 10),
        audio_duration_s=Fraction(3, 2),
        duration_s=Fraction(2),
    )
    found = audit_clip(made(tmp_path, late))
    assert (found.video_start_s, found.audio_start_s, found.audio_late_ms) == (
        0,
        pytest.approx(0.3),
        pytest.approx(300, abs=0.1),
    )
    assert (found.video_length_s, found.audio_length_s) == (pytest.approx(2), pytest.approx(1.5, abs=0.001))
    assert found.lengths_apart_ms == pytest.approx(-500, abs=1)
    assert (found.clock_drift_ms, found.audio_gaps) == (0, 0)


def test_a_clock_that_runs_away_and_a_jump(tmp_path):
    """The stamps (in ms) of a PCM stream written by hand: 0.2 % too far apart, and half a second left out."""
    path = tmp_path / "drift.mkv"
    write(
        source := tmp_path / "clip.mkv",
        Recording("mkv", audio_codec="pcm_s16le", audio_rate_hz=48000, duration_s=Fraction(3)),
    )
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is None:
                continue
            if packet.stream_index == given.streams.audio[0].index:
                moved = packet.pts + packet.pts // 500 + (500 if packet.pts > 2000 else 0)
                packet.pts = packet.dts = moved
            packet.stream = streams[packet.stream_index]
            out.mux(packet)
    found = audit_clip(path)
    assert found.audio_gaps == 1
    assert found.clock_drift_ms == pytest.approx(5.5, abs=1)  # 0.2 % of 3 s, in whole ms
    assert found.audio_length_s == pytest.approx(3.505, abs=0.002)


def delays_of(folder, recording):
    found = audit_clip(made(folder, recording)).delays
    return {(delay.protocol, delay.ffmpeg): delay for delay in found}


def test_delays_by_hand(tmp_path):
    found = delays_of(tmp_path, Recording("mkv", audio_codec="pcm_s16le"))
    assert list(found) == [
        ("direct", ""),
        *[(name, ffmpeg) for name in ("wav2lip", "latentsync") for ffmpeg in ("4.2", "7.0", "9.0")],
        ("lrs", "4.2"),
        ("precropped", ""),
    ]
    assert all(
        delay.delay_ms == delay.sound_ms == 0 for (name, _), delay in found.items() if name != "wav2lip"
    )
    wav2lip = found["wav2lip", "4.2"]
    assert wav2lip.sound_ms == pytest.approx(1000 * 1105 / 44100, abs=0.001)
    assert wav2lip.delay_ms == pytest.approx(
        1000 * 1105 / 44100 - 40, abs=0.001
    )  # the AVI muxer moves the pictures by a frame
    assert wav2lip.delay_frames == pytest.approx(wav2lip.delay_ms / 40, abs=0.001)


@pytest.mark.parametrize(
    ("rate", "direct", "wav2lip", "latentsync"),
    [  # pictures later, ms; sound at 16 kHz; by ffmpeg 4.2 and 7.0
        ("25", 0, (80, 80), (0, 0)),
        ("30", -6.7, (126.7, 140), (66.7, 60)),
        ("50", -20, (120, 140), (60, 60)),
        ("60", -13.3, (113.3, 133.3), (53.3, 53.3)),
    ],
)
def test_delays_by_frame_rate(tmp_path, rate, direct, wav2lip, latentsync):
    """Measured with frame-numbered clips through really run binaries; a frame of a faster source is shown
    from its own time on.
    """
    found = delays_of(
        tmp_path, Recording("mp4", rate=rate, audio_codec="aac", audio_rate_hz=16000, duration_s=Fraction(6))
    )
    pictures = {key: delay.pictures_ms for key, delay in found.items()}
    assert pictures["direct", ""] == pytest.approx(direct, abs=0.1)
    for name, wanted in (("wav2lip", wav2lip), ("latentsync", latentsync)):
        assert [pictures[name, ffmpeg] for ffmpeg in ("4.2", "7.0")] == pytest.approx(wanted, abs=0.1)
    assert found["wav2lip", "4.2"].delay_ms == pytest.approx(1000 * 1105 / 16000 - wav2lip[0], abs=0.1)
    assert (found["lrs", "4.2"].delay_ms is None) == (rate != "25")


def test_in_words_and_as_json(tmp_path):
    found = audit_clip(
        made(tmp_path, Recording("mkv", audio_rate_hz=16000, audio_start_s=Fraction(1, 5))),
        clip="talks/one.mp4",
    )
    words = audit_table([found, audit_clip(made(tmp_path, Recording("avi", audio_codec=None)))])
    for said in (
        "talks/one.mp4",
        "h264 64×48, aac 16000 Hz mono",
        "begins 200.00 ms after",
        "1024 samples (64.00 ms) declared",
    ):
        assert said in words
    assert "wav2lip −10.94 ms = −0.27 frames (sound +69.06 ms, pictures +80 ms) by ffmpeg 4.2" in words
    assert (
        "−130.94 ms = −3.27 frames (sound −130.94 ms, pictures +0 ms) by ffmpeg 9.0" in words
    )  # not padded to where it belongs
    assert "no sound that can be decoded" in words and words.count("delay added") == 1
    assert "stamps and samples agree, 1 jump\n" in audit_table([replace(found, audio_gaps=1)])
    row = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert (
        row["clip"] == "talks/one.mp4"
        and row["delays"][1]["protocol"] == "wav2lip"
        and row["delays"][1]["ffmpeg"] == "4.2"
    )


def test_what_cannot_be_audited_is_refused(tmp_path):
    zeros = tmp_path / "zeros.mp4"
    zeros.write_bytes(bytes(100_000))
    with pytest.raises(SourceRefused, match="not a video file"):
        audit_clip(zeros)
    with pytest.raises(SourceRefused, match="missing file"):
        audit_clip(tmp_path / "nothing.mp4")


@pytest.mark.usefixtures("alone")
def test_the_command_says_it_and_writes_it(videos, tmp_path, capsys):
    assert run(videos / "renders" / "a.mp4", "--audit", "-o", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "a.mp4" in said and all(name in said for name in ("wav2lip", "latentsync"))
    assert json.loads((tmp_path / "out" / "audit.json").read_text())


def audits_badly(task, report, **options):
    from speechlip.scoring.audit.run import audit_task

    report(task.clip, 0.0)
    time.sleep(60 * (task.clip == "a.mp4"))
    return audit_task(task, report, **options)


@pytest.mark.usefixtures("alone")
def test_an_audit_refuses_pictures_over_the_limit_that_was_given(videos, capsys):
    assert run(videos / "renders", "--audit", "--max-picture", 100) == 3
    assert "a.mp4: probe: picture too large" in capsys.readouterr().err


@pytest.mark.usefixtures("alone")
def test_a_clip_that_hangs_stops_no_audit(videos, monkeypatch, capsys):
    monkeypatch.setattr(audit_run, "audit_task", audits_badly)
    assert run(videos / "renders", "--audit", "--max-wait", "4s", "--workers", 2) == 3
    said = capsys.readouterr()
    assert (
        "a.mp4: audit: over the limit (no step forward in 4 s (--max-wait))" in said.err
        and "b/c.mp4" in said.out
    )
