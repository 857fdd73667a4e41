"""The viseme maps: whole, disjoint, and the consensus is what they agree on."""

from itertools import combinations

import pytest

from speechlip.errors import OptionError
from speechlip.metrics.phones.visemes import (
    CONSONANTS,
    CONTROL_PAIRS,
    MAPS,
    PHONES,
    VISEME_OF,
    VOICED_PAIRS,
    fold,
    viseme,
    viseme_classes,
)

# The CMU dictionary's 39, written out
WORDS = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
ARPABET = set(WORDS.split())


@pytest.mark.parametrize("name", [name for name in MAPS if name != "consensus"])
def test_a_map_holds_every_phone_once(name):
    phones = [phone for phones in MAPS[name].values() for phone in phones.split()]
    assert len(phones) == len(set(phones))
    assert ARPABET <= set(phones) <= ARPABET | {"AX", "IX"}


def test_phones_are_the_dictionary_s():
    assert PHONES == ARPABET and len(CONSONANTS) == 24 and set(CONSONANTS) < ARPABET


def test_consensus_is_what_sapi_jeffers_and_neti_agree_on():
    maps = [viseme_classes(name) for name in ("sapi", "jeffers", "neti")]
    consensus = viseme_classes("consensus")
    for a, b in combinations(CONSONANTS, 2):
        agreed = all(classes[a] == classes[b] for classes in maps)
        assert agreed == (a in consensus and consensus[a] == consensus.get(b)), (a, b)


@pytest.mark.parametrize("name", MAPS)
def test_every_map_joins_voiced_partners_and_parts_m_from_n(name):
    classes = viseme_classes(name)
    assert all(classes[a] == classes[b] for a, b in VOICED_PAIRS)
    assert all(classes[a] != classes[b] for a, b in CONTROL_PAIRS)


def test_sapi_by_number_and_by_name_are_one_map():
    assert {phone: str(viseme(phone)) for phone in VISEME_OF if phone != "SIL"} == viseme_classes("sapi")


def test_labels_of_other_sources_fold_into_one_alphabet():
    assert [fold(label) for label in ("AX", "ax", "AH1", " t ", "IX", "NG", "ER2")] == [
        "AH",
        "AH",
        "AH",
        "T",
        "IH",
        "NG",
        "ER",
    ]
    assert [fold(label) for label in ("", "SIL", "spn", "<eps>", "ə", "T T")] == [None] * 6


def test_an_unknown_map_is_an_error_that_lists_them():
    with pytest.raises(
        OptionError, match="no viseme map 'disney'; there are: consensus, sapi, jeffers, neti, lee"
    ):
        viseme_classes("disney")
