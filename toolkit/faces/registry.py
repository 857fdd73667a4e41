"""Face detectors by name; nothing is imported before one is opened (``speechlip.faces.detectors``)."""

from speechlip.plugins import Registry

DETECTORS = Registry(
    "detector",
    "speechlip.detectors",
    {
        "mediapipe": "speechlip.faces.mediapipe_landmarker:MediapipeLandmarker",
        "face-alignment": "speechlip.faces.fan:FanDetector",
        "cascade": "speechlip.faces.cascade:CascadeDetector",
        "sidecar": "speechlip.faces.sidecar:SidecarDetector",
    },
    has=("has_landmarks", "detect", "close"),
    words=("auto",),
)
