"""What a store or the network refuses for a moment is asked again; what it refuses is said in our own words.

No text of an error comes from the store: it might hold a credential.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from speechlip.errors import HubError, OptionError
from speechlip.urls import USUAL_PLACES
from speechlip.workers.processes import alive

Result = TypeVar("Result")
RETRIES, LONGEST_PAUSE_S = 5, 8
"""Tries without a single new byte, and the pause between them: 1, 2, 4, 8, 8 s."""
WITHOUT_CREDENTIALS = frozenset(
    (
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "DefaultCredentialsError",
        "RefreshError",
        "GatedRepoError",
    )
)
FOR_GOOD = (ValueError, TypeError, NotImplementedError, IsADirectoryError, NotADirectoryError)


def patiently(url: str, ask: Callable[[], Result]) -> Result:
    """What ``ask`` returns, asked up to ``RETRIES`` times more after pauses of 1, 2, 4, 8, 8 s.

    Raises HubError where that does not help; OptionError of ``ask`` goes through.
    """
    for failures in range(RETRIES + 1):
        if failures:
            _pause(min(2 ** (failures - 1), LONGEST_PAUSE_S))
        try:
            return ask()
        except (HubError, OptionError):
            raise
        except Exception as error:  # every store has errors of its own
            why = refusal(url, error) or (gone_away(url, error) if failures == RETRIES else "")
            if why:
                raise HubError(why) from None
    raise AssertionError("unreachable")


def _pause(pause_s: float) -> None:
    until_s = time.monotonic() + pause_s
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, 1.0))
        alive()


def refusal(url: str, error: Exception) -> str:
    """Why asking again does not help, in words of our own; empty where it may.

    >>> refusal("s3://talks/a.mp4", FileNotFoundError("Key=AKIA…"))
    'there is no s3://talks/a.mp4; check the name'
    >>> refusal("s3://talks/a.mp4", TimeoutError())
    ''
    """
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError):
        return f"there is no {url}; check the name"
    if isinstance(error, PermissionError) or kind in WITHOUT_CREDENTIALS:
        return f"{url} may not be read or written with these credentials, or without any: {USUAL_PLACES}"
    if isinstance(error, FOR_GOOD):
        return f"{url} cannot be used ({kind}); check the name, and the settings of its library"
    return ""


def gone_away(url: str, error: Exception) -> str:
    """
    >>> gone_away("s3://talks/a.mp4", TimeoutError("of secret"))
    's3://talks/a.mp4 failed 6 times (TimeoutError); what is done is kept: run the same command again'
    """
    kind = type(error).__name__
    return f"{url} failed {RETRIES + 1} times ({kind}); what is done is kept: run the same command again"
