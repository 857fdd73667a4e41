"""What the Hub's client raises, said plainly; and calls that are asked again while the server is busy."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from speechlip.errors import HubError, OptionError, SpeechLipError
from speechlip.hub.token import without_token
from speechlip.urls import without_secrets

T = TypeVar("T")
BUSY = (408, 429, 500, 502, 503, 504)
TRIES, LONGEST_PAUSE_S = 6, 300
QUOTA = re.compile(r"quota|storage limit|storage space|exceed|upgrade your plan|payment", re.IGNORECASE)
AGAIN = "run the same command again: what has arrived stays, only the rest travels"


@contextmanager
def said_plainly(repo_id: str, token: str) -> Iterator[None]:
    """Turn what the client raises about ``repo_id`` into one sentence with no token in it.

    Raises HubError and OptionError.
    """
    try:
        yield
    except SpeechLipError:
        raise
    except Exception as error:
        known = _sentence(error, repo_id)
        if known is None:
            raise
        raise type(known)(without_token(str(known), token)) from None


def patiently(call: Callable[[], T]) -> T:
    """The result of ``call``, asked again after 1, 2, 4, … s (or as ``Retry-After`` says) while the server is
    busy or the network away.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    for tried in range(TRIES):
        try:
            return call()
        except HfHubHTTPError as error:
            if error.response.status_code not in BUSY or tried == TRIES - 1:
                raise
            asked = error.response.headers.get("retry-after", "")
            time.sleep(min(int(asked) if asked.isdigit() else 2**tried, LONGEST_PAUSE_S))
        except httpx2.TransportError:
            if tried == TRIES - 1:
                raise
            time.sleep(2**tried)
    raise AssertionError


def _sentence(error: BaseException, repo_id: str) -> SpeechLipError | None:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    for cause in _causes(error):
        if isinstance(cause, HFValidationError):
            return OptionError(
                f"{without_secrets(repo_id)!r} is not a name that the Hub takes; write user/name, "
                "letters, digits, . _ and - alone"
            )
        if isinstance(cause, OfflineModeIsEnabled):
            return HubError("HF_HUB_OFFLINE is set, so the Hub cannot be asked; unset it")
        if isinstance(cause, HfHubHTTPError):
            said = " ".join((cause.server_message or "").split())[:300]
            return HubError(_refused(repo_id, cause.response.status_code, said))
        if isinstance(cause, httpx2.TransportError | ConnectionError):
            return HubError(
                f"the network went away ({' '.join(str(cause).split()) or type(cause).__name__}); {AGAIN}"
            )
    text = " ".join(str(error).split())[:300]
    if QUOTA.search(text):
        return HubError(_refused(repo_id, 403, text))
    if isinstance(error, ValueError | RuntimeError | OSError) or type(error).__module__.startswith("hf_xet"):
        return HubError(f"{repo_id}: the upload failed ({text}); {AGAIN}")
    return None


def _refused(repo_id: str, status: int, said: str) -> str:
    """
    >>> _refused("ann/talks", 403, "").partition(";")[0]
    'ann/talks: this token may not write there (403)'
    """
    words = f"{status}: {said}" if said else f"{status}"
    if status in (402, 413, 507) or (status == 403 and QUOTA.search(said)):
        return (
            f"{repo_id}: the Hub has no more room for you ({words}); free some, take a larger plan, "
            f"or push elsewhere, then {AGAIN}"
        )
    if status == 401:
        return (
            f"the Hub does not take this token ({words}); make a new one that may write "
            f"(huggingface.co/settings/tokens), then `hf auth login`"
        )
    if status == 403:
        return (
            f"{repo_id}: this token may not write there ({words}); "
            f"take one with write access to that user or organisation "
            "(huggingface.co/settings/tokens), or another name"
        )
    if status == 404:
        return (
            f"there is no {repo_id} for this token ({words}); check the name, "
            f"and that the token may write there"
        )
    if status in (409, 412):
        return (
            f"{repo_id} is being changed by someone else, or the name is taken ({words}); {AGAIN}, "
            f"or take another name"
        )
    if status in BUSY:
        return f"the Hub is busy ({words}); {AGAIN}"
    return f"{repo_id} was refused ({words}); check the name and the files"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
