"""Who said that this may be published: the licence decides, and a person who says otherwise is on record in
the repository.
"""

import json
from collections.abc import Sequence

from speechlip.errors import OptionError
from speechlip.licences import forbids_derivatives, is_unknown
from speechlip.version import VERSION

NAME = "publication.json"
OVERRIDE = "stated with --i-have-the-right-to-publish"


def publication(licences: Sequence[str], public: bool, gated: bool, right_stated: bool) -> bytes:
    """``publication.json`` of the repository. licences: all that the data is under.

    Raises OptionError for a public push of data whose licence nobody knows, or forbids derivatives, as shards
    and what is learned from them are, where nobody answers for it.

    >>> record = publication(["CC-BY-4.0"], public=True, gated=False, right_stated=False)
    >>> json.loads(record)["right_to_publish"]
    'licence'
    """
    known = bool(licences) and not any(map(is_unknown, licences))
    if public and not known and not right_stated:
        raise OptionError(
            "the licence of some of these faces and voices is unknown, so they are not made public; "
            "state it (metadata.csv, column licence) and "
            "prepare another folder, leave --public out, or take it upon you with "
            "--i-have-the-right-to-publish"
        )
    bound = sorted(filter(forbids_derivatives, licences))
    if public and bound and not right_stated:
        raise OptionError(
            f"{', '.join(bound)} forbids handing on adaptations, "
            f"and shards and what learned from them are taken for such, so they are not made public; "
            "leave --public out, or take it upon you with --i-have-the-right-to-publish"
        )
    right = OVERRIDE if right_stated else "licence" if known and not bound else "not published"
    record = {
        "licences": sorted(licences),
        "public": public,
        "gated": gated,
        "right_to_publish": right,
        "speechlip": VERSION,
    }
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()
