"""Which device the networks of a run are on."""

from speechlip.errors import OptionError


def choose_device(name: str) -> str:
    """``auto`` is cuda where torch can use it. Raises OptionError for a device that is not there."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise OptionError(f"no device {name!r}: {str(error).splitlines()[0]}; take cpu, or auto") from error
    return name
