"""The same scores with noise under the speech: heads are trained on clean speech, and asked about noisy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.benchmarking.columns import AMBIGUITY_COLUMNS, COLUMNS
from speechlip.benchmarking.evaluation.evaluate import Embed, Evaluation
from speechlip.benchmarking.evaluation.phones import finite_or_none
from speechlip.benchmarking.evaluation.scores import PairFacts, interval_of, seed_scores, why_missing
from speechlip.benchmarking.projection.feature_cache import FeatureCache, build_cache
from speechlip.benchmarking.row_records import Ambiguity, NoiseScores, Score
from speechlip.encoders.features.noise import Noisy, noisy_clip
from speechlip.encoders.features.protocol import ClipFeatures

OF_PAIRS, OF_PHONES = ("pair_auc", "offset_exact"), ("va", "ar_star", "nv")


@dataclass(frozen=True)
class NoiseLevel:
    """One level of noise, and an encoder's features of the evaluated split with it."""

    snr_db: float
    cache: FeatureCache

    @property
    def name(self) -> str:
        """For names of files."""
        return f"noise-{self.snr_db:g}"


def noise_levels(
    folder: Path,
    features: ClipFeatures,
    clean: FeatureCache,
    shards: Path,
    split: str,
    levels_db: Sequence[float],
) -> list[NoiseLevel]:
    """Features of the evaluated split with each level of noise, scaled as clean ones are.

    Empty for an encoder that does not read audio.
    """
    levels = []
    for snr_db in levels_db if "audio" in features.fields else ():
        cache = build_cache(folder / f"{snr_db:g}", Noisy(features, snr_db), shards, (split,))
        cache.mean, cache.deviation = clean.mean, clean.deviation
        levels.append(NoiseLevel(snr_db, cache))
    return levels


def hearing_noise(embed: Embed, snr_db: float) -> Embed:
    """``embed``, which reads a clip's audio, given clips with noise under it."""
    return lambda clip, starts: embed(noisy_clip(clip, snr_db), starts)


def noise_scores(
    snr_db: float,
    evaluations: Sequence[Evaluation],
    measured: Ambiguity,
    pairs: PairFacts,
    resamples: int,
) -> NoiseScores:
    """What is reported of one level: mean over seeds, interval over clips.

    evaluations: of each seed with this noise. measured: ambiguity of the noisy features.
    """
    by_seed = [seed_scores(each, pairs) for each in evaluations]
    scores = {}
    for name in OF_PAIRS:
        values = [own[name] for own in by_seed if name in own]
        if len(values) < len(by_seed):
            scores[name] = Score(None, reason=why_missing(name, pairs))
            continue
        over = interval_of(name, evaluations, pairs, resamples)
        scores[name] = Score(
            sum(values) / len(values),
            finite_or_none(over.ci_low),
            finite_or_none(over.ci_high),
            min(values),
            max(values),
        )
    for name in OF_PHONES:
        scores[name] = measured.scores.get(name, Score(None, reason=measured.reason))
    return NoiseScores(snr_db, scores)


def title_of(name: str) -> str:
    """The title of a measure.

    >>> title_of("pair_auc"), title_of("ar_star")
    ('pair AUC', 'AR*')
    """
    return (COLUMNS | AMBIGUITY_COLUMNS)[name].title
