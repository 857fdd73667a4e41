"""What a person adds to a card between the marked lines stays when the card is made anew."""

import pytest

from speechlip.cards.kept import BEGIN, END, YOURS, with_kept
from speechlip.errors import OptionError


def mine(text):
    return f"{BEGIN}\n{text}\n{END}\n"


def test_what_is_marked_stays_and_all_else_is_new():
    old = f"# Old\nnumbers: 1\n{mine('We filmed it in a kitchen.')}old end\n"
    assert (
        with_kept(f"# New\nnumbers: 2\n{YOURS}new end\n", old)
        == f"# New\nnumbers: 2\n{mine('We filmed it in a kitchen.')}new end\n"
    )


def test_making_it_anew_twice_changes_nothing_more():
    new = f"# New\n{YOURS}"
    once = with_kept(new, f"{mine('one')}{mine('two')}")
    assert with_kept(new, once) == once and once.count("two") == 1


def test_parts_keep_their_order_and_those_without_a_place_follow():
    old = f"{mine('first')}text\n{mine('second')}{mine('third')}"
    assert (
        with_kept(f"a\n{YOURS}b\n{YOURS}c\n", old)
        == f"a\n{mine('first')}b\n{mine('second')}c\n\n{mine('third')}"
    )


def test_a_card_without_marks_is_replaced():
    assert with_kept(f"new\n{YOURS}", "typed by hand\n") == f"new\n{YOURS}"


def test_odd_text_stays_as_it_is():
    text = "\\1 \\g<0> {name} $& | <b>\n\n```\ncode\n```"
    assert with_kept(YOURS, mine(text)) == mine(text)
    assert with_kept(YOURS, mine("from Windows").replace("\n", "\r\n")) == mine("from Windows")


@pytest.mark.parametrize(
    "broken",
    [f"{BEGIN}\nlost\n", f"lost\n{END}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\nlost\n{END}\n{END}\n"],
)
def test_marks_without_their_fellows_are_refused(broken):
    with pytest.raises(
        OptionError, match=r"marks do not come in pairs \(line 1|marks do not come in pairs \(line 2"
    ):
        with_kept(YOURS, broken)
    assert with_kept(YOURS, f"words about {BEGIN} within a line\n") == YOURS
