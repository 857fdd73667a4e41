"""Scores with noise under the speech: how loud it is, who hears it, what is left of them, where they are."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_benchmark import OPTIONS, SEEING, benchmark

from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.report.noise import noise_text
from speechlip.benchmarking.report.page import page
from speechlip.commands.cli import score_encoder
from speechlip.encoders.features.noise import with_noise
from speechlip.errors import OptionError

HEARING = "tiny_encoders:hearing"


@pytest.mark.parametrize("snr_db", [20.0, 5.0, 0.0, -10.0])
def test_noise_lies_so_far_below_the_speech(snr_db):
    audio = (1000 * np.sin(np.arange(16000) / 7)).astype(np.int16)
    noise = with_noise(audio, snr_db, "clip").astype(float) - audio
    power_db = 10 * np.log10(np.square(audio.astype(float)).mean() / np.square(noise).mean())
    assert power_db == pytest.approx(snr_db, abs=0.15)


def test_noise_is_that_of_the_clip_and_silence_stays_silent():
    audio = np.full(640, 500, np.int16)
    same, other = with_noise(audio, 5, "a"), with_noise(audio, 5, "b")
    assert np.array_equal(same, with_noise(audio, 5, "a")) and not np.array_equal(same, other)
    assert not with_noise(np.zeros(640, np.int16), 0, "a").any() and len(with_noise(audio[:0], 5, "a")) == 0
    assert with_noise(np.full(640, 32767, np.int16), 0, "a").max() == 32767


@pytest.fixture(scope="module")
def noisy(shards, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("noise") / "out"
    options = replace(OPTIONS, seeds=1, noise="20,-10")
    return out, options, benchmark(shards, out, HEARING, SEEING, options=options)[0]


def test_a_row_keeps_what_noise_leaves_of_it(noisy):
    _, _, found = noisy
    hearing, seeing, _ = found.rows
    soft, loud = hearing.noise
    assert (soft.snr_db, loud.snr_db) == (20.0, -10.0) and hearing.scores["pair_auc"].value > 0.9
    assert soft.scores["pair_auc"].value == hearing.scores["pair_auc"].value, "it hears none of that noise"
    assert loud.scores["pair_auc"].value < 0.75 and loud.scores["pair_auc"].ci_low is not None
    assert loud.scores["offset_exact"].value < 1 == soft.scores["offset_exact"].value
    assert loud.scores["va"].value is None and "phones" in loud.scores["va"].reason
    assert seeing.noise == (), "it does not read audio"


def test_noise_stands_in_all_files(noisy):
    out, _, found = noisy
    assert Benchmark.load(out / "benchmark.json") == found
    rows = list(csv.DictReader((out / "noise.csv").read_text().splitlines()))
    ours = [row for row in rows if row["label"] == HEARING]
    assert [row["snr_db"] for row in ours] == ["clean", "20.0", "-10.0"]
    assert float(ours[2]["pair_auc"]) == pytest.approx(found.rows[0].noise[1].scores["pair_auc"].value)
    assert (out / "noise.png").read_bytes().startswith(b"\x89PNG")
    assert 'id="with-noise"' in page(found, out) and '"snr_db":-10.0' in page(found, out).replace(" ", "")
    first = noise_text(found).splitlines()
    assert first[0].split() == ["pair", "AUC,", "noise", "clean", "20", "dB", "-10", "dB"]
    assert first[1].startswith(HEARING) and SEEING not in noise_text(found)


def test_the_page_shows_every_level(noisy, browser):
    shown = browser.open(noisy[0] / "benchmark.html")
    table = shown.html.partition('id="noise"')[2].partition("</table>")[0]
    assert shown.console == () and "20 dB" in table and "clean" in table
    assert table.count("tiny_encoders:hearing") == 1 and "tiny_encoders:seeing" not in table


def test_finished_rows_are_not_made_again_and_other_noise_is_another_row(noisy, shards):
    out, options, found = noisy
    again, watcher = benchmark(shards, out, HEARING, SEEING, options=options)
    assert again.rows[0].noise == found.rows[0].noise and watcher.rows == []


@pytest.mark.parametrize("noise", ["loud", "5,5", "5,nan", "500", "5;10"])
def test_levels_that_cannot_be_are_refused(noise, shards):
    with pytest.raises(OptionError, match=r"write how many dB below the speech it lies.*such as 20,10,5,0"):
        BenchmarkOptions(noise=noise)
    done = CliRunner().invoke(score_encoder, [str(shards), "--noise", noise])
    assert done.exit_code == 1 and done.output.startswith("error: noise is")
