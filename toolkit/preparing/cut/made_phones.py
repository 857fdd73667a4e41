"""Phones of one source, aligned or recognised while it is prepared."""

from dataclasses import dataclass

from speechlip.aligning.source import phones_of
from speechlip.errors import SourceRefused
from speechlip.files.names import is_file
from speechlip.phones import RECOGNISED, is_ours, read_phones
from speechlip.preparing.choices import ALIGN
from speechlip.records import Phone, Source


@dataclass(frozen=True)
class MadePhones:
    """Phones in seconds of the source, or why there are none.

    phones: empty where there are none.
    reason: a short phrase that is counted; empty where there are phones.
    detail: what was left out, or the sentence for a person; empty where there is nothing to say.
    """

    phones: tuple[Phone, ...] = ()
    reason: str = ""
    detail: str = ""


def made_phones(source: Source, how: str, max_picture_px: int) -> MadePhones:
    """The phones of a source, ``how``: align (what is said, with the audio) or recognise (the audio alone).

    A TextGrid that ``speechlip align`` wrote of what is said is taken as it is. What cannot be aligned has a
    reason and no times.
    """
    try:
        if how == ALIGN and (phones := aligned_before(source)):
            return MadePhones(phones)
        found = phones_of(source, "auto" if how == ALIGN else "none", max_picture_px)
    except SourceRefused as refusal:
        return MadePhones(reason=refusal.reason, detail=refusal.detail)
    return MadePhones(tuple(phone for each in found.heard for phone in each.phones), detail=found.detail)


def aligned_before(source: Source) -> tuple[Phone, ...]:
    """What ``speechlip align`` wrote beside a source; empty where it recognised, or wrote nothing."""
    path = source.phones_path
    if path is None or not is_file(path) or not is_ours(path):
        return ()
    phones = read_phones(path)
    return () if any(phone.source == RECOGNISED for phone in phones) else phones
