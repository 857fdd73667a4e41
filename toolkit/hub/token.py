"""The person's token: read from the usual places, handed to the client, and never in any text."""

from pathlib import Path

from speechlip.errors import HubError, OptionError

HIDDEN = "***"


def token_of(given: str | None = None, wanted: bool = True) -> str:
    """The token that was given, else that of ``HF_TOKEN``, else that of ``hf auth login``.

    Raises HubError where there is none, unless it is not wanted: then it is empty.
    """
    from huggingface_hub import get_token

    if token := given or get_token():
        return token
    if not wanted:
        return ""
    raise HubError(
        "there is no token; run `hf auth login`, set HF_TOKEN, or give --token-file, "
        "with a token that may write (huggingface.co/settings/tokens)"
    )


def read_token(path: Path) -> str:
    """The token in a file. Raises OptionError for a file of anything else."""
    wanted = "give a text file with nothing but the token"
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise OptionError(f"--token-file {path} cannot be read ({type(error).__name__}); {wanted}") from None
    if not token or len(token.split()) != 1:
        raise OptionError(f"--token-file {path} does not hold one token; {wanted}")
    return token


def without_token(text: str, token: str) -> str:
    """
    >>> without_token("refused hf_abc", "hf_abc")
    'refused ***'
    """
    return text.replace(token, HIDDEN) if token else text
