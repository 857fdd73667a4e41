"""``python -m speechlip``, the same as ``speechlip``; what ``torchrun -m speechlip`` starts."""

from speechlip.commands.cli import speechlip

if __name__ == "__main__":
    speechlip(prog_name="speechlip")
