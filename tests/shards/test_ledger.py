"""The funnel against sums by hand."""

from dataclasses import replace

from speechlip.shards.ledger import LedgerRow, format_funnel, funnel

KEPT = LedgerRow("a.mp4", "a", "train", "kept", 2, 10.0, 8.0, 12.0, 0.2, {"no face": 2.0}, "", "", "", "ab", 9, (), {})
LOST = replace(
    KEPT,
    source="b.mp4",
    status="skipped",
    clips=0,
    seconds_kept=0.0,
    clip_seconds=0.0,
    interpolated_seconds=0.0,
    dropped={"no audio stream": 10.0},
    stage="probe",
    reason="no audio stream",
)


def test_the_funnel_adds_up():
    totals = funnel([KEPT, LOST, KEPT])
    assert (totals["sources"], totals["sources_kept"], totals["sources_skipped"], totals["clips"]) == (3, 2, 1, 4)
    assert totals["seconds"] == 30 == totals["seconds_kept"] + sum(totals["dropped"].values())
    assert totals["dropped"] == {"no audio stream": 10.0, "no face": 4.0}
    assert totals["skipped"] == {"probe: no audio stream": 1}


def test_the_printed_funnel_names_every_reason_widest_first():
    text = format_funnel(funnel([KEPT, LOST, KEPT]))
    assert text.index("no audio stream") < text.index("no face")
    assert "0:30.0" in text and "in 4 clips" in text and "interpolated" in text
