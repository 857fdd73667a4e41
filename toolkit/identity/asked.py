"""What may be asked of faces: how near is one person, and which detectors will do."""

from speechlip.checks import check_type
from speechlip.errors import OptionError
from speechlip.faces.detectors.opening import declared

SAME_PERSON = 0.5
"""Distance up to which people of two videos are one, where nothing else is asked for: halves of 13 real clips
are 0.52 apart at least where they are of two people, and 0.21 at most of one (benchmarks/identity.py)."""
FURTHEST = 1.0
"""Nobody is further from themselves."""


def check_distance(distance: float) -> None:
    """Raise OptionError for what is no distance of faces."""
    check_type("the distance of faces", distance, float)
    if not 0 < distance <= FURTHEST:
        raise OptionError(
            f"a distance of faces lies above 0 and is at most {FURTHEST:g}, not {distance:g}; "
            f"usual is {SAME_PERSON:g}"
        )


def check_landmarks(detector: str, why: str = "") -> None:
    """Raise OptionError where a detector gives no landmarks. why: it was taken."""
    if not declared(detector).has_landmarks:
        raise OptionError(
            f"to tell people by their faces, landmarks are needed, and detector {detector!r} gives boxes only"
            f"{f' ({why})' if why else ''}; take --detector landmarker"
        )
