"""Numbers of a whole folder, with how much they rest on."""

from dataclasses import dataclass

from speechlip.wording import counted


@dataclass(frozen=True)
class SetScore:
    """One number of all renders beside all real videos.

    metric: ``fid``.
    value: None where it was not computed.
    clips: with a real video.
    frames, frames_real: of the renders, of the real videos.
    network: file name and SHA-256 of the weights.
    reason: why there is no value.
    """

    metric: str
    value: float | None = None
    clips: int = 0
    frames: int = 0
    frames_real: int = 0
    network: str = ""
    reason: str = ""

    @property
    def words(self) -> str:
        """The number with its N, or why there is none.

        >>> SetScore("fid", 12.345, 40, 9000, 9010).words
        'FID ↓ 12.35, of 9000 frames of 40 clips beside 9010 of their real videos'
        """
        if self.value is None:
            return f"{self.metric.upper()} is not computed, {self.reason}"
        return (
            f"{self.metric.upper()} ↓ {self.value:.2f}, of {self.frames} frames of "
            f"{counted(self.clips, 'clip')} beside {self.frames_real} of their real videos"
        )
