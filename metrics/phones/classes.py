"""Phones by number: the table of a network that knows phones, and labels of several alphabets in it.

Goal: every label becomes a number of the table, or is named as one that does not.
Conventions: 0 is silence, 1 … 39 are the ARPAbet phones of ``visemes.fold`` in alphabetical order; visemes
are SAPI's.
Source: TIMIT's labels as Lee and Hon 1989 fold them, a flap among T; a closure counts as its stop.
Function: phone_number.
"""

from speechlip.metrics.phones.visemes import PHONES, VISEME_OF, fold
from speechlip.phones import SILENCE, SILENT_LABELS

TABLE = (SILENCE, *sorted(PHONES))
"""The phones by number: silence and 39 ARPAbet phones."""
VISEMES = 22
"""How many visemes SAPI has, silence among them."""
VISEME_NUMBERS = tuple(VISEME_OF[phone] for phone in TABLE)
"""The viseme of each phone of the table."""
SILENT = {*SILENT_LABELS, "pau", "epi", "h#", "#h", "silence", "(sil)", "<eps>"}
"""Lower case; beside what ``speechlip.phones`` knows those of TIMIT, Gentle and Kaldi."""
ALSO = {
    "DX": "T", "NX": "N", "EN": "N", "EM": "M", "EL": "L", "ENG": "NG", "AXR": "ER", "AX-H": "AH", "UX": "UW",
    "HV": "HH", "BCL": "B", "DCL": "D", "GCL": "G", "PCL": "P", "TCL": "T", "KCL": "K",
}  # fmt: skip
_NUMBER = {phone: number for number, phone in enumerate(TABLE)}


def phone_number(label: str) -> int | None:
    """The number of the phone that a label means; None for noise and labels of other alphabets.

    >>> [phone_number(label) for label in ("SIL", "", "pau", "AA1", "AX", "dx", "spn", "tʃ")]
    [0, 0, 0, 1, 3, 31, None, None]
    """
    if label.strip().lower() in SILENT:
        return _NUMBER[SILENCE]
    phone = fold(label) or ALSO.get(label.strip().upper())
    return None if phone is None else _NUMBER[phone]
