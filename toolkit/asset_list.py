"""The model files that speechlip knows: where their authors publish them, size, SHA-256, licence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Asset:
    """One file as its authors publish it.

    name: how commands call it.
    file_name: in the cache folder.
    url: where its authors publish it.
    bytes: its size; where there is no hash, what the weights take, a little less than the file.
    sha256: 64 hex digits, empty where the authors state none; then the hash of the first use counts.
    licence: what the authors state.
    """

    name: str
    file_name: str
    url: str
    bytes: int
    sha256: str
    licence: str


_MEDIAPIPE = "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1"
_FAN = "https://www.adrianbulat.com/downloads/python-fan"
_VGG = "https://www.robots.ox.ac.uk/~vgg/software/lipsync/data"
_LR_ASD = "https://github.com/Junhua-Liao/LR-ASD/raw/1b6dcd2d8fc2895683de6508ec6294ec47d388ca"
_TORCHAUDIO = "https://download.pytorch.org/torchaudio/models"


def _torchaudio(name: str, file_name: str, weights: int) -> Asset:
    """A checkpoint of torchaudio.pipelines, which states no hash and no size; four bytes a weight."""
    return Asset(name, file_name, f"{_TORCHAUDIO}/{file_name}", 4 * weights, "", "MIT")


ASSETS = {
    asset.name: asset
    for asset in (
        Asset(
            name="face_landmarker",
            file_name="face_landmarker.task",
            url=f"{_MEDIAPIPE}/face_landmarker.task",
            bytes=3_758_596,
            sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            licence="Apache-2.0",
        ),
        # The first ten digits of the next two hashes are in the file names, as torch.hub wants it.
        Asset(
            name="fan",
            file_name="2DFAN4-11f355bf06.pth.tar",
            url=f"{_FAN}/2DFAN4-11f355bf06.pth.tar",
            bytes=95_641_761,
            sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
            licence="BSD-3-Clause (face-alignment)",
        ),
        Asset(
            name="s3fd",
            file_name="s3fd-619a316812.pth",
            url=f"{_FAN}/s3fd-619a316812.pth",
            bytes=89_843_225,
            sha256="619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
            licence="BSD-3-Clause (face-alignment)",
        ),
        Asset(
            name="syncnet_v2",
            file_name="syncnet_v2.model",
            url=f"{_VGG}/syncnet_v2.model",
            bytes=54_573_114,
            sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
            licence="CC BY, research use",
        ),
        Asset(
            name="sfd_face",
            file_name="sfd_face.pth",
            url=f"{_VGG}/sfd_face.pth",
            bytes=89_844_381,
            sha256="d54a87c2b7543b64729c9a25eafd188da15fd3f6e02f0ecec76ae1b30d86c491",
            licence="CC BY, research use",
        ),
        Asset(
            name="alexnet",  # for LPIPS, which checks the first eight digits of the hash in the file's name
            file_name="alexnet-owt-7be5be79.pth",
            url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            bytes=4 * 61_100_840,
            sha256="",
            licence="BSD-3-Clause (torchvision)",
        ),
        Asset(
            name="lr_asd",  # who talks, for prep-shards --faces speaking
            file_name="finetuning_TalkSet.model",
            url=f"{_LR_ASD}/weight/finetuning_TalkSet.model",
            bytes=3_426_337,
            sha256="",
            licence="MIT",
        ),
        _torchaudio("hubert", "hubert_fairseq_base_ls960.pth", 94_370_944),
        _torchaudio("hubert-large", "hubert_fairseq_large_ll60k.pth", 315_434_112),
        _torchaudio("wav2vec2", "wav2vec2_fairseq_base_ls960.pth", 94_370_944),
        _torchaudio("wav2vec2-large", "wav2vec2_fairseq_large_lv60k.pth", 315_437_696),
        _torchaudio("wavlm", "wavlm_base.pth", 94_381_168),
        _torchaudio("wavlm-large", "wavlm_large.pth", 315_452_096),
    )
}

ALIASES = {
    "landmarker": ("face_landmarker",),
    "mediapipe": ("face_landmarker",),
    "face-alignment": ("s3fd", "fan"),
    "syncnet": ("syncnet_v2",),
    "lpips": ("alexnet",),
    "lr-asd": ("lr_asd",),
    "hubert-base": ("hubert",),
    "wav2vec2-base": ("wav2vec2",),
    "wavlm-base": ("wavlm",),
}
"""What people call them: by what uses them."""
