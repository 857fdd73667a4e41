"""What ``speechlip card`` does: the card that a folder wants, by what lies in it."""

from pathlib import Path

from speechlip.benchmarking.records import JSON_NAME
from speechlip.errors import OptionError


def write_card_of(folder: Path) -> Path:
    """Make the card of a folder anew, by what lies in it; returns its path.

    Raises OptionError for a folder of none of the three kinds.
    """
    if not folder.is_dir():
        raise OptionError(
            f"no folder {folder}; name prepared shards, a run of train-encoder, or scores of score-encoder"
        )
    if (folder / JSON_NAME).is_file():
        from speechlip.benchmarking.report.card import write_card as write_scores_card

        return write_scores_card(folder)
    if any(folder.glob("step-*/checkpoint.json")):
        from speechlip.training.run.card import write_card as write_encoder_card

        return write_encoder_card(folder)
    from speechlip.cards.dataset import renew_card

    return renew_card(folder)
