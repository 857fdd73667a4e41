"""The card of a benchmark run: its numbers are those of ``benchmark.json``, and names are text."""

from dataclasses import replace

import pytest
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from benchmarking.made_benchmark import HOSTILE, made_benchmark
from speechlip.cards.kept import END
from speechlip.commands.output.card import write_card_of
from speechlip.errors import OptionError, ShardError


@pytest.fixture
def made(tmp_path):
    return tmp_path, made_benchmark(tmp_path, tokens=3)


def test_every_row_is_there_with_its_numbers(made):
    folder, benchmark = made
    text = write_card_of(folder).read_text()
    page = MarkdownIt("commonmark").enable("table").render(text.split("---\n", 2)[2])
    for row in benchmark.rows[:-1]:
        auc = row.scores["pair_auc"]
        assert f"| {auc.value:.3f} ({auc.ci_low:.3f}–{auc.ci_high:.3f}) |" in text
    controls = [row for row in benchmark.rows if row.role == "control"]
    assert (
        page.count("(control)") == len(controls) + sum(bool(row.ambiguity.scores) for row in controls)
        and page.count("<table>") == 5
    )
    assert (
        "`whisper` was not scored: ModelError: no weights of whisper:base" in text
        and "512 positive, 256 shift, 128 clip pairs" in text
    )
    assert (
        benchmark.shards.manifest_sha256 in text
        and "lips (control)" in text
        and "| train | 240 | 9 | 26:00.0 |" in text
    )


def test_names_are_text_and_a_persons_words_stay(made):
    folder, _ = made
    path = write_card_of(folder)
    path.write_text(path.read_text().replace(END, f"Ours.\n{END}"))
    text = write_card_of(folder).read_text()
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text.split("---\n", 2)[2])
    assert "<img" not in page and "<b>" not in page and "{{data}}" in page and f"Ours.\n{END}" in text
    assert HOSTILE.split("</")[0] in page and "heads" in DatasetCard(text).data.pretty_name


def test_the_card_says_where_nothing_lay(tmp_path):

    benchmark = made_benchmark(tmp_path, tokens=3)
    rows = [
        replace(row, name="/home/ann/runs/x", label="/home/ann/runs/x") if row.name == "hubert" else row
        for row in benchmark.rows
    ]
    changed = replace(
        benchmark,
        rows=tuple(rows),
        command="score-encoder /home/ann/shards -o /srv/out",
        notes=("/srv/a/b.tar is cut",),
    )
    (tmp_path / "benchmark.json").write_text(changed.dump())
    text = write_card_of(tmp_path).read_text()
    assert not any(place in text for place in ("/home", "/srv")) and "| x | " in text
    assert (
        "score-encoder shards -o out" in text
        and "b.tar is cut" in text
        and "`clip-bootstrap` of docs/protocols.md" in text
    )


def test_what_stops_it_is_said(tmp_path):
    (tmp_path / "benchmark.json").write_text("{}")
    with pytest.raises(ShardError, match="run score-encoder again"):
        write_card_of(tmp_path)
    with pytest.raises(OptionError, match="no folder"):
        write_card_of(tmp_path / "none")
