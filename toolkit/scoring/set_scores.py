"""Numbers of a whole folder, with how much they rest on."""

from dataclasses import dataclass

from speechlip.wording import counted

TITLES = {"fid": "FID", "fvd_videogpt": "FVD (VideoGPT)"}


def title_of(metric: str) -> str:
    """What tables and reports call it."""
    return TITLES.get(metric, metric)


@dataclass(frozen=True)
class SetScore:
    """One number of all renders beside all real videos.

    metric: ``fid``, ``fvd_videogpt``.
    value: None where it was not computed.
    clips: with a real video.
    frames, frames_real: of the renders, of the real videos, that the network was shown.
    network: file name and SHA-256 of the weights.
    reason: why there is no value.
    window: frames that the network was shown together.
    """

    metric: str
    value: float | None = None
    clips: int = 0
    frames: int = 0
    frames_real: int = 0
    network: str = ""
    reason: str = ""
    window: int = 1

    @property
    def words(self) -> str:
        """The number with its N, or why there is none.

        >>> SetScore("fid", 12.345, 40, 9000, 9010).words
        'FID ↓ 12.35, of 9000 frames of 40 clips beside 9010 of their real videos'
        >>> SetScore("fvd_videogpt", 98.7, 40, 8000, 8016, window=16).words
        'FVD (VideoGPT) ↓ 98.70, of 500 windows of 16 frames of 40 clips beside 501 of their real videos'
        """
        title = title_of(self.metric)
        if self.value is None:
            return f"{title} is not computed, {self.reason}"
        unit = "frames" if self.window == 1 else f"windows of {self.window} frames"
        return (
            f"{title} ↓ {self.value:.2f}, of {self.frames // self.window} {unit} of "
            f"{counted(self.clips, 'clip')} beside {self.frames_real // self.window} of their real videos"
        )
