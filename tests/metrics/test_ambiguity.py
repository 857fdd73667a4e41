"""Ambiguity of features whose answer is known: visemes, phones, noise, and mouths beside audio."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from speechlip.metrics.declared import NotScored
from speechlip.metrics.phones.ambiguity import ambiguity, relative
from speechlip.metrics.phones.anchors import lip_anchor, mel_anchor
from speechlip.metrics.phones.probes import mean_recall, neighbour_shares, neighbours, probe
from speechlip.metrics.phones.spaces import phone_sums, squared_distances, token_space
from speechlip.metrics.phones.tokens import Tokens, choose_tokens, token_features
from speechlip.metrics.phones.visemes import viseme_classes
from speechlip.records import Phone

FEW = ("P", "B", "M", "T", "D", "N", "S", "Z", "NG", "AA")


def made_tokens(phones=FEW, utterances: int = 24, each: int = 30, seed: int = 0) -> Tokens:
    draw = np.random.default_rng(seed)
    spoken = [
        [Phone(i * 0.08, (i + 1) * 0.08, phone) for i, phone in enumerate(draw.choice(phones, each))]
        for _ in range(utterances)
    ]
    return choose_tokens(spoken, [2 * each] * utterances, seed=seed)


def one_hot(labels, noise: float, width: int = 30, seed: int = 1) -> np.ndarray:
    """Each label at a place of its own, all equally far apart, and noise over ``width`` dimensions."""
    draw = np.random.default_rng(seed)
    names, number = np.unique(labels, return_inverse=True)
    turned = np.linalg.qr(draw.normal(size=(width, width)))[0]
    return turned[:, : len(names)].T[number] + noise * draw.normal(size=(len(number), width))


@pytest.fixture(scope="module")
def tokens():
    return made_tokens()


@pytest.fixture(scope="module")
def visemes(tokens):
    classes = viseme_classes("sapi")
    return np.array([classes[phone] for phone in tokens.phone])


@pytest.fixture(scope="module")
def found(tokens, visemes):
    """By kind of feature."""
    noise = np.random.default_rng(3).normal(size=(len(tokens), 30))
    features = {"viseme": one_hot(visemes, 0.05), "phone": one_hot(tokens.phone, 0.05), "noise": noise}
    return {
        name: ambiguity(tokens, rows, anchors=(0.0, 0.8), resamples=200) for name, rows in features.items()
    }


def test_visemes_are_the_best_feature_for_lips(found):
    best = found["viseme"]
    assert best.ar.value == pytest.approx(0, abs=0.01) and best.ar.ci_low <= 0 <= best.ar.ci_high
    assert best.nv.value == 1 and best.kv.value == 1 and best.va.value > 0.99
    assert abs(best.np.value) < 0.2 and abs(best.kp.value) < 0.1, "phones cannot be read"
    assert best.control_contrast.value == pytest.approx(1, abs=0.1) and best.contrast["M/N"] > 0.9
    assert best.pairs == pytest.approx({"P/B": 0, "T/D": 0, "S/Z": 0}, abs=0.02)
    assert best.ar_star.value == pytest.approx(0, abs=0.02)


def test_phones_are_readable_and_ambiguous(found):
    acoustic = found["phone"]
    assert acoustic.ar.value == pytest.approx(1, abs=0.03) and acoustic.nv.value == 1
    assert acoustic.va.value < 0.03 and acoustic.np.value == 1 and acoustic.kp.value == 1
    assert acoustic.ar_star.value == pytest.approx(acoustic.ar.value / 0.8)
    assert acoustic.silhouette_phone > acoustic.silhouette_viseme


def test_noise_is_no_good_encoder_for_all_its_ambiguity(found):
    noise = found["noise"]
    assert abs(noise.nv.value) < 0.1 and (noise.va.value, noise.va.ci_high) == (0, 0)
    assert noise.separation.ci_low < 0 < noise.separation.ci_high
    assert np.isnan(
        [noise.ar.value, noise.ar.ci_low, noise.control_contrast.value, noise.pairs["T/D"]]
    ).all(), "visemes do not lie apart"
    sizes = np.array(
        [sum(noise.phones[phone] for phone in phones.split()) for phones in ("P B M", "T D N", "S Z", "NG")]
    )
    assert noise.kv.value == pytest.approx(((sizes / sizes.sum()) ** 2).sum(), abs=0.03), (
        "what drawing neighbours blindly gives"
    )


def test_the_record_says_what_it_rests_on(found):
    record = found["phone"]
    assert record.matrix_phones == ("P", "B", "M", "T", "D", "N", "S", "Z", "NG")
    assert np.isnan(np.diag(record.matrix)).all()
    np.testing.assert_allclose(record.matrix, record.matrix.T)
    assert record.matrix[3, 4] == record.pairs["T/D"]
    assert (record.tokens, record.utterances, record.viseme_map, sum(record.phones.values())) == (
        720,
        24,
        "consensus",
        720,
    )


def test_same_features_same_record(tokens):
    rows = one_hot(tokens.phone, 0.5)
    once, again = (ambiguity(tokens, rows, resamples=50) for _ in range(2))
    np.testing.assert_array_equal(once.matrix, again.matrix)
    assert json.dumps(vars(replace(once, matrix=None)), default=vars) == json.dumps(
        vars(replace(again, matrix=None)), default=vars
    )


def test_neither_scale_place_nor_turn_of_the_space_matters(tokens):
    rows = one_hot(tokens.phone, 0.3)
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(30, 30)))[0]
    here, there = (ambiguity(tokens, x, resamples=50) for x in (rows, 1e8 + 70 * rows @ turn))
    assert there.ar.value == pytest.approx(here.ar.value, abs=1e-6) and there.kv.value == pytest.approx(
        here.kv.value, abs=1e-3
    )


def test_another_map_asks_another_question(tokens, visemes):
    """By Lee and Yook T and S are one viseme, which these features do not know."""
    by_lee = ambiguity(tokens, one_hot(visemes, 0.05), visemes="lee", resamples=50)
    assert by_lee.viseme_map == "lee" and by_lee.np.value > 0.3 and by_lee.kp.value > 0.2


def test_intervals_of_partners_that_coincide_hold_zero():
    """Drawing utterances twice pulls equal phones apart; uncorrected, no interval would reach down to 0."""
    held = 0
    for seed in range(20):
        few = made_tokens(("T", "D", "S", "Z"), utterances=12, seed=seed)
        ar = ambiguity(
            few, one_hot(np.isin(few.phone, ["T", "D"]), 0.3, width=6, seed=seed), resamples=100
        ).ar
        held += ar.ci_low <= 0 <= ar.ci_high
    assert held >= 16


def test_squared_distances_are_unbiased_and_by_hand():
    draw = np.random.default_rng(0)
    places = np.array([[0.0, 0, 0], [0, 0, 0], [3, 0, 4]])
    phone, utterance = np.repeat([0, 1, 2], 4), np.tile([0, 1, 0, 1], 3)
    many = []
    for _ in range(2000):
        points = places[phone] + draw.normal(size=(12, 3))
        many.append(squared_distances(phone_sums(points, phone, utterance), np.ones((1, 2)))[0])
    np.testing.assert_allclose(np.mean(many, axis=0), [[0, 0, 25], [0, 0, 25], [25, 25, 0]], atol=0.4)
    means = [points[phone == p].mean(axis=0) for p in range(3)]
    spread = [np.trace(np.cov(points[phone == p].T)) / 4 for p in range(3)]
    assert many[-1][0, 2] == pytest.approx(((means[0] - means[2]) ** 2).sum() - spread[0] - spread[2])


def test_a_draw_of_utterances_is_those_tokens_again():
    draw = np.random.default_rng(1)
    points, phone, utterance = draw.normal(size=(60, 3)), draw.integers(3, size=60), draw.integers(5, size=60)
    times = np.array([2, 0, 1, 3, 0])
    rows = np.concatenate([np.flatnonzero(utterance == u) for u in np.repeat(np.arange(5), times)])
    by_weight = squared_distances(phone_sums(points, phone, utterance), times[None])[0]
    by_rows = squared_distances(
        phone_sums(points[rows], phone[rows], np.zeros(len(rows), int)), np.ones((1, 1))
    )[0]
    np.testing.assert_allclose(by_weight, by_rows)


def test_space_is_the_pca_of_99_percent_scaled_by_one_number():
    draw = np.random.default_rng(2)
    rows = draw.normal(size=(200, 12)) * [10, 7, 5, *[0.1] * 9] + 100
    points = token_space(rows)
    assert points.shape == (200, 3)
    assert np.square(points).sum(axis=1).mean() == pytest.approx(1)
    ratio = cdist(points, points)[0, 1:] / cdist(rows[:, :3], rows[:, :3])[0, 1:]
    assert ratio.std() < 0.01 * ratio.mean(), "distances keep their proportions: no whitening"
    assert token_space(draw.normal(size=(80, 3000)), 64).shape == (80, 64)


def test_neighbours_are_scikit_learns_but_of_other_utterances():
    draw = np.random.default_rng(3)
    points = draw.normal(size=(700, 4))
    theirs = NearestNeighbors(n_neighbors=11).fit(points).kneighbors(points, return_distance=False)[:, 1:]
    assert (neighbours(points, np.arange(700)) == theirs).all()
    utterance = draw.integers(20, size=700)
    found = neighbours(points, utterance)
    assert (utterance[found] != utterance[:, None]).all()
    assert (neighbours(points[:3], np.array([0, 0, 1])) == [[2, -1, -1], [2, -1, -1], [1, 0, -1]]).all()


def test_neighbours_of_phones_alone_in_their_viseme_say_nothing_of_phones():
    points = np.random.default_rng(4).normal(size=(40, 2))
    viseme, phone, utterance = np.repeat([0, 1], 20), np.repeat([0, 1, 2, 2], 10), np.tile(np.arange(4), 10)
    shares = neighbour_shares(points, viseme, phone, utterance, 4)
    alike = (viseme[neighbours(points, utterance)] == viseme[:, None])[:20].sum()
    assert shares.rivals.sum() == alike and shares.asked.sum() == 400
    assert shares.chance.sum() == pytest.approx(alike * 0.5, rel=0.1)


def test_probe_is_tested_on_the_other_half_only():
    draw = np.random.default_rng(5)
    label, in_b, utterance = np.tile([0, 1, 2], 200), np.repeat([False, True], 300), np.arange(600) // 30
    rows = np.eye(3)[np.where(in_b, (label + 1) % 3, label)] + 0.01 * draw.normal(size=(600, 3))
    answers = probe(rows, label, in_b, utterance)
    assert answers.right.sum() == 0 and answers.asked.sum() == 300 and answers.asked[:10].sum() == 0
    assert mean_recall(answers, np.ones((1, 20)))[0] == 0
    assert probe(rows, np.where(in_b, 0, 1), in_b, utterance) is None


def test_probe_answers_count_classes_equally():
    """Ninety of one class, ten of the other: saying the first always is worth a half."""
    label, in_b = np.tile([0] * 9 + [1], 20), np.repeat([False, True], 100)
    answers = probe(np.random.default_rng(6).normal(size=(200, 2)), label, in_b, np.arange(200) // 20)
    assert answers.asked.sum(axis=0).tolist() == [90, 10]
    assert mean_recall(answers, np.ones((1, 10)))[0] == pytest.approx(
        (answers.right.sum(axis=0) / [90, 10]).mean()
    )


def test_tokens_are_the_frames_on_display_at_the_centres():
    spoken = (
        Phone(0.0, 0.04, "T"),
        Phone(0.04, 0.0799, "T"),
        Phone(0.1, 0.3, "d"),
        Phone(0.36, 0.44, "AX"),
        Phone(0.5, 0.6, "ə"),
    )
    tokens = choose_tokens([spoken] * 3, [10, 11, 11], at_least=2)
    assert tokens.phone.tolist() == ["T", "D", "T", "D", "AH", "T", "D", "AH"], (
        "one T is too short; one AH lies beyond its clip"
    )
    assert tokens.frame.tolist() == [0, 5, 0, 5, 10, 0, 5, 10]
    assert tokens.unknown == {"ə": 3} and tokens.rare == {}
    features = [np.arange(11.0)[:, None] + 100 * clip for clip in range(3)]
    assert token_features(tokens, features)[:, 0].tolist() == [0, 5, 100, 105, 110, 200, 205, 210]


def test_halves_hold_whole_utterances_and_common_phones_are_capped():
    tokens = made_tokens(("T", "D"), utterances=30, each=40)
    assert tokens.counts() == {"D": 300, "T": 300}
    halves = {number: set(tokens.in_b[tokens.utterance == number].tolist()) for number in range(30)}
    assert (
        all(len(half) == 1 for half in halves.values())
        and sum(half == {True} for half in halves.values()) == 15
    )
    rare = choose_tokens(
        [[Phone(0, 0.1, "T"), Phone(0.1, 0.2, "ZH")]] * 29 + [[Phone(0, 0.1, "T")]], [5] * 30
    )
    assert rare.counts() == {"T": 30} and rare.rare == {"ZH": 29}


def test_too_little_says_what_there_is(tokens):
    with pytest.raises(
        NotScored, match=r"too few phones: .* 30 segments .* there are: T 4; labels .*: 'spn' 2$"
    ):
        said = (("T", 0.1), ("T", 0.2), ("spn", 0.3), ("SIL", 0.36))
        choose_tokens([[Phone(end_s - 0.06, end_s, label) for label, end_s in said]] * 2, [9, 9])
    with pytest.raises(NotScored, match="two clips or more"):
        choose_tokens([[Phone(i / 10, (i + 1) / 10, "T") for i in range(40)]], [100])
    lonely = made_tokens(("T", "M", "AA"))
    with pytest.raises(NotScored, match=r"such as T and D, are wanted; there are tokens of AA M T"):
        ambiguity(lonely, np.zeros((len(lonely), 3)) + np.arange(len(lonely))[:, None])
    halved = replace(tokens, in_b=np.zeros(len(tokens), bool))
    with pytest.raises(NotScored, match="fewer than two visemes in common"):
        ambiguity(halved, one_hot(halved.phone, 0.1), resamples=20)


@pytest.mark.parametrize(("value", "reason"), [(np.nan, "features not finite"), (7.0, "features constant")])
def test_broken_features_are_not_scored(tokens, value, reason):
    with pytest.raises(NotScored) as error:
        ambiguity(tokens, np.full((len(tokens), 5), value))
    assert error.value.reason == reason
    with pytest.raises(ValueError, match="one row of features for each of 720 tokens"):
        ambiguity(tokens, np.ones((3, 5)))


def test_relative_ambiguity_needs_two_ends():
    assert np.isnan(relative(np.array([0.3]), 0.4, 0.4)).all()


def test_anchors_by_hand():
    draw = np.random.default_rng(7)
    landmarks = draw.normal(size=(6, 20, 2))
    own = landmarks[3] - landmarks[3].mean(axis=0)
    rows = lip_anchor(landmarks + np.array([100.0, 50.0]))
    np.testing.assert_allclose(rows[3, 80:120], own.ravel(), atol=1e-9)
    np.testing.assert_allclose(rows[1, 160:], rows[3, 80:120], atol=1e-9)  # two frames later
    np.testing.assert_allclose(rows[0, :40], rows[0, 80:120], atol=1e-9)
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(640 * 4) / 16000)).astype(np.int16)
    tone[: 640 * 2] = 0
    mel = mel_anchor(tone)
    assert (
        mel.shape == (4, 40) and np.allclose(mel[0], np.log(1e-5)) and mel[3].argmax() == 13
    )  # 15 mel units of 1000 Hz in steps of 45.245 / 41


@pytest.fixture(scope="module")
def espeak():
    """Four voices, twelve sentences each in one breath: phones, sound and true mouths per frame."""
    pytest.importorskip("espeakng_loader")
    from scipy.signal import resample_poly

    from speechlip.recipes._synthetic.sentences import SENTENCES
    from speechlip.recipes._synthetic.visemes import mouth_track
    from speechlip.recipes._synthetic.voice import speak

    phones, mel, mouths = [], [], []
    for number, voice in enumerate(["en-us+f2", "en-us+m3", "en+m7", "en+f4"] * 2):
        said = speak(" ".join(SENTENCES[6 * number : 6 * number + 6]), voice, rate=170, pitch=50)
        sound = (
            resample_poly(said.samples.astype(np.float64), 16000, said.sample_rate)
            .clip(-32768, 32767)
            .astype(np.int16)
        )
        frames = len(sound) // 640
        phones.append(said.phones)
        mel.append(mel_anchor(sound[: 640 * frames]))
        mouths.append(mouth_track(said.phones, (np.arange(frames) + 0.5) / 25))
    tokens = choose_tokens(phones, [len(rows) for rows in mel], at_least=20)
    return tokens, token_features(tokens, mel), token_features(tokens, mouths)


def test_mouths_do_not_tell_t_from_d_and_a_spectrum_does(espeak):
    tokens, mel, mouths = espeak
    lips, sound = (ambiguity(tokens, rows, visemes="sapi", resamples=100) for rows in (mouths, mel))
    assert lips.pairs["T/D"] == pytest.approx(0, abs=0.05) and lips.ar.value == pytest.approx(0, abs=0.05)
    assert sound.pairs["T/D"] > 0.25 and sound.ar.ci_low > 0.2
    assert (
        lips.va.value > sound.va.value and lips.kv.value > sound.kv.value and lips.kp.value < sound.kp.value
    )
    assert lips.contrast["M/N"] > 1
