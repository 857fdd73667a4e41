"""The terms of PASE's loss: padding changes nothing, switches remove gradients, masks are what they say."""

import math
from collections import Counter

import pytest
import torch
from phone_batches import excerpts, padded, some_of
from torch.nn import functional

from speechlip.encoders.networks.pase.heads import TERMS
from speechlip.errors import OptionError
from speechlip.training.objectives.corruption import corrupted
from speechlip.training.objectives.objective import weighted
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import TrainOptions
from speechlip.training.pase_options import PaseOptions
from speechlip.training.step.segment_losses import segment_nce, viseme_losses

PER_FRAME = ("anchors", "prediction", "audio", "mouth")


def learner_of(**given):
    torch.manual_seed(0)
    objective = objective_of(TrainOptions.preset("small", encoder="pase", **given))
    return objective, objective.learner(*objective.networks()).eval()


@pytest.fixture(scope="module")
def learner():
    return learner_of()[1]


def drawn(seed=0, **given):
    return excerpts(torch.Generator().manual_seed(seed), **given)


@torch.inference_mode()
def terms_of(learner, batch):
    return {name: value.item() for name, value in learner(batch).items()}


@pytest.mark.parametrize("alignment", ["attention", "mean"])
def test_padded_frames_and_segments_change_nothing(alignment):
    learner, batch = learner_of(alignment=alignment)[1], drawn(count=3, n_frames=[20, 12, 20])
    plain, more = terms_of(learner, batch), terms_of(learner, padded(batch, frames=7, segments=4))
    assert more == pytest.approx(plain, rel=1e-5)


def test_batch_norm_sees_no_padded_frame(learner):
    batch, states = drawn(count=3, n_frames=[20, 12, 20]), []
    for given in (batch, padded(batch, frames=7, segments=4)):
        fresh = learner_of()[1].train()
        fresh(given)
        states.append(fresh.pair.lips.state_dict())
    assert all(torch.allclose(value, states[1][name]) for name, value in states[0].items())


def test_a_clip_alone_and_in_a_batch_give_the_same_terms(learner):
    batch = drawn(count=2, n_frames=[20, 12])
    together, alone = terms_of(learner, batch), [terms_of(learner, some_of(batch, [n])) for n in range(2)]
    counts = {name: [20, 12] for name in PER_FRAME} | {"anchors": (batch["phone"] >= 0).sum(1).tolist()}
    for name in PER_FRAME:
        mean = sum(n * own[name] for n, own in zip(counts[name], alone, strict=True)) / sum(counts[name])
        assert together[name] == pytest.approx(mean, rel=1e-5), name
    twice = some_of(batch, [0, 0])
    twice["phone"] = torch.stack([batch["phone"][0], torch.full_like(batch["phone"][0], -1)])
    assert terms_of(learner, twice)["contrast"] == pytest.approx(alone[0]["contrast"], rel=1e-5)


def read_by(phones, segments, seed=1):
    """Two sides as ``phones`` read ``segments``: rows of length 1."""
    random = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(2, phones, segments, 8, generator=random), dim=3)


def test_infonce_is_cross_entropy_over_the_segments_that_may_be_told_apart_read_as_the_own_phone_reads():
    audio, lips = read_by(phones=3, segments=4)
    phone, classes = torch.tensor([0, 2, 1, 2]), torch.tensor([3, 3, 5, 6])
    by_hand = []
    for one, other in ((audio, lips), (lips, audio)):
        for row in range(4):
            against = [row, *(n for n in range(4) if classes[n] != classes[row])]
            cosines = [one[phone[row], row] @ other[phone[row], n] for n in against]
            by_hand.append(-torch.log_softmax(torch.stack(cosines) / 0.07, 0)[0])
    assert segment_nce(audio, lips, phone, classes).item() == pytest.approx(sum(by_hand).item() / 8, rel=1e-5)


def test_a_viseme_is_as_probable_as_its_phones_together_each_asked_of_what_it_reads_itself():
    rows, anchors = read_by(phones=3, segments=2)[0], read_by(phones=3, segments=1, seed=2)[0][:, 0]
    viseme_of, viseme = torch.tensor([4, 7, 4]), torch.tensor([4, 7])
    for segment, phones in ((0, (0, 2)), (1, (1,))):
        odds = [math.exp(rows[p, segment] @ anchors[p] / 0.07) for p in range(3)]
        wanted = -math.log(sum(odds[p] for p in phones) / sum(odds))
        measured = viseme_losses(rows, 5 * anchors, viseme_of, viseme)[segment].item()
        assert measured == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(("mask", "different"), [("none", True), ("phoneme", False), ("viseme", False)])
def test_the_mask_says_which_segments_are_no_negatives(mask, different):
    """All segments are of /t/: with a mask nothing is left to tell apart."""
    batch = drawn(count=2)
    batch["phone"] = torch.full_like(batch["phone"], 31)
    assert (terms_of(learner_of(negatives_mask=mask)[1], batch)["contrast"] > 0) == different


# switches

PARTS = {
    "contrast": {"pair.speech", "pair.lips", "pair.attention", "heads.phones", "heads.visemes"},
    "anchors": {"pair.speech", "pair.lips", "pair.attention", "heads.phones", "heads.visemes"},
    "prediction": {"pair.speech", "heads.predict"},
    "audio": {"pair.speech", "pair.lips", "heads.fuse", "heads.missing", "heads.audio"},
    "mouth": {"pair.speech", "pair.lips", "heads.fuse", "heads.missing", "heads.mouth"},
}


def parts_with_gradient(objective, learner, batch):
    learner.zero_grad()
    weighted(learner(batch), objective.weights).backward()
    return {
        ".".join(name.split(".")[:2])
        for name, value in learner.named_parameters()
        if value.grad is not None and value.grad.abs().sum() > 0
    }


def spoilt_batch(objective):
    batch = corrupted(drawn(count=3), objective.options, torch.Generator().manual_seed(0))
    withheld = {"no_audio": torch.tensor([True, False, False]), "no_lips": torch.tensor([False, True, False])}
    return batch | withheld


@pytest.mark.parametrize("term", ["contrast", "anchors", "audio", "mouth"])
def test_a_term_reaches_its_networks_and_no_others(term):
    off = {f"{name}_weight": 0.0 for name in TERMS if name != term}
    objective, learner = learner_of(**off)
    batch = spoilt_batch(objective)
    assert list(learner(batch)) == [term]
    assert parts_with_gradient(objective, learner, batch) == PARTS[term]


def test_prediction_teaches_the_audio_path_and_not_the_lips():
    off = {f"{name}_weight": 0.0 for name in TERMS if name not in ("prediction", "contrast")}
    objective, learner = learner_of(**off)
    batch = corrupted(drawn(count=3), objective.options, torch.Generator().manual_seed(0))
    terms = learner(batch)
    (lips,) = torch.autograd.grad(
        terms["prediction"], learner.pair.lips.layers[-1].weight, allow_unused=True, retain_graph=True
    )
    terms["prediction"].backward()
    assert lips is None and learner.pair.speech.enter.weight.grad.abs().sum() > 0


def test_prediction_is_asked_where_the_audio_path_was_given_nothing_and_nowhere_else(learner):
    batch = drawn(count=2, n_frames=[20, 12])
    batch["masked"] = torch.zeros(2, 20, dtype=torch.bool)
    batch["masked"][0, 5:8] = batch["masked"][1, 10:14] = True  # two of the last four are padding
    with torch.inference_mode():
        audio, lips = learner.pair(batch["spectrogram"], batch["lips"], batch["masked"])
        apart = 1 - functional.cosine_similarity(learner.heads.predict(audio), lips, dim=2)
    by_hand = torch.cat([apart[0, 5:8], apart[1, 10:12]]).mean().item()
    assert terms_of(learner, batch)["prediction"] == pytest.approx(by_hand, rel=1e-4)


def test_what_is_reconstructed_is_the_clean_spectrum_whatever_is_heard(learner):
    batch = drawn(count=2)
    heard = batch | {"heard": batch["spectrogram"] * 3}
    with torch.inference_mode():
        audio, lips = learner.pair(heard["heard"], batch["lips"], None)
        told = learner.heads.audio(learner.heads.fused(audio, lips, torch.ones(2, 20, dtype=torch.bool)))
        clean = learner.pair.speech.spectrum(batch["spectrogram"]).reshape(2, 20, -1)
    assert terms_of(learner, heard)["audio"] == pytest.approx((told - clean).abs().mean().item(), rel=1e-4)


@pytest.mark.parametrize("term", TERMS)
def test_each_switch_removes_its_term_its_networks_and_its_gradient(term):
    on, whole = learner_of()
    off, less = learner_of(**{f"{term}_weight": 0.0})
    batch = corrupted(drawn(count=3), on.options, torch.Generator().manual_seed(0))
    gone = parts_with_gradient(on, whole, batch) - parts_with_gradient(off, less, batch)
    assert term in whole(batch) and term not in less(batch)
    assert gone == {"prediction": {"heads.predict"}, "audio": {"heads.audio"}, "mouth": {"heads.mouth"}}.get(
        term, set()
    )
    trained = [each for each in less.parameters() if each.requires_grad]
    assert all(each.grad is not None for each in trained), "or several processes would wait for it"


def test_means_of_frames_leave_attention_out_and_phones_where_none_is_asked_for():
    _, learner = learner_of(alignment="mean")
    assert learner.pair.attention is None and learner.heads.phones is not None
    assert set(terms_of(learner, drawn(count=2))) == set(TERMS)
    assert learner_of(alignment="mean", anchors_weight=0.0)[1].heads.phones is None


# what is spoilt


def test_corruption_has_the_shares_that_are_asked_for():
    batch = {"spectrogram": torch.ones(400, 25, 257), "n_frames": [5] * 400}
    options = PaseOptions(masked_share=0.3, noisy_share=0.5, audio_dropped=0.15, lips_dropped=0.25)
    spoilt = corrupted(batch, options, torch.Generator().manual_seed(0))
    noisy = (spoilt["heard"] != batch["spectrogram"]).any(2).any(1)
    shares = [spoilt["masked"], noisy, spoilt["no_audio"], spoilt["no_lips"]]
    assert [each.float().mean().item() for each in shares] == pytest.approx([0.3, 0.5, 0.15, 0.25], abs=0.06)
    assert not (spoilt["no_audio"] & spoilt["no_lips"]).any() and batch.keys() == {"spectrogram", "n_frames"}
    again = corrupted(batch, options, torch.Generator().manual_seed(0))
    assert torch.equal(again["heard"], spoilt["heard"])


def test_noise_lies_0_to_20_db_below_the_speech_of_the_excerpt_itself():
    own, length = 5, 50
    speech = torch.zeros(200, 5 * length, 257)
    speech[:, : 5 * own] = 1.0
    options = PaseOptions(noisy_share=0.999)
    heard = corrupted(
        {"spectrogram": speech, "n_frames": [own] * 200}, options, torch.Generator().manual_seed(0)
    )["heard"]
    noise_power = heard[:, 5 * own :].square().mean((1, 2))  # nothing else is there
    snr_db = -10 * torch.log10(noise_power)
    assert -1 < snr_db.min() < 2 and 18 < snr_db.max() < 21


def test_nothing_is_spoilt_where_all_shares_are_0():
    batch = {"spectrogram": torch.ones(4, 25, 257), "n_frames": [5] * 4}
    options = PaseOptions(masked_share=0.0, noisy_share=0.0, audio_dropped=0.0, lips_dropped=0.0)
    spoilt = corrupted(batch, options, torch.Generator().manual_seed(0))
    assert torch.equal(spoilt["heard"], batch["spectrogram"])
    assert not any(spoilt[name].any() for name in ("masked", "no_audio", "no_lips"))


# options


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"size": "huge"}, "no size 'huge'; there are: full, small"),
        ({"alignment": "max"}, "no alignment 'max'; there are: attention, mean"),
        ({"negatives_mask": "word"}, "no negatives_mask 'word'; there are: none, phoneme, viseme"),
        ({"clip_frames": 4}, "clip_frames is 4; it must lie in 5 … 1500"),
        ({"anchors_weight": -1.0}, r"anchors_weight is -1.0; it must be 0 \(off\) or more"),
        ({"noisy_share": 1.5}, "noisy_share is 1.5; it must be a share"),
        ({"audio_dropped": 0.6, "lips_dropped": 0.6}, "are more than all excerpts together"),
        ({f"{term}_weight": 0.0 for term in TERMS if term != "prediction"}, "no term teaches the lip path"),
        ({"loss": "nce"}, "encoder 'pase' has no loss .*option of encoders that learn from windows"),
        ({"negatives": "shift:1"}, "encoder 'pase' has no negatives"),
        ({"pool": "mean"}, "encoder 'pase' has no choice of pool"),
        ({"feature": "complex"}, "encoder 'pase' cannot have feature 'complex'"),
        ({"augment": "noise"}, r"has noise of its own \(--noisy-share\)"),
        ({"encoder": "se4lip", "clip_frames": 20}, "encoder 'se4lip' has no clip_frames .*the encoder pase"),
    ],
)
def test_options_that_cannot_be_are_refused(given, words):
    with pytest.raises(OptionError, match=words):
        TrainOptions.preset("paper", **({"encoder": "pase"} | given))


def test_presets_of_pase_are_its_own():
    sizes = Counter(TrainOptions.preset(name, encoder="pase").size for name in ("paper", "fast", "small"))
    assert sizes == {"full": 2, "small": 1}
    with pytest.raises(OptionError, match="no preset 'small'; there are: paper, fast"):
        TrainOptions.preset("small", encoder="se4lip")
