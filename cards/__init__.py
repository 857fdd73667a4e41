"""Cards: what shards, encoders and scores say about themselves, made from their own files and never typed."""

from pathlib import Path

from speechlip.errors import OptionError

if __name__ != "speechlip.cards":
    raise ImportError(f"import speechlip.cards, not {__name__}: docs/architecture.md says why")


def write_card_of(folder: Path) -> Path:
    """Make the card of a folder anew, by what lies in it; returns its path. Raises OptionError for a folder of none of the three kinds."""
    if not folder.is_dir():
        raise OptionError(
            f"no folder {folder}; name prepared shards, a run of train-encoder, or scores of score-encoder"
        )
    if (folder / "benchmark.json").is_file():
        from speechlip.cards import scores

        return scores.write_card(folder)
    if any(folder.glob("step-*/checkpoint.json")):
        from speechlip.cards import encoder

        return encoder.write_card(folder)
    from speechlip.cards import dataset

    return dataset.renew_card(folder)
