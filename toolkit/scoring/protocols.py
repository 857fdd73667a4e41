"""The named protocols as data: how a file becomes the crops and the audio that a sync model reads.

Two scores compare when their protocol is one. What a published pipeline does and we do not is written down
too (``differs``), so that nobody takes a number for more than it is.
"""

from dataclasses import asdict, dataclass

from speechlip.errors import no_such
from speechlip.faces.tracking.tracks import TrackOptions

SENTENCES = {
    "direct": "no lossy transcode, tracks of at least 50 frames, mean of the tracks",
    "wav2lip": "as Wav2Lip's evaluation publishes it, MP3-in-AVI delay included, tracks of more than 100 "
    "frames after the transcode",
    "latentsync": "as LatentSync evaluates, MP4/AAC path, tracks of more than 50 frames after the "
    "transcode, mean of the tracks",
    "lrs": "as calculate_scores_LRS.py behind the published LRS2, LRS3 and LRW numbers: pictures of any size "
    "resized to 224×224, every source frame, no crop",
    "precropped": "files that are 224×224 crops already: no detection, no crop",
}
"""What each protocol is, as scores.json and reports say it."""
NO_CODEC, AVI_MP3, MP4_AAC, NATIVE = "none", "avi-mp3", "mp4-aac", "native"
"""NATIVE: no change of rate and no container between; every frame as ffmpeg's JPEG file of it."""
MEAN_OF_TRACKS, EVERY_TRACK = "mean of a clip's tracks", "every track counts as one"

OWN_TRACKS = TrackOptions(pose_frames=0, box_frames=0)
"""As in preparation, but not smoothed: the crop stage has its own median filter."""
SYNCNET_TRACKS = TrackOptions(
    max_gap_frames=24,
    min_iou=0.5,
    min_seen_share=0.0,
    min_width_px=0.0,
    pose_frames=0,
    box_frames=0,
    min_mean_side_px=100.0,
)
"""joonson/syncnet_python run_pipeline.py: num_failed_det 25 (25 frames from one sighting to the next), IoU
over 0.5, and min_face_size 100, which the longer of a track's mean width and mean height must exceed.
"""
NOT_REPEATED = (
    "the pictures go through the container's video codec only, not through the JPEG files that follow it "
    "(unless a real ffmpeg is run) nor the XVID copy of the crops",
    "shots are found by speechlip's detector, not by PySceneDetect's ContentDetector",
    "face boxes are those of --detector on the render itself; the published ones are S3FD's on a "
    "quarter-size picture",
)
LRS_NOT_REPEATED = (
    "the JPEG pictures are made by PyAV's encoder at ffmpeg's default bit rate, unless a real ffmpeg is run",
)


@dataclass(frozen=True)
class Protocol:
    """One protocol.

    id: its name.
    codec_path: ``none``, or the lossy transcode that is really made (``transcode.codec_path``).
    crops: whether faces are found and cut out.
    tracks: how faces are joined.
    min_frames: in how many frames a face must be seen for its track to be scored, counted after the
        transcode.
    per: which values the mean over a data set is taken of.
    differs: what the published pipeline does besides.
    """

    id: str
    codec_path: str
    crops: bool
    tracks: TrackOptions
    min_frames: int
    per: str
    differs: tuple[str, ...] = ()

    @property
    def uses_ffmpeg(self) -> bool:
        """Whether the published commands run ffmpeg, so that its generation changes the numbers."""
        return self.codec_path != NO_CODEC

    @property
    def sentence(self) -> str:
        return SENTENCES[self.id]

    def as_dict(self) -> dict:
        return asdict(self) | {"sentence": self.sentence}


PROTOCOLS = {
    protocol.id: protocol
    for protocol in (
        Protocol("direct", NO_CODEC, True, OWN_TRACKS, 50, MEAN_OF_TRACKS),
        Protocol("wav2lip", AVI_MP3, True, SYNCNET_TRACKS, 101, EVERY_TRACK, NOT_REPEATED),
        Protocol("latentsync", MP4_AAC, True, SYNCNET_TRACKS, 51, MEAN_OF_TRACKS, NOT_REPEATED),
        Protocol("lrs", NATIVE, False, OWN_TRACKS, 6, MEAN_OF_TRACKS, LRS_NOT_REPEATED),
        Protocol("precropped", NO_CODEC, False, OWN_TRACKS, 6, MEAN_OF_TRACKS),
    )
}


def get(name: str) -> Protocol:
    """The protocol called ``name``. Raises OptionError that lists the known ones.

    >>> get("wav2lip").codec_path, get("wav2lip").min_frames, get("direct").sentence
    ('avi-mp3', 101, 'no lossy transcode, tracks of at least 50 frames, mean of the tracks')
    """
    if name not in PROTOCOLS:
        raise no_such("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
