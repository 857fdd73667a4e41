"""Texts aligned by a CTC phone model: posteriors made by hand, and the machinery with seeded weights.

No trained weights lie in any package: whether a real model's posteriors place edges well is not tested here.
"""

import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from spoken import film

from speechlip import Clip, ShardOptions, ShardWriter, Source, clips, verify
from speechlip.aligning.by_model import ModelAligner
from speechlip.aligning.ipa import SpokenWord, spoken_words
from speechlip.aligning.phone_model import PhoneModel, open_phone_model
from speechlip.commands.cli import speechlip
from speechlip.errors import ModelError, SourceRefused
from speechlip.files.stamps import sha256_of
from speechlip.metrics.phones.tokens import choose_tokens
from speechlip.phones import read_phones
from speechlip.records import Phone
from speechlip.shards.excerpts.segments import clip_phones

pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
TEXT = "Bonjour, les amis."
SAID = ("b", "ɔ̃", "ʒ", "u", "ʁ", "l", "e", "z", "a", "m", "i")
TOKENS = {
    "<pad>": 0,
    **{phone: number for number, phone in enumerate(SAID, 1)},
    "tʃ": 12,
    "ɚ": 13,
    "ɑːɹ": 14,
    "dʒ": 15,
}
BLANK = 0


@dataclass
class Posteriors:
    """A phone model whose posteriors are given."""

    rows: np.ndarray
    tokens: dict
    blank: int = BLANK

    def log_probs(self, samples):
        return self.rows


def rows(spans, n_frames, sure=0.9):
    """(T, 16) log-probabilities: each token ``sure`` in its frames, the blank elsewhere."""
    made = np.full((n_frames, 16), (1 - sure) / 15, np.float32)
    label = np.full(n_frames, BLANK)
    for token, first, stop in spans:
        label[first:stop] = token
    made[np.arange(n_frames), label] = sure
    return np.log(made)


def in_turn(lengths, start=0):
    edges = start + np.cumsum([0, *lengths])
    return list(pairwise(edges.tolist()))


def aligned(spans, n_frames, text=TEXT, language="fr"):
    model = Posteriors(rows([(number, *span) for number, span in spans], n_frames), TOKENS)
    heard, _ = ModelAligner(language, model)(np.zeros(320 * n_frames, np.int16), text)
    return heard


def test_known_edges_come_back_on_the_grid_of_20_ms():
    """Phones of 3 to 9 frames, a pause of 15 frames between the words, and blanks around."""
    lengths = (4, 7, 3, 5, 6), (3, 4, 9, 3, 5, 8)
    spans = in_turn(lengths[0], 12) + in_turn(lengths[1], 12 + 25 + 15)
    heard = aligned(list(enumerate(spans, 1)), 100)
    phones = [phone for each in heard for phone in each.phones]
    assert [(p.phone, p.start_s, p.end_s) for p in phones if p.phone != "SIL"] == [
        (label, round(first * 0.02, 6), round(stop * 0.02, 6))
        for label, (first, stop) in zip(SAID, spans, strict=True)
    ]
    assert [(each.word, each.start_s) for each in heard] == [
        ("", 0.0),
        ("bonjour", 0.24),
        ("", 0.74),
        ("les", 1.04),
        ("amis", 1.36),
        ("", 1.68),
    ]
    assert {phone.source for phone in phones} == {"ctc-align-ipa:fr"}
    assert phones[1].score == round(float(np.log(0.9)), 2)


def test_phones_marked_by_one_frame_are_divided_in_the_middle():
    """As trained networks do: a spike each 4 frames, and 40 ms beyond the first and the last."""
    spikes = [(number, 10 + 4 * number, 11 + 4 * number) for number in range(1, 12)]
    heard = aligned([(number, (first, stop)) for number, first, stop in spikes], 80)
    phones = [phone for each in heard for phone in each.phones if phone.phone != "SIL"]
    middles = [0.02 * (first + 2.5) for _, first, _ in spikes[:-1]]
    assert [p.end_s for p in phones[:-1]] == pytest.approx(middles, abs=0.02)
    assert (phones[0].start_s, phones[-1].end_s) == pytest.approx((0.24, 1.14))


def test_what_is_said_and_not_written_is_no_pause():
    spans = list(enumerate(in_turn([3] * 5), 1)) + [(13, (20 + 2 * n, 22 + 2 * n)) for n in range(12)]
    spans += list(enumerate(in_turn([3] * 6, 50), 6))
    heard = aligned(spans, 70)
    assert [each.phones[0].phone for each in heard if not each.word] == ["SPN", "SIL"]


def test_a_long_blank_within_a_word_is_no_phone():
    spans = [*in_turn([3] * 9), *in_turn([3, 3], 60)]
    heard = aligned(list(enumerate(spans, 1)), 66)
    assert [(p.phone, p.start_s, p.end_s) for p in heard[-1].phones] == [
        ("a", 0.48, 0.54),
        ("SIL", 0.54, 1.2),
        ("m", 1.2, 1.26),
        ("i", 1.26, 1.32),
    ]


def test_another_text_is_refused_by_the_order_of_its_words():
    spans = list(enumerate(in_turn([3] * 11), 1))
    with pytest.raises(SourceRefused, match="transcript does not fit") as refused:
        aligned(spans, 40, "Amis, les bonjour.")
    assert "its words in another order fit as well" in refused.value.detail


def test_texts_that_cannot_be_aligned():
    for text, n_frames, reason, detail in (
        (TEXT, 8, "not aligned", "11 phones do not fit into 0.16 s"),
        ("Chat", 40, "phones the model lacks", "'ʃ' of espeak-ng's fr not among its 16 tokens"),
        ("...", 40, "no transcript", "espeak-ng says nothing for it"),
        (TEXT, 15001, "too long to align", "300 s with one text"),
    ):
        with pytest.raises(SourceRefused) as refused:
            aligned([], n_frames, text)
        assert refused.value.reason == reason and detail in refused.value.detail


def test_english_phones_become_arpabet():
    """``ɑːɹ`` is AA and R, which share its time."""
    heard = aligned([(12, (0, 4)), (14, (4, 10)), (15, (10, 15))], 15, "Charge", "en-us")
    phones = [(p.phone, p.start_s, p.end_s, p.source) for each in heard for p in each.phones]
    assert phones == [
        ("CH", 0.0, 0.08, "ctc-align"),
        ("AA", 0.08, 0.14, "ctc-align"),
        ("R", 0.14, 0.2, "ctc-align"),
        ("JH", 0.2, 0.3, "ctc-align"),
    ]


def test_words_are_those_of_the_text_unless_espeak_joins_them():
    assert spoken_words("[rire] Les amis", "fr") == (
        SpokenWord("les", ("l", "e", "z")),
        SpokenWord("amis", ("a", "m", "i")),
    )
    joined = spoken_words("in the sun", "en-us")
    assert [word.word for word in joined] == ["ɪnðə", "sʌn"]


def test_ipa_is_no_arpabet_for_metrics():
    """French y is a rounded vowel, ARPAbet's Y the first sound of yes."""
    said_so = [Phone(0.0, 0.2, "y", "ctc-align-ipa:fr"), Phone(0.2, 0.4, "T", "textgrid")]
    tokens = choose_tokens([said_so, said_so], [10, 10], at_least=2)
    assert tokens.counts() == {"T": 2} and tokens.unknown == {"y": 2}
    found = clip_phones(
        [{"start_s": p.start_s, "end_s": p.end_s, "phone": p.phone, "source": p.source} for p in said_so]
    )
    assert len(found.phone) == 1 and found.unknown == {"y": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny Wav2Vec2ForCTC with seeded weights, as transformers saves it."""
    pytest.importorskip("transformers", reason="the extra [encoders] is not installed")
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(
        vocab_size=len(TOKENS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        pad_token_id=BLANK,
    )
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("model")
    Wav2Vec2ForCTC(config).save_pretrained(place)
    (place / "vocab.json").write_text(json.dumps(TOKENS))
    return place


def test_rows_are_those_of_the_network_one_each_20_ms(folder):
    """Beside a pass of transformers' own over the whole, normalised as its feature extractor does."""
    import torch
    from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    samples = np.random.default_rng(0).integers(-9000, 9000, 16000, np.int16)
    model = open_phone_model(folder)
    assert isinstance(model, PhoneModel) and (model.blank, model.normalises) == (BLANK, True)
    own = model.log_probs(samples)
    assert own.shape == (50, 16) and np.exp(own).sum(1) == pytest.approx(np.ones(50), abs=1e-5)
    audio = Wav2Vec2FeatureExtractor()(samples / 32768, sampling_rate=16000, return_tensors="pt").input_values
    with torch.inference_mode():
        network = Wav2Vec2ForCTC.from_pretrained(folder).eval()
        wanted = network(torch.nn.functional.pad(audio, (40, 40))).logits[0].log_softmax(-1)
    assert np.allclose(own, wanted.numpy(), atol=1e-4)


def run(*arguments):
    return CliRunner().invoke(speechlip, ["align", *map(str, arguments)])


def test_the_command_with_a_model(folder, tmp_path):
    """One word has no other order, so random posteriors are not refused."""
    film(tmp_path / "anna.mp4", np.random.default_rng(0).integers(-9000, 9000, 16000, np.int16))
    (tmp_path / "anna.txt").write_text("Bonjour")
    done = run(tmp_path, "--language", "fr", "--phone-model", folder)
    assert done.exit_code == 0, done.output
    phones = read_phones(tmp_path / "anna.TextGrid")
    assert [p.phone for p in phones if p.phone not in ("SIL", "SPN")] == [*SAID[:5]]
    assert {p.source for p in phones} == {"ctc-align-ipa:fr"}
    assert all(round(p.start_s / 0.02, 3).is_integer() for p in phones)


def test_shards_with_a_model(folder, tmp_path):
    """Their transcript is one word; the manifest says which model it was."""
    noise = np.random.default_rng(0).integers(-9000, 9000, 640 * 25, np.int16)
    source = Source("a.mp4", "a.mp4", "ann", split="train", transcript="Bonjour")
    lips = np.zeros((25, 96, 96, 3), np.uint8)
    with ShardWriter(tmp_path / "in", ShardOptions(detector="mine")) as writer:
        writer.write(Clip(source, 0, 0, lips, noise, None, None, 0.5, 80.0, 0), source_sha256="0" * 64)
    done = run(tmp_path / "in", "-o", tmp_path / "out", "--language", "fr", "--phone-model", folder)
    assert done.exit_code == 0, done.output
    (row,) = clips(tmp_path / "out").rows
    assert row["phone_source"] == "ctc-align-ipa:fr" and row["phone_score"] < 0
    said = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert said["edited"][0]["arguments"]["phone_model_sha256"] == sha256_of(folder / "model.safetensors")
    assert "transformers" in said["versions"] and "pocketsphinx" not in said["versions"]
    assert verify(tmp_path / "out").ok


def test_what_to_give_is_said(folder, tmp_path):
    (tmp_path / "anna.mp4").write_bytes(b"")
    for arguments, message in (
        (("--language", "fr"), "'fr' is aligned by a phone model only"),
        (
            ("--language", "xx", "--phone-model", folder),
            "espeak-ng has no voice 'xx'; --language takes",
        ),
        (("--language", "fr", "--phone-model", tmp_path), "config.json cannot be read"),
        (("--from", "none", "--phone-model", folder), "takes no --phone-model"),
    ):
        done = run(tmp_path, *arguments)
        assert done.exit_code == 1 and message in done.output, done.output


def test_weights_that_are_a_pickle_run_no_code(folder, tmp_path):
    import pickle
    import shutil

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    place = tmp_path / "model"
    shutil.copytree(folder, place)
    (place / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no model\.safetensors or pytorch_model\.bin"):
        open_phone_model(place)
    (place / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(), 2))
    with pytest.raises(ModelError, match="perhaps code; it was not run"):
        open_phone_model(place)
    assert not (tmp_path / "ran").exists()


def test_weights_that_are_tensors_in_a_bin_are_read(folder, tmp_path):
    import shutil
    from functools import reduce

    import torch
    from safetensors.torch import load_file

    place = tmp_path / "model"
    shutil.copytree(folder, place)
    norm = "pos_conv_embed.conv.parametrizations.weight.original"
    names = {f"{norm}0": "pos_conv_embed.conv.weight_g", f"{norm}1": "pos_conv_embed.conv.weight_v"}
    published = {  # under the names of the time
        reduce(lambda name, new: name.replace(*new), names.items(), name): value
        for name, value in load_file(place / "model.safetensors").items()
    }
    assert sum(name.endswith(("weight_g", "weight_v")) for name in published) == 2
    torch.save(published, place / "pytorch_model.bin")
    (place / "model.safetensors").unlink()
    samples = np.zeros(3200, np.int16)
    assert np.allclose(
        open_phone_model(place).log_probs(samples), open_phone_model(folder).log_probs(samples)
    )


def test_weights_that_are_not_all_there(folder, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    place = tmp_path / "model"
    shutil.copytree(folder, place)
    weights = load_file(place / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, place / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks weights of config\.json's network, such as lm_head\.weight"):
        open_phone_model(place)
